"""Coherent labels of whole images: the optimum, excluded pixels and rejected images."""

from __future__ import annotations

import gc
import tracemalloc
import warnings
from dataclasses import replace
from itertools import product

import dask.array as da
import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

import napari_kmeans
from napari_kmeans import KMeansModel, Recipe
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.model.segmentation import prepare


def blobs(sigma=25.0, size=96, seed=0):
    from skimage.data import binary_blobs

    truth = binary_blobs(size, blob_size_fraction=0.2, rng=seed)
    return np.where(truth, 150.0, 90.0) + np.random.default_rng(seed).normal(0, sigma, truth.shape), truth


def agreement(labels, truth):
    return adjusted_rand_score(truth.ravel(), labels.ravel())


def energies(levels, values, weights):
    """Return Σ (v - c)² + 2 Σ weight |c(p) - c(q)| of images of centres, (n, *shape); NaN is ignored."""
    known = np.isfinite(values)
    total = np.sum((levels - values) ** 2, axis=tuple(range(1, levels.ndim)), where=known)
    for axis, weight in enumerate(weights):
        n = values.shape[axis]
        both = known.take(range(1, n), axis) & known.take(range(n - 1), axis)
        steps = np.abs(np.diff(levels, axis=axis + 1))
        total += 2 * weight * np.sum(steps, axis=tuple(range(1, levels.ndim)), where=both)
    return total


@pytest.mark.parametrize(
    ("shape", "coherence"),
    [((3, 3), 0.6), ((3, 3), (0.3, 1.5)), ((2, 2, 2), 0.5), ((2, 2, 2), (0.2, 0.5, 1))],
)
@pytest.mark.parametrize("masked", [False, True], ids=["whole", "masked"])
def test_labels_are_the_global_optimum_for_their_centres(shape, coherence, masked):
    """The reference tries every labelling of 100 images per case."""
    rng = np.random.default_rng(0)
    everything = np.array(list(product(range(2), repeat=int(np.prod(shape))))).reshape(-1, *shape)
    n_compared = 0
    for _ in range(100):
        image = rng.integers(0, 40, shape).astype(np.uint8)
        mask = rng.random(shape) < 0.8 if masked else np.ones(shape, dtype=bool)
        if np.unique(image[mask]).size < 2:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the warning about a cost that leaves a single value
            labels, model = napari_kmeans.segment(image, 2, coherence=coherence, mask=mask)
        centers, weights = model.centers[:, 0], model.coherence.weights
        values = np.where(mask, image.astype(np.float64), np.nan)
        if len(centers) < 2 or 0 in model.counts:
            continue
        found = energies(centers[np.maximum(labels, 1) - 1][np.newaxis], values, weights)[0]
        least = energies(centers[everything], values, weights).min()
        assert found == pytest.approx(least, rel=1e-5)
        means = [image[labels == n].mean() for n in (1, 2)]
        assert centers == pytest.approx(np.array(means), abs=1e-3)
        n_compared += 1
    assert n_compared > 30


@pytest.mark.parametrize("sigma", [20, 40])
def test_noise_is_removed_at_least_as_well_as_by_a_gaussian_tuned_to_the_truth(sigma):
    image, truth = blobs(sigma, 256)
    plain, _ = napari_kmeans.segment(image, 2)
    labels, model = napari_kmeans.segment(image, 2, coherence=1)
    tuned = max(
        agreement(napari_kmeans.segment(image, 2, smooth=s)[0], truth) for s in (0.7, 1, 1.5, 2, 2.5, 3)
    )
    assert agreement(plain, truth) < 0.8
    assert agreement(labels, truth) >= tuned - 0.001
    assert model.coherence.noise == pytest.approx(sigma, rel=0.1)
    assert model.centers[:, 0] == pytest.approx(np.array([90, 150]), rel=0.02)
    assert 0 < model.coherence.gap < 1e-3


def test_centres_counts_and_inertia_are_those_of_the_original_values():
    from skimage.data import binary_blobs

    image = blobs(15)[0] + 60 * binary_blobs(96, blob_size_fraction=0.2, rng=9)
    labels, model = napari_kmeans.segment(image, 3, coherence=1)
    means = np.array([image[labels == n].mean() for n in (1, 2, 3)])
    assert model.centers[:, 0] == pytest.approx(means, rel=1e-6)
    assert model.counts.tolist() == np.bincount(labels.ravel(), minlength=4)[1:].tolist()
    assert model.inertia == pytest.approx(np.sum((image - means[labels - 1]) ** 2), rel=1e-5)
    assert model.explained_variance == pytest.approx(1 - model.inertia / np.sum((image - image.mean()) ** 2))


def test_a_larger_coherence_gives_shorter_borders():
    image, _ = blobs(40)
    borders = [
        np.sum(np.diff(napari_kmeans.segment(image, 2, coherence=cost)[0].astype(int), axis=0) != 0)
        for cost in (0, 0.3, 1, 3)
    ]
    assert borders == sorted(borders, reverse=True)
    assert borders[0] > 5 * borders[2]


