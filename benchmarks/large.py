"""Images larger than memory: time and memory of the whole pass, and of a Dask cluster of one and two workers.

Run with ``python -m benchmarks.large``. The benchmark makes the image (zarr, uint8, 1024² chunks) in a
temporary folder, which needs at most about as many bytes as the image has pixels. Everything runs in a fresh
process. The reference is a plain dask pass that reads every block and writes one of the same size.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .tables import Table

CHUNK = 1024
K = 4
SIDES = (10_000, 14_142, 20_000, 28_284, 40_000)
MB = 1 << 20


def main() -> int:
    """Measure, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markdown", action="store_true", help="print tables as Markdown")
    parser.add_argument("--quick", action="store_true", help="quick trial with small images")
    parser.add_argument("--folder", type=Path, help="folder for the images (default: a temporary one)")
    options = parser.parse_args()
    sides = (2000, 4000) if options.quick else SIDES
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        image = Path(folder) / "image.zarr"
        _make(image, sides[-1])
        for part in (whole_pass, workers):
            table = part(image, sides, Path(folder))
            print(table.markdown() if options.markdown else table.text(), flush=True)
    return 0


def whole_pass(image: Path, sides: Sequence[int], folder: Path) -> Table:
    """Measure fitting and writing labels, for parts of the image of increasing size."""
    rows, times = [], []
    for side in sides:
        ours = [_in_fresh_process(_segment, image, side, folder / "labels.zarr") for _ in range(2)]
        bare = [_in_fresh_process(_copy, image, side, folder / "copy.zarr") for _ in range(2)]
        fit, write, memory = min(ours, key=lambda measured: measured[0] + measured[1])
        least = min(seconds for seconds, _ in bare)
        times.append(fit + write)
        rows.append(
            [
                f"{side:,}²",
                f"{side * side / 1e9:.2f}",
                f"{fit:.1f} s",
                f"{write:.1f} s",
                f"{side * side / (fit + write) / 1e6:.0f}",
                f"{least:.1f} s",
                f"{least / (fit + write):.2f}",
                f"{memory / MB:.0f} MB",
            ]
        )
    pixels = np.log([side * side for side in sides])
    exponent = np.polyfit(pixels, np.log(times), 1)[0]
    header = [
        "zarr, uint8", "gigapixels", "fit", "labels", "megapixels/s", "bare pass", "relative speed", "memory"
    ]  # fmt: skip
    note = (
        f"Time grows with the number of pixels to the power of {exponent:.2f}. Speed is relative to the bare "
        "pass; memory is the peak in addition to the memory after the imports. Goals: a relative speed of at "
        "least 0.5, less than 1 GB, a power of 1.0 ± 0.1."
    )
    return Table("The whole pass", header, rows, note)


def workers(image: Path, sides: Sequence[int], _folder: Path) -> Table:
    """Measure a fit on a Dask cluster of one worker and of two."""
    side = sides[-1]
    times = {n: [_in_fresh_process(_fit_on_cluster, image, side, n) for _ in range(2)] for n in (1, 2)}
    one, two = (min(times[n]) for n in (1, 2))
    rows = [["1", f"{one:.1f} s", ""], ["2", f"{two:.1f} s", f"{one / two:.2f}×"]]
    note = "Each worker is a process with one thread. Goal: 1.6× with two workers."
    return Table(f"Fit of {side:,}² on a Dask cluster", ["workers", "time", "speed-up"], rows, note)


def _in_fresh_process(function: Callable[..., Any], *arguments: Any) -> Any:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (function, arguments))


