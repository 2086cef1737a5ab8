"""The command line with several images: pooled models, and models of other images."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import napari_kmeans

pytest.importorskip("typer")
tifffile = pytest.importorskip("tifffile")

from PIL import Image

from napari_kmeans.cli import app as cli

Run = Callable[..., tuple[int, str, str]]

GRAY = np.random.default_rng(0).integers(0, 200, (40, 50), dtype=np.uint8)
BRIGHT = (GRAY[::-1, ::2] + 55).astype(np.uint8)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line in a folder with two images: (exit status, standard output, error output)."""
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("a.tif", GRAY)
    tifffile.imwrite("b.tif", BRIGHT)

    def command(*args: object) -> tuple[int, str, str]:
        status = cli.main([str(arg) for arg in args])
        out, err = capsys.readouterr()
        return status, out, err

    return command


def columns(path: str) -> dict[str, list[str]]:
    with Path(path).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


@pytest.mark.parametrize("weights", ["pixels", "images"])
def test_together_makes_one_model_of_all_images(run: Run, weights: str) -> None:
    options = ["--together", "--weights", weights, "--save-model", "m.json", "--table"]
    status, out, err = run("segment", "a.tif", "b.tif", "-k", 3, "-o", "out", *options)
    assert (status, err) == (0, "")
    assert out.startswith("m.json: k = 3\n")
    labels, model = napari_kmeans.segment([GRAY, BRIGHT], 3, weights=weights)
    for name, expected in zip("ab", labels, strict=True):
        np.testing.assert_array_equal(tifffile.imread(f"out/{name}-labels.tif"), expected)
        found = columns(f"out/{name}-clusters.csv")
        pixels = np.bincount(expected.ravel(), minlength=4)[1:]
        assert list(map(int, found["pixels"])) == pixels.tolist()
        assert list(map(float, found["share"])) == (pixels / pixels.sum()).tolist()
    saved = napari_kmeans.KMeansModel.load("m.json")
    np.testing.assert_array_equal(saved.centers, model.centers)
    np.testing.assert_array_equal(saved.counts, model.counts)
    assert saved.inertia == model.inertia


def test_quoted_patterns_name_images(run: Run) -> None:
    assert run("segment", "*.tif", "-k", 3, "-o", "out", "--together", "--save-model", "m.json")[0] == 0
    assert run("apply", "m.json", "[ab].tif", "-o", "again")[0] == 0
    for folder in ("out", "again"):
        assert sorted(path.name for path in Path(folder).iterdir()) == ["a-labels.tif", "b-labels.tif"]
    status, _, err = run("segment", "*.jpg", "-k", 3, "-o", "none")
    assert (status, err) == (1, "napari-kmeans: *.jpg: No such file or directory\n")


def test_together_suggests_one_number(run: Run) -> None:
    status, out, _ = run("segment", "a.tif", "b.tif", "-k", "auto", "-o", "out", "--together")
    n = napari_kmeans.fit([GRAY, BRIGHT], "auto").n_clusters
    assert status == 0
    assert [f"k = {n}," in line for line in out.splitlines()] == [True, True]


def test_together_with_an_image_that_cannot_be_read(run: Run) -> None:
    Path("c.tif").write_bytes(b"")
    status, out, err = run("segment", "a.tif", "c.tif", "b.tif", "-k", 3, "-o", "out", "--together")
    assert (status, len(out.splitlines())) == (1, 2)
    assert err.splitlines() == [
        "napari-kmeans: c.tif is empty",
        "napari-kmeans: 1 of 3 images failed: c.tif",
    ]
    tifffile.imwrite("d.tif", GRAY.astype(np.uint16))
    status, out, err = run("segment", "a.tif", "d.tif", "-k", 3, "-o", "other", "--together")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "d.tif has dtype uint16 and no channels, and a.tif has dtype uint8" in err
    assert err.endswith("images of the same kind: convert them, or leave out --together\n")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("--weights images", "--weights: it requires --together"),
        ("--together --weights all", "'all' must be one of pixels, images"),
        ("--together --save-model a.tif", "--save-model: a.tif is an input or another output"),
        ("--jobs 0", "Invalid value for '-j' / '--jobs'"),
        ("--jobs 2 --scheduler x:1", "choose --scheduler or --jobs"),
    ],
)
def test_wrong_usage_gives_one_line(run: Run, arguments: str, complaint: str) -> None:
    status, out, err = run("segment", "a.tif", "b.tif", "-k", 2, "-o", "out", *arguments.split())
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert complaint in err


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        ("--log a.tif", "--log: a.tif"),
        ("--log ../{here}/a.tif", "--log: ../{here}/a.tif"),
        ("--log out/a-labels.tif", "--log: out/a-labels.tif"),
        ("--log t.csv --table t.csv", "--log: t.csv"),
        ("--contact-sheet c.png", "--contact-sheet: c.png"),
        ("--contact-sheet out/a-figure.png --figure", "--contact-sheet: out/a-figure.png"),
        ("--table out/a.csv --objects", "--table: out/a-objects.csv"),
        ("--together --save-model ../{here}/a.tif", "--save-model: ../{here}/a.tif"),
    ],
)
def test_an_output_of_all_images_replaces_no_other_file(run: Run, arguments: str, culprit: str) -> None:
    here = Path.cwd().name
    Image.fromarray(GRAY).save("c.png")
    before = [Path(name).read_bytes() for name in ("a.tif", "c.png")]
    options = arguments.format(here=here).split()
    status, out, err = run("segment", "a.tif", "c.png", "-k", 2, "-o", "out", "--overwrite", *options)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert f"{culprit.format(here=here)} is an input or another output" in err
    assert [Path(name).read_bytes() for name in ("a.tif", "c.png")] == before
    assert not Path("out").exists()


