"""Separate parts of the engine: the exact solver, a step of the slider, figures and imports.

Each runs in a fresh process, for the same reasons as the contenders.
"""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import images

LEVELS = (256, 4096, 65536)
K_MAX = 12
K = 4


@dataclass
class Timing:
    """Times of a function in seconds, and its result."""

    name: str
    times: list[float] = field(default_factory=list)
    note: str = ""

    @property
    def best(self) -> float:
        """Shortest time in seconds."""
        return min(self.times)

    @property
    def median(self) -> float:
        """Median time in seconds."""
        return median(self.times)


def in_fresh_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function of this module in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1, initializer=_import_numba) as pool:
        return pool.apply(function, arguments)


def _import_numba() -> None:
    """Import numba, as napari does; otherwise Python itself runs the first loops over small data."""
    import numba  # noqa: F401


def interleaved(work: dict[str, Callable[[], Any]], rounds: int) -> dict[str, Timing]:
    """Run each function in turn, after one warm-up run of each."""
    for function in work.values():
        function()
    timings = {name: Timing(name) for name in work}
    for _ in range(rounds):
        for name, function in work.items():
            begin = time.perf_counter()
            function()
            timings[name].times.append(time.perf_counter() - begin)
    return timings


def every_k(rounds: int) -> dict[int, dict[str, Timing]]:
    """Time all optimal clusterings for k = 1 … 12 of histograms without empty levels, by number of levels."""
    from napari_kmeans.kmeans.exact import OptimalPartitions
    from napari_kmeans.kmeans.exact_clusterings import ExactClusterings
    from napari_kmeans.summary.scalar import ScalarSummary

    picture = images.make("uint16", 2048)
    results = {}
    for levels in LEVELS:
        counts = 1 + np.bincount(picture.reshape(-1) // (65536 // levels), minlength=levels)
        summary = ScalarSummary(np.arange(levels, dtype=np.float64), counts)

        def borders(summary: ScalarSummary = summary) -> None:
            partitions = OptimalPartitions(summary.values, summary.counts)
            for k in range(K_MAX, 0, -1):
                partitions.borders(k)

        def clusterings(summary: ScalarSummary = summary) -> None:
            ExactClusterings(summary).inertia(K_MAX)

        results[levels] = interleaved({"borders": borders, "clusterings": clusterings}, rounds)
    return results


def one_k(rounds: int) -> dict[int, dict[str, Timing]]:
    """Time four clusters of distinct float pixels, by our solver and by exact solvers in C++."""
    picture = np.unique(images.make("float32", 2048)).astype(np.float64)
    results = {}
    for n in LEVELS:
        # Shuffled, because sorting is part of the work of every solver.
        points = np.random.default_rng(images.SEED).permutation(picture[:: picture.size // n][:n])
        results[n] = _solvers(points, rounds)
    return results


def _solvers(points: NDArray[np.float64], rounds: int) -> dict[str, Timing]:
    from napari_kmeans.kmeans.exact import OptimalPartitions

    def ours() -> float:
        return OptimalPartitions(*np.unique(points, return_counts=True)).inertia(K)

    solvers: dict[str, Callable[[], float]] = {"napari-kmeans": ours}
    try:
        import kmeans1d

        def by_kmeans1d() -> float:
            clusters, centers = kmeans1d.cluster(points, K)
            return float(np.sum((points - np.asarray(centers)[clusters]) ** 2))

        solvers["kmeans1d"] = by_kmeans1d
    except ImportError:
        pass
    try:
        import ckwrap

        solvers["ckwrap"] = lambda: float(np.sum(ckwrap.ckmeans(points, K).withinss))
    except ImportError:
        pass
    timings = interleaved(solvers, rounds)
    least = min(solver() for solver in solvers.values())
    for name, solver in solvers.items():
        timings[name].note = f"{max(0.0, solver() / least - 1):.0e}"
    return timings


def slider(dtype: str, size: int, rounds: int) -> tuple[int, dict[str, Timing]]:
    """Return the number of points of an image's summary, and the times of a new number of clusters."""
    from napari_kmeans.blocks.pixels import Pixels
    from napari_kmeans.kmeans.exact_clusterings import ExactClusterings
    from napari_kmeans.summary.summarize import summarize

    summary = summarize(Pixels.of(images.make(dtype, size)))
    timings = {name: Timing(name) for name in ("first", "new", "again")}
    for turn in range(rounds + 1):
        optimum = ExactClusterings(summary)

        def seconds(k: int, optimum: ExactClusterings = optimum) -> float:
            begin = time.perf_counter()
            optimum.clustering(k)
            return time.perf_counter() - begin

        steps = {
            "first": seconds(K),
            "new": max(seconds(k) for k in range(2, K_MAX + 1) if k != K),
            "again": seconds(K),
        }
        if turn:  # the first is a warm-up
            for name, value in steps.items():
                timings[name].times.append(value)
    return int(summary.values.size), timings


def figures(rounds: int) -> dict[str, Timing]:
    """Time drawing and writing the figure of a 512² picture, without the import of Matplotlib."""
    from napari_kmeans.io.image_file import ImageFile
    from napari_kmeans.pipeline import segment
    from napari_kmeans.report.figure import write_figure

    picture = images.make("uint8", 512)
    labels, model = segment(picture, K)
    image = ImageFile(Path("picture.tif"), picture, "YX", {"Y": 0.5, "X": 0.5}, "um")
    found = ImageFile(image.path, labels, "YX")
    with tempfile.TemporaryDirectory() as folder:

        def writing(kind: str) -> Callable[[], None]:
            path = Path(folder) / f"figure.{kind}"
            return lambda: write_figure(path, image, found, model, overwrite=True)

        return interleaved(
            {f"figure, {kind.upper()}": writing(kind) for kind in ("png", "svg", "pdf")}, rounds
        )


_IMPORTS = {
    "import napari_kmeans": "import napari_kmeans",
    "… and its engine (napari_kmeans.segment)": "import napari_kmeans; napari_kmeans.segment",
    "… and scikit-learn's KMeans": (
        "import napari_kmeans; napari_kmeans.segment; from sklearn.cluster import KMeans"
    ),
}


def imports(rounds: int) -> dict[str, Timing]:
    """Time imports in fresh processes that have already imported NumPy."""
    timings = {name: Timing(name) for name in _IMPORTS}
    for turn in range(rounds + 1):
        for name, statement in _IMPORTS.items():
            program = (
                "import time, numpy; begin = time.perf_counter()\n"
                f"{statement}\n"
                "print(time.perf_counter() - begin)"
            )
            done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
            if turn:
                timings[name].times.append(float(done.stdout))
    return timings
