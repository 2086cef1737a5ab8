from __future__ import annotations

from collections.abc import Iterator

import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.filters import rank
from skimage.morphology import area_opening, ball, disk

import napari_kmeans
from napari_kmeans.blocks.progress import Cancelled
from napari_kmeans.labels import clean_up as regions
from napari_kmeans.labels.clean_up import CleanUp, clean_labels
from napari_kmeans.labels.majority import Ball

pytestmark = pytest.mark.thorough

RNG = np.random.default_rng(0)


def blobs(shape: tuple[int, ...], n_labels: int = 4, sigma: float = 1.5, seed: int = 0) -> np.ndarray:
    """Labels of smooth noise: regions of many sizes, nested in one another."""
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.normal(size=shape), sigma)
    return np.digitize(field, np.quantile(field, np.arange(1, n_labels) / n_labels)).astype(np.uint8) + 1


def neighbors(pixel: tuple[int, ...], shape: tuple[int, ...]) -> Iterator[tuple[int, tuple[int, ...]]]:
    for axis in range(len(shape)):
        for step in (-1, 1):
            at = pixel[axis] + step
            if 0 <= at < shape[axis]:
                yield axis, (*pixel[:axis], at, *pixel[axis + 1 :])


def flood(member: np.ndarray) -> list[set[tuple[int, ...]]]:
    """Return connected sets of True pixels, by flood fill."""
    left = {tuple(map(int, at)) for at in np.argwhere(member)}
    found = []
    while left:
        todo = [left.pop()]
        region = set(todo)
        while todo:
            for _, at in neighbors(todo.pop(), member.shape):
                if at in left:
                    left.remove(at)
                    region.add(at)
                    todo.append(at)
        found.append(region)
    return found


def all_regions(labels: np.ndarray, include: np.ndarray) -> list[set[tuple[int, ...]]]:
    return [region for value in np.unique(labels) for region in flood((labels == value) & include)]


def by_hand_min_size(labels, include, limit, face):
    """Remove small regions pixel by pixel, following the documentation."""
    labels = labels.copy()
    small = [region for region in all_regions(labels, include) if len(region) < limit]
    waiting = set().union(*small)
    while True:
        chosen = []
        for region in small:
            border: dict[int, float] = {}
            for pixel in region:
                for axis, at in neighbors(pixel, labels.shape):
                    if include[at] and at not in waiting:
                        border[int(labels[at])] = border.get(int(labels[at]), 0) + face[axis]
            if border:
                chosen.append((region, min(border, key=lambda label: (-border[label], label))))
        if not chosen:
            return labels
        for region, label in chosen:
            small.remove(region)
            waiting -= region
            for pixel in region:
                labels[pixel] = label


def holes(labels, include, filler) -> Iterator[set[tuple[int, ...]]]:
    """Return sets of other labels that are surrounded by one label."""
    outside = np.pad(~include, 1, constant_values=True)
    outside = ndimage.binary_dilation(outside)[(slice(1, -1),) * labels.ndim]
    for region in flood(include & (labels != filler)):
        if not any(outside[pixel] for pixel in region):
            yield region


def by_hand_fill_holes(labels, include, limit):
    labels = labels.copy()
    for filler in np.unique(labels[include]):
        for hole in holes(labels, include, filler):
            if len(hole) < limit:
                for pixel in hole:
                    labels[pixel] = filler
    return labels


# Majority; its filter is tested in test_majority.py


@pytest.mark.parametrize(
    ("radius", "spacing"), [(0.3, (0.1, 0.1)), (2, (1, 0.5)), (2.5, (5, 1, 1)), (3, (1.5, 1, 0.7)), (7, (2,))]
)
def test_the_footprint_contains_the_pixels_within_the_radius(
    radius: float, spacing: tuple[float, ...]
) -> None:
    footprint = Ball(radius, spacing)
    offsets = np.indices([2 * reach + 3 for reach in footprint.reach]).reshape(len(spacing), -1).T
    offsets -= np.array(footprint.reach) + 1
    distance = np.sqrt(((offsets * spacing) ** 2).sum(axis=1))
    expected = {tuple(o) for o in offsets[distance <= radius * (1 + 1e-9)].tolist()}
    lines = footprint.lines((100,) * len(spacing)).tolist()
    got = [(*offset, along) for *offset, half in lines for along in range(-half, half + 1)]
    assert len(got) == len(expected)
    assert set(got) == expected


