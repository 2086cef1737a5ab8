"""Properties of every segmentation, tested on small images with all kinds of values drawn by hypothesis."""

from __future__ import annotations

import itertools
import tempfile
import warnings
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import napari_kmeans
from napari_kmeans import KMeansModel
from napari_kmeans.blocks import loop

FEW = settings(deadline=None, max_examples=25, derandomize=True)
DTYPES = st.sampled_from(["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"])
SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=7)
K = st.integers(1, 6)
SEVERAL = st.integers(2, 5)

pytestmark = pytest.mark.filterwarnings("ignore:the image has only", "ignore:image has shape")


def elements(dtype: np.dtype[Any]) -> Any:
    """Return values of a type: any integers, or floats with NaN and infinities up to a magnitude."""
    if dtype.kind in "iu":
        return hnp.from_dtype(dtype)
    limit = 60000.0 if dtype.itemsize == 2 else 2.0**100
    return st.one_of(
        st.floats(-limit, limit, width=8 * dtype.itemsize),
        st.integers(-5, 5).map(float),
        st.sampled_from([np.nan, np.inf, -np.inf]),
    )


@st.composite
def images(draw: Any, dtypes: Any = DTYPES) -> np.ndarray:
    dtype = np.dtype(draw(dtypes))
    image = draw(hnp.arrays(dtype, draw(SHAPES), elements=elements(dtype)))
    assume(dtype.kind != "f" or np.isfinite(image.astype(np.float64)).any())
    assume(dtype.kind == "f" or dtype.itemsize < 8 or float64_represents_distances(image))
    return image


def float64_represents_distances(image: np.ndarray) -> bool:
    """Return whether distinct integers remain distinct as distances from the middle one; fit rejects others."""
    values = sorted(set(map(int, image.flat)))
    distances = [value - values[len(values) // 2] for value in values]
    return all(
        max(-a, b) < 2**53 or float(b) - float(a) > 2 * np.spacing(float(max(abs(a), abs(b))))
        for a, b in itertools.pairwise(distances)
    )


@st.composite
def channel_images(draw: Any, n_channels: Any = SEVERAL) -> np.ndarray:
    """Channels along the last axis."""
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=9))
    seed, n = draw(st.integers(0, 2**32 - 1)), draw(n_channels)
    rng = np.random.default_rng(seed)
    centers = rng.integers(0, 200, (3, n))
    return (centers[rng.integers(3, size=shape)] + rng.integers(0, 20, (*shape, n))).astype(np.float64)


def segment(image: Any, k: int, **options: Any) -> tuple[np.ndarray, KMeansModel]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        labels, model = napari_kmeans.segment(image, k, **options)
    return np.asarray(labels), model


def assert_same(a: tuple[np.ndarray, KMeansModel], b: tuple[np.ndarray, KMeansModel]) -> None:
    np.testing.assert_array_equal(a[0], b[0])
    np.testing.assert_array_equal(a[1].centers, b[1].centers)
    np.testing.assert_array_equal(a[1].counts, b[1].counts)
    assert a[1].inertia == b[1].inertia


# Results do not depend on how pixels are stored


@FEW
@given(images(), K, st.data())
def test_chunks_layout_and_byte_order_change_no_bit(image: np.ndarray, k: int, data: Any) -> None:
    expected = segment(image, k)
    chunks = tuple(data.draw(st.integers(1, size)) for size in image.shape)
    for stored in (
        da.from_array(image, chunks=chunks),
        np.asfortranarray(image),
        image.astype(image.dtype.newbyteorder()),
        np.repeat(image, 2, axis=0)[::2],
    ):
        assert_same(segment(stored, k), expected)


@FEW
@given(channel_images(), st.integers(1, 4), st.data())
def test_the_position_of_the_channel_axis_changes_no_bit(image: np.ndarray, k: int, data: Any) -> None:
    expected = segment(image, k, features="channels", channel_axis=-1)
    axis = data.draw(st.integers(0, 2))
    moved = np.ascontiguousarray(np.moveaxis(image, -1, axis))
    assert_same(segment(moved, k, features="channels", channel_axis=axis), expected)
    chunks = tuple(data.draw(st.integers(1, size)) for size in image.shape[:-1])
    lazy = da.from_array(image, chunks=(*chunks, -1))
    assert_same(segment(lazy, k, features="channels", channel_axis=-1), expected)


