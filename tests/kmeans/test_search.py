"""Clustering of several features, compared with scikit-learn on all pixels."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.color import rgb2lab
from sklearn.cluster import KMeans

import napari_kmeans
from napari_kmeans import Channels, KMeansModel, Recipe
from napari_kmeans.blocks import loop
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.kmeans.search import N_INIT, SearchedClusterings
from napari_kmeans.model.preparation import clusterings_of
from napari_kmeans.summary import sorted_cells
from napari_kmeans.summary.summarize import summarize

pytestmark = pytest.mark.thorough


def search(image, features="rgb", channel_axis=-1) -> SearchedClusterings:
    found = clusterings_of(summarize(Pixels.of(image, features=features, channel_axis=channel_axis)))
    assert isinstance(found, SearchedClusterings)
    return found


def inertia_of(points, centers):
    return float(((points[:, np.newaxis] - centers) ** 2).sum(axis=-1).min(axis=1).sum())


def best_of_ten(points, k):
    mean = points.mean(axis=0)
    return KMeans(k, n_init=10, random_state=0).fit(points - mean).inertia_


def blobs(n_clusters, n_features, n_pixels=20_000, seed=0):
    rng = np.random.default_rng(seed)
    centers = rng.permutation(n_clusters * 3)[:n_clusters, np.newaxis] + rng.random((n_clusters, n_features))
    return (centers[rng.integers(0, n_clusters, n_pixels)] * 4 + rng.normal(0, 1, (n_pixels, n_features)))[
        None
    ]


@pytest.fixture(scope="module")
def fluorescence():
    """Nuclei in one channel, membranes around them in another that is a hundred times as bright."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:220, :220]
    distance = np.min(
        [np.hypot(y - cy, x - cx) for cy in range(27, 220, 55) for cx in range(27, 220, 55)], axis=0
    )
    truth = np.select([distance < 14, distance < 18, distance < 22], [3, 1, 2], default=1)
    nuclei = 10 + 30 * (truth == 3)
    membranes = 2000 + 4000 * (truth == 2)
    return rng.poisson(np.stack([nuclei, membranes])).astype(np.uint16), truth


@pytest.mark.parametrize("k", [2, 5, 8])
@pytest.mark.parametrize("features", ["rgb", "lab"])
@pytest.mark.parametrize("name", ["immunohistochemistry", "coffee"])
def test_colours_reach_the_best_of_ten_runs_on_all_pixels(picture, name, features, k):
    image = picture(name)[::2, ::2]
    points = (image if features == "rgb" else rgb2lab(image)).reshape(-1, 3).astype(np.float64)
    model = napari_kmeans.fit(image, k, features=features, channel_axis=-1)
    assert inertia_of(points, model.centers) <= 1.001 * best_of_ten(points, k)
    assert model.inertia == pytest.approx(inertia_of(points, model.centers), rel=1e-6)
    total = np.sum((points - points.mean(axis=0)) ** 2)
    assert model.explained_variance == pytest.approx(1 - model.inertia / total, abs=1e-6)
    assert (model.n_init, model.sample_size, model.solver) == (N_INIT, 0, "lloyd")


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["colorwheel", "rocket", "astronaut"])
def test_many_clusters_reach_the_best_of_ten_runs_on_all_pixels(picture, name):
    image = picture(name)[142:442, 160:420, :3].astype(np.float32)
    points = image.reshape(-1, 3).astype(np.float64)
    model = napari_kmeans.fit(image, 12, features="channels", channel_axis=-1)
    assert model.inertia <= 1.0005 * best_of_ten(points / points.std(axis=0), 12)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32, np.float64])
def test_a_wider_type_gives_the_same_clusters(picture, dtype):
    image = picture("immunohistochemistry")[::2, ::2]
    scale = 257 if dtype == np.uint16 else 1 / 255
    wide = (image * np.float64(scale)).astype(dtype)
    narrow_model = napari_kmeans.fit(image, 4, features="rgb", channel_axis=-1)
    wide_model = napari_kmeans.fit(wide, 4, features="rgb", channel_axis=-1)
    np.testing.assert_allclose(wide_model.centers, narrow_model.centers * scale, rtol=1e-4, atol=1e-3 * scale)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32, np.float64])
def test_a_wider_type_gives_equally_good_clusters_of_lab(picture, dtype):
    # Several local optima of this picture differ by 0.01 in L* and by 1e-8 of the inertia.
    image = picture("immunohistochemistry")[::2, ::2]
    wide = (image * np.float64(257 if dtype == np.uint16 else 1 / 255)).astype(dtype)
    narrow_model, wide_model = (
        napari_kmeans.fit(i, 4, features="lab", channel_axis=-1) for i in (image, wide)
    )
    points = rgb2lab(image).reshape(-1, 3).astype(np.float64)
    narrow, wider = (inertia_of(points, model.centers) for model in (narrow_model, wide_model))
    assert wider == pytest.approx(narrow, rel=1e-7)
    np.testing.assert_allclose(wide_model.centers, narrow_model.centers, rtol=0, atol=0.05)


