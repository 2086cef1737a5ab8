from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from napari_kmeans.io import tiff_labels
from napari_kmeans.io.image_file import ImageFile
from napari_kmeans.io.label_images import write_labels
from napari_kmeans.io.ome_zarr_labels import LabelMetadata
from napari_kmeans.io.record import one_line, read_record, sidecar_of, sources_of, write_sidecar

RECORD = {"format": "napari-kmeans model", "names": ["a & b", "<µ>", "(=) \\ )", '"']}
TEXT = json.dumps(RECORD)
LABELS = np.arange(20, dtype=np.uint8).reshape(4, 5)
IMAGE = ImageFile(Path("x.tif"), LABELS, "YX", {"Y": 0.5, "X": 0.5}, "um")


@pytest.mark.parametrize("name", ["x.tif", "x.ome.zarr"])
def test_labels_record_how_they_were_made(tmp_path: Path, name: str) -> None:
    pytest.importorskip("zarr")
    metadata = LabelMetadata(model=json.dumps(RECORD, indent=1))
    write_labels(tmp_path / name, LABELS, IMAGE, metadata=lambda _: metadata)
    assert read_record(tmp_path / name) == RECORD


def test_labels_written_in_tiles_have_the_same_record_and_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tifffile = pytest.importorskip("tifffile")
    monkeypatch.setattr(tiff_labels, "_MAX_BYTES", 1)
    for name in ("a.tif", "b.tif"):
        tiff_labels.write(tmp_path / name, LABELS, IMAGE, record=TEXT)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.is_bigtiff
        assert file.is_ome
    assert read_record(tmp_path / "a.tif") == RECORD
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_imagej_still_reads_its_own_metadata(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    tiff_labels.write(tmp_path / "x.tif", LABELS, IMAGE, record=TEXT)
    with tifffile.TiffFile(tmp_path / "x.tif") as file:
        assert file.imagej_metadata["unit"] == "um"
        assert file.imagej_metadata["max"] == 19


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_figures_record_how_they_were_made(tmp_path: Path, kind: str) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    from napari_kmeans.report.figure import save_figure

    for name in ("a", "b"):
        figure = Figure(figsize=(1, 1))
        figure.subplots().plot([1, 2])
        save_figure(tmp_path / f"{name}.{kind}", figure, TEXT)
    assert read_record(tmp_path / f"a.{kind}") == RECORD
    assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_tables_have_their_metadata_beside_them(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")
    write_sidecar(path, TEXT)
    assert sidecar_of(path) == tmp_path / "x.csv-metadata.json"
    assert json.loads(sidecar_of(path).read_text())["url"] == "x.csv"
    assert read_record(path) == read_record(sidecar_of(path)) == RECORD
    with pytest.raises(FileExistsError):
        write_sidecar(path, TEXT)


def test_the_record_of_a_model_is_its_file(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(json.dumps(RECORD, indent=1))
    assert read_record(tmp_path / "m.json") == RECORD
    assert one_line(json.dumps(RECORD, indent=1)).count("\n") == 0


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.tif", b"II*\0 broken"),
        ("x.png", b"\x89PNG broken"),
        ("x.svg", b"<svg/>"),
        ("x.pdf", b"%PDF-1.4 nothing"),
        ("x.csv", b"a,b\n"),
        ("x.json", b"[1]"),
        ("x.json", b'{"format": "other"}'),
        ("x.bin", bytes(range(256))),
    ],
)
def test_other_files_have_no_record(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match="has no record of how it was made"):
        read_record(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        read_record(tmp_path / "absent")


def test_a_record_has_one_or_several_sources() -> None:
    assert sources_of({"source": {"path": "a"}}) == [{"path": "a"}]
    assert sources_of({"sources": [{"path": "a"}, {"path": "b"}]}) == [{"path": "a"}, {"path": "b"}]
    assert sources_of({"program": "napari-kmeans"}) == []