def test_footprints_equal_those_of_scikit_image() -> None:
    for radius in range(1, 12):
        for footprint in (disk(radius), ball(radius)):
            lines = Ball(radius, (1.0,) * footprint.ndim).lines((50,) * footprint.ndim)
            assert np.sum(2 * lines[:, -1] + 1) == footprint.sum()


# Small regions and holes, compared with brute force


def any_labels(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray | None]:
    shape = draw(st.sampled_from([(1, 1), (13,), (9, 12), (16, 16), (4, 5, 6), (1, 7, 3)]))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    if draw(st.booleans()):
        labels = rng.integers(1, draw(st.integers(2, 5)), shape, dtype=np.uint8)
    else:
        labels = blobs(shape, draw(st.integers(2, 5)), draw(st.floats(0.5, 1.5)), seed)
    excluded = rng.random(shape) < draw(st.sampled_from([0, 0, 0.05, 0.3]))
    if draw(st.booleans()):
        labels[excluded] = 0
        return labels, None
    return labels - np.uint8(draw(st.integers(0, 1))), ~excluded


cases = st.composite(any_labels)()


@given(cases, st.integers(0, 20), st.integers(1, 60))
@settings(max_examples=300, deadline=None)
def test_small_regions_go_to_the_longest_border(case, limit, block) -> None:
    labels, mask = case
    include = labels > 0 if mask is None else mask
    expected = by_hand_min_size(labels, include, limit, [1] * labels.ndim)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(regions, "_BLOCK", block)
        cleaned = clean_labels(labels, min_size=limit, mask=mask)
    np.testing.assert_array_equal(cleaned, expected)


@given(cases, st.integers(0, 30), st.integers(1, 60))
@settings(max_examples=300, deadline=None)
def test_holes_are_filled(case, limit, block) -> None:
    labels, mask = case
    include = labels > 0 if mask is None else mask
    expected = by_hand_fill_holes(labels, include, limit)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(regions, "_BLOCK", block)
        cleaned = clean_labels(labels, fill_holes=limit, mask=mask)
    np.testing.assert_array_equal(cleaned, expected)


@given(cases, st.integers(0, 3), st.integers(0, 20), st.integers(0, 30))
@settings(max_examples=300, deadline=None)
def test_cleaned_labels_contain_no_small_regions_or_holes(case, radius, min_size, fill_holes) -> None:
    labels, mask = case
    include = labels > 0 if mask is None else mask
    cleaned = clean_labels(labels, majority=radius, min_size=min_size, fill_holes=fill_holes, mask=mask)
    np.testing.assert_array_equal(cleaned[~include], labels[~include])
    assert set(np.unique(cleaned[include])) <= set(np.unique(labels[include]))
    for filler in np.unique(cleaned[include]):
        assert all(len(hole) >= fill_holes for hole in holes(cleaned, include, filler))
    left = all_regions(cleaned, include)
    reached = True
    smoothed = all_regions(clean_labels(labels, majority=radius, mask=mask), include)
    for island in flood(include):
        if any(len(region) >= min_size for region in smoothed if region <= island):
            assert all(len(region) >= min_size for region in left if region <= island)
        else:
            reached = False
    if reached:
        again = clean_labels(cleaned, min_size=min_size, fill_holes=fill_holes, mask=mask)
        np.testing.assert_array_equal(again, cleaned)


