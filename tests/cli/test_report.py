from __future__ import annotations

import warnings
from pathlib import Path

import pytest

pytest.importorskip("typer")

from napari_kmeans.cli.report import printed_warnings, reporting, suggesting


def test_errors_and_warnings_are_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    with reporting(Path("x.tif")) as report:
        warnings.warn("odd\nthing", UserWarning, stacklevel=1)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        raise OSError(28, "No space left on device", "y.tif")
    assert report.failed
    assert capsys.readouterr().err.splitlines() == [
        "napari-kmeans: warning: x.tif: odd thing",
        "napari-kmeans: x.tif: y.tif: No space left on device",
    ]
    with reporting(Path("x.tif")) as report:
        raise MemoryError
    assert capsys.readouterr().err == "napari-kmeans: x.tif: there is not enough memory\n"
    with reporting(Path("x.tif")) as report:
        pass
    assert not report.failed
    with pytest.raises(ZeroDivisionError), reporting(Path("x.tif")):
        raise ZeroDivisionError  # a programming error


def test_warnings_of_libraries_are_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    with printed_warnings():
        warnings.warn("odd\nthing", UserWarning, stacklevel=1)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert capsys.readouterr().err == "napari-kmeans: warning: odd thing\n"


def test_another_command_is_suggested_for_a_file_of_another_kind() -> None:
    other = (
        "r.json is not a napari-kmeans model: its format is 'napari-kmeans recipe', not 'napari-kmeans model'"
    )
    with (
        pytest.raises(ValueError, match=f"^{other}; use napari-kmeans batch$"),
        suggesting("batch", "recipe"),
    ):
        raise ValueError(other)
    with pytest.raises(ValueError, match=r"^it is empty$"), suggesting("batch", "recipe"):
        raise ValueError("it is empty")
