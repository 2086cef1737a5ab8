"""Illumination and coherence in the dock: pyramids, volumes, movies, and the same labels everywhere."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
from dock_helpers import clusters_of, run_script
from scipy import ndimage

import napari_kmeans

pytestmark = pytest.mark.thorough


def lit(shape=(96, 128), seed=0, noise=6.0, slope=60.0):
    """Return regions of two values under a smooth illumination field, as uint8."""
    rng = np.random.default_rng(seed)
    truth = ndimage.gaussian_filter(rng.normal(size=shape), 5) > 0
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    image = 100 + 40 * truth + slope * (x * y - 0.5 * x**2 + 0.3 * y) + rng.normal(0, noise, shape)
    return np.clip(image, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("is_lazy", [False, True])
@pytest.mark.parametrize("kind", ["additive", "multiplicative"])
def test_all_levels_of_a_pyramid_lose_the_same_field(viewer, open_dock, settle, kind, is_lazy):
    image = lit((1200, 1100)) if is_lazy else lit((300, 280))
    levels = [image[::step, ::step] for step in (1, 2, 4)]
    if is_lazy:
        levels = [da.from_array(level, chunks=400) for level in levels]
    viewer.add_image(levels, multiscale=True)
    dock = open_dock()
    dock.illumination.value = kind
    dock.n_clusters.value = 2
    dock.segment.native.click()
    settle(dock)
    [layer] = clusters_of(viewer)
    expected, model = napari_kmeans.segment(image, 2, illumination=kind)
    assert dock.session.model.illumination == model.illumination
    np.testing.assert_array_equal(layer.data[0][...], expected)
    for step, level in zip((2, 4), layer.data[1:], strict=True):
        assert np.mean(np.asarray(level[...]) == expected[::step, ::step]) > 0.98


def test_coherence_weights_follow_the_scale_of_the_layer(viewer, open_dock, settle):
    volume = np.stack([lit((40, 50), seed, 20, 0) for seed in (0, 0, 1)])
    viewer.add_image(volume, scale=(4, 1, 2), units=("um", "um", "um"))
    dock = open_dock()
    dock.coherence.value = 1
    dock.n_clusters.value = 2
    settle(dock)
    [layer] = clusters_of(viewer)
    model = dock.session.model
    assert model.coherence.weights == pytest.approx(model.coherence.noise * np.array([0.25, 1, 0.5]))
    labels, expected = napari_kmeans.segment(volume, 2, coherence=(0.25, 1, 0.5))
    np.testing.assert_array_equal(layer.data, labels)
    assert model.coherence == expected.coherence
    equal = napari_kmeans.segment(volume, 2, coherence=1)[0]
    assert not np.array_equal(labels, equal)


def test_time_points_of_a_movie_share_a_field_without_coherence_between_them(viewer, open_dock, settle):
    movie = np.stack([lit((50, 60), seed) for seed in range(3)])
    viewer.add_image(movie, axis_labels=("t", "y", "x"))
    dock = open_dock()
    dock.illumination.value = "additive"
    dock.coherence.value = 1
    dock.n_clusters.value = 2
    settle(dock)
    [layer] = clusters_of(viewer)
    labels, model = napari_kmeans.segment(movie, 2, illumination="additive", coherence=(0, 1, 1))
    np.testing.assert_array_equal(layer.data, labels)
    assert dock.session.model.coherence == model.coherence
    field = dock.session.model.illumination_field(movie.shape)
    np.testing.assert_array_equal(field[0], field[2])
    np.testing.assert_array_equal(run_script(viewer, dock), labels)


def test_each_time_point_has_its_own_field_when_clustered_separately(viewer, open_dock, settle, tmp_path):
    movie = np.stack([lit((50, 60), 0), lit((50, 60), 0)[:, ::-1]])
    viewer.add_image(movie, axis_labels=("t", "y", "x"))
    dock = open_dock()
    dock.illumination.value = "additive"
    dock.coherence.value = 1
    dock.n_clusters.value = 2
    dock.where.value = 0
    dock.segment.native.click()
    settle(dock)
    [layer] = clusters_of(viewer)
    labels, models = napari_kmeans.segment(movie, 2, illumination="additive", coherence=1, per_axis=0)
    assert models[0].illumination != models[1].illumination
    np.testing.assert_array_equal(layer.data, labels)
    np.testing.assert_array_equal(run_script(viewer, dock), labels)
    (tmp_path / "model.json").write_text(layer.metadata["napari-kmeans"], encoding="utf-8")
    saved = napari_kmeans.KMeansStack.load(tmp_path / "model.json")
    np.testing.assert_array_equal(saved.predict(movie), labels)


def test_dock_command_line_script_and_saved_model_give_the_same_labels(
    viewer, open_dock, settle, tmp_path, monkeypatch
):
    cli = pytest.importorskip("napari_kmeans.cli.app", exc_type=SystemExit)
    tifffile = pytest.importorskip("tifffile")
    image = lit(noise=15)
    labels, _ = napari_kmeans.segment(image, 3, illumination="multiplicative", coherence=0.7)
    viewer.add_image(image)
    dock = open_dock()
    dock.illumination.value = "multiplicative"
    dock.coherence.value = 0.7
    dock.n_clusters.value = 3
    settle(dock)
    [layer] = clusters_of(viewer)
    np.testing.assert_array_equal(layer.data, labels)
    np.testing.assert_array_equal(run_script(viewer, dock), labels)
    saved = napari_kmeans.KMeansModel.from_json(layer.metadata["napari-kmeans"])
    np.testing.assert_array_equal(saved.predict(image), labels)
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("image.tif", image)
    asked = ["-k", "3", "--illumination", "multiplicative", "--coherence", "0.7"]
    assert cli.main(["segment", "image.tif", "-o", "out", *asked]) == 0
    np.testing.assert_array_equal(tifffile.imread(Path("out") / "image-labels.tif"), labels)


def test_the_coherent_image_is_freed_when_coherence_is_switched_off(viewer, open_dock, settle):
    image = lit()
    viewer.add_image(image)
    dock = open_dock()
    dock.coherence.value = 1
    settle(dock)
    coherent = dock.session.measured.prepared.pixels.image
    assert coherent.nbytes == 4 * image.size
    coherent = weakref.ref(coherent)
    dock.coherence.value = 0
    settle(dock)
    gc.collect()
    assert coherent() is None
