"""Measurements as tables in plain text or Markdown, and the goals to compare them with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .contenders import FLOOR, OPENCV, OURS, SKLEARN, SKLEARN_10
from .engine import Timing
from .images import N_CHANNELS, SEVERAL
from .measure import Cell, Image, K

MB = 1 << 20


@dataclass
class Table:
    """A table with a heading and a note below it."""

    title: str
    header: Sequence[str]
    rows: list[list[str]]
    note: str = ""

    def text(self) -> str:
        """Return the table as text, with the first column aligned left and the others aligned right."""
        lines = [list(self.header), *self.rows]
        widths = [max(len(line[c]) for line in lines) for c in range(len(self.header))]

        def one(line: Sequence[str]) -> str:
            first, *others = zip(line, widths, strict=True)
            return "  ".join(
                [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
            ).rstrip()

        rule = "-" * (sum(widths) + 2 * len(widths) - 2)
        parts = [self.title, "=" * len(self.title), one(self.header), rule, *map(one, self.rows)]
        return "\n".join([*parts, *([self.note] if self.note else [])]) + "\n"

    def markdown(self) -> str:
        """Return the table as Markdown."""
        lines = [f"### {self.title}", "", _row(self.header), _row(["---", *["--:"] * (len(self.header) - 1)])]
        lines += [_row(row) for row in self.rows]
        return "\n".join([*lines, *(["", self.note] if self.note else [])]) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def of_image(image: Image) -> Table:
    """Return the table of all contenders on one image."""
    ours = image.cell(OURS)
    rows = []
    for cell in image.cells:
        if not cell.times:
            rows.append([cell.contender, "–", "–", "–", "–", "–", "–"])
            continue
        ratio = (
            f"{cell.median / ours.median:,.{1 if cell.median < 10 * ours.median else 0}f}×" if ours else "–"
        )
        rows.append(
            [
                cell.contender,
                seconds(cell.median),
                seconds(cell.best),
                str(len(cell.times)),
                ratio,
                excess(cell),
                f"{cell.memory / MB:,.{1 if cell.memory < 10 * MB else 0}f} MB",
            ]
        )
    note = f"Optimum: {image.known}; {image.n_values:,} distinct values."
    if not image.known:
        note = "Inertia relative to the lowest in this table; the optimum of several features is unknown."
    note += "".join(
        f" {cell.contender} not measured: {cell.skipped}." for cell in image.cells if cell.skipped
    )
    header = [
        f"pixels to labels, k = {K[image.dtype]}",
        "median",
        "best",
        "runs",
        "× ours",
        "inertia",
        "memory",
    ]
    return Table(f"{image.size}² {image.dtype}", header, rows, note)


def of_every_k(results: dict[int, dict[str, Timing]]) -> Table:
    """Return the table of the exact solver for all numbers of clusters."""
    rows = [
        [f"{levels:,}", *(f"{seconds(t.median)} ({seconds(t.best)})" for t in timings.values())]
        for levels, timings in results.items()
    ]
    header = ["levels", "thresholds", "with centres, counts and inertia"]
    return Table("Exact, all k = 1 … 12: median (best)", header, rows)


def of_one_k(results: dict[int, dict[str, Timing]]) -> Table:
    """Return the table of the exact solver and others."""
    names = list(next(iter(results.values())))
    rows = [
        [
            f"{n:,}",
            *(f"{seconds(timings[name].median)} ({seconds(timings[name].best)})" for name in names),
            *(timings[name].note for name in names),
        ]
        for n, timings in results.items()
    ]
    header = ["float values", *names, *(f"{name}, excess inertia" for name in names)]
    note = "Each value has weight 1. The values are not sorted, so the times include sorting."
    return Table("Exact, k = 4, compared with other exact solvers: median (best)", header, rows, note)


def of_slider(results: dict[str, tuple[int, dict[str, Timing]]], size: int) -> Table:
    """Return the table of times for another number of clusters."""
    rows = [
        [dtype, f"{n:,}", *(f"{seconds(t.median)} ({seconds(t.best)})" for t in timings.values())]
        for dtype, (n, timings) in results.items()
    ]
    header = [f"{size}² image", "points", "first k = 4", "slowest new k of 2 … 12", "k computed before"]
    return Table("A step of the slider, engine only: median (best)", header, rows)


def of_imports(results: dict[str, Timing]) -> Table:
    """Return the table of import times."""
    rows = [[name, seconds(t.median), seconds(t.best)] for name, t in results.items()]
    return Table("Imports in addition to NumPy", ["in a fresh process", "median", "best"], rows)


def of_figures(results: dict[str, Timing]) -> Table:
    """Return the table of times for figures."""
    rows = [[name, seconds(t.median), seconds(t.best)] for name, t in results.items()]
    return Table("Figures of a 512² picture, written to a file", ["format", "median", "best"], rows)


def of_goals(
    measured: list[Image],
    solver: dict[int, dict[str, Timing]] | None,
    imported: dict[str, Timing] | None,
    size: int = 4096,
) -> Table:
    """Return the goals and whether they are reached, by ratios of medians and, in brackets, of shortest times."""
    rows: list[list[str]] = []

    def add(goal: str, reached: str | None, *holds: bool) -> None:
        # On a busy machine the median and the shortest time may disagree; then there is no verdict.
        verdict = "yes" if all(holds) else "unsure" if any(holds) else "NO"
        if reached is not None:
            rows.append([goal, reached, verdict])

    def times_faster(dtype: str, other: str, factor: float, goal: str, size: int = size) -> None:
        image = next((i for i in measured if (i.dtype, i.size) == (dtype, size)), None)
        ours, theirs = (image.cell(OURS), image.cell(other)) if image else (None, None)
        if ours is None or theirs is None:
            add(goal, None)
            return
        ratio, least = theirs.median / ours.median, theirs.best / ours.best
        add(
            goal,
            f"{ratio:,.{1 if ratio < 10 else 0}f}× ({least:,.{1 if least < 10 else 0}f}×)",
            ratio >= factor,
            least >= factor,
        )

    times_faster("uint8", SKLEARN, 300, f"{size}² uint8: 300× faster than scikit-learn on all pixels")
    times_faster("uint8", OPENCV, 300, f"{size}² uint8: 300× faster than OpenCV kmeans")
    times_faster("uint8", FLOOR, 1, f"{size}² uint8: no slower than calcHist + LUT")
    for dtype, factor in (("uint16", 100), ("float32", 50)):
        goal = f"{size}² {dtype}: {factor}× faster than scikit-learn on all pixels"
        times_faster(dtype, SKLEARN, factor, goal)
    for edge, factor in ((2048, 50), (512, 30)):
        for dtype in ("rgb", "lab"):
            goal = f"{edge}² {dtype}: {factor}× faster than scikit-learn with n_init=10"
            times_faster(dtype, SKLEARN_10, factor, goal, edge)
    for dtype in N_CHANNELS:
        goal = f"512² {dtype}: faster than scikit-learn with n_init=1"
        times_faster(dtype, SKLEARN, 1, goal, 512)
    times_faster("texture", SKLEARN, 8, "2048² texture: 8× faster than scikit-learn with n_init=1", 2048)
    for image in measured:
        cell = image.cell(OURS) if image.dtype in SEVERAL else None
        if cell is not None:
            goal = f"{image.size}² {image.dtype}: inertia within 0.1 % of the lowest"
            add(goal, excess(cell), cell.excess is not None and cell.excess <= 1e-3)
    for levels, most in ((65536, 0.03), (4096, 0.002), (256, 0.00015)):
        timing = solver[levels]["borders"] if solver else None
        goal = f"exact thresholds for all k = 1 … 12, {levels:,} levels: {seconds(most)}"
        add(
            goal,
            timing and f"{seconds(timing.median)} ({seconds(timing.best)})",
            *_both(timing, most),
        )
    for dtype in ("uint8", "uint16", "float32"):
        cells = [c for i in measured if (i.dtype, i.size) == (dtype, size) and (c := i.cell(OURS))]
        bound = size * size + 256 * MB
        goal = f"{size}² {dtype}: memory of 1 byte per pixel + 256 MB"
        reached = f"1 byte per pixel + {(cells[0].memory - size * size) / MB:,.0f} MB" if cells else None
        add(goal, reached, bool(cells and cells[0].memory <= bound))
    timing = next(iter(imported.values())) if imported else None
    add(
        "import napari_kmeans: 50 ms in addition to NumPy",
        timing and f"{seconds(timing.median)} ({seconds(timing.best)})",
        *_both(timing, 0.05),
    )
    note = "By medians, with best times in brackets; the verdict is unsure if the two disagree."
    return Table("Goals", ["goal", "measured", "met"], rows, note)


def _both(timing: Timing | None, most: float) -> tuple[bool, bool]:
    return (timing.median <= most, timing.best <= most) if timing else (False, False)


def seconds(value: float) -> str:
    """Return a time with three digits in a suitable unit."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        scaled = value * factor
        if scaled >= 1 or unit == "µs":
            return f"{scaled:.0f} {unit}" if scaled >= 100 else f"{scaled:.3g} {unit}"
    raise AssertionError


def excess(cell: Cell) -> str:
    """Return how far the inertia is above the optimum."""
    if cell.excess is None:
        return "–"
    if cell.excess <= 1e-9:
        return "lowest" if cell.dtype in SEVERAL else "optimum"
    return f"+{cell.excess:.0e}" if cell.excess < 1e-4 else f"+{100 * cell.excess:.2f} %"
