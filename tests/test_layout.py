"""Whoever opens a module finds its tests by its name; tests of the whole package, or dock, are in its top folder."""

from __future__ import annotations

from pathlib import Path

import pytest

import napari_kmeans

TESTS = Path(__file__).parent
PACKAGE = Path(napari_kmeans.__file__).parent
FOLDERS = [path.parent for path in sorted(PACKAGE.rglob("__init__.py"))]
TOP = (PACKAGE, PACKAGE / "_napari")


def modules_in(folder):
    """Names of the modules in a folder, without leading underscores; a package without code has no tests."""
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
