"""Channels of any number, magnitude and offset: correct results or an error with a reason."""

from __future__ import annotations

import time

import numpy as np
import pytest
from sklearn.cluster import KMeans

import napari_kmeans
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.features import Channels
from napari_kmeans.model.preparation import clusterings_of
from napari_kmeans.summary.summarize import summarize
from napari_kmeans.summary.vector import VectorSummary


def two_halves(n_channels=3, shape=(40, 50), seed=0):
    """Two groups far apart, side by side."""
    image = np.random.default_rng(seed).normal(5, 0.1, (*shape, n_channels))
    image[: shape[0] // 2] += 3
    return image


def spectra(n_channels, size, n_materials=5, seed=0):
    """Mixtures of spectra that change smoothly over the image, with noise: (size, size, n_channels)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    waves = rng.uniform(2, 6, (n_materials, 2, 1, 1))
    shares = np.exp(2 * np.sin(waves[:, 0] * y * 3 + waves[:, 1] * x * 3))
    shares /= shares.sum(axis=0)
    materials = np.abs(np.cumsum(rng.normal(0, 1, (n_materials, n_channels)), axis=1)) + 1
    image = np.tensordot(shares, materials, axes=([0], [0]))
    return (image + rng.normal(0, 0.3, image.shape)).astype(np.float32)


def inertia_of(points, centers):
    return sum(
        float(((part[:, np.newaxis] - centers) ** 2).sum(axis=-1).min(axis=1).sum())
        for part in np.array_split(points, 1 + len(points) // 500)
    )


@pytest.mark.parametrize(("n_channels", "size"), [(12, 90), (60, 64), (300, 32)])
@pytest.mark.parametrize("axis", [0, -1])
def test_many_channels_are_clustered_as_well_as_by_ten_runs(n_channels, size, axis):
    image = spectra(n_channels, size)
    points = image.reshape(-1, n_channels).astype(np.float64)
    scales = points.std(axis=0)
    model = napari_kmeans.fit(np.moveaxis(image, -1, axis), 5, features="channels", channel_axis=axis)
    assert model.sample_size == 0
    np.testing.assert_allclose(model.scales, scales, rtol=1e-9)
    found = inertia_of(points / scales, model.centers / scales)
    assert model.inertia == pytest.approx(found, rel=1e-9)
    best = KMeans(5, n_init=10, random_state=0).fit((points - points.mean(axis=0)) / scales).inertia_
    assert found <= 1.001 * best


@pytest.mark.parametrize(("n_channels", "expected"), [(5, 1 << 17), (100, 83_886), (3000, 1 << 13)])
def test_the_sample_is_smaller_if_there_are_many_channels(n_channels, expected):
    from napari_kmeans.summary.sample import SamplePlan

    vector = Channels().value_format(np.float32, n_channels)
    assert SamplePlan(vector).size == expected


def test_a_sample_is_nearly_as_good_as_all_pixels():
    image = spectra(200, 300)
    points = image.reshape(-1, 200).astype(np.float64)
    labels, model = napari_kmeans.segment(image, 4, features="channels", channel_axis=-1)
    assert model.sample_size == 41_943
    assert np.array_equal(np.bincount(labels.ravel(), minlength=5)[1:], model.counts)
    exact = np.stack([points[labels.ravel() == label].mean(axis=0) for label in (1, 2, 3, 4)])
    found, best = (inertia_of(points / model.scales, c / model.scales) for c in (model.centers, exact))
    assert found <= 1.001 * best


def test_no_bit_depends_on_the_layout_of_channels():
    image = spectra(40, 200)
    first = napari_kmeans.segment(image, 4, features="channels", channel_axis=-1)
    moved = np.ascontiguousarray(np.moveaxis(image, -1, 0))
    second = napari_kmeans.segment(moved, 4, features="channels", channel_axis=0)
    assert np.array_equal(first[0], second[0])
    for name in ("centers", "counts", "scales", "inertia"):
        assert np.array_equal(getattr(first[1], name), getattr(second[1], name)), name


def test_estimates_of_many_channels_are_quick():
    summary = summarize(Pixels.of(spectra(500, 80), features="channels", channel_axis=-1))
    clusterings = clusterings_of(summary)
    clusterings.estimate(2)
    begin = time.perf_counter()
    for k in range(3, 8):
        clusterings.estimate(k)
    assert time.perf_counter() - begin < 1  # 5 to 10 ms each


@pytest.mark.parametrize("constant", [0.0, 0.1, 0.3, -7e5, 1e30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_channels", [2, 3, 6])
def test_a_constant_channel_is_ignored(n_channels, dtype, constant):
    image = (np.random.default_rng(0).random((60, 70, n_channels)) * 3000).astype(dtype)
    image[..., -1] = constant
    labels, model = napari_kmeans.segment(image, 3, features="channels", channel_axis=-1)
    assert (model.centers[:, -1] == dtype(constant)).all()
    if constant < 1e6:  # a larger one hides the others in the mean that orders labels
        alone = image[..., :-1] if n_channels > 2 else image[..., 0]
        expected, _ = napari_kmeans.segment(
            alone,
            3,
            features="channels" if n_channels > 2 else "gray",
            channel_axis=-1 if n_channels > 2 else None,
        )
        assert np.mean(labels == expected) > 0.99


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_channels", [3, 6])
def test_a_channel_that_is_constant_up_to_rounding_is_ignored(n_channels, dtype):
    rng = np.random.default_rng(0)
    image = two_halves(n_channels, (60, 70)).astype(dtype)
    image[..., -1] = 1e6 * (1 + rng.normal(0, np.finfo(dtype).eps, (60, 70)))
    labels, model = napari_kmeans.segment(image, 2, features="channels", channel_axis=-1)
    assert len(np.unique(labels[:30])) == len(np.unique(labels[30:])) == 1
    assert model.scales[-1] == pytest.approx(1e6, rel=1e-3)
    assert 0 < model.inertia < 0.05 * labels.size * n_channels


@pytest.mark.parametrize("value", [0.1, 1 / 3, -2e-7, 12345.678])
def test_the_centre_of_a_constant_colour_is_the_colour(value):
    with pytest.warns(UserWarning, match="only 1 distinct value"):
        model = napari_kmeans.fit(np.full((20, 30, 3), value), 2, features="rgb", channel_axis=-1)
    assert model.centers.tolist() == [[value] * 3]


@pytest.mark.parametrize("magnitude", [1e-300, 1e-200, 1e-160, 1e150, 1e200, 1e300])
@pytest.mark.parametrize("n_channels", [2, 3, 5])
def test_standardized_channels_of_any_magnitude_are_distinguished(magnitude, n_channels):
    image = two_halves(n_channels)
    expected, _ = napari_kmeans.segment(image, 2, features="channels", channel_axis=-1)
    labels, model = napari_kmeans.segment(image * magnitude, 2, features="channels", channel_axis=-1)
    assert np.array_equal(labels, expected)
    assert np.isfinite(model.centers).all()
    assert 0.9 < model.explained_variance < 1


@pytest.mark.parametrize("magnitude", [1e-310, 1e-200, 1e200])
@pytest.mark.parametrize("features", ["rgb", Channels(standardize=False)])
def test_distances_whose_squares_overflow_are_rejected(magnitude, features):
    with pytest.raises(ValueError, match=r"features that differ by up to .*multiply the image by a constant"):
        napari_kmeans.fit(two_halves() * magnitude, 2, features=features, channel_axis=-1)


@pytest.mark.parametrize("offset", [1 << 60, -(1 << 60)])
@pytest.mark.parametrize("n_channels", [2, 3, 5])
def test_integers_that_float64_cannot_distinguish_are_rejected(offset, n_channels):
    image = (two_halves(n_channels) * 1000).astype(np.int64)
    with pytest.raises(ValueError, match="float64 cannot distinguish; subtract a constant"):
        napari_kmeans.fit(image + offset, 2, features="channels", channel_axis=-1)
    labels, _ = napari_kmeans.segment(image + (1 << 40), 2, features="channels", channel_axis=-1)
    assert np.array_equal(labels, np.repeat([2, 1], 20)[:, np.newaxis].repeat(50, axis=1))


def test_a_standard_deviation_includes_the_scatter_within_points():
    summary = VectorSummary(
        np.zeros((1, 2)), np.array([4]), np.diag([16.0, 0.0]), np.ones(2), np.zeros(2), n_pixels=4
    )
    assert summary.standard_deviations().tolist() == [2, 1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_channels", [2, 5])
def test_an_image_of_constant_channels_is_explained_by_one_cluster(n_channels, dtype):
    image = np.full((20, 30, n_channels), 0.1, dtype)
    with pytest.warns(UserWarning, match="only 1 distinct value"):
        model = napari_kmeans.fit(image, 2, features="channels", channel_axis=-1)
    assert model.centers.tolist() == [[float(dtype(0.1))] * n_channels]
    assert (model.inertia, model.explained_variance) == (0, 1)
