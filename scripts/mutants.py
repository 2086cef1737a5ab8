"""Mutation testing: change the code in small ways, and list the changes that no test notices.
Every mutant is one changed operator, comparison, constant or condition, in a copy of the package. The tests of the
module run on it; if they pass, those of its package, and then those of the whole engine. A mutant that passes all of
them has survived and is printed.

mutmut and cosmic-ray run the tests in their own process or installation. For kernels that numba compiles, a copy of
the package on PYTHONPATH is enough, which this script makes.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "napari_kmeans"

TARGETS = (
    "kmeans/exact.py",
    "kmeans/intervals.py",
    "kmeans/_exact_kernels.py",
    "summary/*.py",
    "model/*.py",
    "labels/clean_up.py",
    "labels/_majority_kernels.py",
    "labels/_region_kernels.py",
)
"""Modules to change. Their tests have the same name."""

ENGINE_TESTS = ["tests/faults/test_python.py", "tests/test_pipeline_lazy.py"]
"""Tests that run the whole engine, and notice changes that only show when modules work together."""

_OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


def modules() -> list[str]:
    """Return the modules to change."""
    paths = [path for target in TARGETS for path in sorted(PACKAGE.glob(target))]
    return [str(path.relative_to(PACKAGE)) for path in paths if path.name != "__init__.py"]


def tests_of(module: str) -> list[str]:
    """Return the test files that must notice a change of a module."""
    path = Path(module)
    named = (ROOT / "tests" / path.parent).glob(f"test_{path.stem.removeprefix('_')}*.py")
    return sorted(str(test.relative_to(ROOT)) for test in named)


def code_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of executed code, without annotations and decorators."""
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for node in value if isinstance(value, list) else [value]:
            if isinstance(node, ast.AST):
                yield node
                yield from code_nodes(node)


def change(node: ast.AST) -> str:
    """Change a node in place; return a description of the change, or an empty string."""
    if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign) and type(node.op) in _OPERATORS:
        before = type(node.op)
        node.op = _OPERATORS[before]()
        return f"{before.__name__} to {type(node.op).__name__}"
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _OPERATORS:
        before = type(node.ops[0])
        node.ops[0] = _OPERATORS[before]()
        return f"{before.__name__} to {type(node.ops[0]).__name__}"
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        node.value = not node.value
        return f"{not node.value} to {node.value}"
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        node.value += 1
        return f"{node.value - 1} to {node.value}"
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        node.test = ast.UnaryOp(ast.Not(), node.test)
        return "condition negated"
    return ""


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """Yield a description and the source of every mutant."""
    tree = ast.parse(source)
    for number, original in enumerate(code_nodes(tree)):
        if not change(copy.deepcopy(original)):
            continue
        mutant = copy.deepcopy(tree)
        node = next(node for i, node in enumerate(code_nodes(mutant)) if i == number)
        what = change(node)
        line, column = getattr(original, "lineno", 0), getattr(original, "col_offset", 0)
        text = source.splitlines()[line - 1].strip()
        yield (
            f"line {line}, column {column + 1}, {what}: {text}",
            ast.unparse(ast.fix_missing_locations(mutant)),
        )


def outcome(module: str, source: str, copied: Path) -> str:
    """Return the outcome of the tests for a mutant of a module: "noticed", "no end" or "survived"."""
    path = copied / "napari_kmeans" / module
    before = path.read_text(encoding="utf-8")
    path.write_text(source, encoding="utf-8")
    try:
        for tests in filter(None, (tests_of(module), [f"tests/{Path(module).parent}"], ENGINE_TESTS)):
            command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
            environment = {**os.environ, "PYTHONPATH": str(copied)}
            run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=600)
            if run.returncode:
                return "noticed"
    except subprocess.TimeoutExpired:
        return "no end"
    finally:
        path.write_text(before, encoding="utf-8")
    return "survived"


def summary_of(counts: Counter[str]) -> str:
    """Return a sentence with the number of mutants that were noticed."""
    total = counts.total()
    text = f"{total - counts['survived']} of {total} mutants noticed"
    return f"{text}, {counts['no end']} of them by a time limit of ten minutes" if counts["no end"] else text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("modules", nargs="*", help="such as model/edits.py; by default all targets")
    parser.add_argument("--sample", type=int, default=12, help="mutants of each module (0: all)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    totals: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder)
        shutil.copytree(PACKAGE, copied / "napari_kmeans")
        for module in options.modules or modules():
            source = (PACKAGE / module).read_text(encoding="utf-8")
            found = list(mutants(source))
            if options.sample and len(found) > options.sample:
                found = random.Random(options.seed).sample(found, options.sample)
            if outcome(module, source, copied) != "survived":
                print(f"{module}: the tests fail without any change")
                return 1
            outcomes = [(what, outcome(module, changed, copied)) for what, changed in found]
            counts = Counter(how for _, how in outcomes)
            print(f"{module}: {summary_of(counts)}", flush=True)
            for what, how in outcomes:
                if how != "noticed":
                    print(f"    {how}: {what}", flush=True)
            totals += counts
    print(f"All modules: {summary_of(totals)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