def test_missing_and_masked_pixels_separate_regions():
    image, _ = blobs()
    image[:, 48] = np.nan
    labels, model = napari_kmeans.segment(image, 2, coherence=1)
    assert (labels[:, 48] == 0).all()
    assert model.counts.sum() == 96 * 95
    mask = np.isfinite(image)
    filled = np.where(mask, image, 1e6)
    masked, other = napari_kmeans.segment(filled, 2, coherence=1, mask=mask)
    assert np.array_equal(masked, labels)
    assert other.coherence == model.coherence
    # Pixels on one side of the missing column do not depend on those on the other.
    changed = image.copy()
    changed[:, 49:] = np.random.default_rng(5).permutation(image[:, 49:].ravel()).reshape(96, 47)
    again = model.predict(changed)
    assert np.mean(again[:, :48] == labels[:, :48]) > 0.999


def test_excluded_values_separate_regions():
    image, _ = blobs()
    image[30:34] = 0
    labels, model = napari_kmeans.segment(image, 2, coherence=1, exclude=0)
    assert (labels[30:34] == 0).all()
    assert model.centers[0, 0] == pytest.approx(90, rel=0.05)


def test_coherence_can_be_given_per_axis():
    """Planes of a stack that are far apart: without a cost between them, each plane is labelled separately."""
    planes = np.stack([blobs(seed=seed)[0] for seed in range(3)])
    together = napari_kmeans.fit(planes, 2, coherence=(0, 1, 1))
    labels = together.predict(planes)
    noise = together.coherence.noise
    assert together.coherence.weights == (0, noise, noise)
    moved = together.predict(planes[[1, 0, 2]])
    assert np.mean(moved == labels[[1, 0, 2]]) > 0.9999
    bound = napari_kmeans.segment(planes, 2, coherence=(3, 1, 1))[0]
    assert np.mean(bound[0] == bound[1]) > np.mean(labels[0] == labels[1])


@pytest.mark.parametrize("axis", [0, 2])
def test_each_position_of_a_stack_is_made_coherent_separately(axis):
    stack = np.stack([blobs(seed=0)[0], 2 * blobs(seed=1)[0]], axis=axis)
    labels, models = napari_kmeans.segment(stack, 2, coherence=1, per_axis=axis)
    for position in range(2):
        alone, model = napari_kmeans.segment(stack.take(position, axis), 2, coherence=1)
        assert np.array_equal(labels.take(position, axis), alone)
        assert models[position].coherence == model.coherence


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", "float64"])
def test_types_and_layouts_do_not_matter(dtype):
    image = np.rint(blobs()[0]).clip(0, 255).astype(dtype)
    labels, model = napari_kmeans.segment(image, 2, coherence=1)
    reference, _ = napari_kmeans.segment(image.astype(np.float64), 2, coherence=1)
    assert np.mean(labels == reference) > 0.999
    for other in (np.asfortranarray(image), image.astype(image.dtype.newbyteorder(">"))):
        again, found = napari_kmeans.segment(other, 2, coherence=1)
        assert np.array_equal(again, labels)
        assert found.to_json() == model.to_json()


@pytest.mark.filterwarnings("ignore:coherence leaves cluster . of 3 without pixels")
def test_threads_do_not_matter(monkeypatch):
    from napari_kmeans.blocks import loop

    image, _ = blobs()
    labels, model = napari_kmeans.segment(image, 3, coherence=1)
    for n_threads in (1, 3):
        monkeypatch.setattr(loop, "N_THREADS", n_threads)
        again, other = napari_kmeans.segment(image, 3, coherence=1)
        assert np.array_equal(again, labels)
        assert other.to_json() == model.to_json()


def test_clusters_without_pixels_are_named():
    noise = np.random.default_rng(0).normal(100, 20, (60, 70)).astype(np.float32)
    with pytest.warns(UserWarning, match="coherence leaves clusters 1 and 3 of 3 without pixels; use fewer"):
        labels, model = napari_kmeans.segment(noise, 3, coherence=1)
    assert model.counts.tolist() == [0, noise.size, 0]
    assert np.unique(labels).tolist() == [2]


def test_illumination_is_removed_first():
    image, truth = blobs()
    lit = image + np.linspace(-80, 80, 96)
    labels, model = napari_kmeans.segment(lit, 2, illumination="additive", coherence=1)
    assert agreement(labels, truth) > 0.8
    assert agreement(napari_kmeans.segment(lit, 2, coherence=1)[0], truth) < 0.5
    assert np.array_equal(model.predict(lit), labels)


def test_a_saved_model_labels_the_same(tmp_path):
    image, _ = blobs()
    labels, model = napari_kmeans.segment(image, 2, coherence=0.8)
    model.save(tmp_path / "model.json")
    loaded = KMeansModel.load(tmp_path / "model.json")
    assert loaded.coherence == model.coherence
    assert loaded.recipe.coherence == (0.8,)
    assert np.array_equal(loaded.predict(image), labels)