@pytest.mark.parametrize("shape", [(120, 130), (20, 24, 28)])
def test_results_for_two_labels_equal_those_of_scikit_image(shape: tuple[int, ...]) -> None:
    labels = blobs(shape, 2, 1)
    dark = ndimage.label(labels == 1)[0]
    # The background is a single region, so small regions of a label are inside a region of the other.
    ground = dark == 1 + np.argmax(np.bincount(dark[dark > 0])[1:])
    labels = np.where(ground, 1, 2).astype(np.uint8)
    opened = area_opening(labels, 30, connectivity=1)
    assert (opened == 2).sum() < (labels == 2).sum()
    np.testing.assert_array_equal(clean_labels(labels, min_size=30), opened)
    filled = ndimage.binary_fill_holes(ground)
    assert filled.sum() > ground.sum()
    np.testing.assert_array_equal(clean_labels(labels, fill_holes=labels.size) == 1, filled)


def test_ties_between_borders_go_to_the_lower_label() -> None:
    labels = np.array([[3, 3, 3, 4, 4, 4], [3, 3, 1, 4, 4, 4], [2, 2, 2, 2, 2, 2]], dtype=np.uint8)
    cleaned = clean_labels(labels, min_size=2)
    assert cleaned[1, 2] == 3  # it adjoins label 3 twice, above and to the left
    labels[0, 2] = 4
    assert clean_labels(labels, min_size=2)[1, 2] == 4
    assert clean_labels(labels[1:2], min_size=2).tolist() == [[3, 3, 3, 4, 4, 4]]


@pytest.mark.parametrize(("spacing", "label"), [(None, 1), ((1, 1), 1), ((1, 9), 1), ((9, 1), 2)])
def test_borders_are_measured_by_spacing(spacing: tuple[float, ...] | None, label: int) -> None:
    labels = np.array([[2, 1, 1, 2], [2, 1, 1, 2], [2, 3, 3, 2], [2, 4, 4, 2], [2, 4, 4, 2]], dtype=np.uint8)
    cleaned = clean_labels(labels, min_size=3 * np.prod(spacing or 1), spacing=spacing)
    assert cleaned[2].tolist() == [2, label, label, 2]


@given(cases, st.integers(2, 20), st.integers(1, 60))
@settings(max_examples=100, deadline=None)
def test_small_regions_go_to_the_longest_border_measured_by_spacing(case, limit, block) -> None:
    labels, mask = case
    include = labels > 0 if mask is None else mask
    spacing = [2.0, 1.0, 4.0][: labels.ndim]  # ratios without rounding error
    pixel = np.prod(spacing)
    expected = by_hand_min_size(labels, include, limit, [pixel / size for size in spacing])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(regions, "_BLOCK", block)
        cleaned = clean_labels(labels, min_size=limit * pixel, spacing=spacing, mask=mask)
    np.testing.assert_array_equal(cleaned, expected)


@pytest.mark.parametrize("spacing", [0.1, (0.1, 0.3), (3, 7)])
def test_sizes_are_measured_by_spacing(spacing: float | tuple[float, ...]) -> None:
    labels = blobs((60, 60), 4, 0.8)
    pixel = np.prod(np.broadcast_to(spacing, 2))
    isotropic = np.size(spacing) == 1
    for limit in (1, 2, 3, 7, 10) if isotropic else ():
        for step in ("min_size", "fill_holes"):
            by_units = clean_labels(labels, **{step: limit * pixel}, spacing=spacing)
            np.testing.assert_array_equal(by_units, clean_labels(labels, **{step: limit}))
    for limit in (2, 3, 7):
        np.testing.assert_array_equal(
            clean_labels(labels, fill_holes=limit * pixel, spacing=spacing),
            clean_labels(labels, fill_holes=limit),
        )


def test_all_labels_up_to_255_are_supported() -> None:
    labels = np.arange(256 * 9, dtype=np.int64).reshape(48, 48).astype(np.uint8)
    mask = np.ones(labels.shape, dtype=bool)
    mask[0, 0] = False
    cleaned = clean_labels(np.kron(labels, np.ones((3, 3), np.uint8)), min_size=9)
    np.testing.assert_array_equal(cleaned, np.kron(labels, np.ones((3, 3), np.uint8)))
    everything = clean_labels(labels, majority=1, mask=mask)
    np.testing.assert_array_equal(
        everything, np.where(mask, rank.majority(labels, disk(1), mask=mask), labels)
    )


# Blocks, chunks, positions

