"""The engine as a whole: the documented behaviour of `fit`, `segment` and `suggest_n_clusters`."""

from __future__ import annotations

import warnings
from functools import cache

import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

import napari_kmeans
from napari_kmeans.blocks import loop
from napari_kmeans.kmeans.exact import OptimalPartitions

GRAY = ("camera", "coins", "moon", "text", "page")
COLOUR = ("astronaut", "china", "flower")
INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")
FLOATS = ("float16", "float32", "float64")


def luminance(colours):
    """Rec. 709 luminance of 8-bit colours, in ten-thousandths: exact."""
    return colours.astype(np.int64) @ np.array([2125, 7154, 721])


def inertia_of(values, counts, centers, unit=1.0):
    """Sum of squared distances to the nearest centre."""
    values, centers = values * unit, np.ravel(centers)
    nearest = centers[np.searchsorted((centers[1:] + centers[:-1]) / 2, values)]
    return float(np.sum(counts * (values - nearest) ** 2))


def assert_labels_are_the_nearest_centres(labels, values, centers):
    centers = np.ravel(centers)
    assert (np.diff(centers) > 0).all()
    assert labels.dtype == np.uint8
    assert labels.shape == values.shape
    distance = np.abs(np.asarray(values, dtype=np.float64)[..., np.newaxis] - centers)
    chosen = np.take_along_axis(distance, labels[..., np.newaxis].astype(int) - 1, axis=-1)[..., 0]
    assert (chosen <= distance.min(axis=-1) * (1 + 1e-12)).all()


def assert_same(one, other):
    """Assert that labels and models are equal to the last bit."""
    assert np.array_equal(one[0], other[0])
    assert one[1].to_json() == other[1].to_json()


@pytest.mark.parametrize("k", range(2, 9))
@pytest.mark.parametrize("name", GRAY)
def test_grayscale_pictures_reach_the_optimum(picture, least_inertia, name, k):
    image = picture(name)
    values, counts = np.unique(image, return_counts=True)
    labels, model = napari_kmeans.segment(image, k)
    best = least_inertia(values, counts, k)
    assert model.inertia == pytest.approx(best, rel=1e-9)
    assert inertia_of(values, counts, model.centers) == pytest.approx(best, rel=1e-9)
    rival = KMeans(k, n_init=10, random_state=0).fit(values[:, np.newaxis], sample_weight=counts)
    assert model.inertia <= rival.inertia_ * (1 + 1e-12)
    assert_labels_are_the_nearest_centres(labels, image, model.centers)
    assert np.array_equal(model.counts, np.bincount(labels.ravel(), minlength=k + 1)[1:])
    assert model.confirmation == "confirmed"


@pytest.mark.parametrize("k", range(2, 9))
@pytest.mark.parametrize("name", COLOUR)
def test_the_luminance_of_pictures_reaches_the_optimum(picture, least_inertia, name, k):
    image = picture(name)
    exact = luminance(image)
    values, counts = np.unique(exact, return_counts=True)
    labels, model = napari_kmeans.segment(image, k, channel_axis=-1)
    best = least_inertia(values, counts, k) * 1e-8
    assert model.inertia == pytest.approx(best, rel=1e-6)
    assert inertia_of(values, counts, model.centers, unit=1e-4) == pytest.approx(best, rel=1e-6)
    with threadpool_limits(1):
        rival = KMeans(k, n_init=10, random_state=0).fit(values[:, np.newaxis] * 1e-4, sample_weight=counts)
    assert model.inertia <= rival.inertia_ * (1 + 1e-6)
    assert_labels_are_the_nearest_centres(labels, exact * 1e-4, model.centers)
    assert np.array_equal(model.counts, np.bincount(labels.ravel(), minlength=k + 1)[1:])


