"""Test files are named after modules; tests of the whole package or dock are in its top folder."""

from __future__ import annotations

import ast
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import napari_kmeans

TESTS = Path(__file__).parent
PACKAGE = Path(napari_kmeans.__file__).parent
FOLDERS = [path.parent for path in sorted(PACKAGE.rglob("__init__.py"))]
TOP = (PACKAGE, PACKAGE / "_napari")


def modules_in(folder):
    """Return the names of the modules in a folder, without leading underscores; a package without code has no tests."""
    names = {path.stem for path in folder.glob("*.py")} - ({"__init__"} if folder != PACKAGE else set())
    return {name.strip("_") for name in names}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_each_module_has_a_test_file(folder):
    tests = {
        path.stem.removeprefix("test_") for path in (TESTS / folder.relative_to(PACKAGE)).glob("test_*.py")
    }
    assert modules_in(folder) - tests == set()


@pytest.mark.parametrize(
    "folder", [folder for folder in FOLDERS if folder not in TOP], ids=lambda folder: folder.name
)
def test_each_test_file_is_named_after_a_module(folder):
    modules = modules_in(folder)
    for path in (TESTS / folder.relative_to(PACKAGE)).glob("test_*.py"):
        name = path.stem.removeprefix("test_")
        of_module = any(name == module or name.startswith(f"{module}_") for module in modules)
        assert of_module, f"{path.name} is of no module in {folder.name}"


@cache
def imports_of(path):
    """Modules of the package that a module imports, inside functions and for type checking too."""
    package = path.parent.relative_to(PACKAGE).parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            start = PACKAGE.joinpath(
                *package[: len(package) - node.level + 1], *(node.module or "").split(".")
            )
            for name in node.names:
                candidates = [start / f"{name.name}.py", start.with_suffix(".py"), start / "__init__.py"]
                found.update([each for each in candidates if each.is_file()][:1])
    return found - {path}


def test_no_modules_import_each_other_in_a_cycle():
    graph = {path: imports_of(path) for path in PACKAGE.rglob("*.py")}
    assert sum(map(len, graph.values())) > len(graph)
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the modules
