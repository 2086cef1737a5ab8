"""Pages and pictures that the program itself generates, by their names in docs/."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import example_gallery
import explanation_pictures

ROOT = Path(__file__).resolve().parents[2]


def names() -> list[str]:
    """Return the names of all generated files, without making the files."""
    pages = [name for each in example_gallery.examples() for name in _names_of(each)]
    pictures = [f"explanation/{name}" for name in explanation_pictures.names()]
    return ["assets/logo.svg", "gallery/index.md", *pages, *pictures, *root_pages()]


def files() -> dict[str, str | bytes]:
    """Return the contents of all generated files by name."""
    logo = (ROOT / "src" / "napari_kmeans" / "logo.svg").read_bytes()
    return {"assets/logo.svg": logo, **_pictures_and_gallery(), **root_pages()}


@cache  # made once while the site is served
def _pictures_and_gallery() -> dict[str, str | bytes]:
    all_examples = example_gallery.examples()
    found: dict[str, str | bytes] = {"gallery/index.md": example_gallery.overview(all_examples)}
    for example in all_examples:
        printed, namespace = example.run()
        page, picture, notebook = _names_of(example)
        found[page] = example_gallery.page(example, printed)
        found[picture] = example_gallery.picture(namespace)
        found[notebook] = example_gallery.notebook(example)
    for name, content in explanation_pictures.pictures().items():
        found[f"explanation/{name}"] = content
    return found


def _names_of(example: example_gallery.Example) -> tuple[str, str, str]:
    return f"gallery/{example.name}.md", f"gallery/{example.name}.png", f"gallery/{example.name}.ipynb"


def root_pages() -> dict[str, str]:
    """Return CONTRIBUTING.md and CHANGELOG.md as pages, with links relative to docs/."""
    pages = {}
    for name in ("CONTRIBUTING.md", "CHANGELOG.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        pages[name.lower()] = re.sub(r"\]\(docs/", "](", text)
    return pages


def version() -> str:
    """Return the version of the package, without importing it."""
    source = (ROOT / "src" / "napari_kmeans" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', source, re.M)
    assert found
    return found[1]
