"""A tag is released only if version, changelog and citation agree with it."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parent.parent.parent / "scripts" / "release-notes"
loader = importlib.machinery.SourceFileLoader("release_notes", str(PATH))
script = importlib.util.module_from_spec(importlib.util.spec_from_loader("release_notes", loader))
loader.exec_module(script)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "src" / "napari_kmeans").mkdir(parents=True)
    (tmp_path / "src" / "napari_kmeans" / "__init__.py").write_text('__version__ = "1.2.0"\n')
    (tmp_path / "CITATION.cff").write_text("title: x\nversion: 1.2.0\n")
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-01-02\n\n- new\n\n## [1.1.0] - 2025-01-02\n\n- old\n"
    )
    return tmp_path


def test_notes_are_those_of_the_tag(root):
    assert script.release_notes("v1.2.0", root) == "- new\n"


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("src/napari_kmeans/__init__.py", '__version__ = "1.1.0"\n', "__version__"),
        ("CITATION.cff", "version: 1.1.0\n", "CITATION.cff"),
        ("CHANGELOG.md", "## [1.2.0]\n\n- no date\n", "CHANGELOG.md"),
        ("CHANGELOG.md", "## [1.2.0] - 2026-01-02\n\n## [1.1.0] - 2025-01-02\n\n- old\n", "CHANGELOG.md"),
    ],
)
def test_the_error_names_what_disagrees(root, file, content, problem):
    (root / file).write_text(content)
    with pytest.raises(ValueError, match=problem):
        script.release_notes("v1.2.0", root)
