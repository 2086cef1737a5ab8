"""Segmentation of phantoms with known truth: uneven illumination and noise, compared with other methods.

Run ``python -m benchmarks.phantoms`` (about five minutes). The first table has phantoms of 2, 3 and 4 classes
with noise and with vignettes, ramps and smooth random fields, 36 additive and 36 multiplicative ones, and
half of them also with even illumination. The second has phantoms with strong noise. Scores are means of the
adjusted Rand index, followed by the worst score; times are for one image of 256².
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

import napari_kmeans

Image = NDArray[np.float64]
SIZE, STEP = 256, 40.0
FIELDS = ("vignette", "ramp", "random")
KINDS = ("additive", "multiplicative")
SIGMAS = (0.7, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)


def smooth(rng: np.random.Generator, sigma: float) -> Image:
    """Return a smooth random field of mean 0 and standard deviation 1."""
    field = ndimage.gaussian_filter(rng.standard_normal((SIZE, SIZE)), sigma, mode="wrap")
    return (field - field.mean()) / field.std()


def classes(rng: np.random.Generator, n_classes: int, sigma: float = 8) -> NDArray[np.int64]:
    """Return smooth regions of equal area as labels from 0."""
    field = smooth(rng, sigma)
    return np.searchsorted(np.quantile(field, np.arange(1, n_classes) / n_classes), field)


def field_of(rng: np.random.Generator, name: str) -> Image:
    """Return an illumination field of mean 0 and standard deviation 1."""
    y, x = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
    if name == "random":
        return smooth(rng, SIZE / 5)
    angle = rng.uniform(0, 2 * np.pi)
    field = -(x**2) - y**2 if name == "vignette" else np.cos(angle) * x + np.sin(angle) * y
    return (field - field.mean()) / field.std()


def kmeans(values: Image, n_clusters: int) -> NDArray[np.int64]:
    """Label with scikit-learn, as done after every correction."""
    found = KMeans(n_clusters, n_init=1, random_state=0).fit(values.reshape(-1, 1))
    return found.labels_


def n4(image: Image, shrink: int) -> Image:
    """Correct a bias field with SimpleITK's defaults, fitted to a shrunken image (as in its tutorial) or all."""
    import SimpleITK as sitk  # noqa: N813 - its usual name

    whole = sitk.GetImageFromArray((image - min(image.min() - 1, 0)).astype(np.float32))
    mask = sitk.Cast(whole > 0, sitk.sitkUInt8)
    corrector = sitk.N4BiasFieldCorrectionImageFilter()
    corrector.Execute(
        *(sitk.Shrink(each, [shrink, shrink]) if shrink > 1 else each for each in (whole, mask))
    )
    field = sitk.GetArrayFromImage(corrector.GetLogBiasFieldAsImage(whole))
    return image / np.exp(field)


def without(background: Callable[[Image], Image], image: Image, kind: str) -> Image:
    """Remove a background by subtraction, or by division."""
    found = background(image)
    return image - found if kind == "additive" else image / np.maximum(found, 1)


