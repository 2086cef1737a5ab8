"""The page about the architecture names every package, and only files and names that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import napari_kmeans

PACKAGE = Path(napari_kmeans.__file__).parent
PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"
TEXT = PAGE.read_text(encoding="utf-8")
PATHS = sorted(set(re.findall(r"`((?:\w+/)+\w+\.py|\w+/)`", TEXT)))
NAMED = sorted(
    set(re.findall(r"`((?:[A-Z]\w+|_\w+)(?:\.(?!py`)\w+)?)`", TEXT)) - {"KMeans"}
)  # of scikit-learn


@pytest.mark.parametrize("path", PATHS)
def test_named_files_and_folders_exist(path):
    assert (PACKAGE / path).exists() or (PACKAGE / "_napari" / path).exists()


@pytest.mark.parametrize("name", NAMED)
def test_named_classes_and_private_functions_exist(name):
    code = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    for part in name.split("."):
        assert re.search(rf"(class|def) {part}\b|^{part}\b.* = |^{part} = ", code, re.M), (
            f"{part} is not in the code"
        )


def test_the_table_has_one_line_for_each_package():
    table = TEXT[TEXT.index("| package |") : TEXT.index("Each package imports")]
    listed = re.findall(
        r"`([\w/.]+)`", "\n".join(line.split("|")[1] for line in table.splitlines() if "|" in line)
    )
    packages = {f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")}
    modules = {path.name for path in PACKAGE.glob("*.py") if not path.name.startswith("__")}
    assert sorted(listed) == sorted(packages | modules)
