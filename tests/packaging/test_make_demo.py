"""Final output of `make demo`, with a program that does nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.skipif(shutil.which("make") is None or os.name == "nt", reason="needs make and a shell")
@pytest.mark.parametrize("display", [":0", ""])
def test_the_program_is_named_at_the_end(tmp_path: Path, display: str) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in (
        "pyproject.toml",
        ".venv/installed",
        ".venv/bin/napari-kmeans",
        "scripts/install-system-packages",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    environment = {**os.environ, "DISPLAY": display, "WAYLAND_DISPLAY": ""}
    done = subprocess.run(
        ["make", "demo"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "*" not in done.stdout
    assert done.stdout.splitlines()[-4:] == [
        "napari-kmeans is installed as .venv/bin/napari-kmeans. Try it on an image of your own:",
        "    .venv/bin/napari-kmeans view IMAGE.tif -k 3",
        "    .venv/bin/napari-kmeans segment IMAGE.tif -k 3 -o results",
        "docs/tutorials continues from here.",
    ]