def test_similar_colours_are_distinguished_by_their_luminance(least_inertia):
    red, blue = np.divmod(np.arange(512), 16)
    palette = np.stack([100 + red, np.full(512, 100), 100 + blue], axis=-1).astype(np.uint8)
    image = palette[np.random.default_rng(0).integers(0, 512, (300, 400))]
    values, counts = np.unique(luminance(image), return_counts=True)
    for k in (2, 12, 64):
        model = napari_kmeans.fit(image, k, features="gray", channel_axis=-1)
        assert model.inertia == pytest.approx(least_inertia(values, counts, k) * 1e-8, rel=1e-9)
    two = palette[[16, 3]].reshape(1, 2, 3)  # their luminances differ by 0.0037
    assert napari_kmeans.segment(two, 2, features="gray", channel_axis=-1)[0].tolist() == [[1, 2]]


@pytest.mark.filterwarnings("ignore:image has shape")
@settings(deadline=None, max_examples=250)
@given(
    hnp.arrays(
        st.sampled_from(["uint8", "int8", "uint16", "int16"]),
        hnp.array_shapes(min_dims=1, max_dims=4, max_side=12),
        fill=st.nothing(),
    ),
    st.integers(1, 10),
)
def test_any_small_integers_reach_the_optimum(least_inertia, image, k):
    values, counts = np.unique(image, return_counts=True)
    k = min(k, values.size)
    labels, model = napari_kmeans.segment(image, k)
    best = least_inertia(values, counts, k)
    assert model.n_clusters == k
    assert model.inertia == pytest.approx(best, rel=1e-9, abs=1e-9)
    assert inertia_of(values, counts, model.centers) == pytest.approx(best, rel=1e-9, abs=1e-9)
    assert_labels_are_the_nearest_centres(labels, image, model.centers)
    assert np.array_equal(model.counts, np.bincount(labels.ravel(), minlength=k + 1)[1:])


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_the_inertia_is_never_above_that_of_scikit_learn(seed, k):
    rng = np.random.default_rng(seed)
    image = rng.choice([rng.normal(100, 30, 400), rng.exponential(20, 400)]).clip(0, 255).astype(np.uint8)
    model = napari_kmeans.fit(image, k)
    values, counts = np.unique(image, return_counts=True)
    rival = KMeans(k, n_init=10, random_state=0).fit(values[:, np.newaxis], sample_weight=counts)
    assert model.inertia <= rival.inertia_ * (1 + 1e-9)


rng = np.random.default_rng(0)


N = 80_000  # values of fewer pixels would be listed instead of being counted in cells


