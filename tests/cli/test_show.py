"""``napari-kmeans show`` and ``--recipe-from``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import napari_kmeans

pytest.importorskip("typer")
tifffile = pytest.importorskip("tifffile")

from napari_kmeans.batch import Task
from napari_kmeans.cli import app as cli
from napari_kmeans.report.provenance import record_of, write_model

Run = Callable[..., tuple[int, str, str]]

GRAY = np.random.default_rng(0).integers(0, 200, (40, 50), dtype=np.uint8)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line in a folder with two images: (exit status, standard output, error output)."""
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("a.tif", GRAY)
    tifffile.imwrite("b.tif", GRAY[::-1, ::2])

    def command(*args: object) -> tuple[int, str, str]:
        status = cli.main([str(arg) for arg in args])
        out, err = capsys.readouterr()
        return status, out, err

    return command


def test_every_output_records_how_it_was_made(run: Run) -> None:
    options = ["--table", "--objects", "--confidence", "--save-model", "out/m.json", "--smooth", 1]
    assert run("segment", "a.tif", "-k", 3, "-o", "out", *options, "--min-size", 4)[0] == 0
    outputs = list(Path("out").iterdir())
    assert len(outputs) == 8  # two of them are the metadata of CSV files
    for path in outputs:
        status, out, err = run("show", path)
        assert (status, err) == (0, "")
        lines = out.splitlines()
        assert lines[0] == f"program:   napari-kmeans {napari_kmeans.__version__}"
        assert lines[1] == "image:     a.tif (YX, 40 × 50 uint8)"
        assert lines[2].strip().startswith("sha256:")
        assert "recipe:    n_clusters = 3" in lines
        assert "recipe:    smooth = 1.0" in lines
        assert "recipe:    clean_up = min_size 4.0" in lines
        assert "model:     3 clusters by gray" in lines
        assert json.loads(run("show", path, "--json")[1])["provenance"]["source"]["path"] == "a.tif"
    assert napari_kmeans.KMeansModel.load("out/m.json").n_clusters == 3


def test_the_same_command_gives_the_same_bytes(run: Run) -> None:
    for folder in ("one", "two"):
        arguments = ("segment", "a.tif", "b.tif", "-k", 3, "-o", folder, "--table", f"{folder}/all.csv")
        assert run(*arguments, "--objects", "--figure", "svg")[0] == 0
    names = sorted(path.name for path in Path("one").iterdir())
    assert len(names) == 14
    assert [name for name in names if Path("one", name).read_bytes() != Path("two", name).read_bytes()] == []


def test_show_prints_recipes_and_rejects_other_files(run: Run) -> None:
    napari_kmeans.Recipe.of("auto", features="rgb").save("r.json")
    assert run("show", "r.json") == (0, "recipe:    n_clusters = auto\nrecipe:    features = rgb\n", "")
    status, out, err = run("show", "a.tif")
    assert (status, out) == (1, "")
    assert (
        err == "napari-kmeans: a.tif has no record of how it was made: it is not an output of napari-kmeans\n"
    )


def test_an_output_can_be_reproduced_from_its_record(run: Run) -> None:
    tifffile.imwrite("fluo.tif", np.stack([GRAY, GRAY[::-1]]), imagej=True, metadata={"axes": "CYX"})
    assert run("segment", "fluo.tif", "-k", 3, "-o", "out", "--channel", 1, "--coherence", 1)[0] == 0
    assert run("batch", "--recipe-from", "out/fluo-labels.tif", "-o", "again")[0] == 0
    assert Path("out/fluo-labels.tif").read_bytes() == Path("again/fluo-labels.tif").read_bytes()
    assert run("batch", "--recipe-from", "out/fluo-labels.tif", "-o", "again", "--skip-existing")[2].endswith(
        "skipped, in 0.0 s\n"
    )
    tifffile.imwrite("fluo.tif", np.stack([GRAY, GRAY]), imagej=True, metadata={"axes": "CYX"})
    err = run("batch", "--recipe-from", "out/fluo-labels.tif", "-o", "changed")[2]
    assert "fluo.tif is not the file that out/fluo-labels.tif was made from, or it has changed since" in err


@pytest.mark.parametrize("command", ["together", "apply"])
def test_a_model_is_applied_again(run: Run, command: str) -> None:
    if command == "together":
        assert run("segment", "a.tif", "b.tif", "-k", 3, "-o", "out", "--together")[0] == 0
        assert "together:  one model of 2 images, weighted by pixels" in run("show", "out/b-labels.tif")[1]
    else:
        assert run("segment", "a.tif", "-k", 3, "-o", "model", "--save-model", "m.json")[0] == 0
        assert run("apply", "m.json", "b.tif", "-o", "out")[0] == 0
        assert "applied:   a model, with match values" in run("show", "out/b-labels.tif")[1]
    assert run("batch", "--recipe-from", "out/b-labels.tif", "-o", "again")[0] == 0
    assert Path("out/b-labels.tif").read_bytes() == Path("again/b-labels.tif").read_bytes()


