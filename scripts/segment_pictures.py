"""Make the pictures of images and labels in the explanations, as the last step of ``make pictures``.

Text and lines are gray, so that each picture fits both themes of the site.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from PIL import Image
from scipy.ndimage import distance_transform_edt
from skimage import data
from skimage.color import rgb2gray
from skimage.feature import peak_local_max
from skimage.segmentation import watershed
from sklearn.cluster import KMeans

import napari_kmeans
from napari_kmeans.report.histogram_bins import bin_summary
from napari_kmeans.report.palette import distinct_colors

IMAGES = Path(__file__).parent.parent / "docs" / "images"
INK = "#808080"
STYLE = dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK)


def main() -> None:
    """Make all pictures."""
    plt.rcParams.update(STYLE | {"figure.facecolor": "none", "axes.facecolor": "none"})
    for name, image in (("coins", data.coins()), ("page", data.page())):
        corrected, _ = napari_kmeans.segment(image, 2, illumination="additive")
        show(name, image, {"k = 2": two(image), 'k = 2, illumination="additive"': corrected})
    show_noise()
    show_galaxies()
    show_discs()
    show_values()
    show_optima()


def show_noise() -> None:
    """Draw blobs in noise without and with coherence, and print how many pixels get the right label."""
    truth = data.binary_blobs(256, volume_fraction=0.4, rng=0)
    noisy = np.where(truth, 140.0, 90.0) + np.random.default_rng(0).normal(0, 40, truth.shape)
    plain = two(noisy)
    coherent, _ = napari_kmeans.segment(noisy, 2, coherence=1)
    show("noise", noisy, {"k = 2": plain, "k = 2, coherence=1": coherent})
    for labels in (plain, coherent):
        print(f"noise: {np.mean((labels == 2) == truth):.3f} of the pixels are right")


def show_galaxies() -> None:
    """Draw two clusters of galaxies, and the brightest three of five."""
    image = rgb2gray(data.hubble_deep_field()[:300, :300])
    plain, _ = napari_kmeans.segment(image, 2, smooth=1)
    labels, _ = napari_kmeans.segment(image, 5, smooth=1)
    show("galaxies", image, {"k = 2": plain, "k = 5, the brightest three merged": 1 + (labels > 2)})


def show_discs() -> None:
    """Draw touching discs before and after a watershed."""
    y, x = np.ogrid[:120, :200]
    image = np.full((120, 200), 40.0)
    for row, column, radius in ((60, 55, 34), (62, 112, 30), (58, 160, 26)):
        image[np.hypot(y - row, x - column) < radius] = 150
    image += np.random.default_rng(0).normal(0, 8, image.shape)
    labels = two(image)
    distance = distance_transform_edt(labels == 2)
    peaks = peak_local_max(distance, min_distance=15, labels=(labels == 2).astype(int))
    seeds = np.zeros(labels.shape, int)
    seeds[tuple(peaks.T)] = np.arange(1, 1 + len(peaks))
    split = 1 + watershed(-distance, seeds, mask=labels == 2)
    show("discs", image, {"k = 2": labels, "k = 2, watershed": split})


def two(image: np.ndarray) -> np.ndarray:
    """Return the labels of two clusters."""
    return napari_kmeans.segment(image, 2)[0]


def show(name: str, image: np.ndarray, results: dict[str, np.ndarray]) -> None:
    """Write an image and its labels by several methods side by side."""
    n_panels, height = 1 + len(results), 3.4 * image.shape[0] / image.shape[1] + 0.3
    figure, axes = plt.subplots(1, n_panels, figsize=(3.4 * n_panels, height))
    n_labels = max(3, *(int(labels.max()) for labels in results.values()))
    axes[0].imshow(image, cmap="gray")
    axes[0].set_title("image", fontsize=10)
    for axis, (title, labels) in zip(axes[1:], results.items(), strict=True):
        axis.imshow(labels, cmap=colors(n_labels), vmin=1, vmax=n_labels, interpolation="nearest")
        axis.set_title(title, fontsize=10)
    for axis in axes:
        axis.axis("off")
    figure.tight_layout()
    few_colors = pixels(figure).quantize(20, method=Image.Quantize.FASTOCTREE).convert("RGBA")
    few_colors.save(IMAGES / f"segments-{name}.webp", lossless=True, method=6)


def show_values() -> None:
    """Draw coins and their clusters, above the histogram cut into intervals."""
    image = data.coins()
    figure, axes = plt.subplots(2, 4, figsize=(10.2, 3.6), height_ratios=(1.5, 1), layout="constrained")
    axes[0, 0].imshow(image, cmap="gray")
    axes[0, 0].set_title("image", fontsize=10)
    for (above, below), n_clusters in zip(axes.T, (1, 2, 4, 8), strict=True):
        labels, model = napari_kmeans.segment(image, n_clusters, illumination="additive")
        edges, counts = bin_summary(model.summary)
        cluster = np.searchsorted(model.thresholds, (edges[1:] + edges[:-1]) / 2)
        color: Any = INK
        if n_clusters > 1:
            above.imshow(labels, cmap=colors(n_clusters), vmin=1, vmax=n_clusters, interpolation="nearest")
            above.set_title(f"k = {n_clusters}, {model.explained_variance:.0%} of the variance", fontsize=10)
            color = colors(n_clusters)(cluster)
            for center in model.centers[:, 0]:
                below.axvline(center, color=INK, linewidth=1, linestyle=":")
        below.bar(edges[:-1], counts, np.diff(edges), align="edge", color=color)
        below.set(yticks=[], xlim=(edges[0], edges[-1]))
        below.spines[["top", "right", "left"]].set_visible(False)
        above.set_axis_off()
    figure.supxlabel("gray value, illumination removed", fontsize=10)
    few_colors = pixels(figure).quantize(64, method=Image.Quantize.FASTOCTREE).convert("RGBA")
    few_colors.save(IMAGES / "values.webp", lossless=True, method=6)


def show_optima() -> None:
    """Write the inertia that scikit-learn's restarts reach, above the optimum."""
    gray_values, counts = np.unique(data.camera(), return_counts=True)
    best = napari_kmeans.fit(data.camera(), 8).inertia
    runs = [
        KMeans(8, n_init=1, random_state=seed).fit(gray_values[:, None], sample_weight=counts).inertia_
        for seed in range(40)
    ]
    excess = 100 * (np.sort(runs) / best - 1)
    figure, axes = plt.subplots(figsize=(8, 2.6), layout="constrained")
    axes.bar(range(1, 1 + excess.size), excess, color="#3C8FC8")
    axes.set(xlabel="40 single restarts of Lloyd's algorithm, sorted", ylabel="% above the optimum")
    axes.spines[["top", "right"]].set_visible(False)
    pixels(figure).save(IMAGES / "optima.webp", lossless=True, method=6)


def colors(n_clusters: int) -> ListedColormap:
    """Return the colours of the dock."""
    return ListedColormap(distinct_colors(n_clusters))


def pixels(figure: Any, dpi: int = 90) -> Image.Image:
    """Draw and close a figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    plt.close(figure)
    return Image.open(buffer)


if __name__ == "__main__":
    main()