distributions = {
    "normal": rng.normal(0, 1, N),
    "lognormal": rng.lognormal(0, 2, N),
    "exponential": rng.exponential(5, N),
    "uniform": rng.random(N),
    "two modes at 0 and 1e6": np.append(rng.normal(0, 1, N // 2), rng.normal(1e6, 1, N // 2)),
    "three modes": np.concatenate([rng.normal(at, 0.05, N // 3) for at in (0, 1, 3)]),
    "mostly zero": np.append(np.zeros(N - 4000), rng.lognormal(0, 1, 4000)),
    "denormal": rng.normal(0, 1, N) * 1e-41,
    "tiny": rng.normal(0, 1, N) * 1e-30,
    "offset by 1e9": rng.normal(1e9, 1000, N),
    "heavy tails": rng.standard_cauchy(N),
    "whole numbers": rng.poisson(900, N),
    "256 levels in 0 to 1": rng.integers(0, 256, N) / 255,
    "few values with noise": np.append(rng.choice(rng.random(3000), N - 1000), rng.random(1000)),
}


@cache
def reference(distribution, dtype):
    """Return optimal partitions of the distinct values; another implementation confirms them below."""
    return OptimalPartitions(
        *np.unique(distributions[distribution].astype(dtype).astype(np.float64), return_counts=True)
    )


@pytest.mark.parametrize(
    ("dtype", "k"), [(dtype, k) for dtype in ("float32", "float64") for k in (2, 5, 12, 64)]
)
@pytest.mark.parametrize("distribution", distributions)
def test_floats_come_within_a_millionth_of_the_optimum(distribution, dtype, k):
    image = distributions[distribution].astype(dtype)
    model = napari_kmeans.fit(image, k)
    exact = reference(distribution, dtype)
    best = exact.inertia(k)
    assert inertia_of(exact.values, exact.weights, model.centers) <= best * (1 + 1e-6)
    # The scatter within cells, which is 5e-6 of 64 clusters' inertia at most, is estimated.
    assert model.inertia == pytest.approx(best, rel=1e-6 if k <= 12 else 2e-6, abs=0)
    assert np.array_equal(model.counts, np.bincount(model.predict(image), minlength=k + 1)[1:])


@pytest.mark.parametrize("k", [2, 12, 64])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("dtype", ["float64", "int64"])
def test_narrow_ranges_far_apart_come_within_a_millionth(dtype, sign, k):
    # Both ranges share the high bits, so the first cells are far wider than the ranges.
    narrow = np.append(rng.integers(0, 10**7, N), 2**47 + rng.integers(0, 10**7, 300))
    image = sign * (2.0**-53 * narrow + 1) if dtype == "float64" else sign * (2**62 + 100 * narrow)
    exact = OptimalPartitions(*np.unique(sign * narrow.astype(np.float64), return_counts=True))
    model = napari_kmeans.fit(image, k)
    unit = 2.0**-53 if dtype == "float64" else 100.0
    best = exact.inertia(k) * unit**2
    assert model.inertia == pytest.approx(best, rel=1e-6, abs=0)
    position = (sign * narrow).astype(np.float64)
    label = model.predict(image)
    mean = np.bincount(label, position)[1:] / np.bincount(label)[1:]
    assert np.sum((position - mean[label - 1]) ** 2) * unit**2 <= best * (1 + 1e-6)


def test_denormal_doubles_are_clustered_like_large_numbers():
    image = rng.normal(0, 1, 5000)
    tiny = image * 2.0**-1040
    model = napari_kmeans.fit(tiny, 5)
    values, counts = np.unique(np.ldexp(tiny, 1040), return_counts=True)
    best = OptimalPartitions(values, counts).inertia(5)
    assert inertia_of(values, counts, np.ldexp(model.centers, 1040)) <= best * (1 + 1e-6)


@pytest.mark.parametrize("k", [2, 6, 12])
def test_the_reference_for_floats_agrees_with_another_implementation(least_inertia, k):
    for name in ("normal", "lognormal", "whole numbers", "three modes"):
        values, counts = np.unique(distributions[name][:8000], return_counts=True)
        best = least_inertia(values, counts, k)
        assert OptimalPartitions(values, counts).inertia(k) == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize("dtype", ["uint32", "int32", "uint64", "int64"])
@pytest.mark.parametrize("distribution", ["normal", "lognormal", "two modes at 0 and 1e6", "whole numbers"])
def test_wide_integers_come_within_a_millionth_of_the_optimum(distribution, dtype):
    image = (distributions[distribution] * 1000).clip(-(2**31), 2**31 - 1)
    image = (np.abs(image) if dtype[0] == "u" else image).astype(dtype)
    values, counts = np.unique(image.astype(np.float64), return_counts=True)
    for k in (3, 12):
        model = napari_kmeans.fit(image, k)
        best = OptimalPartitions(values, counts).inertia(k)
        assert inertia_of(values, counts, model.centers) <= best * (1 + 1e-6)
        assert model.inertia == pytest.approx(best, rel=1e-6)
        assert np.array_equal(model.counts, np.bincount(model.predict(image), minlength=k + 1)[1:])


@pytest.mark.parametrize("k", [2, 5, 12])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("outliers", [[1e30], [-1e30], [-1e30, 1e30]], ids=str)
@pytest.mark.parametrize("distribution", ["normal", "lognormal", "three modes", "offset by 1e9"])
def test_ten_extreme_pixels_leave_the_rest_optimal(distribution, outliers, dtype, k):
    inliers = distributions[distribution].astype(dtype)
    image = np.append(inliers, np.repeat(outliers, 10).astype(dtype))
    _, model = napari_kmeans.segment(image, k + len(outliers))
    far = np.abs(model.centers[:, 0]) > 1e29
    assert np.array_equal(model.centers[far, 0], np.array(outliers, dtype=dtype).astype(np.float64))
    assert model.counts[far].tolist() == [10] * len(outliers)
    exact = reference(distribution, dtype)
    best = exact.inertia(k)
    assert inertia_of(exact.values, exact.weights, model.centers[~far]) <= best * (1 + 1e-6)
    assert model.inertia == pytest.approx(best, rel=1e-6)
    expected, _, _ = exact.cluster_statistics(exact.borders(k))
    assert np.abs(model.centers[~far, 0] - expected).max() < 2e-3 * np.std(inliers, dtype=np.float64)
    assert model.confirmation == "not comparable"


def test_255_clusters_are_supported():
    image = distributions["normal"][:5000].astype(np.float32)
    labels, model = napari_kmeans.segment(image, 255)
    assert labels.min() == 1
    assert labels.max() == 255
    assert model.centers.shape == (255, 1)
    assert_labels_are_the_nearest_centres(labels, image, model.centers)


def images_of_all_kinds(picture):
    coins, astronaut = picture("coins"), picture("astronaut")[::2, ::2]
    return {
        "uint8": (coins, {}),
        "uint16": (coins.astype(np.uint16) * 257, {}),
        "float32 in equal cells": (coins + rng.random(coins.shape, dtype=np.float32), {}),
        "float32 with a tail": (np.exp(coins / np.float32(8)), {}),
        "float64 with NaN": (np.where(coins > 200, np.nan, np.sqrt(coins)), {}),
        "int64": (coins.astype(np.int64) ** 3, {}),
        "RGB": (astronaut, {"channel_axis": -1}),
        "float RGB": (astronaut.astype(np.float32) / 255, {"channel_axis": -1}),
        "masked": (coins, {"mask": coins % 3 == 0}),
    }


KINDS = (
    *("uint8", "uint16", "float32 in equal cells", "float32 with a tail", "float64 with NaN", "int64"),
    *("RGB", "float RGB", "masked"),
)


@pytest.mark.parametrize("kind", KINDS)
def test_results_do_not_depend_on_blocks_and_threads(picture, kind, monkeypatch):
    image, kwargs = images_of_all_kinds(picture)[kind]
    first = napari_kmeans.segment(image, 5, **kwargs)
    assert_same(napari_kmeans.segment(image, 5, **kwargs), first)
    for n_threads in (1, 2, 3):
        monkeypatch.setattr(loop, "N_THREADS", n_threads)
        for block_pixels in (997, 20_000, 1 << 22):
            monkeypatch.setattr(loop, "BLOCK_PIXELS", block_pixels)
            assert_same(napari_kmeans.segment(image, 5, **kwargs), first)


@pytest.mark.parametrize("seed", [0, 7])
def test_lloyd_is_deterministic_and_seeded(picture, seed, monkeypatch):
    image = picture("camera")
    first = napari_kmeans.segment(image, 6, solver="lloyd", random_state=seed)
    monkeypatch.setattr(loop, "N_THREADS", 1)
    assert_same(napari_kmeans.segment(image, 6, solver="lloyd", random_state=seed), first)
    values, counts = np.unique(image, return_counts=True)
    expected = KMeans(6, n_init=10, tol=0, random_state=seed).fit(
        values[:, np.newaxis] * 1.0, sample_weight=counts
    )
    assert np.allclose(first[1].centers[:, 0], np.sort(expected.cluster_centers_[:, 0]), rtol=1e-9)
    assert first[1].solver == "lloyd"
    assert first[1].confirmation == ""


@pytest.mark.parametrize("solver", ["auto", "exact"])
def test_fit_and_segment_find_the_same_clusters(picture, solver):
    image = picture("page")
    model = napari_kmeans.fit(image, 3, solver=solver)
    labels, confirmed = napari_kmeans.segment(image, 3, solver=solver)
    assert np.array_equal(model.predict(image), labels)
    assert np.array_equal(model.centers, confirmed.centers)
    assert model.solver == confirmed.solver == "exact"
    assert (model.confirmation, confirmed.confirmation) == ("", "confirmed")


@pytest.mark.parametrize("dtype", ["bool", *INTEGERS, *FLOATS])
@pytest.mark.parametrize("shape", [(120,), (10, 12), (2, 3, 20), (2, 3, 4, 5), (1, 2, 3, 4, 5)], ids=len)
def test_every_type_and_number_of_dimensions(dtype, shape):
    image = np.random.default_rng(0).integers(0, 2 if dtype == "bool" else 100, shape).astype(dtype)
    k = 2 if dtype == "bool" else 4
    labels, model = napari_kmeans.segment(image, k)
    values, counts = np.unique(image.astype(np.float64), return_counts=True)
    assert model.inertia == pytest.approx(OptimalPartitions(values, counts).inertia(k), rel=1e-9)
    assert_labels_are_the_nearest_centres(labels, image, model.centers)
    assert np.array_equal(model.counts, np.bincount(labels.ravel(), minlength=k + 1)[1:])


def test_an_image_without_dimensions_is_one_pixel():
    labels, model = napari_kmeans.segment(np.array(7.5), 1)
    assert labels.shape == ()
    assert labels == 1
    assert model.centers.tolist() == [[7.5]]


@pytest.mark.parametrize(
    "dtype", ["uint8", "int16", "uint16", "int32", "uint64", "float16", "float32", "float64"]
)
@pytest.mark.parametrize(
    "layout",
    ["big-endian", "read-only", "Fortran", "reversed", "strided", "transposed", "broadcast", "memmap"],
)
def test_every_memory_layout_gives_the_same_result(picture, dtype, layout, tmp_path):
    plain = np.ascontiguousarray(picture("coins")[::2, ::2]).astype(dtype)
    wide = np.zeros((plain.shape[0], 2 * plain.shape[1]), dtype=dtype)
    wide[:, ::2] = plain
    if layout == "memmap":
        plain.tofile(tmp_path / "pixels")
    image = {
        "big-endian": lambda: plain.astype(plain.dtype.newbyteorder(">")),
        "read-only": lambda: np.frombuffer(plain.tobytes(), dtype).reshape(plain.shape),
        "Fortran": lambda: np.asfortranarray(plain),
        "reversed": lambda: plain[::-1, ::-1].copy()[::-1, ::-1],
        "strided": lambda: wide[:, ::2],
        "transposed": lambda: plain.T.copy().T,
        "broadcast": lambda: np.broadcast_to(plain, (1, *plain.shape))[0],
        "memmap": lambda: np.memmap(tmp_path / "pixels", dtype, "r", shape=plain.shape),
    }[layout]()
    before = image.copy()
    labels, model = napari_kmeans.segment(image, 4)
    assert_same((labels, model), napari_kmeans.segment(plain, 4))
    assert type(labels) is np.ndarray
    assert labels.flags.writeable
    assert np.array_equal(image, before)


def test_integers_beyond_float64_are_distinguished():
    groups = np.array([2**63, 2**63 + 1000, 2**63 + 2000], dtype=np.uint64)
    image = np.repeat(groups, 50) + np.tile(np.arange(50, dtype=np.uint64), 3)
    labels, model = napari_kmeans.segment(image, 3)
    assert np.array_equal(labels, np.repeat([1, 2, 3], 50))
    assert model.counts.tolist() == [50, 50, 50]
    assert model.inertia == pytest.approx(3 * np.sum((np.arange(50) - 24.5) ** 2))
    assert np.array_equal(model.predict(image), labels)


@pytest.mark.parametrize("dtype", ["uint32", "int64", "uint64", "float32", "float64"])
def test_two_equally_frequent_values_are_two_clusters(dtype):
    image = np.tile(np.array([1000, 1002], dtype=dtype), (256, 128))
    labels, model = napari_kmeans.segment(image, 2)
    assert model.centers.tolist() == [[1000], [1002]]
    assert np.array_equal(labels, np.tile([1, 2], (256, 128)))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("n_channels", [3, 4])
def test_any_axis_can_be_the_channel_axis(picture, dtype, n_channels):
    colours = picture("astronaut")[::4, ::4].astype(dtype)
    if n_channels == 4:
        colours = np.concatenate([colours, np.ones((*colours.shape[:2], 1), dtype)], axis=-1)
        colours[:30, :, 3] = 0
    last = napari_kmeans.segment(colours, 4, channel_axis=-1)
    for axis in (0, 1, 2):
        moved = np.ascontiguousarray(np.moveaxis(colours, -1, axis))
        labels, model = napari_kmeans.segment(moved, 4, channel_axis=axis)
        assert np.array_equal(labels, last[0])
        assert np.array_equal(model.centers, last[1].centers)
        assert np.array_equal(model.predict(moved), labels)
    if n_channels == 4:
        assert np.array_equal(last[0] == 0, colours[..., 3] == 0)
        assert last[1].counts.sum() == np.count_nonzero(colours[..., 3])


@pytest.mark.parametrize(("dtype", "factor"), [("uint16", 257), ("float32", 1 / 255), ("float64", 1 / 255)])
def test_other_types_of_colours_are_segmented_in_their_own_units(picture, dtype, factor):
    colours = picture("flower")[::4, ::4]
    bytes_ = napari_kmeans.fit(colours, 5, channel_axis=-1)
    other = napari_kmeans.fit((colours * float(factor)).astype(dtype), 5, channel_axis=-1)
    assert np.allclose(other.centers, bytes_.centers * factor, rtol=1e-5)
    assert other.inertia == pytest.approx(bytes_.inertia * factor**2, rel=1e-5)


@pytest.mark.parametrize("k", [2, 4])
def test_gray601_equals_the_grayscale_of_pillow(picture, k):
    colours = picture("china")
    gray = np.asarray(Image.fromarray(colours).convert("L"))
    labels, model = napari_kmeans.segment(colours, k, features="gray601", channel_axis=-1)
    expected, by_gray = napari_kmeans.segment(gray, k)
    assert np.array_equal(labels, expected)
    assert np.array_equal(model.centers, by_gray.centers)


@pytest.mark.parametrize("dtype", FLOATS)
def test_nan_is_excluded_and_infinities_do_not_move_the_centres(dtype):
    finite = np.random.default_rng(1).normal(50, 20, 3000).astype(dtype)
    odd = np.array([np.nan, np.inf, -np.inf, np.nan, np.inf], dtype=dtype)
    labels, model = napari_kmeans.segment(np.append(finite, odd), 4)
    expected, plain = napari_kmeans.segment(finite, 4)
    assert np.array_equal(model.centers, plain.centers)
    assert np.array_equal(model.counts, plain.counts)
    assert model.inertia == plain.inertia
    assert np.array_equal(labels[:-5], expected)
    assert labels[-5:].tolist() == [0, 4, 1, 0, 4]


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "float64"])
@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32", "RGB"])
def test_only_pixels_inside_the_mask_are_used(picture, kind, dtype):
    if kind == "RGB":
        image, kwargs = picture("astronaut")[::2, ::2], {"channel_axis": -1}
        chosen_kwargs = {"channel_axis": -1}
    else:
        image, kwargs, chosen_kwargs = picture("coins").astype(kind), {}, {}
    inside = np.zeros(image.shape[:2], bool)
    inside[20:90, 30:200] = True
    labels, model = napari_kmeans.segment(image, 3, mask=inside.astype(dtype) * 7, **kwargs)
    expected, chosen = napari_kmeans.segment(image[20:90, 30:200], 3, **chosen_kwargs)
    assert np.array_equal(labels[20:90, 30:200], expected)
    assert not labels[~inside].any()
    assert np.array_equal(model.centers, chosen.centers)
    assert np.array_equal(model.counts, chosen.counts)


@pytest.mark.parametrize(
    ("image", "kwargs"),
    [
        (np.full((3, 4), np.nan), {}),
        (np.full((3, 4), np.inf, np.float32), {}),
        (np.full((3, 4), -np.inf, np.float16), {}),
        (np.ones((3, 4), np.uint8), {"mask": np.zeros((3, 4))}),
        (np.zeros((3, 4, 4), np.uint8), {"channel_axis": -1}),
    ],
)
@pytest.mark.parametrize("function", ["fit", "segment", "suggest_n_clusters"])
def test_an_image_without_pixels_to_cluster_is_rejected(function, image, kwargs):
    with pytest.raises(
        ValueError,
        match="no pixels to cluster: all are NaN, infinite, transparent, outside the mask or excluded",
    ):
        getattr(napari_kmeans, function)(image, 2, **kwargs)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "float32", "int64"])
def test_fewer_values_than_clusters_give_one_cluster_per_value(dtype):
    image = np.array([[0, 1, 1], [1, 0, 0]]).astype(dtype)
    with pytest.warns(
        UserWarning, match="only 2 distinct values, so there are 2 clusters instead of 5"
    ) as caught:
        labels, model = napari_kmeans.segment(image, 5)
    assert caught[0].filename == __file__
    assert model.n_clusters == 2
    assert labels.tolist() == [[1, 2, 2], [2, 1, 1]]
    assert model.explained_variance == 1


@pytest.mark.parametrize("value", [0, 7, 0.1, 1e30, -1e-40])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_constant_image_is_explained_by_one_cluster(value, dtype):
    labels, model = napari_kmeans.segment(np.full((20, 30), value, dtype), 1)
    assert (labels == 1).all()
    assert model.centers.tolist() == [[float(np.dtype(dtype).type(value))]]
    assert model.inertia == 0
    assert model.explained_variance == 1
    assert model.thresholds.size == 0


def test_explained_variance_is_the_share_between_clusters(picture):
    image = picture("coins").astype(np.float64)
    labels, model = napari_kmeans.segment(image, 3)
    within = sum(((image[labels == label] - image[labels == label].mean()) ** 2).sum() for label in (1, 2, 3))
    assert model.explained_variance == pytest.approx(1 - within / ((image - image.mean()) ** 2).sum())


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"n_clusters": 0}, ValueError, 'n_clusters=0 must be 1 to 255, "auto" or "gap"'),
        ({"n_clusters": 256}, ValueError, "n_clusters=256 must be 1 to 255"),
        ({"n_clusters": 2.0}, TypeError, "n_clusters must be an int"),
        ({"n_clusters": True}, TypeError, "n_clusters must be an int"),
        ({"n_clusters": "many"}, TypeError, 'n_clusters must be an int, "auto" or "gap", not \'many\''),
        ({"solver": "elkan"}, ValueError, "solver='elkan' must be one of 'auto', 'exact', 'lloyd'"),
        ({"random_state": None}, TypeError, "random_state must be an int, not None"),
        ({"random_state": -1}, ValueError, "random_state=-1 must be 0 to"),
        ({"features": "hue"}, ValueError, "features='hue' must be one of"),
        ({"mask": np.ones(3)}, ValueError, r"mask has shape \(3,\)"),
        ({"channel_axis": 5}, ValueError, "channel_axis=5 is out of range"),
        ({"channel_axis": 0}, ValueError, "channel_axis has 6 channels"),
        ({"sigma": (1, 2)}, TypeError, "'sigma' is not a keyword; use features=Texture"),
        (
            {"colours": 3},
            TypeError,
            "'colours' is not a keyword; use one of features, illumination, smooth, coherence",
        ),
    ],
)
@pytest.mark.parametrize("function", ["fit", "segment"])
def test_invalid_arguments_are_named(function, kwargs, error, message):
    with pytest.raises(error, match=message):
        getattr(napari_kmeans, function)(np.zeros((6, 7), np.uint8), **kwargs)


