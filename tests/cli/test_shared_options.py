from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

typer = pytest.importorskip("typer")

from napari_kmeans.batch.plan import Outputs
from napari_kmeans.cli import app as cli
from napari_kmeans.cli.shared_options import (
    SHARED,
    Running,
    outputs_of,
    running_of,
    takes_shared_options,
    with_values,
)

DEFAULTS = {name: default for name, (_, default) in SHARED.items()}


@pytest.mark.parametrize("command", ["segment", "apply", "batch"])
def test_every_command_that_writes_labels_has_the_shared_options(command: str) -> None:
    parameters = {p.name for p in typer.main.get_command(cli.app).commands[command].params}
    assert set(SHARED) <= parameters


def test_shared_options_are_added_to_the_signature_of_a_command() -> None:
    @takes_shared_options
    def command(image: str, **options: Any) -> None:
        """Do nothing."""

    assert list(inspect.signature(command).parameters) == ["image", *SHARED]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a.tif --table -o out", "a.tif --table=each -o out"),
        ("--table a.tif", "--table=each a.tif"),
        ("--table all.CSV a.tif", "--table=all.CSV a.tif"),
        ("--table=x.csv", "--table=x.csv"),
        ("--figure --table", "--figure=png --table=each"),
        ("--figure pdf a.tif", "--figure=pdf a.tif"),
        ("--figure pdf.tif", "--figure=png pdf.tif"),
        ("--table all.xlsx a.tif", "--table=all.xlsx a.tif"),
        ("--figure jpg a.tif", "--figure=jpg a.tif"),
        ("-- --table", "-- --table"),
        ("", ""),
    ],
)
def test_values_of_options_may_be_omitted(given: str, expected: str) -> None:
    assert with_values(given.split()) == expected.split()


def test_a_folder_name_is_not_read_as_a_kind_of_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tif").mkdir()
    assert with_values(["--figure", "tif"]) == ["--figure=png", "tif"]


def test_options_state_what_is_written_and_how(tmp_path: Path) -> None:
    assert outputs_of(DEFAULTS) == Outputs(None)
    options = {**DEFAULTS, "out": Path("o"), "table": "each", "figure": "svg", "objects": True}
    assert outputs_of(options, Path("m.json")) == Outputs(Path("o"), "", True, "svg", Path("m.json"), True)
    assert running_of(options) == Running()
    table = tmp_path / "all.csv"
    options = {**DEFAULTS, "table": str(table), "jobs": 3, "skip_existing": True, "log": Path("l")}
    assert outputs_of(options) == Outputs(None)
    assert running_of(options) == Running(3, False, True, table, Path("l"))
    for name, value in (("table", "x.txt"), ("figure", "gif")):
        with pytest.raises(typer.BadParameter, match=value):
            [read({**DEFAULTS, name: value}) for read in (outputs_of, running_of)]
