"""The command line with OME-Zarr images, large TIFF and channels."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import napari_kmeans

pytest.importorskip("typer")
tifffile = pytest.importorskip("tifffile")
zarr = pytest.importorskip("zarr")
pytest.importorskip("ome_zarr")

from ome_zarr import writer

from napari_kmeans.cli import app as cli
from napari_kmeans.io import tiff, tiff_labels
from napari_kmeans.io.images import read_image

GRAY = np.random.default_rng(0).integers(0, 256, (3, 200, 300), dtype=np.uint8)

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line in an empty folder: (exit status, standard output, error output)."""
    monkeypatch.chdir(tmp_path)

    def command(*args: object) -> tuple[int, str, str]:
        status = cli.main([str(arg) for arg in args])
        out, err = capsys.readouterr()
        return status, out, err

    return command


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    """An image of three channels."""
    path = tmp_path / "cells.ome.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=3)
    options: dict[str, Any] = {
        "scaler": None,
        "scale_factors": [2],
        "storage_options": {"chunks": (1, 64, 64)},
    }
    writer.write_image(GRAY, group, axes=["c", "y", "x"], scale={"c": 1.0, "y": 0.5, "x": 0.5}, **options)
    channels = [{"label": "DAPI"}, {"label": "GFP"}, {"label": "RFP"}]
    group.attrs["ome"] = {**group.attrs["ome"], "omero": {"channels": channels}}
    return path


def stored(path: Path) -> np.ndarray:
    return np.asarray(read_image(path).data)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_labels_are_written_into_a_folder(run: Run, tmp_path: Path, cells: Path) -> None:
    status, out, err = run("segment", cells, "-k", 3, "--channel", "GFP", "-o", "out", "--table")
    assert (status, err) == (0, "")
    labels, table = out.splitlines()
    assert labels.startswith(f"{Path('out/cells-labels.ome.zarr')}: k = 3, ")
    assert table == str(Path("out/cells-clusters.csv"))
    assert names(tmp_path / "out") == [
        "cells-clusters.csv",
        "cells-clusters.csv-metadata.json",
        "cells-labels.ome.zarr",
    ]
    expected, _ = napari_kmeans.segment(GRAY[1], 3)
    np.testing.assert_array_equal(stored(tmp_path / "out" / "cells-labels.ome.zarr"), expected)
    status, _, err = run("segment", cells, "-k", 3, "--channel", "GFP", "-o", "out")
    assert status == 1
    assert (
        f"cells-labels.ome.zarr, an output for {cells}, already exists; use --overwrite to replace it" in err
    )
    status, _, err = run("segment", cells, "-k", 2, "--channel", "0", "-o", "out", "--overwrite")
    assert (status, err) == (0, "")
    assert stored(tmp_path / "out" / "cells-labels.ome.zarr").max() == 2


def test_labels_of_any_image_can_be_written_into_a_store(run: Run, tmp_path: Path, cells: Path) -> None:
    tifffile.imwrite(
        tmp_path / "x.tif", GRAY, imagej=True, metadata={"axes": "ZYX", "unit": "um", "spacing": 2}
    )
    assert run("segment", "x.tif", "-k", 3, "-o", "a/x.ome.zarr")[0] == 0
    expected, _ = napari_kmeans.segment(GRAY, 3)
    image = read_image(tmp_path / "a" / "x.ome.zarr")
    assert (image.axes, image.pixel_size["Z"], image.unit) == ("ZYX", 2.0, "um")
    np.testing.assert_array_equal(image.data, expected)
    assert run("segment", cells, "-k", 3, "--channel", 2, "-o", "y.tif")[0] == 0
    expected, _ = napari_kmeans.segment(GRAY[2], 3)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "y.tif"), expected)


def test_labels_can_be_written_into_the_image(run: Run, tmp_path: Path, cells: Path) -> None:
    arguments = ("segment", cells, "-k", 3, "--channel", "RFP", "--in-image", "k-means")
    status, out, err = run(*arguments)
    assert (status, err) == (0, "")
    assert out.startswith(str(cells / "labels" / "k-means"))
    expected, model = napari_kmeans.segment(GRAY[2], 3)
    np.testing.assert_array_equal(stored(cells / "labels" / "k-means"), expected)
    assert zarr.open_group(cells / "labels", mode="r").attrs["ome"]["labels"] == ["k-means"]
    assert run(*arguments)[0] == 1
    assert run(*arguments, "--overwrite")[0] == 0
    assert names(tmp_path) == ["cells.ome.zarr"]
    model.save(tmp_path / "m.json")
    status, out, err = run("apply", "m.json", cells, "--channel", "DAPI", "--in-image", "of DAPI")
    assert (status, err) == (0, "")
    np.testing.assert_array_equal(stored(cells / "labels" / "of DAPI"), model.predict(GRAY[0]))


