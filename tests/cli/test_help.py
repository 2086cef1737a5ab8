from __future__ import annotations

import shlex
from textwrap import dedent

import pytest

pytest.importorskip("typer")

import typer

from napari_kmeans.cli import app as cli
from napari_kmeans.cli.help import completing
from napari_kmeans.io.samples import SAMPLES

COMMANDS = sorted(cli.EXAMPLES)


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_on_the_terminal_and_cuts_no_word(capsys, monkeypatch, columns, name):
    monkeypatch.setenv("COLUMNS", str(columns))
    assert cli.main([*name.split(), "--help"]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= columns
    words = text.split()
    command = typer.main.get_command(cli.app)
    if name:
        command = command.commands[name]
    for parameter in command.params:
        for option in parameter.opts if parameter.param_type_name == "option" else ():
            assert any(word.rstrip(",") == option for word in words), option
    assert "Examples:" in text
    assert "…" not in "".join(word for word in words if word != "…")


def test_options_are_grouped_in_panels(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    cli.main(["segment", "--help"])
    lines = capsys.readouterr().out.splitlines()
    panels = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert panels == [
        "Arguments:",
        "Clustering:",
        "Many images:",
        "Output:",
        "Clean up:",
        "Options:",
        "Examples:",
    ]
    assert any(line.split() == ["IMAGE", "OME-Zarr"] or line.startswith("  IMAGE  ") for line in lines)


def test_sample_images_and_formats_are_listed(capsys):
    cli.main(["view", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert f"Open a sample image: {', '.join(SAMPLES)}." in text
    formats = "with napari-kmeans[formats] also NRRD, MHA, NIfTI, DICOM, CZI, ND2 or LIF"
    assert formats in text.replace("- ", "-")  # a line may end at a hyphen


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_are_valid_commands(name):
    for example in dedent(cli.EXAMPLES[name]).replace("\\\n", "").strip().splitlines():
        program, command, *arguments = shlex.split(example)
        assert program == "napari-kmeans"
        assert name in ("", command)
        if "--help" not in arguments:
            found = typer.main.get_command(cli.app).commands[command]
            found.make_context(command, cli.with_values(arguments))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("napari-kmeans s", ["segment", "show"]),
        ("napari-kmeans segment x.tif --features l", ["lab"]),
        ("napari-kmeans view --sample c", ["coins", "camera", "cells"]),
        ("napari-kmeans apply m.json x.tif --match ", ["values", "range", "refit"]),
    ],
)
def test_shell_completion_lists_options_and_values(capsys, monkeypatch, words, expected):
    monkeypatch.setenv("_NAPARI_KMEANS_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" ")) - 1))
    with pytest.raises(SystemExit) as stopped:
        cli.main([])
    assert not stopped.value.code
    assert capsys.readouterr().out.split() == expected


def test_values_are_completed_by_their_beginning():
    assert completing(["pixels", "images"])("p") == ["pixels"]
    assert completing(["pixels", "images"])("") == ["pixels", "images"]
