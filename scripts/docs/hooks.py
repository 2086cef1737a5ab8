"""MkDocs hooks: add the generated files, the version, and the address of the repository."""

from __future__ import annotations

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
            entry["Gallery"] = ["gallery/index.md", *pages]
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the generated files."""
    for name, content in generated.files().items():
        files.append(File.generated(config, name, content=content))
    return files
