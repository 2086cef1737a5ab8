"""Interleaved run: for each image, all contenders in turn, round by round."""

from __future__ import annotations

import importlib.util
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np

from . import images
from .contenders import CONTENDERS, Contender
from .reference import optimum
from .worker import Failed, TimedOut, Worker

K = {dtype: 6 if dtype in images.SEVERAL else 4 for dtype in images.DTYPES}
_PAUSE = 0.1  # seconds until the threads of the previous contender are idle
SLOW, VERY_SLOW = 2.0, 8.0  # seconds above which there are only two rounds, or only the first run

Report = Callable[[str], None]


@dataclass
class Cell:
    """One contender on one image.

    Attributes
    ----------
    times : list of float
        Seconds of each run.
    memory : int
        Peak memory of the first run in bytes, minus the memory before it.
    inertia : float or None
        Inertia of the labels.
    excess : float or None
        Inertia relative to the optimum, or to the smallest inertia if the optimum is unknown, minus 1.
    skipped : str
        Why the contender was skipped; empty if it was not.
    rounds : int
        Number of rounds in which it takes part.
    """

    contender: str
    dtype: str
    size: int
    times: list[float] = field(default_factory=list)
    memory: int = 0
    inertia: float | None = None
    excess: float | None = None
    skipped: str = ""
    rounds: int = 0

    @property
    def best(self) -> float:
        """Shortest time in seconds."""
        return min(self.times)

    @property
    def median(self) -> float:
        """Median time in seconds."""
        return median(self.times)


@dataclass
class Image:
    """One image and the measurements on it."""

    dtype: str
    size: int
    n_values: int
    least: float
    known: str
    cells: list[Cell]

    def cell(self, contender: str) -> Cell | None:
        """Return the measurement of a contender, if there is one."""
        return next((cell for cell in self.cells if cell.contender == contender and cell.times), None)


def run(
    sizes: Sequence[int],
    dtypes: Sequence[str],
    only: Sequence[str],
    rounds: int,
    limit: float,
    report: Report,
) -> Iterator[Image]:
    """Measure image after image, beginning with small ones, which predict the times of large ones."""
    results: list[Image] = []
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        for size in sorted(sizes):
            for dtype in dtypes:
                if size > images.LARGEST.get(dtype, size):
                    continue
                report(f"{size}² {dtype}: making the image and its optimum")
                picture = images.make(dtype, size)
                if dtype in images.SEVERAL:
                    least, n_values, known = 0.0, 0, ""
                else:
                    least, n_values, known = optimum(images.values(picture, dtype), K[dtype])
                path = Path(folder) / "image.npy"
                np.save(path, picture)
                result = Image(dtype, size, n_values, least, known, [])
                del picture
                _measure(result, path, only, rounds, limit, results, report)
                _compare(result)
                results.append(result)
                yield result


def _compare(image: Image) -> None:
    """Compare inertias with the optimum; for several features it is unknown, so the smallest one is used."""
    seen = [cell for cell in image.cells if cell.inertia is not None]
    if not image.least and seen:
        image.least = min(cell.inertia for cell in seen)
    for cell in seen:
        cell.excess = cell.inertia / image.least - 1


def _measure(
    image: Image,
    path: Path,
    only: Sequence[str],
    rounds: int,
    limit: float,
    before: list[Image],
    report: Report,
) -> None:
    workers: dict[str, Worker] = {}
    try:
        for contender in CONTENDERS:
            if image.dtype not in contender.dtypes or not chosen(contender, only):
                continue
            cell = Cell(contender.name, image.dtype, image.size)
            image.cells.append(cell)
            cell.skipped = _skip_reason(contender, image, limit, before)
            if not cell.skipped:
                report(f"{image.size}² {image.dtype}: {contender.name}, first run")
                _first(cell, image, path, rounds, limit, workers)
            if cell.skipped:
                report(f"{image.size}² {image.dtype}: {contender.name} not measured: {cell.skipped}")
        for turn in range(1, rounds + 1):
            report(f"{image.size}² {image.dtype}: round {turn} of {rounds}")
            for cell in image.cells:
                if cell.contender not in workers or turn > cell.rounds:
                    continue
                time.sleep(_PAUSE)
                try:
                    cell.times += workers[cell.contender].ask("visit", 3 * limit)
                except (TimedOut, Failed) as error:
                    report(f"{image.size}² {image.dtype}: {cell.contender}, round {turn}: {error}")
                    del workers[cell.contender]
                    if not cell.times:
                        cell.skipped = str(error)
    finally:
        for worker in workers.values():
            worker.close()


def _first(
    cell: Cell, image: Image, path: Path, rounds: int, limit: float, workers: dict[str, Worker]
) -> None:
    """Run once to measure memory and inertia; the time counts only if there is no other run."""
    try:
        worker = Worker(cell.contender, path, image.dtype, K[image.dtype])
        answer = worker.ask("first", limit)
    except (TimedOut, Failed) as error:
        cell.skipped = str(error)
        return
    cell.memory = answer["memory"]
    cell.inertia = answer["inertia"]
    if answer["seconds"] > VERY_SLOW:
        cell.times = [answer["seconds"]]
        worker.close()
    else:
        cell.rounds = min(rounds, 2) if answer["seconds"] > SLOW else rounds
        workers[cell.contender] = worker


def _skip_reason(contender: Contender, image: Image, limit: float, before: list[Image]) -> str:
    """Return the reason to skip a contender; empty if there is none."""
    if importlib.util.find_spec(contender.module) is None:
        return f"{contender.module} is not installed"
    for smaller in reversed(before):
        if smaller.dtype != image.dtype:
            continue
        for cell in smaller.cells:
            if cell.contender != contender.name:
                continue
            if cell.skipped:
                return cell.skipped if "²" in cell.skipped else f"{cell.skipped} at {smaller.size}²"
            expected = cell.median * (image.size / smaller.size) ** 2
            if expected > limit:
                return f"about {expected:.0f} s expected from {cell.median:.2g} s at {smaller.size}²"
        break
    return ""


def chosen(contender: Contender, only: Sequence[str]) -> bool:
    """Return whether a contender's name contains one of the given words."""
    return not only or any(word.lower() in contender.name.lower() for word in only)
