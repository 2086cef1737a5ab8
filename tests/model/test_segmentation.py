from __future__ import annotations

from dataclasses import replace

import dask.array as da
import numpy as np
import pytest
from scipy import ndimage

import napari_kmeans
from napari_kmeans import KMeansModel, Recipe
from napari_kmeans.blocks import loop
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.blocks.progress import Cancelled
from napari_kmeans.labels.clean_up import CleanUp, clean_labels
from napari_kmeans.model.edits import Edits
from napari_kmeans.model.preparation import clusterings_of, counted
from napari_kmeans.model.segmentation import (
    Grid,
    fit_pixels,
    label_pixels,
    segment_pixels,
)
from napari_kmeans.summary.summarize import summarize

KINDS = ["uint8", "float32", "many values", "rgb"]


def image_of(kind: str):
    """Return smooth noise with missing or transparent pixels, and its channel axis."""
    rng = np.random.default_rng(0)
    # More values than a summary has points, so the pixels of a cluster are counted while labelling.
    shape = (300, 320) if kind == "many values" else (60, 80)
    image = ndimage.gaussian_filter(rng.normal(size=shape), 1.2)
    image = (image - image.min()) / np.ptp(image) * 200
    if kind == "rgb":
        alpha = np.where(rng.random(image.shape) < 0.05, 0, 255)
        return np.stack([image, image[::-1], image[:, ::-1], alpha], axis=-1).astype(np.uint8), -1
    if kind in ("float32", "many values"):
        image[rng.random(image.shape) < 0.02] = np.nan
        image[3, 4], image[5, 6], image[5, 7] = np.inf, -np.inf, -np.inf
    return image.astype("uint8" if kind == "uint8" else "float32"), None


def test_one_image_has_too_many_values_to_count_them_separately():
    assert [
        KMeansModel.of(clusterings_of(summarize(pixels_of(kind)[0])), Recipe.of(2)).counts_are_exact
        for kind in KINDS
    ] == [True, True, False, False]


def pixels_of(kind, chunks=None):
    image, channel_axis = image_of(kind)
    if chunks is not None:
        image = da.from_array(image, chunks=(*chunks, -1)[: image.ndim])
    features = "rgb" if channel_axis else "gray"
    return Pixels.of(image, features=features, channel_axis=channel_axis), features


CLEAN_UP = CleanUp(majority=1, min_size=12, fill_holes=20)
EDITS = Edits(merges=((2, 3),), background=(1,))


