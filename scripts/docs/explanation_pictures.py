"""Draw the pictures of *What k-means does to an image* with the program itself."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

CLUSTERS = range(2, 9)
THEMES = {"light": "#222222", "dark": "#dddddd"}
# Background of the site's themes, because a GIF has no partial transparency.
BACKGROUNDS = {"light": "white", "dark": "#1e2129"}
STILL = 3  # number of clusters in the picture for readers who prefer reduced motion


def names() -> list[str]:
    """Return the names of all pictures."""
    themed = ("values-{}.gif", "values-{}.png", "optima-{}.png")
    return [name.format(theme) for theme in THEMES for name in themed] + [
        f"failure-{name}.png" for name in FAILURES
    ]


def pictures() -> dict[str, bytes]:
    """Return all pictures by file name."""
    import matplotlib

    matplotlib.use("agg")
    found = {}
    for theme in THEMES:
        frames = [_values(k, theme) for k in CLUSTERS]
        found[f"values-{theme}.gif"] = _animation(frames)
        found[f"values-{theme}.png"] = _png(frames[CLUSTERS.index(STILL)])
        found[f"optima-{theme}.png"] = _png(_optima(theme))
    for name, failure in FAILURES.items():
        found[f"failure-{name}.png"] = _png(_row(*failure()))
    return found


def _colors(n_clusters: int) -> Any:
    from matplotlib.colors import ListedColormap

    from napari_kmeans.report.palette import distinct_colors

    return ListedColormap(distinct_colors(n_clusters))


def _values(n_clusters: int, theme: str) -> Any:
    """Draw the value axis with its clusters, the image, and the labels."""
    import matplotlib.pyplot as plt
    from skimage.data import coins

    import napari_kmeans
    from napari_kmeans.report.histogram_bins import bin_summary

    ink = {"text.color": THEMES[theme], "axes.labelcolor": THEMES[theme], "xtick.color": THEMES[theme]}
    ink |= {"axes.edgecolor": THEMES[theme], "figure.facecolor": BACKGROUNDS[theme], "axes.facecolor": "none"}
    image = coins()
    labels, model = napari_kmeans.segment(image, n_clusters, illumination="additive")
    colors = _colors(n_clusters)
    with plt.rc_context(ink):
        figure = plt.figure(figsize=(8, 5.6), layout="constrained")
        (left, right), (below, _) = grid = figure.subplots(2, 2, height_ratios=(1.9, 1))
        for axes in grid[1]:
            axes.remove()
        below = figure.add_subplot(grid[1, 0].get_gridspec()[1, :])
        left.imshow(image, cmap="gray")
        right.imshow(labels, cmap=colors, vmin=1, vmax=n_clusters, interpolation="nearest")
        left.set_title("image")
        right.set_title(f"labels, k = {n_clusters}")
        for axes in (left, right):
            axes.set_axis_off()
        edges, counts = bin_summary(model.summary)
        cluster = np.searchsorted(model.thresholds, (edges[1:] + edges[:-1]) / 2)
        below.bar(edges[:-1], counts, np.diff(edges), align="edge", color=colors(cluster))
        for center in model.centers[:, 0]:
            below.axvline(center, color=THEMES[theme], linewidth=1, linestyle=":")
        below.set(xlabel="gray value, illumination removed", yticks=[], xlim=(edges[0], edges[-1]))
        below.spines[["top", "right", "left"]].set_visible(False)
        below.set_title(
            f"{n_clusters} intervals of the value axis; they explain {model.explained_variance:.0%} of the variance"
        )
    return figure


def _optima(theme: str) -> Any:
    """Draw the inertia that scikit-learn's restarts reach, above the optimum."""
    import matplotlib.pyplot as plt
    from skimage.data import camera
    from sklearn.cluster import KMeans

    import napari_kmeans

    values, counts = np.unique(camera(), return_counts=True)
    best = napari_kmeans.fit(camera(), 8).inertia
    runs = [
        KMeans(8, n_init=1, random_state=seed).fit(values[:, None], sample_weight=counts).inertia_
        for seed in range(40)
    ]
    excess = 100 * (np.sort(runs) / best - 1)
    ink = dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), THEMES[theme])
    with plt.rc_context(ink | {"axes.edgecolor": THEMES[theme], "axes.facecolor": "none"}):
        figure, axes = plt.subplots(figsize=(8, 2.6), layout="constrained")
        figure.patch.set_alpha(0)
        axes.bar(range(1, 1 + excess.size), excess, color="#0072B2" if theme == "light" else "#56B4E9")
        axes.set(xlabel="40 single restarts of Lloyd's algorithm, sorted", ylabel="% above the optimum")
        axes.spines[["top", "right"]].set_visible(False)
    return figure


