"""One or many small pictures: the command line on one core, on all and with two processes; loops in Python.

Run with ``python -m benchmarks.batch``. Every run starts a new program, and its time is from start to exit.
One of the loops is the script of many tutorials, with Pillow and scikit-learn.
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

_TUTORIAL = """
import sys
from pathlib import Path
import numpy as np
from PIL import Image
from sklearn.cluster import KMeans
folder, out = map(Path, sys.argv[1:])
out.mkdir()
for path in sorted(folder.glob("*.tif")):
    image = np.asarray(Image.open(path).convert("L"))
    labels = KMeans(4).fit(image.reshape(-1, 1)).labels_.reshape(image.shape)
    Image.fromarray(labels.astype("uint8")).save(out / path.name)
"""


def main() -> int:
    """Measure, and print the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batch", description=__doc__)
    parser.add_argument("--images", type=int, default=200, help="number of pictures (default 200)")
    parser.add_argument("--size", type=int, default=512, help="edge length in pixels (default 512)")
    parser.add_argument("--dtype", default="uint8", help="unsigned integers (default uint8)")
    parser.add_argument("--bits", type=int, help="bits that are used (default: all of the type)")
    parser.add_argument("--features", choices=("gray", "rgb"), default="gray", help="(default gray)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each, in turn (default 3)")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shape = (options.size, options.size, 3 if options.features == "rgb" else 1)
        dtype = np.dtype(options.dtype)
        _make_pictures(folder / "images", options.images, shape, dtype, options.bits or 8 * dtype.itemsize)
        table = measure(folder, options.images, options.rounds, options.features)
    print(table.markdown() if options.markdown else table.text())
    return 0


def measure(folder: Path, n_images: int, rounds: int, features: str = "gray") -> Table:
    """Run each program in turn, after one warm-up round, and compare their outputs."""
    segment = [sys.executable, "-m", "napari_kmeans", "segment", "images", "-k", "4", "--features", features]
    loops = {
        "script of tutorials": [sys.executable, "-c", _TUTORIAL, "images"],
        "a loop in Python": [sys.executable, "-c", _LOOP, "images"],
    }
    commands = {
        **(loops if features == "gray" else {}),
        "segment, on one core": [*segment, "-o"],
        "segment": [*segment, "-o"],
        "segment --jobs 2": [*segment, "--jobs", "2", "-o"],
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
                preexec_fn=_use_one_core if name.endswith("one core") else None,
            )
            if turn:
                timings[name].times.append(time.perf_counter() - begin)
            if command[2] == _TUTORIAL:  # its labels differ from run to run
                continue
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
            f"{timings['segment, on one core'].best / t.best:.2f}",
        ]
        for name, t in timings.items()
    ]
    header = ["program", "median", "best", "per image", "speed relative to one core"]
    pictures = "One picture" if n_images == 1 else f"{n_images} pictures"
    return Table(f"{pictures}, from start to exit", header, rows)


def _use_one_core() -> None:
    """Restrict this process to one of its cores, if the system supports it."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def _path() -> str:
    return os.pathsep.join(os.path.abspath(path) for path in sys.path if path)


def _make_pictures(
    folder: Path, n_images: int, shape: tuple[int, int, int], dtype: np.dtype[Any], bits: int
) -> None:
    folder.mkdir()
    rng = np.random.default_rng(0)
    n = shape[0] * shape[1]
    for number in range(n_images):
        scene = rng.normal((60 + number % 20, 120, 180), 1).repeat(n // 3 + 1)[:n].reshape(*shape[:2], 1)
        noisy = np.clip(scene + rng.normal(0, 15, shape), 0, 255)
        whole = (noisy * ((2**bits - 1) // 255)).astype(dtype)
        tifffile.imwrite(folder / f"{number:03d}.tif", whole if shape[2] > 1 else whole[..., 0])


if __name__ == "__main__":
    sys.exit(main())