def test_a_log_is_not_appended_to_a_model(run: Run) -> None:
    napari_kmeans.fit(GRAY, 2).save("m.json")
    status, _, err = run("apply", "m.json", "a.tif", "-o", "out", "--log", "m.json")
    assert (status, "--log: m.json is an input or another output" in err) == (2, True)
    napari_kmeans.KMeansModel.load("m.json")


def test_a_log_that_cannot_be_written_is_reported_before_any_work(run: Run) -> None:
    napari_kmeans.fit(GRAY, 2).save("m.json")
    Path("file").write_text("")
    status, out, err = run("apply", "m.json", "a.tif", "-o", "out", "--log", "file/log.jsonl")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "file" in err
    assert not Path("out").exists()
    status, *_ = run("apply", "m.json", "a.tif", "-o", "out", "--log", "new/folder/log.jsonl")
    assert status == 0
    assert Path("new/folder/log.jsonl").read_text().count("\n") == 1


def test_refit_fits_the_illumination_of_an_image_of_another_shape(run: Run) -> None:
    napari_kmeans.fit(GRAY, 2, illumination="additive").save("m.json")
    tifffile.imwrite("smaller.tif", GRAY[:-7, :-9])
    status, _, err = run("apply", "m.json", "smaller.tif", "-o", "out", "--match", "refit")
    assert (status, err) == (0, "")
    expected, _ = napari_kmeans.segment(GRAY[:-7, :-9], 2, illumination="additive")
    np.testing.assert_array_equal(tifffile.imread("out/smaller-labels.tif"), expected)


@pytest.mark.parametrize("match", ["values", "range", "refit"])
def test_match_options_of_apply_handle_an_image_of_another_type(run: Run, match: str) -> None:
    model = napari_kmeans.fit(GRAY, 3)
    model.save("m.json")
    shifted = GRAY.astype(np.uint16) * 40
    tifffile.imwrite("deep.tif", shifted)
    options = ["--match", match, "--table", "--objects", "--figure"]
    status, out, err = run("apply", "m.json", "deep.tif", "-o", "out", *options)
    assert status == 0
    names = ["labels.tif", "clusters.csv", "figure.png", "objects.tif", "objects.csv"]
    assert [line.partition(": ")[0] for line in out.splitlines()] == [
        str(Path(f"out/deep-{n}")) for n in names
    ]
    if match == "values":
        assert err.count("\n") == 1
        assert "deep.tif: the image differs from the one that the model was fitted to: dtype uint16" in err
        assert "--match range scales the model to the image" in err
        with pytest.warns(UserWarning, match="differs"):
            expected = model.predict(shifted)
    else:
        assert err == ""
        expected = model.predict(shifted, match=match)
    np.testing.assert_array_equal(tifffile.imread("out/deep-labels.tif"), expected)
    found = columns("out/deep-clusters.csv")
    assert list(map(int, found["pixels"])) == np.bincount(expected.ravel(), minlength=4)[1:].tolist()
    assert sum(map(float, found["share"])) == pytest.approx(1)
    assert len(columns("out/deep-objects.csv")["index"]) == tifffile.imread("out/deep-objects.tif").max()


def test_apply_compares_pixel_sizes(run: Run) -> None:
    for name, size in (("one", 2), ("two", 4)):
        tifffile.imwrite(f"{name}.tif", GRAY, imagej=True, resolution=(size, size), metadata={"unit": "um"})
    assert run("segment", "one.tif", "-k", 2, "-o", "out", "--save-model", "m.json")[0] == 0
    assert run("apply", "m.json", "one.tif", "-o", "again")[2] == ""
    err = run("apply", "m.json", "two.tif", "-o", "again")[2]
    assert "pixel size 0.25 × 0.25 um instead of 0.5 × 0.5 um" in err


def test_several_processes_write_the_same_labels(run: Run) -> None:
    assert run("segment", "a.tif", "b.tif", "-k", 3, "-o", "one")[0] == 0
    status, out, err = run("segment", "a.tif", "b.tif", "-k", 3, "-o", "two", "--jobs", 2)
    assert (status, err, len(out.splitlines())) == (0, "", 2)
    for name in ("a-labels.tif", "b-labels.tif"):
        assert Path("one", name).read_bytes() == Path("two", name).read_bytes()
