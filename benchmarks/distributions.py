"""Time from pixels to labels for many distributions, sizes and data types, compared with other libraries.

    python -m benchmarks.distributions [--sizes 512,2048,4096] [-k 4] [--rounds 5] [--markdown] [--json FILE]

All take turns on the same pixels, so their ratios are also valid on a busy machine. The other libraries get
the pixels as float32, whatever the type: two of them accept nothing else, and all are fastest with it. The
floor is just OpenCV's `calcHist` and `LUT` of a uint8 array with as many pixels.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from .contenders import BY_NAME, FLOOR, OPENCV, SKLEARN
from .images import SEED

DTYPES = ("uint8", "uint16", "float32", "int32", "uint32", "float64", "int64")
PEERS = (SKLEARN, OPENCV, "faiss.Kmeans")
SLOW = 1.0  # seconds; longer runs are not repeated
Floats = NDArray[np.float32]


@dataclass
class Measurement:
    """Times of all contenders on one distribution.

    Attributes
    ----------
    seconds : dict of str: float
        Median time by contender: a data type for ours, otherwise the name of a library or the floor.
    """

    distribution: str
    size: int
    seconds: dict[str, float]


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
    """Return an image in another data type; integers of 8 and 16 bits use their whole range."""
    kind = np.dtype(dtype)
    if kind == np.float32:
        return image
    values = image.astype(np.float64)
    if kind.kind == "f":
        return values * (1 + 1e-9)  # not float32 numbers
    if kind.itemsize <= 2:
        values = (values - values.min()) / np.ptp(values) * np.iinfo(kind).max
    elif np.abs(values).max() <= 2000:
        values *= 1000
    if kind.kind == "u":
        values -= values.min()
    return np.rint(values).astype(kind)


def interleaved(work: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Run each function in turn, after one warm-up run that also compiles, and return median seconds.

    A function that takes longer than `SLOW` runs only once.
    """

    def seconds(function: Callable[[], object]) -> float:
        begin = time.perf_counter()
        function()
        return time.perf_counter() - begin

    first = {name: seconds(function) for name, function in work.items()}
    slow = {name for name in PEERS if first.get(name, 0) > SLOW}
    times = {name: [first[name]] if name in slow else [] for name in work}
    for _ in range(rounds):
        for name, function in work.items():
            if name not in slow:
                times[name].append(seconds(function))
    return {name: median(values) for name, values in times.items()}


def measure(
    size: int, k: int, dtypes: Sequence[str], peers: Sequence[str], rounds: int
) -> Iterator[Measurement]:
    """Measure `k` clusters for one distribution after the other."""
    import napari_kmeans

    runs = {name: BY_NAME[name].prepare() for name in (*peers, FLOOR)}
    pixels = np.random.default_rng(SEED).integers(0, 256, (size, size), dtype=np.uint8)
    for name, values in distributions(size):
        images = {dtype: converted(values, dtype) for dtype in dtypes}
        work: dict[str, Callable[[], object]] = {
            dtype: lambda image=image: napari_kmeans.segment(image, k) for dtype, image in images.items()
        }
        work |= {peer: lambda run=runs[peer], image=values: run(image, k, "float32") for peer in peers}
        work[FLOOR] = lambda: runs[FLOOR](pixels, k, "uint8")
        yield Measurement(name, size, interleaved(work, rounds))


def table(measurements: Sequence[Measurement], k: int) -> list[list[str]]:
    """Return rows of cells: a header, one per distribution, and the median and worst ratio to the floor."""
    contenders = [name for name in measurements[0].seconds if name != FLOOR]
    rows = [[f"{measurements[0].size}², k = {k}", *contenders, "floor"]]
    for one in measurements:
        floor = one.seconds[FLOOR]
        cells = [f"{_milliseconds(one.seconds[c])} ({one.seconds[c] / floor:.3g}×)" for c in contenders]
        rows.append([one.distribution, *cells, _milliseconds(floor)])
    for label, statistic in (("median", median), ("worst", max)):
        ratios = [statistic([m.seconds[c] / m.seconds[FLOOR] for m in measurements]) for c in contenders]
        times = [statistic([m.seconds[c] for m in measurements]) for c in (*contenders, FLOOR)]
        cells = [f"{_milliseconds(t)} ({r:.3g}×)" for t, r in zip(times[:-1], ratios, strict=True)]
        rows.append([label, *cells, _milliseconds(times[-1])])
    return rows


def _milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:,.0f} ms" if seconds >= 0.01 else f"{1e3 * seconds:.2g} ms"


def main() -> None:
    """Print a table for each size."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sizes", default="512,2048,4096", help="edge lengths in pixels")
    parser.add_argument("--clusters", "-k", type=int, default=4)
    parser.add_argument("--dtypes", default=",".join(DTYPES))
    parser.add_argument("--no-peers", action="store_true", help="measure only this package and the floor")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each program")
    parser.add_argument("--markdown", action="store_true", help="print Markdown tables")
    parser.add_argument("--json", type=Path, help="JSON file for the median seconds, for benchmarks.chart")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # warnings about fewer distinct values than clusters

    everything: list[Measurement] = []
    peers = () if options.no_peers else PEERS
    for size in map(int, options.sizes.split(",")):
        measurements = list(measure(size, options.clusters, options.dtypes.split(","), peers, options.rounds))
        everything += measurements
        header, *rows = table(measurements, options.clusters)
        if options.markdown:
            rows = [header, ["---", *["--:"] * (len(header) - 1)], *rows]
            print("\n".join(f"| {' | '.join(row)} |" for row in rows), end="\n\n", flush=True)
        else:
            for first, *cells in (header, *rows):
                print(f"{first:22}", *(f"{cell:>24}" for cell in cells), flush=True)
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in everything], indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