@pytest.mark.parametrize("edits", [Edits(), EDITS], ids=["fitted", "edited"])
@pytest.mark.parametrize("clean_up", [CleanUp(), CLEAN_UP], ids=["as found", "cleaned"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_lazy_image_gives_the_same_result_as_one_in_memory(kind, clean_up, edits):
    pixels, features = pixels_of(kind)
    lazy, _ = pixels_of(kind, chunks=(17, 30))
    recipe = Recipe.of(4, features=features, clean_up=clean_up, edits=edits)
    expected = segment_pixels(pixels, recipe)
    found = segment_pixels(lazy, recipe)
    loaded = segment_pixels(lazy, recipe, in_memory=True)
    assert isinstance(found.labels, da.Array)
    assert isinstance(loaded.labels, np.ndarray)
    for result in (found, loaded):
        assert np.array_equal(np.asarray(result.labels), expected.labels)
        assert result.model.to_json() == expected.model.to_json()
        assert (result.counts is None) == (not clean_up)
        if clean_up:
            assert np.array_equal(result.counts, expected.counts)


@pytest.mark.parametrize("kind", KINDS)
def test_counts_are_those_of_the_labels(kind):
    pixels, features = pixels_of(kind)
    image, _ = image_of(kind)
    plain = segment_pixels(pixels, Recipe.of(4, features=features))
    finite = np.isfinite(image) if image.ndim == 2 else np.ones(image.shape[:2], dtype=bool)
    expected = np.bincount(plain.labels[finite], minlength=5)
    assert np.array_equal(plain.model.counts, expected[1:])
    cleaned = segment_pixels(pixels, Recipe.of(4, features=features, clean_up=CLEAN_UP))
    assert np.array_equal(cleaned.counts, np.bincount(cleaned.labels.ravel(), minlength=5))
    assert np.array_equal(cleaned.model.counts, expected[1:])
    # Merged clusters share a label, but are counted separately.
    edited = segment_pixels(pixels, Recipe.of(4, features=features, edits=EDITS))
    assert np.array_equal(edited.model.counts, expected[1:])
    table = np.array([0, 0, 2, 2, 4], dtype=np.uint8)
    assert np.array_equal(edited.labels, table[plain.labels])


def test_background_takes_part_in_the_clean_up():
    image = np.full((20, 20), 10, dtype=np.float32)
    image[5:15, 5:15] = 100
    image[9, 9] = 10  # a hole in the object
    image[2, 2] = 100  # a speck in the background
    image[12, 12] = np.nan
    recipe = Recipe.of(2, clean_up=CleanUp(min_size=3), edits=Edits(background=(1,)))
    found = segment_pixels(Pixels.of(image), recipe)
    expected = np.zeros((20, 20), dtype=np.uint8)
    expected[5:15, 5:15] = 2
    expected[12, 12] = 0
    assert np.array_equal(found.labels, expected)
    assert found.counts.tolist() == [301, 0, 99]
    assert found.model.background == (1,)
    again = label_pixels(Pixels.of(image), found.model, recipe.clean_up)
    assert np.array_equal(again.labels, expected)


def test_the_clean_up_is_that_of_clean_labels():
    pixels, _ = pixels_of("uint8")
    plain = segment_pixels(pixels, Recipe.of(4)).labels
    found = segment_pixels(pixels, Recipe.of(4, clean_up=CLEAN_UP)).labels
    assert np.array_equal(found, clean_labels(plain, majority=1, min_size=12, fill_holes=20))
    assert not np.array_equal(found, plain)


def test_the_grid_states_the_meaning_of_the_axes():
    noise = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=(3, 30, 40)), (0, 1, 1))
    pixels = Pixels.of(noise.astype(np.float32))
    recipe = Recipe.of(3, clean_up=CleanUp(majority=1.5, min_size=8))
    plain = segment_pixels(pixels, Recipe.of(3)).labels
    grid = Grid(spacing=(0.5, 1.0), separate_axes=(0,))
    found = segment_pixels(pixels, recipe, grid=grid).labels
    expected = clean_labels(plain, majority=1.5, min_size=8, spacing=(0.5, 1.0), per_axis=0)
    assert np.array_equal(found, expected)
    assert not np.array_equal(found, segment_pixels(pixels, recipe).labels)


def test_labels_of_another_image_do_not_change_the_counts_of_the_model():
    pixels, _ = pixels_of("uint8")
    model = fit_pixels(pixels, Recipe.of(3))
    other = Pixels.of(np.full((5, 6), 255, dtype=np.uint8))
    found = label_pixels(other, model)
    assert found.model is model
    assert found.counts is None
    assert (found.labels == 3).all()
    assert label_pixels(other, model, CleanUp(min_size=2)).counts.tolist() == [0, 0, 0, 30]


@pytest.mark.parametrize("kind", KINDS)
def test_fit_and_segment_find_the_same_clusters(kind):
    pixels, features = pixels_of(kind)
    recipe = Recipe.of(4, features=features)
    fitted, segmented = fit_pixels(pixels, recipe), segment_pixels(pixels, recipe).model
    assert np.array_equal(fitted.centers, segmented.centers)
    assert np.array_equal(fitted.counts, segmented.counts)
    assert fitted.confirmation == ""
    assert segmented.confirmation == ("" if kind == "rgb" else "confirmed")
    assert fit_pixels(pixels, recipe, confirm=True).confirmation == segmented.confirmation