def test_predict_uses_the_noise_of_the_fitted_image():
    image, _ = blobs()
    model = napari_kmeans.fit(image, 2, coherence=1)
    part = model.predict(image[:, :50])
    assert np.mean(part[:, :40] == model.predict(image)[:, :40]) > 0.995


def test_clean_up_is_applied_after_coherence():
    from napari_kmeans.labels.clean_up import CleanUp

    image, _ = blobs(45)
    labels, _ = napari_kmeans.segment(image, 2, coherence=0.5)
    cleaned, _ = napari_kmeans.segment(image, 2, coherence=0.5, clean_up=CleanUp(min_size=50))
    assert np.array_equal(cleaned, napari_kmeans.clean_labels(labels, min_size=50))


@pytest.mark.parametrize(
    ("image", "keywords", "message"),
    [
        (np.zeros((8, 8, 3), np.uint8), {"features": "rgb", "channel_axis": -1}, "'rgb' has 3; clean the labels by maj"),
        (np.zeros((8, 8)), {"coherence": (1, 1, 1)}, "has 3 numbers, but the image has 2 spatial axes"),
        (da.zeros((8, 8), chunks=4), {}, "this image is lazy; pass numpy.asarray.* or clean the labels by majority"),
        ([np.zeros((8, 8))] * 2, {}, "coherence needs a single image; omit it"),
        (np.array([[1e30, 1e30 + 1e15]]), {}, "float32, which cannot represent differences this small"),
        (np.array([[0, 1e100]]), {}, "has larger values; divide the image by a constant"),
        (1e9 + np.random.default_rng(0).normal(size=(9, 9)), {}, "subtract an offset from the image"),
    ],
)  # fmt: skip
def test_images_that_cannot_be_made_coherent_are_rejected(image, keywords, message):
    with pytest.raises(ValueError, match=message):
        napari_kmeans.fit(image, 2, **{"coherence": 1, **keywords})


def test_predict_and_confidence_reject_lazy_images_with_coherence():
    image, _ = blobs()
    model = napari_kmeans.fit(image, 2, coherence=1)
    with pytest.raises(ValueError, match="this image is lazy"):
        model.predict(da.from_array(image, chunks=40))
    with pytest.raises(ValueError, match="this image is lazy"):
        model.confidence(da.from_array(image, chunks=40))


def test_a_coherent_image_of_one_value_gives_one_cluster():
    """Rounding errors of the coherent image do not become clusters."""
    image = np.array([[[38, 10], [17, 21]], [[26, 17], [5, 37]]], dtype=np.uint8)
    with pytest.warns(UserWarning, match="only 1 distinct value, so there is 1 cluster instead of 2"):
        labels, model = napari_kmeans.segment(image, 2, coherence=0.5)
    assert (labels == 1).all()
    assert model.centers[0, 0] == pytest.approx(image.mean())


@pytest.mark.parametrize("value", [0, 5.0])
def test_a_constant_image_has_one_cluster(value):
    labels, model = napari_kmeans.segment(np.full((6, 7), value), 1, coherence=1)
    assert (labels == 1).all()
    assert model.centers.tolist() == [[value]]


def test_progress_ascends_to_1():
    seen = []
    napari_kmeans.segment(blobs()[0], 2, coherence=1, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1


def test_the_coherent_image_uses_four_bytes_per_pixel_and_is_freed():
    image = blobs(size=512)[0].astype(np.float32)
    recipe = Recipe.of(2, coherence=1)
    pixels = Pixels.of(image)
    plain = prepare(pixels, replace(recipe, coherence=()))  # compiled, and libraries imported
    del plain
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        plain = prepare(pixels, replace(recipe, coherence=()))
        summary = tracemalloc.get_traced_memory()[0] - before
        coherent = prepare(pixels, recipe)
        kept = tracemalloc.get_traced_memory()[0] - before - summary
        # The coherent image and the summaries of both images, whose size is bounded.
        assert coherent.pixels.image.nbytes == 4 * image.size
        assert 4 * image.size <= kept < 4 * image.size + summary + 4_000_000
        del coherent
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before - summary < 2 * image.size
    finally:
        tracemalloc.stop()
    assert plain.pixels is pixels


@pytest.mark.parametrize(("dtype", "unit"), [("float32", 1 / 255), ("float64", 1 / 255), ("uint8", 1)])
def test_the_noise_is_in_the_units_of_the_image(dtype, unit):
    rng = np.random.default_rng(0)
    image = np.clip(rng.normal(np.where(np.arange(200) < 90, 60, 180), 10, (150, 200)), 0, 255)
    model = napari_kmeans.fit((np.rint(image) * unit).astype(dtype), 2, coherence=1)
    assert model.coherence.noise == pytest.approx(10 * unit, rel=0.05)