@pytest.mark.parametrize("limit", [2000, 20_000])
def test_cells_increase_the_inertia_by_little(monkeypatch, picture, limit):
    image = picture("coffee")[::2, ::2]
    points = image.reshape(-1, 3).astype(np.float64)
    reference = best_of_ten(points, 6)
    monkeypatch.setattr(sorted_cells, "LIMIT", limit)
    model = napari_kmeans.fit(image, 6, features="rgb", channel_axis=-1)
    share = {2000: 1.02, 20_000: 1.001}[limit]
    assert inertia_of(points, model.centers) <= share * reference
    assert model.inertia == pytest.approx(inertia_of(points, model.centers), rel=share - 1)


@pytest.mark.parametrize("n_channels", [2, 3])
@pytest.mark.parametrize("standardize", [True, False])
def test_channels_reach_the_best_of_ten_runs(standardize, n_channels):
    image = blobs(4, n_channels)
    image[..., 1] *= 100
    points = image.reshape(-1, n_channels)
    scales = points.std(axis=0) if standardize else np.ones(n_channels)
    model = napari_kmeans.fit(image, 5, features=Channels(standardize=standardize), channel_axis=-1)
    np.testing.assert_allclose(model.scales, scales, rtol=1e-5)
    assert inertia_of(points / scales, model.centers / scales) <= 1.001 * best_of_ten(points / scales, 5)
    assert model.inertia == pytest.approx(inertia_of(points / scales, model.centers / scales), rel=1e-5)


def test_many_channels_are_sampled_with_little_loss():
    image = blobs(6, 5, n_pixels=300_000)
    points = image.reshape(-1, 5) / image.reshape(-1, 5).std(axis=0)
    model = napari_kmeans.fit(image, 6, features="channels", channel_axis=-1)
    found = inertia_of(points, model.centers / image.reshape(-1, 5).std(axis=0))
    assert found <= 1.01 * best_of_ten(points[::10], 6) * 10
    assert model.inertia == pytest.approx(found, rel=0.01)
    assert model.sample_size == 1 << 17
    assert model.counts.sum() == 300_000
    labels = model.predict(image)
    assert np.array_equal(model.counts, np.bincount(labels.ravel(), minlength=7)[1:])


def test_few_pixels_of_many_channels_are_all_used():
    model = napari_kmeans.fit(blobs(3, 5, 4000), 3, features="channels", channel_axis=-1)
    assert model.sample_size == 0


def test_nuclei_and_membranes_are_separated_by_two_channels(fluorescence):
    image, truth = fluorescence
    labels, model = napari_kmeans.segment(image, 3, features="channels", channel_axis=0)
    assert np.mean(labels == np.select([truth == 1, truth == 3, truth == 2], [1, 2, 3])) > 0.98
    np.testing.assert_allclose(model.centers[[0, 1], 0], [10, 40], rtol=0.1)
    np.testing.assert_allclose(model.centers[2, 1], 6000, rtol=0.02)
    # Without standardization, the bright channel outweighs the other.
    plain, _ = napari_kmeans.segment(image, 3, features=Channels(standardize=False), channel_axis=0)
    assert np.mean(plain[truth == 3] == plain[truth == 1][0]) > 0.5


def test_blue_and_brown_of_stained_tissue_are_separated(picture):
    image = picture("immunohistochemistry")
    model = napari_kmeans.fit(image, 4, features="lab", channel_axis=-1)
    dark_brown, brown, blue, background = model.centers
    assert min(dark_brown[2], brown[2]) > 15 > 0 > blue[2]
    assert background[0] > 85
    labels = model.merged([[1, 2]]).with_background([4]).predict(image)
    assert set(np.unique(labels)) == {0, 1, 3}
    # Pixels labelled brown are much redder than blue, and pixels labelled blue are not.
    red_over_blue = image[..., 0].astype(int) - image[..., 2]
    assert np.mean(red_over_blue[labels == 1] > 20) > 0.9
    assert np.mean(red_over_blue[labels == 3] < 20) > 0.9


@pytest.mark.parametrize("features", ["rgb", "lab", "channels"])
def test_labels_ascend_with_brightness(picture, features):
    image = picture("astronaut")[::4, ::4]
    centers = napari_kmeans.fit(image, 6, features=features, channel_axis=-1).centers
    brightness = {
        "rgb": centers @ [0.2125, 0.7154, 0.0721],
        "lab": centers[:, 0],
        "channels": centers.mean(axis=1),
    }[features]
    assert (np.diff(brightness) > 0).all()


