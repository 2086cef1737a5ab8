from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from napari_kmeans.io.image_file import ImageFile
from napari_kmeans.io.images import read_image
from napari_kmeans.io.label_images import export, is_ome_zarr_path, write_labels
from napari_kmeans.io.ome_zarr_labels import LabelMetadata

pytest.importorskip("ome_zarr")
yaozarrs = pytest.importorskip("yaozarrs")

import ome_zarr_models.v04
import ome_zarr_models.v05

MakeImage = Callable[..., np.ndarray]
SCALE = {"t": 0.5, "c": 1.0, "z": 2.0, "y": 0.25, "x": 0.2}


def attributes(path: Path) -> dict[str, Any]:
    found = zarr.open_group(path, mode="r").attrs.asdict()
    return found.get("ome", found)


def levels(path: Path) -> list[np.ndarray]:
    group = zarr.open_group(path, mode="r")
    return [group[level["path"]][:] for level in attributes(path)["multiscales"][0]["datasets"]]


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def check_models(path: Path, version: str) -> None:
    """Check the label image with two other implementations of the format."""
    yaozarrs.validate_zarr_store(path)
    models = ome_zarr_models.v04 if version == "0.4" else ome_zarr_models.v05
    models.ImageLabel.from_zarr(zarr.open_group(path, mode="r"))


@pytest.mark.parametrize(
    ("names", "axes", "order"),
    [
        ((), "tzyx", (0, 1, 2, 3)),
        (("-4", "-3", "-2", "-1"), "tzyx", (0, 1, 2, 3)),
        (("time", "z", "y", "x"), "tzyx", (0, 1, 2, 3)),
        (("Z", "C", "Y", "X"), "czyx", (1, 0, 2, 3)),
        (("y", "x", "z", "t"), "tzyx", (3, 2, 0, 1)),
        (("y", "y", "z", "t"), "tzyx", (0, 1, 2, 3)),
    ],
)
def test_axes_are_ordered_and_named(
    tmp_path: Path, names: tuple[str, ...], axes: str, order: tuple[int, ...]
) -> None:
    labels = np.random.default_rng(0).integers(0, 5, (2, 3, 4, 5), dtype=np.uint8)
    # A layer may have a length as the unit of time; the unit is then unknown.
    scale, translate = [1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]
    export(
        tmp_path / "x.zarr",
        labels,
        axis_labels=names,
        scale=scale,
        translate=translate,
        units=["micrometer"] * 4,
    )
    check_models(tmp_path / "x.zarr", "0.5")
    multiscale = attributes(tmp_path / "x.zarr")["multiscales"][0]
    assert "".join(axis["name"] for axis in multiscale["axes"]) == axes
    np.testing.assert_array_equal(levels(tmp_path / "x.zarr")[0], labels.transpose(order))
    placed_by, moved_by = multiscale["datasets"][0]["coordinateTransformations"]
    assert placed_by["scale"] == [scale[axis] for axis in order]
    assert moved_by["translation"] == [translate[axis] for axis in order]
    assert multiscale["axes"][-1] == {"name": "x", "type": "space", "unit": "micrometer"}


def test_labels_have_the_levels_of_their_image(tmp_path: Path, make_image: MakeImage) -> None:
    data = make_image(tmp_path / "x.zarr", "cyx")
    labels = np.ones(data.shape[1:], np.uint8)
    scale = [SCALE["y"], SCALE["x"]]
    export(tmp_path / "a.zarr", labels, source=tmp_path / "x.zarr", scale=scale)
    assert [level.shape for level in levels(tmp_path / "a.zarr")] == [(70, 90), (35, 45), (17, 22)]
    # A pixel size or position changed in the layer is intentional.
    export(tmp_path / "m.zarr", labels, source=tmp_path / "x.zarr", scale=scale, translate=np.array([5, 6]))
    assert read_image(tmp_path / "m.zarr").origin == {"Y": 5.0, "X": 6.0}
    export(tmp_path / "b.zarr", labels, source=tmp_path / "x.zarr", scale=[7.0, 7.0])
    assert read_image(tmp_path / "b.zarr").pixel_size == {"Y": 7.0, "X": 7.0}
    export(tmp_path / "c.zarr", labels, source=tmp_path / "no such.zarr")
    export(tmp_path / "d.tif", labels, scale=scale, units=["micrometer"] * 2)
    assert read_image(tmp_path / "d.tif").pixel_size == pytest.approx({"Y": SCALE["y"], "X": SCALE["x"]})


def test_zarr_arrays_and_other_array_likes_are_written(tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(0, 5, (300, 400), dtype=np.uint8)
    array = zarr.create_array(tmp_path / "a.zarr", shape=data.shape, chunks=(70, 90), dtype=np.uint8)
    array[:] = data

    class Looked:
        shape, ndim, dtype = data.shape, 2, data.dtype

        def __getitem__(self, key: Any) -> np.ndarray:
            return data[key]

    for name, labels in [("zarr", array), ("looked", Looked())]:
        export(tmp_path / f"{name}.ome.zarr", labels)
        np.testing.assert_array_equal(levels(tmp_path / f"{name}.ome.zarr")[0], data)


@pytest.mark.parametrize(
    "labels", [np.ones(5, np.uint8), np.ones((1,) * 6, np.uint8), np.ones((5, 5), np.float32)]
)
def test_labels_that_the_format_cannot_store_are_rejected(tmp_path: Path, labels: np.ndarray) -> None:
    with pytest.raises(
        ValueError, match=r"OME-Zarr supports integer labels in 2 to 5 dimensions|have 6 dimensions"
    ):
        export(tmp_path / "x.zarr", labels)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [("x.tif", False), ("x.TIFF", False), ("x.ome.zarr", True), ("x.zarr/labels/a", False), ("x", False)],
)
def test_the_path_decides_the_format(tmp_path: Path, name: str, expected: bool) -> None:
    assert is_ome_zarr_path(tmp_path / name) == expected


def test_a_path_inside_an_image_is_ome_zarr(tmp_path: Path, make_image: MakeImage) -> None:
    make_image(tmp_path / "x.zarr", "yx")
    assert is_ome_zarr_path(tmp_path / "x.zarr" / "labels" / "k-means")


@pytest.mark.parametrize("name", ["x.tif", "x.ome.zarr"])
def test_labels_are_written_with_the_pixel_size_of_their_image(tmp_path: Path, name: str) -> None:
    image = ImageFile(Path("cells.tif"), np.empty(0), "ZYX", {"Z": 2.0, "Y": 0.5, "X": 0.25}, "um")
    labels = np.random.default_rng(0).integers(0, 4, (3, 40, 50), dtype=np.uint8)
    seen = []

    def metadata(counts: np.ndarray | None) -> LabelMetadata:
        seen.append(counts)
        return LabelMetadata(model='{"a": 1}')

    write_labels(tmp_path / name, labels, image, metadata=metadata)
    again = read_image(tmp_path / name)
    np.testing.assert_array_equal(again.data, labels)
    assert (again.axes, again.pixel_size, again.unit) == ("ZYX", image.pixel_size, "um")
    if name.endswith("zarr"):
        [counts] = seen
        assert counts[:3].tolist() == np.bincount(labels.ravel())[1:].tolist()
        assert zarr.open_group(tmp_path / name, mode="r").attrs["napari-kmeans"] == {"a": 1}
    with pytest.raises(FileExistsError):
        write_labels(tmp_path / name, labels, image)
    write_labels(tmp_path / name, labels * 0, image, overwrite=True)
    assert not np.asarray(read_image(tmp_path / name).data).any()