@pytest.mark.parametrize("features", ["gray", "channels", "texture"])
def test_the_number_of_threads_changes_no_bit(monkeypatch: pytest.MonkeyPatch, features: str) -> None:
    rng = np.random.default_rng(3)
    image = rng.integers(0, 4000, (90, 80, 4)).astype(np.uint16)
    options = {"features": features, "channel_axis": -1}
    if features != "channels":
        image, options = image[..., 0], {"features": features}
    monkeypatch.setattr(loop, "_MIN_PIXELS", 512)  # so that there are many blocks
    found = []
    for n_threads in (1, 2, 5):
        monkeypatch.setattr(loop, "N_THREADS", n_threads)
        found.append(segment(image, 3, **options))
    for other in found[1:]:
        assert_same(other, found[0])


@FEW
@given(images(), K, st.randoms(use_true_random=False))
def test_the_order_of_pixels_does_not_matter(image: np.ndarray, k: int, random: Any) -> None:
    labels, model = segment(image, k)
    order = list(range(image.size))
    random.shuffle(order)
    shuffled, other = segment(image.reshape(-1)[order], k)
    np.testing.assert_array_equal(shuffled, labels.reshape(-1)[order])
    np.testing.assert_array_equal(other.centers, model.centers)


@FEW
@given(images(), K, st.integers(2, 4))
def test_repeating_pixels_multiplies_counts_and_inertia(image: np.ndarray, k: int, n: int) -> None:
    labels, model = segment(image, k)
    repeated, other = segment(np.repeat(image, n, axis=0), k)
    np.testing.assert_array_equal(repeated, np.repeat(labels, n, axis=0))
    np.testing.assert_allclose(other.centers, model.centers, rtol=1e-9)
    np.testing.assert_array_equal(other.counts, n * model.counts)
    assert other.inertia == pytest.approx(n * model.inertia, rel=1e-6)


@FEW
@given(images(), K)
def test_a_list_gives_the_model_of_its_concatenation(image: np.ndarray, k: int) -> None:
    assume(image.shape[0] > 1)
    labels, model = segment(image, k)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        parts, pooled = napari_kmeans.segment([image[:1], image[1:]], k)
    assert_same((np.concatenate(parts), pooled), (labels, model))


# Transformations of the image transform the result


@FEW
@given(images(st.sampled_from(["f4", "f8"])), K, st.integers(-3, 3), st.booleans())
def test_scaling_the_image_scales_the_centres(
    image: np.ndarray, k: int, exponent: int, is_negative: bool
) -> None:
    factor = 2.0**exponent * (-1 if is_negative else 1)
    labels, model = segment(image, k)
    scaled, other = segment((image * image.dtype.type(factor)).astype(image.dtype), k)
    centers = model.centers * factor
    np.testing.assert_allclose(
        other.centers, centers[::-1] if is_negative else centers, rtol=1e-9, atol=1e-300
    )
    assert other.inertia == pytest.approx(model.inertia * factor**2, rel=1e-6, abs=1e-300)
    if not is_negative:  # a value on a threshold belongs to the darker cluster, which a negative reverses
        np.testing.assert_array_equal(scaled, labels)


@FEW
@given(hnp.arrays(np.int32, SHAPES, elements=st.integers(-1000, 1000)), K, st.integers(-(10**6), 10**6))
def test_shifting_the_image_shifts_the_centres(image: np.ndarray, k: int, shift: int) -> None:
    labels, model = segment(image, k)
    shifted, other = segment(image + np.int32(shift), k)
    np.testing.assert_array_equal(shifted, labels)
    np.testing.assert_allclose(other.centers - shift, model.centers, rtol=1e-9, atol=1e-6)


