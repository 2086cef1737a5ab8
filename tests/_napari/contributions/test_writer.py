"""File ▸ Save of Labels layers, in a real viewer."""

from __future__ import annotations

import numpy as np
import pytest
from napari.utils.colormaps import DirectLabelColormap

import napari_kmeans
from napari_kmeans._napari.contributions import writer
from napari_kmeans.io.images import read_image
from napari_kmeans.io.record import read_record

zarr = pytest.importorskip("zarr")
pytest.importorskip("ome_zarr")
yaozarrs = pytest.importorskip("yaozarrs")

STACK = np.random.default_rng(0).integers(0, 256, (4, 60, 80), dtype=np.uint8)
PLUGIN = "napari-kmeans"


def described(path):
    return zarr.open_group(path, mode="r").attrs["ome"]["image-label"]


def test_any_labels_layer_is_saved(viewer, tmp_path):
    labels = STACK.astype(np.int32) * 1000
    layer = viewer.add_labels(
        labels,
        scale=(2, 0.5, 0.25),
        translate=(1, 2, 3),
        units=("um", "um", "um"),
        axis_labels=("z", "y", "x"),
        features={"index": [1000, 7000], "name": ["a", "b"], "size": [1.5, np.nan]},
        colormap=DirectLabelColormap(color_dict={None: "black", 1000: (1, 0, 0.5, 1), 0: "transparent"}),
    )
    path = str(tmp_path / "mine.ome.zarr")
    assert viewer.layers.save(path, plugin=PLUGIN) == [path]
    yaozarrs.validate_zarr_store(path)
    image = read_image(tmp_path / "mine.ome.zarr")
    np.testing.assert_array_equal(image.data, labels)
    assert (image.axes, image.unit) == ("ZYX", "um")
    assert image.pixel_size == {"Z": 2, "Y": 0.5, "X": 0.25}
    assert image.origin == {"Z": 1, "Y": 2, "X": 3}
    assert described(path)["properties"] == [
        {"label-value": 1000, "name": "a", "size": 1.5},
        {"label-value": 7000, "name": "b"},
    ]
    assert described(path)["colors"] == [{"label-value": 1000, "rgba": [255, 0, 128, 255]}]
    # Again, over what is there.
    layer.data = labels + 1
    viewer.layers.save(path, plugin=PLUGIN)
    np.testing.assert_array_equal(read_image(tmp_path / "mine.ome.zarr").data, labels + 1)


def test_a_plain_layer_can_be_saved_without_a_suffix(viewer, tmp_path):
    viewer.add_labels(STACK[0])
    [path] = viewer.layers.save(str(tmp_path / "mine.zarr"), plugin=PLUGIN)
    assert writer.write_labels(str(tmp_path / "other"), STACK[0], {}) == [str(tmp_path / "other.ome.zarr")]
    for found in (path, tmp_path / "other.ome.zarr"):
        assert set(described(found)) == {"version"}
        assert read_image(found).pixel_size == {}


def test_the_overlay_of_the_dock_is_saved_with_its_clusters(viewer, tmp_path, open_dock, settle):
    viewer.add_image(STACK[0])
    dock = open_dock()
    dock.n_clusters.value = 4
    dock.segment.native.click()
    settle(dock)
    overlay = viewer.layers[-1]
    path = tmp_path / "k.ome.zarr"
    viewer.layers.selection = {overlay}
    viewer.layers.save(str(path), selected=True, plugin=PLUGIN)
    expected, model = napari_kmeans.segment(STACK[0], 4)
    np.testing.assert_array_equal(read_image(path).data, expected)
    assert [known["name"] for known in described(path)["properties"]] == [
        f"cluster {i}" for i in (1, 2, 3, 4)
    ]
    for color in described(path)["colors"]:
        np.testing.assert_allclose(
            np.array(color["rgba"]) / 255, overlay.get_color(color["label-value"]), atol=0.01
        )
    assert (
        zarr.open_group(path, mode="r").attrs["napari-kmeans"]["clustering"]["thresholds"]
        == model.thresholds.tolist()
    )
    assert read_record(path)["provenance"]["task"]["recipe"]["n_clusters"] == 4


def test_a_multiscale_layer_is_saved_in_full(viewer, tmp_path):
    viewer.add_labels([STACK[0], STACK[0, ::2, ::2]], multiscale=True)
    path = tmp_path / "m.ome.zarr"
    viewer.layers.save(str(path), plugin=PLUGIN)
    np.testing.assert_array_equal(read_image(path).data, STACK[0])


def test_saving_a_very_large_layer_is_refused(viewer, tmp_path, monkeypatch):
    viewer.add_labels(STACK)
    monkeypatch.setattr(writer, "LARGEST", STACK.nbytes - 1)
    with pytest.raises(
        RuntimeError, match=r"^saving 0\.0 GB of labels would block the window; use Export… in the"
    ):
        viewer.layers.save(str(tmp_path / "m.zarr"), plugin=PLUGIN)
    assert list(tmp_path.iterdir()) == []


def test_only_label_images_are_replaced(viewer, tmp_path):
    viewer.add_labels(STACK)
    (tmp_path / "m.zarr").mkdir()
    with pytest.raises(RuntimeError, match=r"m\.zarr is not a label image, so it is not replaced"):
        viewer.layers.save(str(tmp_path / "m.zarr"), plugin=PLUGIN)
    assert list(tmp_path.rglob("*")) == [tmp_path / "m.zarr"]


@pytest.mark.parametrize(
    "turn", [{"rotate": 30}, {"shear": [0.5]}, {"affine": [[1, 0, 5], [0, 1, 0], [0, 0, 1]]}]
)
def test_a_warning_names_transforms_that_the_format_cannot_store(viewer, tmp_path, turn):
    viewer.add_labels(STACK[0], **turn)
    with pytest.warns(UserWarning, match="OME-Zarr cannot store rotation, shear or affine transforms"):
        viewer.layers.save(str(tmp_path / "m.zarr"), plugin=PLUGIN)
