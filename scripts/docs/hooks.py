"""MkDocs hooks: add the generated files and links to them, the version, and the address of the repository."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import example_gallery
import generated
from mkdocs.structure.files import File

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hatch_build import repository_url


def on_config(config: Any) -> Any:
    """Show the version and the repository, and list the examples in the navigation."""
    config.repo_url = repository_url()
    config.site_name = f"napari-kmeans {generated.version()}"
    for entry in config.nav:
        if "Gallery" in entry:
            pages = [{each.title: f"gallery/{each.name}.md"} for each in example_gallery.examples()]
            entry["Gallery"] = ["gallery/README.md", *pages]
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the generated files."""
    for name, content in generated.files().items():
        if (listed := files.get_file_from_path(name)) is not None:
            files.remove(listed)  # gallery/README.md, which lists the scripts for readers of a clone
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Link to the pages of examples instead of their scripts, which readers of a clone see."""
    return re.sub(r"(\]\((?:\.\./)*gallery/\w+)\.py\)", r"\1.md)", markdown)