STEPS = [
    {"majority": 2},
    {"min_size": 25},
    {"fill_holes": 60},
    {"majority": 1, "min_size": 12, "fill_holes": 40},
    {"majority": 1.5, "min_size": 9, "fill_holes": 30, "spacing": [1, 0.7, 0.5]},
]


@pytest.mark.parametrize("shape", [(70, 90), (18, 22, 26)])
@pytest.mark.parametrize("keywords", STEPS)
@pytest.mark.parametrize("masked", [False, True])
def test_results_do_not_depend_on_chunks(shape, keywords, masked, monkeypatch) -> None:
    labels = blobs(shape, 4, 0.8)
    labels[(slice(5, 12),) * labels.ndim] = 0
    mask = RNG.random(shape) < 0.95 if masked else None
    if "spacing" in keywords:
        keywords = {**keywords, "spacing": keywords["spacing"][: labels.ndim]}
    expected = clean_labels(labels, **keywords, mask=mask)
    assert np.count_nonzero(expected != labels) > 3
    for block in (60, 333, 2000):
        with monkeypatch.context() as patch:
            patch.setattr(regions, "_BLOCK", block)
            np.testing.assert_array_equal(clean_labels(labels, **keywords, mask=mask), expected)
    ragged = [(1, n - 20, 3, 14, 2) if n > 20 else (7, n - 7) for n in shape]
    for chunks in (ragged, 17, -1):
        lazy = da.from_array(labels, chunks=chunks)
        cleaned = clean_labels(lazy, **keywords, mask=mask)
        assert isinstance(cleaned, da.Array)
        assert (cleaned.chunks, cleaned.dtype) == (lazy.chunks, np.uint8)
        np.testing.assert_array_equal(cleaned.compute(), expected)
        corner = (slice(-9, None),) * labels.ndim
        np.testing.assert_array_equal(cleaned[corner].compute(), expected[corner])


def test_the_size_of_a_region_is_counted_over_all_chunks() -> None:
    labels = np.ones((80, 80), dtype=np.uint8)
    labels[::2] = 2  # one winding line, of which each chunk contains only a few connected pixels
    labels[1::4, -1] = labels[3:-1:4, 0] = 2
    n_pixels = np.count_nonzero(labels == 2)
    lazy = da.from_array(labels, chunks=7)
    assert (clean_labels(lazy, min_size=n_pixels) == 2).all().compute()
    # Without a large region, small regions are kept.
    np.testing.assert_array_equal(clean_labels(lazy, min_size=n_pixels + 1), labels)


def test_majority_of_a_lazy_array_is_lazy() -> None:
    def fail(block: np.ndarray) -> np.ndarray:
        raise AssertionError("was read")

    lazy = da.zeros((40, 40), chunks=10, dtype=np.uint8).map_blocks(
        fail, dtype=np.uint8, meta=np.empty((0, 0), np.uint8)
    )
    assert clean_labels(lazy, majority=2).shape == (40, 40)
    with pytest.raises(AssertionError, match="was read"):
        clean_labels(lazy, min_size=5)


def test_zarr_arrays_are_cleaned_lazily(tmp_path) -> None:
    zarr = pytest.importorskip("zarr")
    labels = blobs((50, 60), 3, 0.8)
    stored = zarr.open(
        str(tmp_path / "labels.zarr"), mode="w", shape=labels.shape, chunks=(16, 25), dtype="u1"
    )
    stored[:] = labels
    cleaned = clean_labels(stored, majority=1, min_size=20)
    assert cleaned.chunks == ((16, 16, 16, 2), (25, 25, 10))
    np.testing.assert_array_equal(cleaned.compute(), clean_labels(labels, majority=1, min_size=20))


