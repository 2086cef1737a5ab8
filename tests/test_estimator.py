from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import napari_kmeans
from napari_kmeans import ImageKMeans


@parametrize_with_checks(
    [ImageKMeans(), ImageKMeans(solver="lloyd"), ImageKMeans(features=napari_kmeans.Channels())]
)
def test_the_checks_of_scikit_learn_pass(estimator, check):
    check(estimator)


def test_clusters_are_those_of_fit(picture):
    image = picture("coins")
    labels, model = napari_kmeans.segment(image, 3)
    estimator = ImageKMeans(n_clusters=3).fit(image.reshape(-1, 1))
    np.testing.assert_array_equal(estimator.labels_.reshape(image.shape), labels.astype(int) - 1)
    np.testing.assert_array_equal(estimator.cluster_centers_, model.centers)
    assert estimator.inertia_ == model.inertia
    np.testing.assert_array_equal(estimator.predict(image.reshape(-1, 1)), estimator.labels_)


def test_columns_are_measured_in_their_own_units_as_kmeans_does():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(center, (1, 40), (200, 2)) for center in ((0, 0), (9, 30), (30, 300))])
    ours = ImageKMeans(n_clusters=3).fit(X)
    theirs = KMeans(3, n_init=10, random_state=0).fit(X)
    assert ours.inertia_ == pytest.approx(theirs.inertia_, rel=1e-6)
    order = np.lexsort(theirs.cluster_centers_.T)
    np.testing.assert_allclose(
        ours.cluster_centers_[np.lexsort(ours.cluster_centers_.T)], theirs.cluster_centers_[order], rtol=1e-6
    )
    assert ours.score(X) == pytest.approx(-ours.inertia_)
    assert ours.transform(X).shape == (600, 3)
    np.testing.assert_array_equal(ours.transform(X).argmin(axis=1), ours.labels_)


def test_a_grid_search_in_a_pipeline_finds_the_number_of_clusters():
    rng = np.random.default_rng(0)
    X = rng.permutation(np.concatenate([rng.normal(mean, 0.2, (60, 1)) for mean in (0, 5, 10, 15)]))
    pipeline = make_pipeline(StandardScaler(), ImageKMeans())
    search = GridSearchCV(pipeline, {"imagekmeans__n_clusters": [1, 2, 4]}, cv=3).fit(X)
    assert search.best_params_ == {"imagekmeans__n_clusters": 4}
    assert set(search.predict([[0.0], [15.0]])) == {0, 3}


def test_colours_are_clustered_and_transparent_ones_have_label_minus_1(picture):
    colors = picture("astronaut")[::8, ::8].reshape(-1, 3)
    lab = ImageKMeans(n_clusters=4, features="lab").fit(colors)
    assert lab.model_.feature_names == ("L*", "a*", "b*")
    np.testing.assert_array_equal(lab.transform(colors).argmin(axis=1), lab.labels_)
    transparent = np.concatenate([colors, np.full((len(colors), 1), 255, np.uint8)], axis=1)
    transparent[0, 3] = 0
    assert ImageKMeans(n_clusters=4, features="lab").fit(transparent).labels_.min() == -1


def test_auto_chooses_the_suggested_number(picture):
    estimator = ImageKMeans("auto").fit(picture("coins").reshape(-1, 1))
    assert len(estimator.cluster_centers_) == napari_kmeans.suggest_n_clusters(picture("coins")).n_clusters


def test_column_names_of_a_data_frame_are_stored():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"dapi": [1, 2, 50, 52], "gfp": [9, 8, 100, 90]})
    estimator = ImageKMeans(n_clusters=2).set_output(transform="pandas").fit(frame)
    assert estimator.feature_names_in_.tolist() == ["dapi", "gfp"]
    assert estimator.transform(frame).columns.tolist() == ["imagekmeans0", "imagekmeans1"]


def test_errors():
    X = np.arange(30.0).reshape(10, 3)
    with pytest.raises(ValueError, match="features='texture' needs the neighbours of a pixel"):
        ImageKMeans(features="texture").fit(X[:, :1])
    with pytest.raises(ValueError, match="n_clusters=0 must be 1 to 255"):
        ImageKMeans(n_clusters=0).fit(X)
    with pytest.raises(NotFittedError):
        ImageKMeans().predict(X)