def test_one_of_several_channels_must_be_chosen(run: Run, tmp_path: Path, cells: Path) -> None:
    status, _, err = run("segment", cells, "-k", 3, "-o", "out")
    assert status == 1
    assert err == (
        f"napari-kmeans: {cells}: it has 3 channels that are not colours; "
        'use --features channels (in a recipe, "features": "channels"), or choose one channel with --channel: DAPI, '
        "GFP, RFP\n"
    )
    napari_kmeans.fit(GRAY[0], 3).save(tmp_path / "gray.json")
    status, _, err = run("apply", "gray.json", cells, "-o", "out")
    assert (status, err) == (
        1,
        f"napari-kmeans: {cells}: it has 3 channels that are not colours, but the model has features='gray'; choose one "
        "channel with --channel: DAPI, GFP, RFP\n",
    )
    status, _, err = run("segment", cells, "-k", 3, "-o", "out", "--channel", "YFP")
    assert (status, err) == (
        1,
        f"napari-kmeans: {cells}: it has no channel 'YFP': choose 0 to 2 (DAPI, GFP, RFP)\n",
    )
    tifffile.imwrite(tmp_path / "x.tif", GRAY, imagej=True, metadata={"axes": "CYX"})
    assert run("segment", "x.tif", "-k", 3, "-o", ".", "--channel", 1)[0] == 0
    expected, _ = napari_kmeans.segment(GRAY[1], 3)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "x-labels.tif"), expected)
    tifffile.imwrite(tmp_path / "y.tif", GRAY[0])
    status, _, err = run("segment", "y.tif", "-k", 3, "-o", ".", "--channel", 1)
    assert (status, err) == (1, "napari-kmeans: y.tif: it has no channels, so channel '1' cannot be chosen\n")


def test_labels_are_cleaned_and_split_into_objects(run: Run, tmp_path: Path, cells: Path) -> None:
    options = ("--majority", 2, "--min-size", 20)
    arguments = ("segment", cells, "-k", 3, "--channel", "GFP", *options)
    labels, _ = napari_kmeans.segment(GRAY[1], 3)
    cleaned = napari_kmeans.clean_labels(labels, majority=2, min_size=20)
    status, _, err = run(*arguments, "-o", "lazy", "--table", "--figure")
    assert (status, err) == (0, "")
    assert (tmp_path / "lazy" / "cells-figure.png").stat().st_size > 10_000
    np.testing.assert_array_equal(stored(tmp_path / "lazy" / "cells-labels.ome.zarr"), cleaned)
    rows = (tmp_path / "lazy" / "cells-clusters.csv").read_text().splitlines()[1:]
    pixels = np.bincount(cleaned.ravel(), minlength=4)[1:].tolist()
    assert [int(row.split(",")[3]) for row in rows] == pixels
    group = zarr.open_group(tmp_path / "lazy" / "cells-labels.ome.zarr", mode="r")
    assert [row["pixels"] for row in group.attrs["ome"]["image-label"]["properties"]] == pixels
    objects, table = napari_kmeans.split_into_objects(cleaned, intensity_image=GRAY[1])
    status, _, err = run(*arguments, "-o", "objects", "--objects")
    assert (status, err) == (0, "")
    assert names(tmp_path / "objects") == [
        "cells-labels.ome.zarr",
        "cells-objects.csv",
        "cells-objects.csv-metadata.json",
        "cells-objects.ome.zarr",
    ]
    np.testing.assert_array_equal(stored(tmp_path / "objects" / "cells-objects.ome.zarr"), objects)
    assert len((tmp_path / "objects" / "cells-objects.csv").read_text().splitlines()) == 1 + len(
        table["index"]
    )
    status, _, err = run(*arguments, "-o", "objects", "--objects", "--in-image", "k-means", "--overwrite")
    assert (status, err) == (0, "")
    np.testing.assert_array_equal(stored(cells / "labels" / "k-means"), cleaned)
    np.testing.assert_array_equal(stored(cells / "labels" / "k-means-objects"), objects)


