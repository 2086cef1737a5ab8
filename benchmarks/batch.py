"""One or many small pictures: the command line with one and with two processes, beside a loop in Python.

Run with ``python -m benchmarks.batch``. Every run starts a program of its own and counts from start to exit.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from .engine import Timing
from .tables import Table, seconds

_LOOP = """
import sys
from pathlib import Path
import napari_kmeans, tifffile
folder, out = map(Path, sys.argv[1:])
out.mkdir()
for path in sorted(folder.glob("*.tif")):
    labels, model = napari_kmeans.segment(tifffile.imread(path), 4)
    tifffile.imwrite(out / path.name, labels)
"""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batch", description=__doc__)
    parser.add_argument("--images", type=int, default=200, help="number of pictures (default 200)")
    parser.add_argument("--size", type=int, default=512, help="edge in pixels (default 512)")
    parser.add_argument("--dtype", default="uint8", help="unsigned integers (default uint8)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each, in turn (default 3)")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _make_pictures(folder / "images", options.images, options.size, np.dtype(options.dtype))
        table = measure(folder, options.images, options.rounds)
    print(table.markdown() if options.markdown else table.text())
    return 0


def measure(folder: Path, n_images: int, rounds: int) -> Table:
    """Run each program in turn, after one round that does not count, and compare what they wrote."""
    commands = {
        "a loop in Python": [sys.executable, "-c", _LOOP, "images"],
        "segment": [sys.executable, "-m", "napari_kmeans", "segment", "images", "-k", "4", "-o"],
        "segment --jobs 2": [
            *(sys.executable, "-m", "napari_kmeans", "segment", "images", "-k", "4", "--jobs", "2", "-o")
        ],
    }
    timings = {name: Timing(name) for name in commands}
    written: dict[str, list[bytes]] = {}
    for turn in range(rounds + 1):
        for number, (name, command) in enumerate(commands.items()):
            words = list(command)
            if "segment" in words:  # a shell would list the files
                at = words.index("images")
                words[at : at + 1] = sorted(str(path.relative_to(folder)) for path in folder.glob("images/*"))
            words.append(f"out-{turn}-{number}")
            begin = time.perf_counter()
            subprocess.run(
                words,
                cwd=folder,
                check=True,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": _path()},
            )
            if turn:
                timings[name].times.append(time.perf_counter() - begin)
            written[name] = [
                tifffile.imread(path).tobytes() for path in sorted(folder.glob(f"out-{turn}-{number}/*.tif"))
            ]
    if len({tuple(content) for content in written.values()}) > 1:
        raise RuntimeError("the programs wrote different labels")
    rows = [
        [
            name,
            seconds(t.median),
            seconds(t.best),
            seconds(t.best / n_images),
            f"{timings['segment'].best / t.best:.2f}",
        ]
        for name, t in timings.items()
    ]
    header = ["program", "median", "least", "an image", "times segment's speed"]
    pictures = "One picture" if n_images == 1 else f"{n_images} pictures"
    return Table(f"{pictures}, from start to exit", header, rows)


def _path() -> str:
    return os.pathsep.join(os.path.abspath(path) for path in sys.path if path)


def _make_pictures(folder: Path, n_images: int, size: int, dtype: np.dtype[Any]) -> None:
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(n_images):
        scene = rng.normal((60 + number % 20, 120, 180), 1).repeat(size * size // 3 + 1)[: size * size]
        noisy = np.clip(scene.reshape(size, size) + rng.normal(0, 15, (size, size)), 0, 255)
        whole = (noisy * (np.iinfo(dtype).max // 255)).astype(dtype)
        tifffile.imwrite(folder / f"{number:03d}.tif", whole)


if __name__ == "__main__":
    sys.exit(main())
