"""Compare time and memory of napari-kmeans and other libraries, in one interleaved run."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import re
import shlex
import sys
import time
from importlib import metadata
from pathlib import Path

from . import engine, images, measure, tables
from .contenders import CONTENDERS, GRAY

_BEGIN, _END = "<!-- begin of results -->", "<!-- end of results -->"
_PACKAGES = (
    "napari-kmeans", "numpy", "numba", "scikit-learn", "scikit-image", "scipy",
    "opencv-python-headless", "faiss-cpu", "SimpleITK", "kmeans1d", "ckwrap",
)  # fmt: skip


def main() -> int:
    """Measure, and print and write the results."""
    options = _options()
    begin = time.perf_counter()

    def report(message: str) -> None:
        print(f"[{time.perf_counter() - begin:5.0f} s] {message}", file=sys.stderr, flush=True)

    environment = _environment()
    head = "\n".join(f"{name}: {value}" for name, value in environment.items())
    print(head + "\n\n" + _rules(options) + "\n", flush=True)

    measured: list[measure.Image] = []
    results: list[tables.Table] = []

    def show(*new: tables.Table) -> None:
        results.extend(new)
        print(*(table.text() for table in new), sep="\n", flush=True)

    for image in measure.run(
        options.sizes, options.dtypes, options.only, options.rounds, options.limit, report
    ):
        measured.append(image)
        show(tables.of_image(image))
    every_k = imported = None
    raw: dict[str, object] = {}
    if not options.only:
        n = 3 if options.quick else 9
        size = min(2048, max(options.sizes))
        report("the exact solver")
        every_k = engine.in_fresh_process(engine.every_k, n)
        one_k = engine.in_fresh_process(engine.one_k, n)
        report("steps of the slider")
        steps = {dtype: engine.in_fresh_process(engine.slider, dtype, size, n) for dtype in GRAY}
        report("figures")
        figures = engine.in_fresh_process(engine.figures, n)
        report("imports")
        imported = engine.imports(n)
        show(
            tables.of_every_k(every_k),
            tables.of_one_k(one_k),
            tables.of_slider(steps, size),
            tables.of_figures(figures),
            tables.of_imports(imported),
        )
        raw = {"every_k": every_k, "one_k": one_k, "slider": steps, "figures": figures, "imports": imported}
    show(tables.of_goals(measured, every_k, imported))
    report("done")

    if options.markdown:
        about = [f"`{environment['command']}`", ""]
        about += [f"- {name}: {value}" for name, value in environment.items() if name != "command"]
        about += [f"- {_rules(options)}", ""]
        goals, others = results[-1], results[:-1]
        text = "\n".join([*about, *(table.markdown() for table in (goals, *others))])
        _write_markdown(options.markdown, text)
    if options.json:
        raw = {"environment": environment, "rules": _rules(options), "images": measured, **raw}
        options.json.write_text(
            json.dumps(raw, indent=1, default=dataclasses.asdict) + "\n", encoding="utf-8"
        )
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--sizes", type=_list(int), help="edge lengths in pixels (default 512,2048,4096)")
    parser.add_argument(
        "--dtypes",
        type=_list(str),
        default=list(images.DTYPES),
        help=f"one or more of {', '.join(images.DTYPES)}",
    )
    parser.add_argument("--rounds", type=int, help="rounds of all programs (default 5)")
    parser.add_argument(
        "--limit", type=float, help="skip programs that take more seconds per run (default 75)"
    )
    parser.add_argument(
        "--only",
        type=_list(str),
        default=[],
        help="only programs with one of these words in their name, such as napari,floor; no tables of the engine",
    )
    parser.add_argument(
        "--quick", action="store_true", help="quick trial: by default 512², 2 rounds, at most 5 s per run"
    )
    parser.add_argument(
        "--markdown",
        type=Path,
        help="Markdown file for the tables; if it contains the two comments that enclose the results, only "
        "the text between them is replaced",
    )
    parser.add_argument("--json", type=Path, help="JSON file for the individual times")
    options = parser.parse_args()
    options.sizes = options.sizes or ([512] if options.quick else [512, 2048, 4096])
    options.rounds = options.rounds or (2 if options.quick else 5)
    options.limit = options.limit or (5.0 if options.quick else 75.0)
    if unknown := set(options.dtypes) - set(images.DTYPES):
        parser.error(f"--dtypes: {', '.join(sorted(unknown))} must be one of {', '.join(images.DTYPES)}")
    if not any(measure.chosen(contender, options.only) for contender in CONTENDERS):
        parser.error(f"--only: no program's name contains {' or '.join(options.only)}")
    return options


def _list(kind: type) -> object:
    def comma_separated(text: str) -> list:
        return [kind(part) for part in text.split(",") if part]

    return comma_separated


def _rules(options: argparse.Namespace) -> str:
    return (
        f"{options.rounds} round{'s' * (options.rounds != 1)}, at most 2 for programs that take over "
        f"{measure.SLOW:g} s, and only the first run of those over {measure.VERY_SLOW:g} s. Programs that take "
        f"over {options.limit:g} s, or would according to their time for a smaller image, are not measured and "
        "are named below the table."
    )


def _environment() -> dict[str, str]:
    """Return what the results depend on: the machine and the versions."""
    versions = []
    for package in _PACKAGES:
        try:
            versions.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            if package == "napari-kmeans":  # in a clone, not installed
                from napari_kmeans import __version__

                versions.append(f"{package} {__version__}")
            else:
                versions.append(f"{package} not installed")
    return {
        "command": _command(),
        "machine": f"{os.cpu_count()} CPUs, {_cpu()}, {platform.system()}{_load()}",
        "Python": platform.python_version(),
        "packages": ", ".join(versions),
    }


def _command() -> str:
    """Return the command without its output paths, which do not affect the results."""
    words = re.split(r"\s--(?:json|markdown)[ =]\S+", " " + shlex.join(sys.argv[1:]))
    return "python -m benchmarks" + "".join(words).rstrip()


def _load() -> str:
    """Return the load of the machine, because times on a busy machine are unreliable."""
    return f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", info.read_text()) if info.exists() else None
    return found[1] if found else platform.processor() or platform.machine()


def _write_markdown(path: Path, text: str) -> None:
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    if _BEGIN in old and _END in old:
        before, after = old[: old.index(_BEGIN)], old[old.index(_END) :]
        text = f"{before}{_BEGIN}\n\n{text}\n{after}"
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