def test_labels_of_another_model_are_cleaned(run: Run, tmp_path: Path, cells: Path) -> None:
    model = napari_kmeans.fit(GRAY[0], 4).with_background([1])
    model.save(tmp_path / "m.json")
    tifffile.imwrite(tmp_path / "x.tif", GRAY[2])
    for image, options in [(cells, ("--channel", "RFP")), ("x.tif", ())]:
        status, _, err = run("apply", "m.json", image, *options, "-o", "out", "--min-size", 20)
        assert (status, err) == (0, "")
    expected = tifffile.imread(tmp_path / "out" / "x-labels.tif")
    assert set(np.unique(expected)) == {0, 2, 3, 4}
    np.testing.assert_array_equal(stored(tmp_path / "out" / "cells-labels.ome.zarr"), expected)


def test_large_tiff_is_segmented_block_by_block(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (tiff, tiff_labels):
        monkeypatch.setattr(module, "LAZY_BYTES", 1000)
    tifffile.imwrite(tmp_path / "x.tif", GRAY[0], tile=(64, 64), compression="zlib")
    assert run("segment", "x.tif", "-k", 4, "-o", ".")[0] == 0
    expected, _ = napari_kmeans.segment(GRAY[0], 4)
    with tifffile.TiffFile(tmp_path / "x-labels.tif") as file:
        assert file.is_bigtiff
        np.testing.assert_array_equal(file.asarray(), expected)


def test_a_damaged_chunk_fails_only_its_image(run: Run, tmp_path: Path, cells: Path) -> None:
    full = cells / zarr.open_group(cells).attrs["ome"]["multiscales"][0]["datasets"][0]["path"]
    chunk = full / "c" / "1" / "2" / "3"
    chunk.write_bytes(chunk.read_bytes()[:20])
    tifffile.imwrite(tmp_path / "x.tif", GRAY[0])
    status, _, err = run("segment", cells, "x.tif", "-k", 3, "-o", "out", "--channel", "GFP")
    assert status == 1
    # The file without channels fails for another reason.
    first, second, last = err.splitlines()
    assert f"{full}: the pixels [1, 128:192, 192:256] cannot be read (" in first
    assert "it has no channels" in second
    assert last.startswith("napari-kmeans: 2 of 2 images failed")
    status, _, err = run("segment", cells, "-k", 3, "-o", "out", "--channel", "DAPI")
    assert (status, err) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (
            "segment x.png -k 3 --in-image a",
            "x.png is not an OME-Zarr image, so labels cannot be written into it",
        ),
        ("segment x.zarr -k 3 --in-image a", "x.zarr is not an OME-Zarr image, so labels"),
        ("segment s3://b/x.zarr -k 3 --in-image a", "s3://b/x.zarr is not on this machine"),
        ("segment cells.ome.zarr -k 3 --in-image a/b", "'a/b' must be a name of letters and digits"),
        ("segment cells.ome.zarr -k 3 --in-image ..", "'..' must be a name of letters and digits"),
        ("segment cells.ome.zarr -k 3 --in-image a --table", "an output is needed"),
        ("segment cells.ome.zarr -k 3 --in-image a --objects", "an output is needed"),
        ("segment cells.ome.zarr -k 3 --in-image a -o x.tif", "x.tif must be a folder"),
        ("segment cells.ome.zarr -k 3 -o cells.ome.zarr", "would replace the image cells.ome.zarr"),
        ("segment a.tif b.tif -k 3 -o x.zarr", "x.zarr is a single file, but there are 2 images"),
        ("segment s3://b/x.zarr s3://c/x.ome.zarr -k 3 -o .", "would replace an output for s3://b/x.zarr"),
    ],
)
def test_wrong_usage_gives_one_line(
    run: Run, tmp_path: Path, cells: Path, arguments: str, complaint: str
) -> None:
    status, out, err = run(*arguments.split())
    assert (status, out) == (2, "")
    [line] = err.splitlines()
    assert complaint in line
    assert names(tmp_path) == ["cells.ome.zarr"]


def test_only_needed_libraries_are_imported(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", GRAY[0])
    code = (
        "import sys; from napari_kmeans.cli.app import main\n"
        "assert main(['segment', 'x.tif', '-k', '3', '-o', '.', '--solver', 'exact']) == 0\n"
        "print(sorted({'zarr', 'ome_zarr', 'fsspec', 'dask', 'numcodecs', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