@pytest.mark.parametrize("k_max", [0, 256, 2.5, "auto"])
def test_an_invalid_k_max_is_named(k_max):
    with pytest.raises((TypeError, ValueError), match="k_max"):
        napari_kmeans.suggest_n_clusters(np.arange(9), k_max)


def test_numpy_integers_are_accepted():
    model = napari_kmeans.fit(np.arange(9), np.int64(3), random_state=np.uint8(1))
    assert model.n_clusters == 3


@pytest.mark.parametrize("n_phases", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_the_number_of_phases_of_a_noisy_image_is_suggested(n_phases, dtype):
    phases = np.random.default_rng(n_phases).integers(0, n_phases, (120, 120))
    image = (30 + 40 * phases + np.random.default_rng(5).normal(0, 5, phases.shape)).astype(dtype)
    suggestion = napari_kmeans.suggest_n_clusters(image)
    assert suggestion.n_clusters == n_phases
    labels, model = napari_kmeans.segment(image, "auto")
    assert model.n_clusters == n_phases
    assert np.mean(labels == phases + 1) > 0.99
    assert len(suggestion.inertia) == 12
    for k in (1, n_phases, 12):
        assert suggestion.inertia[k - 1] == napari_kmeans.fit(image, k).inertia


@pytest.mark.parametrize(
    ("image", "n_clusters"), [(np.eye(9, dtype=bool), 2), (np.eye(9) * 255, 2), (np.full((4, 4), 3), 1)]
)
def test_suggestions_for_a_binary_and_a_constant_image(image, n_clusters):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert napari_kmeans.suggest_n_clusters(image).n_clusters == n_clusters
        assert napari_kmeans.segment(image, "auto")[1].n_clusters == n_clusters


def test_a_suggestion_uses_the_pixels_inside_the_mask_only():
    image = np.concatenate([np.repeat([10, 90], 500), np.repeat([150, 195, 240], 500)]).astype(np.uint8)
    noisy = (image + np.random.default_rng(6).normal(0, 2, image.size)).clip(0, 255).astype(np.uint8)
    assert napari_kmeans.suggest_n_clusters(noisy, mask=image < 100).n_clusters == 2
    assert napari_kmeans.suggest_n_clusters(noisy, mask=image > 100).n_clusters == 3


@pytest.mark.parametrize("chunks", [None, 9])
@pytest.mark.parametrize("per_axis", [None, 0, 2])
def test_segment_cleans_the_labels(per_axis, chunks):
    image = np.random.default_rng(0).integers(0, 255, (4, 30, 20), dtype=np.uint8)
    clean_up = napari_kmeans.CleanUp(majority=1, min_size=6)
    given = image if chunks is None else da.from_array(image, chunks=chunks)
    shares = []
    labels, model = napari_kmeans.segment(
        given, 3, per_axis=per_axis, clean_up=clean_up, progress=shares.append
    )
    plain, _ = napari_kmeans.segment(image, 3, per_axis=per_axis)
    expected = napari_kmeans.clean_labels(plain, majority=1, min_size=6, per_axis=per_axis)
    assert np.array_equal(np.asarray(labels), expected)
    assert not np.array_equal(expected, plain)
    assert model[0].recipe.clean_up == clean_up if per_axis is not None else model.recipe.clean_up == clean_up
    assert shares == sorted(shares)
    if chunks is None:
        assert shares[-1] == pytest.approx(1)


@pytest.mark.parametrize("keyword", ["solver", "random_state", "clean_up", "n_clusters", "per_axis"])
def test_suggest_n_clusters_rejects_keywords_that_it_does_not_use(keyword):
    with pytest.raises(TypeError, match=keyword):
        napari_kmeans.suggest_n_clusters(np.arange(9), **{keyword: 1})


@pytest.mark.parametrize("per_axis", [None, 0])
def test_a_warning_names_the_line_of_the_caller(per_axis):
    with pytest.warns(UserWarning, match="only 2 distinct values") as caught:
        napari_kmeans.fit(np.eye(2, dtype=np.uint8), 3, per_axis=per_axis)
    assert {warning.filename for warning in caught} == {__file__}