def rolling_ball(image: Image) -> Image:
    """Return scikit-image's rolling ball at a quarter of the size, which takes seconds instead of minutes."""
    from skimage.restoration import rolling_ball as of_ball
    from skimage.transform import resize

    small = resize(image, (SIZE // 4, SIZE // 4), anti_aliasing=True)
    return resize(of_ball(small, radius=12), image.shape, order=1)


def top_hat(image: Image) -> Image:
    """Return the morphological opening that a white top-hat subtracts."""
    return ndimage.grey_opening(image, size=61)


ILLUMINATION: dict[str, Callable[[Image, int, str], NDArray[np.int64]]] = {
    "illumination": lambda image, k, kind: napari_kmeans.segment(image, k, illumination=kind)[0],
    "nothing": lambda image, k, kind: kmeans(image, k),
    "SimpleITK N4": lambda image, k, kind: kmeans(n4(image, 1), k),
    "SimpleITK N4 shrunk by 2": lambda image, k, kind: kmeans(n4(image, 2), k),
    "Gaussian background": lambda image, k, kind: kmeans(
        without(lambda i: ndimage.gaussian_filter(i, 50), image, kind), k
    ),
    "rolling ball": lambda image, k, kind: kmeans(without(rolling_ball, image, kind), k),
    "top-hat": lambda image, k, kind: kmeans(without(top_hat, image, kind), k),
}


def best_gaussian(image: Image, k: int, truth: NDArray[np.int64]) -> NDArray[np.int64]:
    """Label after the Gaussian smoothing that is best for the truth, which users do not have."""
    found = [napari_kmeans.segment(image, k, smooth=sigma)[0] for sigma in SIGMAS]
    return max(found, key=lambda labels: score(truth, labels))


def total_variation(image: Image, k: int) -> NDArray[np.int64]:
    """Label after scikit-image's total variation, with its weight in units of the noise."""
    from skimage.restoration import denoise_tv_chambolle

    scaled = (image - image.min()) / np.ptp(image)
    noise = float(np.median(np.abs(np.diff(scaled)))) / (np.sqrt(2) * 0.6745)
    denoised = denoise_tv_chambolle(scaled, weight=2 * noise)
    return napari_kmeans.segment(denoised, k)[0]


def majority(image: Image, k: int) -> NDArray[np.int64]:
    """Label, and apply a majority filter with radius 3."""
    return napari_kmeans.clean_labels(napari_kmeans.segment(image, k)[0], majority=3)


NOISE: dict[str, Callable[[Image, int, NDArray[np.int64]], NDArray[np.int64]]] = {
    "coherence = 1": lambda image, k, truth: napari_kmeans.segment(image, k, coherence=1)[0],
    "nothing": lambda image, k, truth: napari_kmeans.segment(image, k)[0],
    "Gaussian tuned to the truth": best_gaussian,
    "total variation": lambda image, k, truth: total_variation(image, k),
    "majority": lambda image, k, truth: majority(image, k),
}


def score(truth: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    """Return the adjusted Rand index."""
    return float(adjusted_rand_score(truth.ravel(), np.asarray(labels).ravel()))


def illumination_table(seeds: Sequence[int], methods: Sequence[str]) -> str:
    """Return the table of methods against uneven illumination."""
    scores: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    times: dict[str, list[float]] = defaultdict(list)
    for seed, n_classes, name, kind in product(seeds, (2, 3, 4), FIELDS, KINDS):
        rng = np.random.default_rng([seed, n_classes, FIELDS.index(name), KINDS.index(kind)])
        truth = classes(rng, n_classes)
        clean = 60 + STEP * truth + rng.normal(0, 4, truth.shape)
        field = field_of(rng, name)
        lit = clean + 20 * field if kind == "additive" else clean * np.exp(0.2 * field)
        # Half of the phantoms, equally many for each kind of correction, are enough for even illumination.
        images = [(kind, lit), ("even illumination", clean)][: 1 + (seed % 2 == KINDS.index(kind))]
        for method in methods:
            label = ILLUMINATION[method]
            for column, image in images:
                begin = time.perf_counter()
                labels = label(image, n_classes, kind)
                times[method].append(time.perf_counter() - begin)
                scores[method][column].append(score(truth, labels))
    return table(scores, times, (*KINDS, "even illumination"))


def noise_table(n_seeds: int = 3) -> str:
    """Return the table of methods against noise."""
    scores: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    times: dict[str, list[float]] = defaultdict(list)
    levels = (15.0, 25.0, 35.0)
    for seed, n_classes, noise in product(range(n_seeds), (2, 3, 4), levels):
        rng = np.random.default_rng([seed, n_classes, int(noise)])
        truth = classes(rng, n_classes, 12)
        image = 100 + STEP * truth + rng.normal(0, noise, truth.shape)
        for method, label in NOISE.items():
            begin = time.perf_counter()
            labels = label(image, n_classes, truth)
            times[method].append(time.perf_counter() - begin)
            scores[method][f"noise {noise:g}"].append(score(truth, labels))
    return table(scores, times, tuple(f"noise {noise:g}" for noise in levels))


def table(
    scores: dict[str, dict[str, list[float]]], times: dict[str, list[float]], columns: tuple[str, ...]
) -> str:
    """Return a Markdown table: mean and worst score of each column, and the median time."""
    lines = [f"| method | {' | '.join(columns)} | time |", f"|---{'|---:' * (len(columns) + 1)}|"]
    for method, by_column in scores.items():
        cells = [f"{np.mean(by_column[c]):.3f} ({min(by_column[c]):.2f})" for c in columns]
        lines.append(f"| {method} | {' | '.join(cells)} | {1000 * np.median(times[method]):.0f} ms |")
    n = [f"{len(next(iter(scores.values()))[column])} {column}" for column in columns]
    return "\n".join([*lines, "", f"Images for each method: {', '.join(n)}."])


def main() -> None:
    """Print both tables, or, with options, the table of uneven illumination for other phantoms."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.phantoms", description=__doc__)
    parser.add_argument("--seeds", default="0-3", help="first and last seed of the phantoms (default 0-3)")
    parser.add_argument(
        "--methods", default=",".join(ILLUMINATION), help="against uneven illumination (default all)"
    )
    options = parser.parse_args()
    first, last = map(int, options.seeds.split("-"))
    warm = np.random.default_rng(0).normal(size=(64, 64))
    napari_kmeans.segment(warm, 2, illumination="additive")  # compiled, and libraries imported
    methods = options.methods.split(",")
    print("Uneven illumination\n\n" + illumination_table(range(first, last + 1), methods), flush=True)
    if methods == list(ILLUMINATION):
        napari_kmeans.segment(warm, 1, coherence=1)
        print("\nNoise\n\n" + noise_table(), flush=True)


if __name__ == "__main__":
    main()
