from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from skimage.feature import multiscale_basic_features
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

import napari_kmeans
from napari_kmeans import Texture
from napari_kmeans.blocks import loop
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.preprocess.smoothing import gaussian


def features_of(image, channel_axis=None, **options):
    pixels = Pixels.of(image, features=Texture(**options), channel_axis=channel_axis)
    return pixels.read(tuple(slice(0, n) for n in pixels.shape))


@pytest.mark.parametrize("shape", [(40, 50), (12, 20, 16)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_features_are_those_of_scikit_image(shape, dtype):
    image = (np.random.default_rng(0).random(shape) * 200).astype(dtype)
    values, _ = features_of(image, sigma=(0.5, 4), window=0)
    expected = multiscale_basic_features(image.astype(np.float32), sigma_min=0.5, sigma_max=4)
    assert np.array_equal(values[..., :-1], expected)
    assert np.array_equal(values[..., -1], image.astype(np.float32))
    names = Pixels.of(image, features=Texture(sigma=(0.5, 4))).value_format.names
    assert len(names) == expected.shape[-1]
    assert names[:2] == ("intensity σ 0.5", "edges σ 0.5")


def test_the_window_averages_the_features():
    image = np.random.default_rng(0).random((60, 50)).astype(np.float32)
    plain, _ = features_of(image, window=0)
    values, _ = features_of(image, window=5)
    for number in range(plain.shape[-1] - 1):
        expected = gaussian(plain[..., number], (5, 5), truncate=2)
        np.testing.assert_allclose(values[..., number], expected, rtol=1e-6, atol=1e-9)


def test_a_missing_pixel_affects_pixels_within_the_halo_only():
    image = np.random.default_rng(0).random((200, 200)).astype(np.float32)
    holed = image.copy()
    holed[100, 100] = np.nan
    values, _ = features_of(holed, window=4)
    assert np.isnan(values[100, 100, -1])
    assert np.isfinite(np.delete(values.reshape(-1, values.shape[-1]), 100 * 200 + 100, axis=0)).all()
    pixels = Pixels.of(holed, features=Texture(window=4))
    changed = (values != features_of(image, window=4)[0]).any(axis=-1)
    y, x = np.nonzero(changed)
    assert max(np.abs(y - 100).max(), np.abs(x - 100).max()) <= pixels.halo[0]


@pytest.mark.parametrize("channels", [None, 4])
def test_the_halo_is_as_wide_as_needed_and_no_wider(monkeypatch, channels):
    shape = (90, 70) if channels is None else (90, 70, channels)
    image = np.random.default_rng(0).integers(0, 200, shape, dtype=np.uint8)
    axis = -1 if channels else None
    if channels:
        image[20:25, 30:33, 3] = 0
    texture = Texture(sigma=(0.5, 2), window=4)
    whole, _ = features_of(image, axis, **vars(texture))
    pixels = Pixels.of(image, features=texture, channel_axis=axis)
    box = (slice(37, 44), slice(33, 38))
    assert np.array_equal(pixels.read(box)[0], whole[box])
    narrow = pixels.halo[0] - 1
    monkeypatch.setattr(Texture, "halo", lambda *_: narrow)
    assert not np.array_equal(pixels.read(box)[0], whole[box]) or channels


def test_results_do_not_depend_on_blocks(monkeypatch, picture):
    image = picture("camera")[::4, ::4]
    labels, model = napari_kmeans.segment(image, 4, features=Texture(window=4))
    monkeypatch.setattr(loop, "BLOCK_PIXELS", 1500)
    monkeypatch.setattr(loop, "_MIN_PIXELS", 1500)
    tiled, same = napari_kmeans.segment(image, 4, features=Texture(window=4))
    assert np.array_equal(labels, tiled)
    for name in ("centers", "scales", "counts", "inertia"):
        assert np.array_equal(getattr(model, name), getattr(same, name))


def test_the_sample_gives_nearly_the_best_of_ten_runs_on_all_pixels(picture):
    image = picture("brick")  # 262,144 pixels, of which half are sampled
    values, _ = features_of(image, window=8)
    points = values[..., :-1].reshape(-1, values.shape[-1] - 1).astype(np.float64)
    model = napari_kmeans.fit(image, 4, features=Texture(window=8))
    np.testing.assert_allclose(model.scales, points.std(axis=0), rtol=0.02)
    scaled = points / model.scales
    found = ((scaled[:, np.newaxis] - model.centers / model.scales) ** 2).sum(axis=-1).min(axis=1).sum()
    best = KMeans(4, n_init=10, random_state=0).fit(scaled - scaled.mean(axis=0)).inertia_
    assert found <= 1.01 * best
    assert model.inertia == pytest.approx(found, rel=0.02)
    assert model.sample_size == 1 << 17


def test_textures_are_separated_where_gray_values_cannot_be(picture):
    names = ("brick", "grass", "gravel")
    mosaic = np.hstack([picture(name)[:256, :256] for name in names])
    truth = np.repeat([1, 2, 3], 256)[np.newaxis].repeat(256, axis=0)
    index = {
        features: adjusted_rand_score(
            truth.ravel(), napari_kmeans.segment(mosaic, 3, features=features)[0].ravel()
        )
        for features in ("gray", "texture")
    }
    assert index["texture"] > 0.75
    assert index["gray"] < 0.15


def test_labels_ascend_with_the_mean_intensity_of_their_pixels(picture):
    image = picture("gravel")[:200, :200]
    labels, _ = napari_kmeans.segment(image, 4, features=Texture(window=3))
    means = [image[labels == label].mean() for label in (1, 2, 3, 4)]
    assert means == sorted(means)


def test_images_without_neighbours_are_rejected():
    with pytest.raises(ValueError, match=r"spatial shape \(1, 9\).*at least 2 pixels"):
        napari_kmeans.fit(np.zeros((1, 9)), 2, features="texture")
    with pytest.raises(ValueError, match="features='texture' needs at least 2 spatial axes, but image has 1"):
        napari_kmeans.fit(np.zeros(9), 2, features="texture")
    with pytest.raises(ValueError, match="channel_axis has 5 channels, but features='texture' needs"):
        napari_kmeans.fit(np.zeros((9, 9, 5)), 2, features="texture", channel_axis=-1)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"sigma": (4, 1)}, ValueError, "sigma=.* must be ascending"),
        ({"sigma": (0, 1)}, ValueError, "from 0.1 to 1000 pixels"),
        ({"sigma": (1, 1001)}, ValueError, "from 0.1 to 1000 pixels"),
        ({"sigma": 4}, TypeError, "must be two numbers"),
        ({"sigma": (1, 2, 3)}, TypeError, "must be two numbers"),
        ({"sigma": (True, 2)}, TypeError, "must be two numbers"),
        ({"window": -1}, ValueError, "window=-1.*0 to 1000"),
        ({"window": "wide"}, TypeError, "window='wide' one"),
    ],
)
def test_invalid_options_are_rejected(options, error, message):
    with pytest.raises(error, match=message):
        Texture(**options)


