"""Images that are not in memory, and images of several resolutions, in the dock."""

from __future__ import annotations

import threading

import dask.array as da
import numpy as np
import pytest
import zarr
from dock_helpers import clusters_of
from qtpy.QtWidgets import QFileDialog

import napari_kmeans
from napari_kmeans._napari.layers.overlay import on_demand_parts
from napari_kmeans.blocks import loop
from napari_kmeans.blocks.boxes import sampled_windows

pytestmark = pytest.mark.thorough

SIDE = 1500  # more than the windows of an estimate hold


@pytest.fixture(scope="module")
def picture_in_noise():
    rng = np.random.default_rng(0)
    levels = rng.choice([30, 100, 200], size=(SIDE, SIDE), p=[0.5, 0.3, 0.2])
    return np.clip(rng.normal(levels, 8), 0, 255).astype(np.uint8)


@pytest.fixture
def pyramid(picture_in_noise):
    """Three resolutions on disk-like chunks."""
    return [da.from_array(picture_in_noise[::step, ::step], chunks=500) for step in (1, 2, 4)]


def test_opening_the_dock_on_a_lazy_image_reads_sampled_windows_only(
    viewer, open_dock, settle, picture_in_noise
):
    read = []

    def remember(block, block_info=None):
        read.append(block_info[0]["chunk-location"])
        return block

    lazy = da.from_array(picture_in_noise, chunks=(50, SIDE)).map_blocks(
        remember, dtype=np.uint8, meta=np.empty((0, 0), np.uint8)
    )
    viewer.add_image([lazy, lazy[::4, ::4].compute()], multiscale=True)
    read.clear()
    dock = open_dock()
    assert not clusters_of(viewer)
    assert len(set(read)) < 30  # of 30 bands of rows
    assert dock.status.text().startswith(
        "Estimate from 12 % of 2.25 million pixels, because the image is not in memory."
    )
    assert "Segment reads all pixels in about 1 second" in dock.status.text()
    assert dock.table.rowCount() == 3


def test_the_slider_uses_the_estimate_and_segment_uses_all_pixels(viewer, open_dock, settle, pyramid):
    image = viewer.add_image(pyramid, multiscale=True, scale=(2, 2), translate=(5, 6))
    dock = open_dock()
    dock.n_clusters.value = 4
    settle(dock)
    [layer] = clusters_of(viewer)
    assert layer.multiscale
    assert [level.shape for level in layer.data] == [level.shape for level in pyramid]
    np.testing.assert_allclose(layer.extent.world, image.extent.world)
    assert dock.session.measured.is_estimate
    np.testing.assert_allclose(dock.session.model.counts.sum(), SIDE * SIDE, atol=5)
    dock.segment.native.click()
    settle(dock)
    assert not dock.session.measured.is_estimate
    assert clusters_of(viewer) == [layer]
    labels, model = napari_kmeans.segment(pyramid[0], 4)
    assert np.array_equal(layer.data[0][...], labels.compute())
    assert np.array_equal(layer.data[1][3:90, 70], model.predict(pyramid[1])[3:90, 70].compute())
    assert dock.session.model.counts.tolist() == model.counts.tolist()
    assert dock.session.model.confirmation == "confirmed"
    assert dock.status.text() == "Based on all 2.25 million pixels."
    assert napari_kmeans.KMeansModel.from_json(layer.metadata["napari-kmeans"]).n_clusters == 4
    dock.n_clusters.value = 5
    settle(dock)
    assert np.array_equal(layer.data[0][...], napari_kmeans.segment(pyramid[0], 5)[0].compute())


def test_the_estimate_is_shown_before_all_pixels_are_read_and_both_can_be_cancelled(
    viewer, open_dock, settle, qtbot, pyramid, gate, monkeypatch
):
    monkeypatch.setattr(loop, "BLOCK_PIXELS", 1 << 18)
    viewer.add_image(pyramid, multiscale=True)
    dock = open_dock()
    estimate = dock.session.measured
    windows = sampled_windows(pyramid[0].shape)
    gate.shut(past=len(windows))
    dock.segment.native.click()
    qtbot.waitUntil(gate.entered.is_set, timeout=10_000)
    qtbot.waitUntil(lambda: bool(clusters_of(viewer)), timeout=10_000)
    assert dock.session.measured.is_estimate
    assert "Reading all pixels takes about" in dock.status.text()
    [layer] = clusters_of(viewer)
    dock.n_clusters.value = 2  # the user continues meanwhile
    assert set(np.unique(layer.data[2][...])) == {1, 2}
    dock.cancel.native.click()
    gate.open()
    settle(dock)
    assert dock.session.measured.is_estimate
    assert dock.session.measured is not estimate
    assert "Cancelled" in dock.status.text()
    dock.segment.native.click()
    settle(dock)
    assert not dock.session.measured.is_estimate


