"""Intervals of thresholds and shares: coverage on simulated fields, and independence of the container."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import napari_kmeans
from napari_kmeans.blocks import loop


def simulated(rng, n=128, sigma=2, noise=15.0):
    """Return bright blobs on a dark background, correlated over a few `sigma`, in white noise."""
    smooth = gaussian_filter(rng.standard_normal((n + 8 * sigma,) * 2), sigma)[4 * sigma :, 4 * sigma :][
        :n, :n
    ]
    bright = smooth > 0.3 / (2 * sigma * np.sqrt(np.pi))
    return (100 + 60.0 * bright + rng.normal(0, noise, (n, n))).astype(np.float32)


@pytest.fixture(scope="module")
def image():
    return simulated(np.random.default_rng(0))


@pytest.fixture(scope="module")
def model(image):
    return napari_kmeans.fit(image, 2)


@pytest.fixture(scope="module")
def uncertainty(image, model):
    return model.uncertainty(image, n_resamples=100)


@pytest.mark.thorough
@pytest.mark.parametrize(("sigma", "noise"), [(1, 20.0), (3, 12.0), (4, 30.0)])
def test_the_coverage_of_intervals_is_close_to_their_level(sigma, noise):
    rng = np.random.default_rng(1)
    truth = [napari_kmeans.fit(simulated(rng, 2048, sigma, noise), 2) for _ in range(3)]
    threshold = np.mean([each.thresholds[0] for each in truth])
    share = np.mean([each.counts[1] / each.counts.sum() for each in truth])
    covered, n = np.zeros(2), 60
    for _ in range(n):
        part = simulated(rng, 192, sigma, noise)
        found = napari_kmeans.fit(part, 2).uncertainty(part, n_resamples=100)
        covered[0] += found.thresholds[0, 0] <= threshold <= found.thresholds[0, 1]
        covered[1] += found.shares[1, 0] <= share <= found.shares[1, 1]
    assert (covered / n >= 0.87).all(), covered / n
    # Too wide intervals would also cover the truth.
    spread = np.std([_share(simulated(rng, 192, sigma, noise)) for _ in range(60)])
    assert np.diff(found.shares[1])[0] < 2 * 3.92 * spread


def _share(image):
    counts = napari_kmeans.fit(image, 2).counts
    return counts[1] / counts.sum()


def test_independent_pixels_have_the_binomial_interval():
    image = (np.random.default_rng(0).random((300, 300)) < 0.3).astype(np.uint8)
    model = napari_kmeans.fit(image, 2)
    found = model.uncertainty(image, n_resamples=1000)
    expected = 2 * 1.96 * np.sqrt(0.3 * 0.7 / image.size)
    assert np.diff(found.shares[1])[0] == pytest.approx(expected, rel=0.15)
    assert max(found.block) <= 4
    assert found.thresholds == pytest.approx(np.array([[0.5, 0.5]]))


def test_correlated_pixels_have_wider_intervals():
    rng = np.random.default_rng(0)
    small = (rng.random((300, 300)) < 0.3).astype(np.uint8)
    large = np.kron((rng.random((51, 51)) < 0.3).astype(np.uint8), np.ones((6, 6), np.uint8))
    large = large[1:301, 1:301]  # so that blocks cut through the squares
    widths = [
        np.diff(napari_kmeans.fit(image, 2).uncertainty(image).shares[1])[0] for image in (small, large)
    ]
    assert widths[1] == pytest.approx(6 * widths[0], rel=0.3)


def test_estimates_are_within_their_intervals(model, uncertainty):
    low, high = uncertainty.thresholds.T
    assert (low < model.thresholds).all()
    assert (model.thresholds < high).all()
    share = model.counts / model.counts.sum()
    assert (uncertainty.shares[:, 0] < share).all()
    assert (share < uncertainty.shares[:, 1]).all()
    assert uncertainty.is_of(model)


def test_a_higher_level_gives_wider_intervals(image, model, uncertainty):
    wider = model.uncertainty(image, level=0.99, n_resamples=100)
    assert (np.diff(wider.shares) > np.diff(uncertainty.shares)).all()
    assert (np.diff(wider.thresholds) > np.diff(uncertainty.thresholds)).all()


@pytest.mark.parametrize("container", ["dask", "fortran", "threads"])
def test_intervals_do_not_depend_on_the_container(image, model, uncertainty, container, monkeypatch):
    if container == "threads":
        monkeypatch.setattr(loop, "N_THREADS", 1)
        monkeypatch.setattr(loop, "_MIN_PIXELS", 1 << 10)
    given = {"dask": da.from_array(image, chunks=(50, 37)), "fortran": np.asfortranarray(image)}
    found = model.uncertainty(given.get(container, image), n_resamples=100)
    assert found.thresholds.tolist() == uncertainty.thresholds.tolist()
    assert found.shares.tolist() == uncertainty.shares.tolist()


def test_an_image_with_named_axes_has_the_same_intervals(image, model, uncertainty):
    xarray = pytest.importorskip("xarray")
    found = model.uncertainty(xarray.DataArray(image, dims=("y", "x")), n_resamples=100)
    np.testing.assert_array_equal(found.thresholds, uncertainty.thresholds)


def test_a_loaded_model_has_the_same_intervals(image, model, uncertainty, tmp_path):
    model.save(tmp_path / "m.json")
    loaded = napari_kmeans.KMeansModel.load(tmp_path / "m.json")
    assert loaded.uncertainty(image, n_resamples=100).shares.tolist() == uncertainty.shares.tolist()


def test_excluded_pixels_do_not_affect_the_intervals(image, model):
    mask = np.ones(image.shape, dtype=bool)
    mask[:, 64:] = False
    half = napari_kmeans.fit(image, 2, mask=mask)
    spoiled = np.where(mask, image, 1e6).astype(np.float32)
    found = half.uncertainty(spoiled, mask=mask, n_resamples=100)
    assert found.shares.tolist() == half.uncertainty(image, mask=mask, n_resamples=100).shares.tolist()
    missing = np.where(mask, image, np.nan).astype(np.float32)
    assert (
        napari_kmeans.fit(missing, 2).uncertainty(missing, n_resamples=100).shares.tolist()
        == found.shares.tolist()
    )


def test_a_threshold_set_by_hand_has_no_interval_but_its_shares_do(image, model):
    moved = model.with_thresholds([120.0])
    found = moved.uncertainty(image, n_resamples=100)
    assert found.thresholds.tolist() == [[120.0, 120.0]]
    assert np.diff(found.shares[0])[0] > 0


def test_merged_clusters_have_one_interval(image):
    model = napari_kmeans.fit(image, 3)
    found = model.uncertainty(image, n_resamples=100)
    low, high = found.share_of([1, 2])
    # Shares of all clusters add up to 1.
    assert (1 - high, 1 - low) == pytest.approx(tuple(found.shares[2]))


def test_large_offsets_of_integers_lose_no_precision(image):
    whole = image.astype(np.int64)
    offset = whole + (1 << 60)
    expected = napari_kmeans.fit(whole, 2).uncertainty(whole, n_resamples=100).shares
    assert napari_kmeans.fit(offset, 2).uncertainty(offset, n_resamples=100).shares == pytest.approx(expected)


def test_with_illumination_the_intervals_are_of_the_corrected_image(image):
    ramp = np.linspace(0, 200, image.shape[1], dtype=np.float32)
    model = napari_kmeans.fit(image + ramp, 2, illumination="additive")
    low, high = model.uncertainty(image + ramp, n_resamples=100).shares[1]
    assert low < _share(image) < high


def test_models_without_intervals_are_rejected(image, model):
    rgb = np.random.default_rng(0).integers(0, 255, (20, 20, 3)).astype(np.uint8)
    with pytest.raises(ValueError, match=r"one feature, but features='rgb' has 3"):
        napari_kmeans.fit(rgb, 2, features="rgb", channel_axis=-1).uncertainty(rgb)
    with pytest.raises(ValueError, match="coherence=0"):
        napari_kmeans.fit(image, 2, coherence=1).uncertainty(image)
    with pytest.raises(ValueError, match="intervals need at least 2 clusters, but the model has 1"):
        napari_kmeans.fit(image, 1).uncertainty(image)
    with pytest.raises(ValueError, match="the image that the model was fitted to"):
        model.uncertainty(image * 3)
    with pytest.raises(ValueError, match="level=95 must be between 0 and 1"):
        model.uncertainty(image, level=95)
    with pytest.raises(ValueError, match="n_resamples=3 must be 20 to 100000"):
        model.uncertainty(image, n_resamples=3)
    with pytest.raises(TypeError, match="n_resamples must be an int"):
        model.uncertainty(image, n_resamples=50.0)


def test_large_structures_give_a_warning():
    ramp = np.tile(np.arange(100.0), (100, 1))
    with pytest.warns(UserWarning, match="intervals are too narrow"):
        assert napari_kmeans.fit(ramp, 2).uncertainty(ramp).is_limited


def test_progress_ascends_to_1(image, model):
    shares = []
    model.uncertainty(image, n_resamples=20, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)


def test_values_far_from_zero_have_intervals():
    steps = np.random.default_rng(0).integers(0, 99, (60, 70))
    values = 1.7e9 + steps * 2.4e-7  # neighbouring floats
    plain = napari_kmeans.fit(steps, 3).uncertainty(steps)
    far = napari_kmeans.fit(values, 3).uncertainty(values)
    np.testing.assert_allclose((far.thresholds - 1.7e9) / 2.4e-7, plain.thresholds, atol=3)


def test_the_seed_is_checked_by_name(image, model):
    with pytest.raises(ValueError, match="random_state=-1 must be 0 to 4294967295"):
        model.uncertainty(image, random_state=-1)