@pytest.mark.parametrize("features", ["rgb", "lab", "channels"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_results_do_not_depend_on_blocks_threads_or_layout(monkeypatch, picture, features, dtype):
    image = (
        picture("astronaut")[::3, ::3] / 255 * (1 if dtype == "float32" else np.iinfo(dtype).max)
    ).astype(dtype)
    labels, model = napari_kmeans.segment(image, 5, features=features, channel_axis=-1)
    monkeypatch.setattr(loop, "BLOCK_PIXELS", 1999)
    monkeypatch.setattr(loop, "_MIN_PIXELS", 1999)
    monkeypatch.setattr(loop, "N_THREADS", 3)
    other = np.asfortranarray(np.moveaxis(image, -1, 0))
    labels2, model2 = napari_kmeans.segment(other, 5, features=features, channel_axis=0)
    assert np.array_equal(labels, labels2)
    for name in ("centers", "counts", "scales", "inertia", "explained_variance", "start_spread"):
        assert np.array_equal(getattr(model, name), getattr(model2, name)), name


def test_results_depend_on_the_seed_only():
    image = np.random.default_rng(0).random((60, 60, 3))
    one, same, other = (
        napari_kmeans.fit(image, 12, features="rgb", channel_axis=-1, random_state=seed) for seed in (0, 0, 1)
    )
    assert np.array_equal(one.centers, same.centers)
    assert not np.array_equal(one.centers, other.centers)
    assert one.start_spread > 0


def test_extreme_values_get_a_cluster_and_do_not_affect_the_rest():
    image = blobs(3, 3, 5000)
    expected = napari_kmeans.fit(image, 3, features="rgb", channel_axis=-1).centers
    image[0, :3] = 1e30
    model = napari_kmeans.fit(image, 4, features="rgb", channel_axis=-1)
    assert model.counts[-1] == 3
    np.testing.assert_allclose(model.centers[:3], expected, rtol=0.01)


@pytest.mark.parametrize("missing", [1e15, 1e20, -3.4e38])
def test_a_distant_value_of_most_pixels_gets_a_cluster_of_its_own(missing):
    image = blobs(3, 4, 5000).astype(np.float32)
    expected = napari_kmeans.fit(image[:, 3000:], 3, features="channels", channel_axis=-1).centers
    image[:, :3000] = missing
    model = napari_kmeans.fit(image, 4, features="channels", channel_axis=-1)
    others = model.centers[:-1] if missing > 0 else model.centers[1:]
    np.testing.assert_allclose(others, expected, rtol=1e-3)
    assert model.counts.max() == 3000


def test_an_estimate_is_close_to_the_result(picture):
    found = search(picture("coffee"), "lab")
    estimate = found.estimate(4)
    assert not found.is_quick(4)
    result = found.clustering(4)
    assert found.is_quick(4)
    assert found.estimate(4).centers is result.centers
    assert result.inertia <= estimate.inertia <= 1.05 * result.inertia
    assert (estimate.n_init, result.n_init) == (0, N_INIT)
    model = KMeansModel.of(search(picture("coffee"), "lab"), Recipe.of(4, features="lab"), -1, estimate=True)
    assert model.inertia == estimate.inertia


def test_fewer_colours_than_clusters_give_one_cluster_per_colour():
    image = np.array([[[1, 2, 3], [200, 0, 0], [1, 2, 3]]], dtype=np.uint8)
    with pytest.warns(UserWarning, match="only 2 distinct values, so there are 2 clusters instead of 5"):
        labels, model = napari_kmeans.segment(image, 5, features="rgb", channel_axis=-1)
    assert labels.tolist() == [[1, 2, 1]]
    assert model.centers.tolist() == [[1, 2, 3], [200, 0, 0]]
    assert model.inertia == 0
    many = np.zeros((300, 300, 6))
    many[:2] = np.random.default_rng(0).integers(0, 2, (2, 300, 1))
    with pytest.warns(UserWarning, match="only 2 distinct values"):
        model = napari_kmeans.fit(many, 3, features="channels", channel_axis=-1)
    assert model.counts.tolist() == [int((many[..., 0] == 0).sum()), int((many[..., 0] == 1).sum())]


def test_a_constant_image_is_one_cluster():
    image = np.full((5, 6, 3), 7, dtype=np.uint16)
    with pytest.warns(UserWarning, match="only 1 distinct value"):
        model = napari_kmeans.fit(image, 3, features="lab", channel_axis=-1)
    assert model.explained_variance == 1
    assert model.counts.tolist() == [30]


@pytest.mark.parametrize(("features", "k"), [("rgb", 40), ("lab", 255), ("channels", 100)])
def test_many_clusters_are_all_used(picture, features, k):
    labels, model = napari_kmeans.segment(
        picture("astronaut")[::4, ::4], k, features=features, channel_axis=-1
    )
    assert model.n_clusters == labels.max() == k
    assert model.counts.min() > 0