def test_labels_of_a_lazy_image_that_fits_can_be_painted_in_after_segment(
    viewer, open_dock, settle, picture_in_noise
):
    viewer.add_image(da.from_array(picture_in_noise, chunks=500))
    dock = open_dock()
    dock.n_clusters.value = 4
    settle(dock)
    [layer] = clusters_of(viewer)
    assert on_demand_parts(layer)
    assert not layer.editable
    dock.segment.native.click()
    settle(dock)
    assert type(layer.data) is np.ndarray
    assert layer.editable
    assert np.array_equal(layer.data, napari_kmeans.segment(picture_in_noise, 4)[0])


def test_without_live_segment_also_shows_labels_of_a_pyramid(viewer, open_dock, settle, pyramid):
    viewer.add_image(pyramid, multiscale=True)
    dock = open_dock()
    dock.live.value = False
    dock.n_clusters.value = 4
    settle(dock)
    assert not clusters_of(viewer)
    dock.segment.native.click()
    settle(dock)
    [layer] = clusters_of(viewer)
    assert np.array_equal(layer.data[2][...], napari_kmeans.fit(pyramid[0], 4).predict(pyramid[2]).compute())


def test_a_result_that_is_kept_stays_lazy(viewer, open_dock, settle, pyramid):
    viewer.add_image(pyramid, multiscale=True)
    dock = open_dock()
    dock.segment.native.click()
    settle(dock)
    [kept] = clusters_of(viewer)
    before = kept.data[0][...]
    dock.menu.keep.trigger()
    assert all(isinstance(level, da.Array) for level in kept.data)
    dock.n_clusters.value = 5
    settle(dock)
    assert len(clusters_of(viewer)) == 2
    assert np.array_equal(kept.data[0].compute(), before)


@pytest.mark.parametrize("per_axis", [None, 0])
def test_a_pyramid_in_memory_is_measured_at_once_and_its_result_may_be_kept(
    viewer, open_dock, settle, per_axis
):
    volume = np.random.default_rng(1).integers(0, 255, (4, 60, 80), dtype=np.uint8)
    viewer.add_image([volume, volume[:, ::2, ::2]], multiscale=True)
    dock = open_dock()
    if per_axis is not None:
        dock.where.value = per_axis
    dock.segment.native.click()
    settle(dock)
    assert not dock.session.measured.is_estimate
    [kept] = clusters_of(viewer)
    expected = napari_kmeans.segment(volume, 3, per_axis=per_axis)[0]
    assert np.array_equal(kept.data[0][...], expected)
    dock.menu.keep.trigger()
    assert np.array_equal(kept.data[0].compute(), expected)


def test_positions_of_a_lazy_stack_are_measured_when_they_are_displayed(viewer, open_dock, settle):
    volume = np.random.default_rng(1).integers(0, 200, (6, 40, 50), dtype=np.uint8)
    volume += (10 * np.arange(6, dtype=np.uint8))[:, np.newaxis, np.newaxis]
    read, lock = [], threading.Lock()

    def remember(block, block_info=None):
        with lock:
            read.append(block_info[0]["chunk-location"][0])
        return block

    lazy = da.from_array(volume, chunks=(1, 40, 50)).map_blocks(
        remember, dtype=np.uint8, meta=np.empty((0, 0, 0), np.uint8)
    )
    viewer.add_image(lazy, axis_labels=("t", "y", "x"), contrast_limits=(0, 255))
    dock = open_dock()
    viewer.dims.set_point(0, 2)
    settle(dock)
    read.clear()
    dock.where.value = 0
    settle(dock)
    assert set(read) == {2}
    [layer] = clusters_of(viewer)
    for position in (2, 4, 2):
        viewer.dims.set_point(0, position)
        settle(dock)
        assert np.array_equal(layer.data[position], napari_kmeans.segment(volume[position], 3)[0])
    assert set(read) == {2, 4}
    assert not layer.data[1].any()  # not visited


def test_export_writes_what_is_shown_of_all_pixels(viewer, open_dock, settle, pyramid, tmp_path, monkeypatch):
    pytest.importorskip("ome_zarr")
    viewer.add_image(pyramid, multiscale=True, scale=(0.5, 0.5), units=("um", "um"), axis_labels=("y", "x"))
    dock = open_dock()
    dock.n_clusters.value = 4
    settle(dock)
    dock.table.action_requested.emit("merge", [1, 2])
    settle(dock)
    path = tmp_path / "labels.ome.zarr"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    dock.menu.export.trigger()
    settle(dock)
    assert dock.status.text() == f"Exported to {path}."
    expected = napari_kmeans.fit(pyramid[0], 4).merged([[1, 2]]).predict(pyramid[0])
    written = zarr.open_group(path, mode="r")
    assert np.array_equal(written["0"][...], expected.compute())
    # A folder that is there is not replaced without being asked.
    dock.menu.export.trigger()
    settle(dock)
    assert "exists" in dock.status.text()


