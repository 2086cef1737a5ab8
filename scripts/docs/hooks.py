"""Events of MkDocs: add the pages and pictures that are made of the program itself."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import example_gallery
import explanation_pictures
from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[2]


def on_config(config: Any) -> Any:
    """Show the version, and list the examples in the navigation."""
    config.extra["version_text"] = version()
    config.copyright = f"napari-kmeans {version()} · BSD-3-Clause, napari-kmeans contributors"
    for entry in config.nav:
        if "Gallery" in entry:
            pages = [{each.title: f"gallery/{each.name}.md"} for each in example_gallery.examples()]
            entry["Gallery"] = ["gallery/index.md", *pages]
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add what is generated."""
    for name, content in {**generated(), **root_pages()}.items():
        files.append(File.generated(config, name, content=content))
    return files


@cache
def generated() -> dict[str, str | bytes]:
    """Return gallery and pictures by their names in docs/; made once while the site is served."""
    found: dict[str, str | bytes] = {}
    all_examples = example_gallery.examples()
    found["gallery/index.md"] = example_gallery.overview(all_examples)
    for example in all_examples:
        printed, namespace = example.run()
        found[f"gallery/{example.name}.md"] = example_gallery.page(example, printed)
        found[f"gallery/{example.name}.png"] = example_gallery.picture(namespace)
        found[f"gallery/{example.name}.ipynb"] = example_gallery.notebook(example)
    for name, content in explanation_pictures.pictures().items():
        found[f"explanation/{name}"] = content
    return found


def root_pages() -> dict[str, str]:
    """Return CONTRIBUTING.md and CHANGELOG.md as pages, with links as they are seen from docs/."""
    pages = {}
    for name in ("CONTRIBUTING.md", "CHANGELOG.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        pages[name.lower()] = re.sub(r"\]\(docs/", "](", text)
    return pages


def version() -> str:
    """Return the version of the package, without importing it."""
    source = (ROOT / "src" / "napari_kmeans" / "__init__.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "(.+)"$', source, re.M)[1]