@FEW
@given(channel_images(), st.integers(1, 4), st.sampled_from([-1000.0, 0.0, 512.0]), st.integers(-40, 40))
def test_centres_of_channels_follow_shift_and_scale(
    image: np.ndarray, k: int, shift: float, exponent: int
) -> None:
    options: dict[str, Any] = {"features": "channels", "channel_axis": -1}
    labels, model = segment(image, k, **options)
    moved, other = segment((image + shift) * 2.0**exponent, k, **options)
    np.testing.assert_array_equal(moved, labels)
    np.testing.assert_allclose(other.centers / 2.0**exponent - shift, model.centers, rtol=1e-6, atol=1e-4)


@settings(FEW, max_examples=8)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 256.0]), st.integers(-8, 8))
def test_texture_labels_do_not_depend_on_shift_or_scale(seed: int, shift: float, exponent: int) -> None:
    rng = np.random.default_rng(seed)
    image = rng.normal(100, np.where(np.arange(40) < 20, 2, 30), (30, 40)).round(2)
    labels, model = segment(image, 2, features="texture")
    moved, other = segment((image + shift) * 2.0**exponent, 2, features="texture")
    assert np.mean(moved == labels) > 0.99  # rounding moves single pixels at the border
    is_intensity = np.array([name.startswith("intensity") for name in model.feature_names])
    back = other.centers / 2.0**exponent - shift * is_intensity
    np.testing.assert_allclose(back, model.centers, rtol=0.05, atol=0.5)


@pytest.mark.parametrize("exponent", [-1060, -700, -90, 300])
@pytest.mark.parametrize("kind", ["additive", "multiplicative"])
def test_labels_with_illumination_do_not_depend_on_the_scale(kind: str, exponent: int) -> None:
    rng = np.random.default_rng(5)
    image = rng.choice([40.0, 60.0, 90.0], (30, 40)) + np.linspace(0, 30, 40)
    options = {"illumination": kind}
    labels, model = segment(image, 3, **options)
    scaled, other = segment(np.ldexp(image, exponent), 3, **options)
    np.testing.assert_array_equal(scaled, labels)
    np.testing.assert_allclose(np.ldexp(other.centers, -exponent), model.centers, rtol=1e-3)
    kinds = [napari_kmeans.suggest_illumination(np.ldexp(image, e)) for e in (0, exponent)]
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize("exponent", [-1060, -700, -90, 300])
def test_confidence_and_gap_statistic_do_not_depend_on_the_scale(exponent: int) -> None:
    rng = np.random.default_rng(5)
    image = rng.choice([10.0, 50.0, 90.0], (30, 40)) + rng.integers(-8, 9, (30, 40))
    scaled = np.ldexp(image, exponent)
    confidence = [napari_kmeans.fit(each, 3).confidence(each) for each in (image, scaled)]
    np.testing.assert_allclose(confidence[1], confidence[0], atol=0.1 if exponent < -1000 else 1e-6)
    found = [napari_kmeans.suggest_n_clusters(each, method="gap").n_clusters for each in (image, scaled)]
    assert found[0] == found[1]


def test_coherence_of_values_too_close_for_float32_is_rejected() -> None:
    with pytest.raises(ValueError, match="differ by only 9e-200; multiply the image by a constant"):
        segment(np.arange(12.0).reshape(3, 4)[:, :4] % 10 * 1e-200, 2, coherence=1)


# Results are consistent


@FEW
@given(images(), K)
def test_labels_are_the_nearest_centres(image: np.ndarray, k: int) -> None:
    labels, model = segment(image, k)
    values = image.astype(np.longdouble)
    known = ~np.isnan(values)
    np.testing.assert_array_equal(labels != 0, known)
    finite = np.isfinite(values)
    distance = np.abs(values[finite][:, np.newaxis] - model.centers[:, 0].astype(np.longdouble))
    own = distance[np.arange(distance.shape[0]), labels[finite] - 1]
    scale = max(float(np.abs(values[finite]).max()), 1e-300)
    assert (own <= distance.min(axis=1) + 1e-12 * scale).all()
    np.testing.assert_array_equal(
        np.bincount(labels[finite], minlength=model.n_clusters + 1)[1:], model.counts
    )
    assert (np.diff(model.centers[:, 0]) >= 0).all()