def test_exporting_a_stack_finds_the_clusters_of_every_position(
    viewer, open_dock, settle, tmp_path, monkeypatch
):
    import tifffile

    volume = np.random.default_rng(1).integers(0, 255, (4, 30, 50), dtype=np.uint8)
    viewer.add_image(da.from_array(volume, chunks=(1, 30, 50)), axis_labels=("t", "y", "x"))
    dock = open_dock()
    dock.where.value = 0
    settle(dock)
    path = tmp_path / "labels.tif"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    dock.menu.export.trigger()
    settle(dock)
    assert np.array_equal(tifffile.imread(path), napari_kmeans.segment(volume, 3, per_axis=0)[0])


def test_exported_labels_name_their_image(viewer, open_dock, settle, picture_in_noise, tmp_path, monkeypatch):
    pytest.importorskip("ome_zarr")
    from napari.layers._source import layer_source

    from napari_kmeans.io.images import read_image
    from napari_kmeans.io.label_images import export

    store = tmp_path / "image.ome.zarr"
    export(store, da.from_array(picture_in_noise, chunks=500), scale=(0.5, 0.5), units=("um", "um"))
    image = read_image(store)
    levels = [image.data, *image.coarser]
    with layer_source(path=str(store)):
        viewer.add_image(levels, multiscale=True, scale=(0.5, 0.5), units=("um", "um"))
    dock = open_dock()
    path = tmp_path / "labels.ome.zarr"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    dock.menu.export.trigger()
    settle(dock)
    written = zarr.open_group(path, mode="r")
    attributes = written.attrs.asdict()
    label = attributes.get("ome", attributes)["image-label"]
    assert label["source"]["image"] == "../image.ome.zarr"
    assert [written[str(n)].shape for n in range(len(levels))] == [level.shape for level in levels]


@pytest.mark.parametrize("lazy", [False, True])
def test_exported_labels_are_cleaned(viewer, open_dock, settle, tmp_path, monkeypatch, lazy):
    import tifffile

    image = np.repeat([[40, 200]], 30, axis=1).repeat(40, axis=0).astype(np.uint8)
    image[5:7, 5:7], image[20, 45:48] = 200, 40
    viewer.add_image(da.from_array(image, chunks=17) if lazy else image)
    dock = open_dock()
    dock.n_clusters.value = 2
    dock.min_size.value = 10
    settle(dock)
    dock.table.action_requested.emit("background", [1])
    settle(dock)
    path = tmp_path / "labels.tif"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    dock.menu.export.trigger()
    settle(dock)
    assert np.array_equal(tifffile.imread(path), np.repeat([[0, 2]], 30, axis=1).repeat(40, axis=0))


def test_a_cancelled_export_leaves_nothing(
    viewer, open_dock, settle, qtbot, finish_threads, pyramid, tmp_path, monkeypatch, gate
):
    viewer.add_image(pyramid, multiscale=True)
    dock = open_dock()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "a.tif"), ""))
    monkeypatch.setattr(loop, "BLOCK_PIXELS", 1 << 18)
    gate.shut()
    dock.menu.export.trigger()
    qtbot.waitUntil(gate.entered.is_set, timeout=10_000)
    dock.cancel.native.click()
    gate.open()
    finish_threads()
    assert list(tmp_path.iterdir()) == []


def test_a_missing_scheduler_gives_one_clear_message(
    viewer, open_dock, settle, pyramid, monkeypatch, plugin_settings
):
    pytest.importorskip("distributed")
    from napari.settings import get_plugin_settings

    from napari_kmeans.blocks import dask_cluster as cluster

    monkeypatch.setattr(cluster, "_TIMEOUT", 1)
    get_plugin_settings("napari-kmeans").dock.scheduler = "tcp://127.0.0.1:9"
    viewer.add_image(pyramid, multiscale=True)
    dock = open_dock()
    dock.segment.native.click()
    settle(dock)
    assert "No Dask scheduler answers at tcp://127.0.0.1:9" in dock.status.text()
    assert clusters_of(viewer)  # the estimate is there


def test_a_block_that_cannot_be_read_is_reported(viewer, open_dock, settle, picture_in_noise):
    broken = []

    def fail(block, block_info=None):
        if broken and block_info[0]["chunk-location"] == (2, 2):
            raise OSError("chunk 2.2 is truncated")
        return block

    lazy = da.from_array(picture_in_noise, chunks=500).map_blocks(
        fail, dtype=np.uint8, meta=np.empty((0, 0), np.uint8)
    )
    viewer.add_image([lazy, picture_in_noise[::4, ::4]], multiscale=True)
    dock = open_dock()
    broken.append(True)
    dock.segment.native.click()
    settle(dock)
    assert "Chunk 2.2 is truncated" in dock.status.text()
    broken.clear()
    dock.segment.native.click()
    settle(dock)
    assert not dock.session.measured.is_estimate