Panels = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]


def _illumination() -> Panels:
    from skimage.data import page

    import napari_kmeans

    image = page()
    return image, _two(image), napari_kmeans.segment(image, 2, illumination="additive")[0]


def _noise() -> Panels:
    from skimage.data import binary_blobs

    import napari_kmeans

    truth = binary_blobs(200, volume_fraction=0.4, rng=0)
    image = np.where(truth, 140, 90) + np.random.default_rng(0).normal(0, 40, truth.shape)
    return image, _two(image), napari_kmeans.segment(image, 2, coherence=1)[0]


def _rare() -> Panels:
    from skimage.color import rgb2gray
    from skimage.data import hubble_deep_field

    import napari_kmeans

    image = rgb2gray(hubble_deep_field()[:300, :300])
    labels, _ = napari_kmeans.segment(image, 5, smooth=1)
    return image, napari_kmeans.segment(image, 2, smooth=1)[0], 1 + (labels > 2)


def _touching() -> Panels:
    from scipy.ndimage import distance_transform_edt
    from skimage.feature import peak_local_max
    from skimage.segmentation import watershed

    y, x = np.ogrid[:120, :200]
    image = np.full((120, 200), 40.0)
    for row, column, radius in ((60, 55, 34), (62, 112, 30), (58, 160, 26)):
        image[np.hypot(y - row, x - column) < radius] = 150
    image += np.random.default_rng(0).normal(0, 8, image.shape)
    labels = _two(image)
    distance = distance_transform_edt(labels == 2)
    peaks = peak_local_max(distance, min_distance=15, labels=(labels == 2).astype(int))
    seeds = np.zeros(labels.shape, int)
    seeds[tuple(peaks.T)] = np.arange(1, 1 + len(peaks))
    return image, labels, 1 + watershed(-distance, seeds, mask=labels == 2)


FAILURES = {"light": _illumination, "noise": _noise, "rare": _rare, "touching": _touching}


def _two(image: NDArray[Any]) -> NDArray[np.uint8]:
    import napari_kmeans

    return napari_kmeans.segment(image, 2)[0]


def _row(image: NDArray[Any], *results: NDArray[Any]) -> Any:
    """Draw an image and label images side by side, without text."""
    import matplotlib.pyplot as plt

    figure, (first, *others) = plt.subplots(
        1, 1 + len(results), figsize=(9, 0.2 + 3 * image.shape[0] / image.shape[1]), layout="constrained"
    )
    figure.patch.set_alpha(0)
    first.imshow(image, cmap="gray")
    for axes, labels in zip(others, results, strict=True):
        n = int(labels.max())
        axes.imshow(labels, cmap=_colors(n), vmin=1, vmax=n, interpolation="nearest")
    for axes in (first, *others):
        axes.set_axis_off()
    return figure


def _pixels(figure: Any, dpi: int) -> Any:
    import matplotlib.pyplot as plt
    from PIL import Image

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, facecolor=figure.get_facecolor())
    plt.close(figure)
    return Image.open(buffer)


def _png(figure: Any) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    _pixels(figure, 110).quantize(256, method=Image.Quantize.FASTOCTREE).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _animation(figures: Sequence[Any]) -> bytes:
    from PIL import Image

    frames = [_pixels(figure, 90).convert("RGB").quantize(64, dither=Image.Dither.NONE) for figure in figures]
    buffer = io.BytesIO()
    frames[0].save(
        buffer, "GIF", save_all=True, append_images=frames[1:], duration=1400, loop=0, optimize=True
    )
    return buffer.getvalue()
