"""Images and plots that several tests show."""

from __future__ import annotations

import numpy as np
import pytest
from plot_helpers import model, search_of, summary_of

import napari_kmeans
from napari_kmeans._napari.plots.feature_plot import FeaturePlot
from napari_kmeans._napari.plots.histogram import HistogramPlot
from napari_kmeans.report.palette import distinct_colors


@pytest.fixture(scope="module")
def stained():
    """Blue, brown and white with noise, 60 × 60 RGB uint8."""
    rng = np.random.default_rng(0)
    colors = np.array([[60, 60, 160], [130, 80, 40], [235, 235, 235]])
    image = colors[rng.choice(3, (60, 60), p=[0.1, 0.3, 0.6])] + rng.normal(0, 6, (60, 60, 3))
    return np.clip(image, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def blobs():
    """Makes images of n channels, uint16: three kinds of pixels."""

    def make(n_channels):
        rng = np.random.default_rng(1)
        levels = rng.uniform(100, 3000, (3, n_channels))
        return rng.poisson(levels[rng.integers(0, 3, (50, 50))]).astype(np.uint16)

    return make


@pytest.fixture(scope="module")
def mosaic():
    """Smooth and rough halves around the same gray, 64 × 96 float32."""
    rng = np.random.default_rng(2)
    return np.concatenate([rng.normal(0.5, s, (64, 48)) for s in (0.01, 0.2)], axis=1).astype(np.float32)


@pytest.fixture
def plot(qtbot):
    widget = FeaturePlot()
    qtbot.addWidget(widget)
    widget.resize(284, 190)
    widget.show()
    return widget


@pytest.fixture
def show(plot):
    """Show an image's pixels and their clusters."""

    def show_it(image, features, k=3):
        search = search_of(image, features)
        plot.set_cloud(search.clusterings.summary)
        found = model(search, k, features)
        plot.set_model(found, distinct_colors(k))
        return search, found

    return show_it


@pytest.fixture
def image():
    return np.array([10] * 6 + [12] * 2 + [100] + [200], dtype=np.uint8)


@pytest.fixture
def histogram(qtbot, image):
    plot = HistogramPlot()
    qtbot.addWidget(plot)
    plot.resize(300, 200)
    plot.show()
    plot.set_summary(summary_of(image))
    plot.set_model(napari_kmeans.fit(image, 3), distinct_colors(3))
    return plot
