from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans._napari.layers import worker
from napari_kmeans._napari.session import preferences
from napari_kmeans._napari.session.applying import EACH, THIS_MODEL, TOGETHER, FilesRequest

GRAY = np.random.default_rng(0).integers(0, 200, (30, 40)).astype(np.uint8)
OTHER = (GRAY[::-1] // 8 + 20).astype(np.uint8)


@pytest.fixture
def dock(viewer, open_dock, settle):
    """A dock whose image is segmented, beside another image and an RGB one."""
    viewer.add_image(OTHER, name="other", scale=(2, 2))
    viewer.add_image(np.zeros((30, 40, 3), np.uint8), rgb=True, name="colours")
    viewer.add_image(GRAY, name="first")
    dock = open_dock()
    dock.segment.native.click()
    settle(dock)
    return dock


def result(viewer, name):
    return viewer.layers[f"{name} k-means"]


def test_similar_layers_are_those_that_could_share_a_model(dock):
    assert [layer.name for layer in dock.jobs.applying.similar_layers()] == ["other"]
    assert dock.jobs.applying.selected_layers() == []


def test_the_current_model_labels_other_layers(viewer, dock, settle):
    model, before = dock.session.model, list(viewer.layers)
    selection = set(viewer.layers.selection)
    dock.jobs.applying.to_layers(dock.jobs.applying.similar_layers())
    settle(dock)
    labels = result(viewer, "other")
    with pytest.warns(UserWarning, match="the image differs"):
        expected = model.predict(OTHER)
    np.testing.assert_array_equal(labels.data, expected)
    np.testing.assert_array_equal(labels.scale, (2, 2))
    assert viewer.layers.index(labels) == viewer.layers.index(viewer.layers["other"]) + 1
    assert set(before) < set(viewer.layers)
    assert set(viewer.layers.selection) == selection
    assert labels.features["pixels"].sum() == OTHER.size
    assert "Labelled other." in dock.status.text()


def test_match_fits_or_scales_the_model(viewer, dock, settle):
    for match in ("range", "refit"):
        dock.jobs.applying.to_layers([viewer.layers["other"]], match=match)
        settle(dock)
        expected = dock.session.model.predict(OTHER, match=match)
        newest = [layer for layer in viewer.layers if layer.name.startswith("other k-means")][-1]
        np.testing.assert_array_equal(newest.data, expected)
    first, second = (layer for layer in viewer.layers if layer.name.startswith("other k-means"))
    assert (first.visible, second.visible) == (False, True)


def test_the_pooled_model_of_layers_is_that_of_their_concatenated_pixels(viewer, dock, settle):
    dock.jobs.applying.to_layers([viewer.layers["other"]], TOGETHER)
    settle(dock)
    (_, expected), _ = napari_kmeans.segment([GRAY, OTHER], 3)
    np.testing.assert_array_equal(result(viewer, "other").data, expected)
    layers = [viewer.layers["first"], viewer.layers["other"]]
    np.testing.assert_array_equal(napari_kmeans.segment(layers, 3)[0][1], expected)


@pytest.mark.parametrize("how", [THIS_MODEL, TOGETHER])
def test_a_saved_layer_records_how_it_was_made(viewer, dock, settle, tmp_path, capsys, how):
    pytest.importorskip("typer")
    from napari_kmeans.cli.show import show

    dock.jobs.applying.to_layers([viewer.layers["other"]], how)
    settle(dock)
    [path] = result(viewer, "other").save(str(tmp_path / "labels.ome.zarr"), plugin="napari-kmeans")
    assert show(Path(path)) == 0
    text = capsys.readouterr().out
    assert "n_clusters = 3" in text
    assert ("with match values" in text) == (how == THIS_MODEL)
    assert ("one model of 2 images" in text) == (how == TOGETHER)


@pytest.mark.parametrize("how", [THIS_MODEL, TOGETHER])
def test_a_saved_layer_can_be_reproduced(viewer, dock, settle, tmp_path, monkeypatch, how):
    pytest.importorskip("typer")
    tifffile = pytest.importorskip("tifffile")
    from napari_kmeans.cli import app

    dock.jobs.applying.to_layers([viewer.layers["other"]], how)
    settle(dock)
    layer = result(viewer, "other")
    layer.save(str(tmp_path / "labels.ome.zarr"), plugin="napari-kmeans")
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("other.tif", viewer.layers["other"].data)
    assert app.main(["batch", "--recipe-from", "labels.ome.zarr", "other.tif", "-o", "again"]) == 0
    np.testing.assert_array_equal(tifffile.imread("again/other-labels.tif"), layer.data)


def test_differences_are_found_in_the_background(viewer, dock, settle):
    found = []
    viewer.add_image(OTHER.astype(np.uint16) * 20, name="wide")
    viewer.layers.selection.active = viewer.layers["first"]
    settle(dock)
    dock.jobs.applying.find_differences(dock.jobs.applying.similar_layers(), found.append)
    settle(dock)
    assert "wide: dtype uint16 instead of uint8; values" in found[0]


def test_without_other_layers_a_message_explains_what_to_select(dock, settle):
    dock.jobs.applying.to_layers([])
    assert "no other image layer to apply the clusters to; select one or more" in dock.status.text()


def test_a_layer_that_does_not_fit_is_named_and_nothing_is_added(viewer, dock, settle):
    dock.illumination.value = "additive"
    settle(dock)
    viewer.add_image(GRAY[:20], name="smaller")
    viewer.layers.selection.active = viewer.layers["first"]
    settle(dock)
    dock.segment.native.click()
    settle(dock)
    before = list(viewer.layers)
    dock.jobs.applying.to_layers([viewer.layers["other"], viewer.layers["smaller"]])
    settle(dock)
    assert "Smaller: " in dock.status.text()
    assert list(viewer.layers) == before
    dock.jobs.applying.to_layers([viewer.layers["smaller"]], match="refit")  # fits another field
    settle(dock)
    expected, _ = napari_kmeans.segment(GRAY[:20], 3, illumination="additive")
    np.testing.assert_array_equal(result(viewer, "smaller").data, expected)


@pytest.fixture
def folder(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    (tmp_path / "in" / "deeper").mkdir(parents=True)
    tifffile.imwrite(tmp_path / "in" / "a.tif", GRAY)
    tifffile.imwrite(tmp_path / "in" / "b.tif", OTHER)
    tifffile.imwrite(tmp_path / "in" / "deeper" / "c.tif", GRAY.T)
    (tmp_path / "in" / "broken.tif").write_bytes(b"II*\0")
    return tmp_path


def read(path):
    return np.asarray(napari_kmeans.read_image(path).data)


def test_files_of_other_shapes_are_labelled_if_the_field_is_fitted_again(dock, settle, folder):
    dock.illumination.value = "additive"
    settle(dock)
    out = folder / "out"
    dock.jobs.applying.to_files(FilesRequest(folder / "in" / "deeper", out, match="refit"))
    settle(dock)
    expected, _ = napari_kmeans.segment(GRAY.T, 3, illumination="additive")
    np.testing.assert_array_equal(read(out / "c-labels.tif"), expected)


@pytest.mark.parametrize("how", [EACH, TOGETHER])
def test_files_are_labelled_and_the_status_summarizes_the_results(dock, settle, folder, how):
    out = folder / "out"
    dock.jobs.applying.to_files(FilesRequest(folder / "in", out, recursive=True, how=how, table=True))
    settle(dock)
    expected = (
        [napari_kmeans.segment(image, 3)[0] for image in (GRAY, OTHER, GRAY.T)]
        if how == EACH
        else napari_kmeans.segment([GRAY, OTHER, GRAY.T], 3)[0]
    )
    names = ("a-labels.tif", "b-labels.tif", "deeper/c-labels.tif")
    for name, labels in zip(names, expected, strict=True):
        np.testing.assert_array_equal(read(out / name), labels)
    assert (out / "a-clusters.csv").exists()
    assert dock.status.text().startswith("Labelled 3 images; 1 failed: broken.tif cannot be read")
    details = dock.status.toolTip()
    assert f"Labelled 3 images; results are in {out}." in details
    assert f"Failed: {folder / 'in' / 'broken.tif'} cannot be read" in details


def test_many_failures_are_summarized_by_their_number_and_the_first_reason(dock, settle, folder):
    dock.illumination.value = "additive"
    settle(dock)
    deeper = folder / "in" / "deeper"
    for name in "defgh":
        (deeper / f"{name}.tif").write_bytes((deeper / "c.tif").read_bytes())
    dock.jobs.applying.to_files(FilesRequest(deeper, folder / "out"))
    settle(dock)
    text, details = dock.status.text(), dock.status.toolTip()
    assert text.startswith("Labelled 0 images; 6 failed: c.tif: image has the spatial shape (40, 30)")
    assert len(text) < 140
    assert details.count("Failed: ") == 6
    dock.n_clusters.value = 4
    assert not dock.status.toolTip()


def test_existing_files_are_never_replaced(dock, settle, folder):
    out = folder / "out"
    out.mkdir()
    (out / "a-labels.tif").write_bytes(b"mine")
    dock.jobs.applying.to_files(FilesRequest(folder / "in", out))
    settle(dock)
    assert (out / "a-labels.tif").read_bytes() == b"mine"
    np.testing.assert_array_equal(read(out / "b-labels.tif") > 0, True)
    assert "1 skipped, because their outputs already exist" in dock.status.text()
    assert "the image differs" in dock.status.text()


def test_cancelling_leaves_no_file_and_the_window_usable(dock, settle, folder, qtbot):
    applying = dock.jobs.applying
    applying.to_files(FilesRequest(folder / "in", folder / "out"))
    dock.cancel.native.click()
    settle(dock)
    qtbot.waitUntil(lambda: not worker._running)  # the cancelled work ends at its next block
    assert not list(folder.glob("out/*.partial"))
    assert not applying.runner.busy


def test_an_empty_folder_is_reported(dock, settle, tmp_path):
    (tmp_path / "in").mkdir()
    dock.jobs.applying.to_files(FilesRequest(tmp_path / "in", tmp_path / "out"))
    settle(dock)
    assert "contains no images" in dock.status.text()


def test_a_layer_with_another_pixel_size_is_reported(viewer, open_dock, settle):
    viewer.add_image(GRAY, name="coarse", scale=(2, 2), units=("um", "um"))
    viewer.add_image(GRAY, name="first", scale=(0.5, 0.5), units=("um", "um"))
    dock = open_dock()
    dock.segment.native.click()
    settle(dock)
    assert dock.session.model.fitted_to.pixel_size == (0.5, 0.5)
    found = []
    dock.jobs.applying.find_differences([viewer.layers["coarse"]], found.append)
    settle(dock)
    assert found == ["coarse: pixel size 2 × 2 um instead of 0.5 × 0.5 um"]


def test_another_request_waits_for_the_running_one(viewer, dock, settle):
    """Neither a second request nor the comparison of its dialog stops the first."""
    applying = dock.jobs.applying
    other, copy = viewer.layers["other"], viewer.add_image(OTHER.T.copy(), name="turned")
    viewer.layers.selection.active = viewer.layers["first"]
    settle(dock)
    applying.to_layers([other])
    dock.menu.apply_layers.trigger()
    dock.apply_dialogs.dialog.reject()
    applying.to_layers([copy])
    settle(dock)
    assert {"other k-means", "turned k-means"} <= {layer.name for layer in viewer.layers}


def test_applied_labels_have_the_preferred_opacity(viewer, dock, settle, monkeypatch):
    preferred = preferences.Preferences(opacity=0.8)
    monkeypatch.setattr("napari_kmeans._napari.session.preferences.load", lambda: preferred)
    dock.jobs.applying.to_layers([viewer.layers["other"]])
    settle(dock)
    assert result(viewer, "other").opacity == 0.8
