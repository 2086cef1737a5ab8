"""Output of `make demo` during installation."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from pathlib import Path

PATH = Path(__file__).parent.parent.parent / "scripts" / "install-with-progress"
loader = importlib.machinery.SourceFileLoader("install_with_progress", str(PATH))
script = importlib.util.module_from_spec(importlib.util.spec_from_loader("install_with_progress", loader))
loader.exec_module(script)


def pip_prints(monkeypatch, lines, status=0):
    code = f"import sys; print({chr(10).join(lines)!r}); sys.exit({status})"
    popen = script.subprocess.Popen
    monkeypatch.setattr(
        script.subprocess, "Popen", lambda command, **k: popen([sys.executable, "-c", code], **k)
    )


def test_lines_of_pip_are_shown_as_progress(monkeypatch, capfd):
    lines = ["Obtaining file:///x", "Collecting numpy>=2 (from x)", "  Downloading numpy.whl"]
    pip_prints(monkeypatch, [*lines, "Installing collected packages: numpy, scipy, x"])
    assert script.main(["x"]) == 0
    out = capfd.readouterr().out
    assert "finding and downloading packages: 1 of about 150 (numpy)" in out
    assert "unpacking 3 packages" in out
    assert "Obtaining" not in out


def test_a_failure_shows_the_output_of_pip(monkeypatch, capfd):
    pip_prints(monkeypatch, ["Collecting nothing", "ERROR: No matching distribution found"], status=1)
    assert script.main(["nothing"]) == 1
    assert "No matching distribution found" in capfd.readouterr().err
