"""Examples of the gallery run, and their pages, pictures and notebooks can be made."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts" / "docs"))

import example_gallery

sys.path.pop(0)

EXAMPLES = example_gallery.examples()
QUICK = {"channels", "coins", "galaxies", "stains", "time_series", "tissue"}


def test_the_readme_of_the_gallery_lists_every_example():
    listed = (example_gallery.FOLDER / "README.md").read_text(encoding="utf-8")
    rows = [f"| {example.title} | [{example.path.name}]({example.path.name}) |" for example in EXAMPLES]
    assert [line for line in listed.splitlines() if ".py](" in line] == rows


def test_gallery_has_at_least_a_dozen_examples():
    assert len(EXAMPLES) >= 12


@pytest.mark.parametrize(
    "example",
    [
        pytest.param(each, id=each.name, marks=[] if each.name in QUICK else [pytest.mark.thorough])
        for each in EXAMPLES
    ],
)
def test_example_runs_and_prints_a_result(example):
    pytest.importorskip("matplotlib")
    printed, namespace = example.run()
    assert printed.strip()
    images = [artist for axes in namespace["figure"].axes for artist in axes.images]
    assert len(images) >= 2, "an image before and after"
    assert len(example_gallery.picture(namespace)) < 200_000


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.name)
def test_page_and_notebook_have_all_of_the_code(example):
    page = example_gallery.page(example, "printed")
    cells = json.loads(example_gallery.notebook(example))["cells"]
    assert [cell["source"] for cell in cells if cell["cell_type"] == "code"] == list(example.cells)
    for line in "\n".join(example.cells).splitlines():
        assert line.strip() in page


def test_notebook_is_valid():
    for example in EXAMPLES:
        nbformat.validate(json.loads(example_gallery.notebook(example)))


def test_a_script_without_a_title_is_rejected(tmp_path):
    path = tmp_path / "example.py"
    path.write_text("# %%\nprint(1)\n")
    with pytest.raises(ValueError, match="the first cell must be text that begins with a title"):
        example_gallery.Example.read(path)