def _measured(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    # Processes of a pool are daemons, which may not start processes.
    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
    return function(*arguments)


def _make(path: Path, side: int) -> None:
    """Write an image of enlarged tiles of a photograph, with different offsets and a little noise."""
    import dask.array as da
    import zarr
    from scipy.ndimage import zoom
    from skimage import data

    scene = zoom(data.camera(), 4, order=1)[: 2 * CHUNK, : 2 * CHUNK]
    noise = np.random.default_rng(0).integers(-2, 3, (CHUNK, CHUNK), dtype=np.int16)

    def tile(_block: np.ndarray, block_info: Any = None) -> np.ndarray:
        rows, columns = (end - begin for begin, end in block_info[None]["array-location"])
        i, j = block_info[None]["chunk-location"]
        corner = CHUNK * (i % 2), CHUNK * (j % 2)
        part = scene[corner[0] : corner[0] + rows, corner[1] : corner[1] + columns]
        # Photographs are smooth over a few pixels; noise in every pixel could not be compressed.
        quiet = np.where((np.arange(rows) % 4 == 0)[:, np.newaxis], noise[:rows, :columns], 0)
        return np.clip(part + quiet + (i * 7 + j * 3) % 20, 0, 255).astype(np.uint8)

    empty = da.empty((side, side), chunks=CHUNK, dtype=np.uint8)
    image = da.map_blocks(tile, empty, dtype=np.uint8, meta=np.empty((0, 0), np.uint8))
    store = zarr.create_array(path, shape=image.shape, chunks=(CHUNK, CHUNK), dtype="u1")
    da.store(image, store, lock=False)


def _open(path: Path, side: int) -> Any:
    import dask.array as da
    import zarr

    return da.from_zarr(zarr.open_array(path, mode="r"))[:side, :side]


def _write(labels: Any, path: Path) -> None:
    import dask.array as da
    import zarr

    store = zarr.create_array(path, shape=labels.shape, chunks=(CHUNK, CHUNK), dtype="u1", overwrite=True)
    da.store(labels, store, lock=False)


def _segment(image: Path, side: int, labels_path: Path) -> tuple[float, float, int]:
    """Return the seconds of the fit and of writing labels, and the peak memory."""
    import napari_kmeans

    _write(napari_kmeans.segment(_open(image, 2 * CHUNK), K)[0], labels_path)  # imports
    pixels = _open(image, side)
    with _Memory() as memory:
        begin = time.perf_counter()
        labels, model = napari_kmeans.segment(pixels, K)
        fitted = time.perf_counter()
        _write(labels, labels_path)
        end = time.perf_counter()
    assert model.counts.sum() == side * side
    return fitted - begin, end - fitted, memory.peak


def _copy(image: Path, side: int, copy: Path) -> tuple[float, int]:
    """Return the seconds and the peak memory of a dask pass that reads and writes every block."""
    import dask.array as da

    _write(_open(image, 2 * CHUNK), copy)
    with _Memory() as memory:
        begin = time.perf_counter()
        _write(da.map_blocks(np.invert, _open(image, side)), copy)
        seconds = time.perf_counter() - begin
    return seconds, memory.peak


def _fit_on_cluster(image: Path, side: int, n_workers: int) -> float:
    """Return the seconds of a fit on a cluster with this number of workers."""
    from distributed import Client, LocalCluster

    import napari_kmeans

    options = {"threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with LocalCluster(n_workers=n_workers, **options) as cluster, Client(cluster) as client:
        client.wait_for_workers(n_workers)
        napari_kmeans.fit(_open(image, 2 * CHUNK), K)  # imports, also in the workers
        begin = time.perf_counter()
        model = napari_kmeans.fit(_open(image, side), K)
        seconds = time.perf_counter() - begin
    assert model.counts.sum() == side * side
    return seconds


class _Memory:
    """Peak memory of this process during a ``with`` block, minus the memory before it."""

    def __enter__(self) -> _Memory:
        self._before = _resident()
        self.peak = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.005):
            self.peak = max(self.peak, _resident() - self._before)


def _resident() -> int:
    """Return the resident memory of this process in bytes."""
    import psutil

    return int(psutil.Process().memory_info().rss)


if __name__ == "__main__":
    sys.exit(main())