@pytest.mark.parametrize("lazy", [False, True])
def test_positions_are_cleaned_separately(lazy: bool) -> None:
    movie = np.stack([blobs((30, 40), 4, 0.8, seed) for seed in range(5)])
    keywords = {"majority": 1, "min_size": 20, "fill_holes": 30}
    expected = np.stack([clean_labels(frame, **keywords) for frame in movie])
    given = da.from_array(movie, chunks=(2, 11, 40)) if lazy else movie
    cleaned = clean_labels(given, **keywords, per_axis=0)
    np.testing.assert_array_equal(np.asarray(cleaned), expected)
    assert not lazy or cleaned.chunks == given.chunks
    assert not np.array_equal(clean_labels(movie, **keywords), expected)
    two = np.moveaxis(np.stack([movie, movie[::-1]]), 1, -1)  # (2, 30, 40, 5)
    cleaned = clean_labels(two, **keywords, per_axis=(0, -1), mask=np.ones(two.shape, dtype=bool))
    np.testing.assert_array_equal(np.moveaxis(cleaned, -1, 1), np.stack([expected, expected[::-1]]))


@pytest.mark.parametrize("keywords", [{}, {"majority": 0.5}, {"min_size": 1}, {"majority": 3, "min_size": 9}])
def test_the_given_labels_are_not_modified(keywords) -> None:
    labels = blobs((30, 30), 3, 0.8)
    labels.flags.writeable = False
    before = labels.copy()
    cleaned = clean_labels(labels, **keywords)
    np.testing.assert_array_equal(labels, before)
    assert not np.shares_memory(cleaned, labels)
    assert clean_labels(labels[:0], **keywords).shape == (0, 30)
    if len(keywords) < 2:
        np.testing.assert_array_equal(cleaned, labels)


# Progress and errors


@pytest.mark.parametrize("keywords", STEPS[:4])
@pytest.mark.parametrize("per_axis", [None, 0])
def test_progress_ascends_and_can_cancel_the_work(keywords, per_axis, monkeypatch) -> None:
    monkeypatch.setattr(regions, "_BLOCK", 500)
    labels = blobs((3, 50, 60), 4, 0.8)
    seen: list[float] = []
    clean_labels(labels, **keywords, per_axis=per_axis, progress=seen.append)
    assert seen == sorted(seen)
    assert len(seen) > 10
    assert seen[-1] == pytest.approx(1)
    calls = iter(range(1000))

    def stop(done: float) -> None:
        if next(calls) == len(seen) // 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        clean_labels(labels, **keywords, per_axis=per_axis, progress=stop)
    assert next(calls) == len(seen) // 2 + 1


LABELS = np.ones((4, 5), dtype=np.uint8)


@pytest.mark.parametrize(
    ("labels", "keywords", "error", "message"),
    [
        (LABELS, {"majority": -1}, ValueError, "majority=-1 must be 0 or more"),
        (LABELS, {"majority": True}, TypeError, "majority must be a number, not True"),
        (LABELS, {"min_size": "5"}, TypeError, "min_size must be a number, not '5'"),
        (LABELS, {"min_size": float("nan")}, ValueError, "min_size=nan must be 0 or more, and finite"),
        (LABELS, {"fill_holes": float("inf")}, ValueError, "fill_holes=inf must be 0 or more, and finite"),
    ],
)
def test_errors_name_the_argument(labels, keywords, error, message) -> None:
    with pytest.raises(error, match=message):
        clean_labels(labels, **keywords)


def test_a_clean_up_without_steps_is_false() -> None:
    assert not CleanUp()
    assert CleanUp(fill_holes=1)
    assert CleanUp(1, 2, 3) == CleanUp(majority=1, min_size=2, fill_holes=3)
    with pytest.raises(ValueError, match="min_size=-1"):
        CleanUp(min_size=-1)


# A real picture


def test_specks_of_the_coins_image_are_removed_and_coins_kept(picture) -> None:
    labels, _ = napari_kmeans.segment(picture("coins"), 2)
    cleaned = napari_kmeans.clean_labels(labels, min_size=150, fill_holes=150)

    def parts(labels: np.ndarray, label: int) -> int:
        return ndimage.label(labels == label)[1]

    assert parts(labels, 1) > 500
    assert parts(labels, 2) > 150
    assert (parts(cleaned, 1), parts(cleaned, 2)) == (1, 24)  # as many as there are coins
    coins = ndimage.binary_opening(labels == 2, disk(8))
    assert (cleaned[coins] == 2).all()
    assert np.count_nonzero(cleaned != labels) < 0.04 * labels.size