def test_a_pooled_model_records_how_it_was_made(run: Run) -> None:
    arguments = ["a.tif", "b.tif", "-k", 3, "-o", "out", "--together", "--save-model", "m.json"]
    assert run("segment", *arguments)[0] == 0
    lines = run("show", "m.json")[1].splitlines()
    assert lines[0] == f"program:   napari-kmeans {napari_kmeans.__version__}"
    assert [line for line in lines if line.startswith("image:")] == [
        "image:     a.tif (YX, 40 × 50 uint8)",
        "image:     b.tif (YX, 40 × 25 uint8)",
    ]
    assert "together:  one model of 2 images, weighted by pixels" in lines
    assert napari_kmeans.KMeansModel.load("m.json").n_clusters == 3
    assert run("batch", "--recipe-from", "m.json", "-o", "again")[0] == 0
    for name in ("a-labels.tif", "b-labels.tif"):
        assert Path("out", name).read_bytes() == Path("again", name).read_bytes()


@pytest.mark.parametrize("kind", ["png", "svg", "pdf", "csv", "json"])
def test_every_kind_of_output_gives_the_same_labels_again(run: Run, kind: str) -> None:
    options = {"csv": ["--table"], "json": ["--save-model", "out/m.json"]}.get(kind, ["--figure", kind])
    assert run("segment", "a.tif", "-k", 3, "-o", "out", "--smooth", 1, "--min-size", 4, *options)[0] == 0
    (path,) = Path("out").glob(f"*.{kind}")
    assert run("batch", "--recipe-from", path, "-o", "again")[0] == 0
    assert Path("out/a-labels.tif").read_bytes() == Path("again/a-labels.tif").read_bytes()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_of_all_images_gives_all_labels_again(run: Run, kind: str) -> None:
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    tifffile.imwrite("unrelated.tif", GRAY)
    table = f"out/all.{kind}"
    assert run("segment", "a.tif", "b.tif", "-k", 3, "-o", "out", "--table", table)[0] == 0
    status, _, err = run("batch", "--recipe-from", table, "-o", "again")
    assert status == 0
    assert "has changed since" not in err
    assert sorted(path.name for path in Path("again").iterdir()) == ["a-labels.tif", "b-labels.tif"]
    for name in ("a-labels.tif", "b-labels.tif"):
        np.testing.assert_array_equal(tifffile.imread(f"again/{name}"), tifffile.imread(f"out/{name}"))


def test_a_table_of_a_tree_of_images_gives_the_same_tree_again(run: Run) -> None:
    for folder, name in (("day0", "new.tif"), ("day0/late", "b.tif"), ("", "c.tif")):
        Path("images", folder).mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(Path("images", folder, name), GRAY)
    napari_kmeans.Recipe.of(3).save("r.json")
    assert run("batch", "r.json", "images", "-r", "-o", "out", "--table", "all.csv")[0] == 0
    assert run("batch", "--recipe-from", "all.csv", "-o", "again")[0] == 0
    first, again = (
        sorted(path.relative_to(out).as_posix() for path in Path(out).rglob("*.tif"))
        for out in ("out", "again")
    )
    assert again == first == ["c-labels.tif", "day0/late/b-labels.tif", "day0/new-labels.tif"]
    assert (
        run("segment", "images/day0/new.tif", "images/c.tif", "-k", 3, "-o", "flat", "--table", "f.csv")[0]
        == 0
    )
    assert run("batch", "--recipe-from", "f.csv", "-o", "flat-again")[0] == 0
    assert sorted(path.name for path in Path("flat-again").iterdir()) == ["c-labels.tif", "new-labels.tif"]


@pytest.mark.parametrize("folder", ["../elsewhere", "/elsewhere"])
def test_a_record_with_a_folder_outside_the_output_is_rejected(run: Run, folder: str) -> None:
    write_record_of_layer("m.json", path="a.tif", folder=folder)
    status, _, err = run("batch", "--recipe-from", "m.json", "-o", "out")
    assert (status, err.count("\n")) == (1, 1)
    assert "is not inside the output folder" in err
    assert not Path("out").exists()


def test_an_incomplete_record_gives_a_one_line_error(run: Run) -> None:
    napari_kmeans.fit(GRAY, 2).save("m.json")
    for name, message in (
        ("m.json", "it does not record the recipe that made it"),
        ("a.tif", "has no record of how it was made"),
    ):
        status, out, err = run("batch", "--recipe-from", name, "-o", "out")
        assert (status, out, err.count("\n")) == (1, "", 1)
        assert message in err


def write_record_of_layer(name: str, **source: str) -> None:
    """Write a model file with the provenance that the dock records."""
    model = napari_kmeans.fit(GRAY, 3)
    layer = {"layer": "coins", "shape": [40, 50], "dtype": "uint8", **source}
    write_model(name, record_of(model, Task(model.recipe).to_dict(), layer))


def test_the_record_of_a_layer_without_a_file_needs_an_image(run: Run) -> None:
    write_record_of_layer("m.json")
    assert run("batch", "--recipe-from", "m.json", "-o", "out") == (
        1,
        "",
        "napari-kmeans: m.json cannot be reproduced: it was made from the layer 'coins' of napari, whose file it does "
        "not record: give an image, too\n",
    )
    assert run("batch", "--recipe-from", "m.json", "a.tif", "-o", "out")[0] == 0
    np.testing.assert_array_equal(tifffile.imread("out/a-labels.tif"), napari_kmeans.segment(GRAY, 3)[0])


def test_the_record_of_a_layer_with_a_file_needs_no_fingerprint(run: Run) -> None:
    write_record_of_layer("m.json", path="a.tif")
    status, _, err = run("batch", "--recipe-from", "m.json", "-o", "out")
    assert (status, err.count("\n")) == (0, 1)  # the summary
    assert Path("out/a-labels.tif").exists()
