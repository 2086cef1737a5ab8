"""Pages that the program itself generates, by their names in docs/."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import example_gallery

ROOT = Path(__file__).resolve().parents[2]


def files() -> dict[str, str | bytes]:
    """Return the contents of all generated files by name."""
    logo = (ROOT / "src" / "napari_kmeans" / "logo.svg").read_bytes()
    return {"assets/logo.svg": logo, **_gallery(), **root_pages()}


@cache  # made once while the site is served
def _gallery() -> dict[str, str | bytes]:
    all_examples = example_gallery.examples()
    found: dict[str, str | bytes] = {"gallery/README.md": example_gallery.overview(all_examples)}
    for example in all_examples:
        printed, namespace = example.run()
        found[f"gallery/{example.name}.md"] = example_gallery.page(example, printed)
        found[f"gallery/{example.name}.png"] = example_gallery.picture(namespace)
        found[f"gallery/{example.name}.ipynb"] = example_gallery.notebook(example)
    return found


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
