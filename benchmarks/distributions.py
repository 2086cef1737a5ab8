"""Time from pixels to labels for many distributions and data types, beside the floor.

    python -m benchmarks.distributions [--size 4096] [--rounds 5] [--markdown]

The floor is OpenCV's bare `calcHist` and `LUT` of a uint8 array with as many pixels. Floor and segmentations
take turns, so their ratios hold on a busy machine too.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from statistics import median

import numpy as np
from numpy.typing import NDArray

from .images import SEED

DTYPES = ("uint16", "float32", "int32", "uint32", "float64", "int64")
K = 4
Floats = NDArray[np.float32]


def distributions(size: int) -> Iterator[tuple[str, Floats]]:
    """Yield names and (size, size) float32 images."""
    from scipy.ndimage import zoom
    from skimage import data

    rng = np.random.default_rng(SEED)
    shape = size, size
    camera = zoom(data.camera().astype(np.float32), size / 512, order=1)[:size, :size].clip(0, 255)
    noise = rng.standard_normal(shape, dtype=np.float32)
    half = rng.random(shape, dtype=np.float32) < 0.5
    noisy = camera / 255 + noise * np.float32(0.02)
    yield "camera and noise", noisy
    yield "normal", noise * 100 + 1000
    yield "uniform", rng.random(shape, dtype=np.float32) * 1000
    yield "lognormal", np.exp(noise * np.float32(1.5)) * 100
    yield "modes at 0 and 1e6", np.where(half, noise, np.float32(1e6) + noise * 1000)
    few = np.sort(rng.integers(0, 1 << 30, 3000)).astype(np.float32)
    yield "3000 distinct values", few[rng.integers(0, few.size, shape)]
    yield "8-bit / 255", np.rint(camera) / np.float32(255)
    yield "16-bit / 65535", np.rint(noisy.clip(0, 1) * 65535) / np.float32(65535)
    yield "CT-like integers", np.rint(np.where(camera < 60, -1000, camera * 8 - 1024) + noise * 20)
    yield "half of the pixels 0", np.where(half, 0, noise * 50 + 500)


def converted(image: Floats, dtype: str) -> NDArray:
    """Return an image in another type; integers of 16 bits use their whole range."""
    kind = np.dtype(dtype)
    if kind == np.float32:
        return image
    values = image.astype(np.float64)
    if kind.kind == "f":
        return values * (1 + 1e-9)  # not float32 numbers
    if kind.itemsize == 2:
        values = (values - values.min()) / np.ptp(values) * 65535
    elif np.abs(values).max() <= 2000:
        values *= 1000
    if kind.kind == "u":
        values -= values.min()
    return np.rint(values).astype(kind)


def seconds(function: Callable[[], object]) -> float:
    """Return how long a call takes."""
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def measure(size: int, rounds: int) -> Iterator[tuple[str, dict[str, tuple[float, float]]]]:
    """Yield a distribution, and for each type the median seconds of a segmentation and of the floor."""
    import cv2

    import napari_kmeans

    pixels = np.random.default_rng(SEED).integers(0, 256, (size, size), dtype=np.uint8)
    table = np.arange(256, dtype=np.uint8)

    def floor() -> None:
        cv2.calcHist([pixels], [0], None, [256], [0, 256])
        cv2.LUT(pixels, table)

    for name, values in distributions(size):
        results = {}
        for dtype in DTYPES:
            image = converted(values, dtype)

            def ours(image: NDArray = image) -> None:
                napari_kmeans.segment(image, K)

            ours(), floor()  # compiles, and warms up
            turns = [(seconds(ours), seconds(floor)) for _ in range(rounds)]
            results[dtype] = median(turn[0] for turn in turns), median(turn[1] for turn in turns)
        yield name, results


def main() -> None:
    """Print a line per distribution, and the median and the worst of each type."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--size", type=int, default=4096, help="pixels along each side")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # of images with fewer distinct values than clusters

    def show(first: str, cells: list[str]) -> None:
        if options.markdown:
            print("|", " | ".join([first, *cells]), "|", flush=True)
        else:
            print(f"{first:22}", *(f"{cell:>18}" for cell in cells), flush=True)

    show(f"{options.size}², k = {K}", list(DTYPES))
    if options.markdown:
        show("---", ["--:"] * len(DTYPES))
    ratios: dict[str, list[float]] = {dtype: [] for dtype in DTYPES}
    floors: dict[str, list[float]] = {dtype: [] for dtype in DTYPES}
    for name, results in measure(options.size, options.rounds):
        for dtype, (ours, floor) in results.items():
            ratios[dtype].append(ours / floor)
            floors[dtype].append(floor)
        show(name, [f"{1e3 * ours:.0f} ms ({ours / floor:.1f}×)" for ours, floor in results.values()])
    show("median", [f"{median(values):.1f}×" for values in ratios.values()])
    show("worst", [f"{max(values):.1f}×" for values in ratios.values()])
    show("floor, median", [f"{1e3 * median(values):.1f} ms" for values in floors.values()])


if __name__ == "__main__":
    main()
