from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.cli import batch
from napari_kmeans.io.image_file import ImageFile, Url
from napari_kmeans.model.segmentation import Segmentation, segment_pixels

pytest.importorskip("rich")
tifffile = pytest.importorskip("tifffile")

GRAY = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)


def test_files_are_named_after_their_images(tmp_path: Path) -> None:
    images = [tmp_path / "a.png", tmp_path / "b.ome.tif", Url("s3://bucket/c.ome.zarr")]
    jobs = batch.plan(images, tmp_path / "out", table=True, figure=True, objects=True)
    out = tmp_path / "out"
    assert [job.labels for job in jobs] == [
        out / "a-labels.tif",
        out / "b-labels.tif",
        out / "c-labels.ome.zarr",
    ]
    assert jobs[0].outputs[1:] == [
        out / "a-clusters.csv",
        out / "a-figure.png",
        out / "a-objects.tif",
        out / "a-objects.csv",
    ]
    [job] = batch.plan(images[:1], tmp_path / "x.ome.zarr", model=tmp_path / "m.json")
    assert job.outputs == [tmp_path / "x.ome.zarr", tmp_path / "m.json"]


@pytest.mark.parametrize(
    ("images", "out", "options", "message"),
    [
        (["a.tif"], None, {}, "an output is needed"),
        (["a.tif", "b.tif"], "x.tif", {}, "x.tif is a single file, but there are 2 images"),
        (["a.tif", "b.tif"], "out", {"model": Path("m.json")}, "m.json holds a single model"),
        (["a.tif"], "x.png", {}, "x.png is not a folder, a .tif file"),
        (["a.tif"], "a.tif", {}, "would replace the image"),
        (["a.tif", "sub/a.png"], "out", {}, "would replace an output for"),
        (["a.tif"], "x.tif", {"in_image": "k"}, "x.tif must be a folder"),
        (["a.tif"], None, {"in_image": "../k"}, "must be a name of letters and digits"),
    ],
)
def test_plans_that_would_lose_something_are_rejected(
    tmp_path: Path, images: list[str], out: str | None, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        batch.plan([tmp_path / image for image in images], None if out is None else tmp_path / out, **options)


def segment(image: ImageFile, stage: batch.Stage) -> batch.Result:
    stage("segmenting")(1)
    return batch.Result(segment_pixels(Pixels.of(image.data), napari_kmeans.Recipe.of(3)))


def test_one_failure_does_not_stop_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.tif", "c.tif"):
        tifffile.imwrite(tmp_path / name, GRAY)
    (tmp_path / "b.tif").write_bytes(b"")
    jobs = batch.plan([tmp_path / f"{name}.tif" for name in "abc"], tmp_path / "out", table=True)
    assert batch.run(jobs, segment) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 4
    first, last = err.splitlines()
    assert first == f"napari-kmeans: {tmp_path / 'b.tif'} is empty"
    assert last == f"napari-kmeans: 1 of 3 images failed: {tmp_path / 'b.tif'}"
    expected, _ = napari_kmeans.segment(GRAY, 3)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out" / "c-labels.tif"), expected)
    assert batch.run(jobs[:1], segment) == 1
    assert "exists already; --overwrite replaces it" in capsys.readouterr().err
    assert batch.run(jobs[:1], segment, overwrite=True) == 0


def test_the_table_has_the_counts_of_changed_labels(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GRAY)

    def changed(image: ImageFile, stage: batch.Stage) -> batch.Result:
        found = segment(image, stage).segmentation
        return batch.Result(Segmentation(found.labels, found.model, np.array([0, 600, 0, 0])))

    jobs = batch.plan([tmp_path / "a.tif"], tmp_path / "out", table=True)
    assert batch.run(jobs, changed) == 0
    rows = (tmp_path / "out" / "a-clusters.csv").read_text().splitlines()[1:]
    assert [row.split(",")[3] for row in rows] == ["600", "0", "0"]


def test_errors_and_warnings_are_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    with batch.reporting(Path("x.tif")) as report:
        warnings.warn("odd\nthing", UserWarning, stacklevel=1)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        raise OSError(28, "No space left on device", "y.tif")
    assert report.failed
    assert capsys.readouterr().err.splitlines() == [
        "napari-kmeans: warning: x.tif: odd thing",
        "napari-kmeans: x.tif: y.tif: No space left on device",
    ]
    with batch.reporting(Path("x.tif")) as report:
        raise MemoryError
    assert capsys.readouterr().err == "napari-kmeans: x.tif: there is not enough memory\n"
    with batch.reporting(Path("x.tif")) as report:
        pass
    assert not report.failed
    with pytest.raises(ZeroDivisionError), batch.reporting(Path("x.tif")):
        raise ZeroDivisionError  # a fault of the program
