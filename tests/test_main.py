from __future__ import annotations

import subprocess
import sys

import pytest

import napari_kmeans

pytest.importorskip("typer")


def test_the_package_runs_as_the_command_line():
    command = [sys.executable, "-m", "napari_kmeans", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert napari_kmeans.__version__ in done.stdout