def test_a_threshold_through_a_cell_is_counted_exactly():
    image = np.random.default_rng(0).lognormal(3, 2, 200_000).astype(np.float32)
    pixels = Pixels.of(image)
    clusterings = clusterings_of(summarize(pixels))
    model = KMeansModel.of(clusterings, Recipe.of(9))
    exact = counted(model, pixels)
    assert not model.counts_are_exact
    expected = np.bincount(model.predict(image), minlength=10)[1:]
    assert np.array_equal(exact.counts, expected)
    integers = Pixels.of((image % 200).astype(np.uint8))
    fitted = KMeansModel.of(clusterings_of(summarize(integers)), Recipe.of(3))
    assert counted(fitted, integers) is fitted


# Progress and cancel


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(loop, "BLOCK_PIXELS", 600)
    monkeypatch.setattr(loop, "_MIN_PIXELS", 600)
    monkeypatch.setattr("napari_kmeans.labels.clean_up._BLOCK", 600)


def work_of(name, kind, chunks):
    """Return a function that takes a progress callback and runs one kind of work."""
    pixels, features = pixels_of(kind, chunks)
    recipe = Recipe.of(3, features=features)
    cleaned = Recipe.of(3, features=features, clean_up=CLEAN_UP)
    model = fit_pixels(pixels, recipe)
    image, channel_axis = image_of(kind)
    return {
        "fit": lambda progress: fit_pixels(pixels, recipe, progress=progress),
        "segment": lambda progress: segment_pixels(pixels, recipe, progress=progress),
        "segment and clean": lambda progress: segment_pixels(pixels, cleaned, progress=progress),
        "label": lambda progress: label_pixels(pixels, model, progress=progress, in_memory=True),
        "predict": lambda progress: model.predict(image, channel_axis, progress=progress),
        "fit of the API": lambda progress: napari_kmeans.fit(
            image, 3, features=features, channel_axis=channel_axis, progress=progress
        ),
        "segment of the API": lambda progress: napari_kmeans.segment(
            image, 3, features=features, channel_axis=channel_axis, clean_up=CLEAN_UP, progress=progress
        ),
        "suggestion": lambda progress: napari_kmeans.suggest_n_clusters(
            image, features=features, channel_axis=channel_axis, progress=progress
        ),
    }[name]


WORK = [
    "fit",
    "segment",
    "segment and clean",
    "label",
    "predict",
    "fit of the API",
    "segment of the API",
    "suggestion",
]


@pytest.mark.parametrize("chunks", [None, (20, 40)])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", WORK)
def test_progress_rises_and_any_report_can_cancel_the_work(name, kind, chunks, small_blocks):
    work = work_of(name, kind, chunks)
    shares = []
    work(shares.append)
    assert shares == sorted(shares)
    assert shares[-1] <= 1 + 1e-9
    assert len(shares) >= 4
    if name in ("label", "predict", "segment and clean", "segment of the API") or (
        name == "segment" and chunks is None
    ):
        assert shares[-1] == pytest.approx(1)
        assert max(np.diff(shares, prepend=0)) < 0.5
    if name in ("segment and clean", "segment of the API"):
        assert sum(0.76 < share < 0.94 for share in shares) >= 3  # while the labels are cleaned
    for n_reports in {1, len(shares) // 2, len(shares)}:
        calls = []

        def cancel(share, calls=calls, n_reports=n_reports):
            calls.append(share)
            if len(calls) == n_reports:
                raise Cancelled

        with pytest.raises(Cancelled):
            work(cancel)
        assert calls == shares[:n_reports]


@pytest.mark.parametrize("kind", KINDS)
def test_merged_clusters_are_labelled_and_counted_separately(kind):
    image = pixels_of(kind)[0]
    edits = Edits(merges=((2, 3),), background=(1,))
    result = segment_pixels(image, replace(Recipe.of(4, features=pixels_of(kind)[1]), edits=edits))
    plain = segment_pixels(image, Recipe.of(4, features=pixels_of(kind)[1]))
    expected = np.array([0, 0, 2, 2, 4])[plain.labels]
    np.testing.assert_array_equal(result.labels, expected)
    np.testing.assert_array_equal(result.model.counts, plain.model.counts)