@FEW
@given(channel_images(st.just(3)), st.integers(1, 4), st.sampled_from(["channels", "rgb"]))
def test_labels_of_several_features_are_the_nearest_centres(image: np.ndarray, k: int, features: str) -> None:
    labels, model = segment(image, k, features=features, channel_axis=-1)
    distance = np.linalg.norm((image[..., np.newaxis, :] - model.centers) / model.scales, axis=-1)
    own = np.take_along_axis(distance, labels[..., np.newaxis].astype(int) - 1, axis=-1)[..., 0]
    assert (own <= distance.min(axis=-1) * (1 + 1e-9) + 1e-9).all()


@settings(FEW, max_examples=15)
@given(hnp.arrays(np.int16, (6, 7), elements=st.integers(-500, 500)), st.integers(2, 5))
def test_inertia_is_never_above_that_of_scikit_learn(image: np.ndarray, k: int) -> None:
    from sklearn.cluster import KMeans

    assume(np.unique(image).size > k)
    _, model = segment(image, k)
    points = image.reshape(-1, 1).astype(np.float64)
    other = KMeans(k, n_init=3, random_state=0, tol=0).fit(points)
    assert model.inertia <= other.inertia_ * (1 + 1e-9)
    started = KMeans(k, init=model.centers, n_init=1, tol=0).fit(points)
    assert model.inertia <= started.inertia_ * (1 + 1e-9)


@settings(FEW, max_examples=10)
@given(channel_images(), st.integers(2, 4))
def test_inertia_of_several_features_is_near_the_best_of_scikit_learn(image: np.ndarray, k: int) -> None:
    from sklearn.cluster import KMeans

    _, model = segment(image, k, features="channels", channel_axis=-1)
    points = image.reshape(-1, image.shape[-1]) / model.scales
    assume(len(np.unique(points, axis=0)) > k)
    started = KMeans(model.n_clusters, init=model.centers / model.scales, n_init=1, tol=0).fit(points)
    assert model.inertia <= started.inertia_ * (1 + 1e-6)


@FEW
@given(images(), K)
def test_predicting_the_fitted_image_gives_its_labels(image: np.ndarray, k: int) -> None:
    labels, model = segment(image, k)
    np.testing.assert_array_equal(model.predict(image), labels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        np.testing.assert_array_equal(napari_kmeans.fit(image, k).predict(image), labels)


@st.composite
def edited(draw: Any) -> tuple[np.ndarray, KMeansModel]:
    """An image and its model, with edits."""
    image = draw(images())
    _, model = segment(image, draw(K))
    k = model.n_clusters
    if k > 1 and draw(st.booleans()):
        model = model.merged([[1, draw(st.integers(2, k))]])
    if draw(st.booleans()):
        model = model.with_background([draw(st.integers(1, k))])
    if draw(st.booleans()):
        model = model.with_names([draw(st.text(max_size=5)) for _ in range(k)])
    if k > 1 and draw(st.booleans()):
        thresholds = np.sort([draw(st.floats(-1e3, 1e3)) for _ in range(k - 1)])
        model = model.with_thresholds(thresholds.tolist())
    return image, model


@FEW
@given(edited())
def test_a_saved_model_is_the_same(case: tuple[np.ndarray, KMeansModel]) -> None:
    image, model = case
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model.json")
        loaded = KMeansModel.load(Path(folder) / "model.json")
    assert loaded.to_json() == model.to_json()
    np.testing.assert_array_equal(loaded.predict(image), model.predict(image))


@FEW
@given(edited())
def test_the_table_counts_the_labels(case: tuple[np.ndarray, KMeansModel]) -> None:
    image, model = case
    finite = np.isfinite(image.astype(np.float64))
    labels = model.predict(image)[finite]
    table = model.with_background([]).table
    shown = model.with_background([]).predict(image)[finite]
    for label, pixels in zip(table["index"], table["pixels"], strict=True):
        assert pixels == np.count_nonzero(shown == label)
    for label, pixels in zip(model.table["index"], model.table["pixels"], strict=True):
        assert pixels == np.count_nonzero(labels == label)