def test_options_are_stored_as_floats():
    assert vars(Texture(sigma=[1, 2], window=3)) == {"sigma": (1.0, 2.0), "window": 3.0}


def two_textures():
    """Noise that is ten times as strong on the right."""
    image = np.random.default_rng(0).normal(0, 0.1, (64, 64))
    image[:, 32:] *= 10
    return image


@pytest.mark.parametrize(("factor", "offset"), [(1, 1e5), (1, 1e9), (1e30, 0), (1e-40, 0), (1e140, 0)])
def test_offset_and_magnitude_of_doubles_change_no_label(factor, offset):
    expected, _ = napari_kmeans.segment(two_textures(), 2, features="texture")
    labels, model = napari_kmeans.segment(two_textures() * factor + offset, 2, features="texture")
    assert np.array_equal(labels, expected)
    assert np.isfinite(model.centers).all()


@pytest.mark.parametrize(
    ("factor", "dtype", "message"),
    [
        (1e30, np.float32, "squared differences overflow float32; divide"),
        (1e200, np.float64, "squared differences overflow float64; divide"),
        (1e-20, np.float32, "squared differences vanish in float32; multiply"),
        (1e-200, np.float64, "squared differences vanish in float64; multiply"),
    ],
)
def test_values_whose_squares_overflow_are_rejected(factor, dtype, message):
    with pytest.raises(ValueError, match=message):
        napari_kmeans.fit((two_textures() * factor).astype(dtype), 2, features="texture")


@pytest.mark.parametrize("lazy", [False, True])
def test_missing_pixels_get_no_label(lazy):
    image = np.random.default_rng(4).normal(100, 5, (64, 64)).astype(np.float32)
    image[:, 32:] += 100
    image[5:15, 20:44] = np.nan
    labels = napari_kmeans.segment(da.from_array(image, chunks=32) if lazy else image, 2, features="texture")[
        0
    ]
    np.testing.assert_array_equal(np.asarray(labels) == 0, np.isnan(image))


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_a_constant_image_is_one_cluster_without_inertia(dtype):
    with pytest.warns(UserWarning, match="only"):
        model = napari_kmeans.fit(np.full((40, 50), 120, dtype=dtype), 3, features="texture")
    assert (model.n_clusters, model.inertia) == (1, 0.0)
