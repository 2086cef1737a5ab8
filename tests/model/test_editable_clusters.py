from __future__ import annotations

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans import KMeansModel
from napari_kmeans.model.edits import Edits


def test_thresholds_set_by_hand_are_applied(coins, model):
    moved = model.with_thresholds([50, 100, 200.5])
    labels = moved.predict(coins)
    assert np.array_equal(labels, 1 + np.digitize(coins, [50, 100, 200.5], right=True))
    assert np.array_equal(moved.counts, np.bincount(labels.ravel(), minlength=5)[1:])
    means = [coins[labels == label].mean() for label in range(1, 5)]
    assert np.allclose(moved.centers[:, 0], means, rtol=1e-12)
    scatter = sum(((coins[labels == i + 1] - mean) ** 2).sum() for i, mean in enumerate(means))
    assert moved.inertia == pytest.approx(scatter)
    assert moved.explained_variance == pytest.approx(1 - scatter / ((coins - coins.mean()) ** 2).sum())
    assert moved.adjusted
    assert moved.confirmation == ""
    assert not model.adjusted


def test_setting_the_fitted_thresholds_is_not_an_adjustment(coins, model):
    edits = Edits(thresholds=tuple(model.thresholds.tolist()), merges=((1, 2),))
    edited = model.with_edits(edits)
    assert not edited.adjusted
    assert edited.merges == ((1, 2),)
    assert np.array_equal(edited.counts, model.counts)


def test_thresholds_outside_the_range_of_the_image_leave_clusters_empty(coins, model):
    moved = model.with_thresholds([-5, 100, 1e9])
    assert sorted(np.unique(moved.predict(coins))) == [2, 3]
    assert moved.counts.tolist()[::3] == [0, 0]
    assert np.isfinite(moved.centers).all()


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        ([1, 2], "3 numbers, not 2"),
        ([1, 3, 2], "ascending"),
        ([1, 2, np.nan], "finite"),
        ([1, 2, np.inf], "finite"),
    ],
)
def test_invalid_thresholds_are_rejected(model, thresholds, message):
    with pytest.raises(ValueError, match=message):
        model.with_thresholds(thresholds)


def test_merged_clusters_share_their_lowest_label_and_other_labels_stay(coins, model):
    labels, merged = model.predict(coins), model.merged([[3, 2]])
    assert np.array_equal(merged.predict(coins), np.where(labels == 3, 2, labels))
    assert merged.n_clusters == 4
    assert np.array_equal(merged.merged([]).predict(coins), labels)


def test_background_is_label_0(coins, model):
    labels, changed = model.predict(coins), model.with_background([1])
    assert np.array_equal(changed.predict(coins), np.where(labels == 1, 0, labels))
    assert np.array_equal(changed.with_background([]).predict(coins), labels)


def test_merges_thresholds_and_background_can_be_combined(coins, model):
    changed = model.with_thresholds([50, 100, 200]).merged([[1, 2]]).with_background([1])
    assert sorted(np.unique(changed.predict(coins))) == [0, 3, 4]
    assert np.array_equal(changed.predict(coins) == 0, coins <= 100)


def test_background_of_a_merged_cluster_is_that_of_its_label(coins, model):
    changed = model.merged([[2, 3]]).with_background([3])
    assert changed.background == (2,)
    assert np.array_equal(
        changed.predict(coins), np.where(np.isin(model.predict(coins), [2, 3]), 0, model.predict(coins))
    )
    assert changed.table["index"].tolist() == [1, 4]


def test_names_can_be_set_and_removed(model):
    assert model.with_names(["a", "b", "c", "d"]).names == ("a", "b", "c", "d")
    assert model.with_names(["a", "b", "c", "d"]).with_names([]).names == ()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda m: m.merged([[1, 5]]), ValueError, "groups contains 5; clusters are numbered 1 to 4"),
        (lambda m: m.merged([[1, 2], [2, 3]]), ValueError, "must not contain a cluster twice"),
        (lambda m: m.merged([["1"]]), TypeError, "groups must contain ints"),
        (lambda m: m.with_background([0]), ValueError, "labels contains 0"),
        (lambda m: m.with_background([True]), TypeError, "labels must contain ints"),
        (lambda m: m.with_names(["a"]), ValueError, "names must have 4 entries, one per cluster, not 1"),
        (lambda m: m.with_names("abcd"), TypeError, "sequence of str"),
        (lambda m: m.with_names([1, 2, 3, 4]), TypeError, "sequence of str"),
        (lambda m: m.with_names(2), TypeError, "sequence of str, not 2"),
        (lambda m: m.merged([2, 3]), TypeError, "groups must be a list of lists of clusters, such as"),
        (lambda m: m.merged(None), TypeError, "groups must be a list of lists of clusters"),
        (lambda m: m.merged([{1: 2}]), TypeError, "groups must be a list of lists of clusters"),
        (lambda m: m.with_background(2), TypeError, "labels must be a list of clusters, such as .1., not 2"),
        (lambda m: m.with_thresholds("ab"), TypeError, "thresholds must be 3 numbers, not 'ab'"),
        (lambda m: m.with_thresholds(None), TypeError, "thresholds must be 3 numbers, not None"),
    ],
)
def test_invalid_edits_are_rejected(model, change, error, message):
    with pytest.raises(error, match=message):
        change(model)


def test_several_features_have_no_thresholds(colored):
    with pytest.raises(
        ValueError, match=r"a single feature, but this model has 3 features \(L\*, a\*, b\*\)"
    ):
        colored.with_thresholds([1, 2, 3])
    model = napari_kmeans.fit(
        np.random.default_rng(0).random((9, 9, 4)), 2, features="channels", channel_axis=-1
    )
    with pytest.raises(ValueError, match=r"4 features \(channel 1, channel 2, channel 3, …\)"):
        model.with_thresholds([0.5])


def test_clusters_of_colours_can_be_merged_and_set_to_background(picture, colored):
    labels = colored.predict(picture("coffee"))
    changed = colored.merged([[2, 4]]).with_background([1]).predict(picture("coffee"))
    assert np.array_equal(changed, np.array([0, 0, 2, 3, 2])[labels])


def test_groups_and_labels_describe_merged_clusters(model):
    merged = model.merged([[4, 2]]).with_background([1])
    assert merged.groups == ((1,), (2, 4), (3,))
    assert merged.label_of_cluster.tolist() == [0, 0, 2, 3, 2]
    assert merged.merges == ((2, 4),)
    assert merged.background == (1,)


def test_edits_are_part_of_the_recipe(model):
    changed = model.with_thresholds([50, 100, 200]).merged([[1, 2]]).with_names(list("abcd"))
    assert changed.recipe.edits == Edits(
        thresholds=(50.0, 100.0, 200.0), merges=((1, 2),), names=("a", "b", "c", "d")
    )
    assert model.recipe.edits == Edits()
    again = model.with_edits(changed.recipe.edits)
    assert again.to_json() == changed.to_json()


def test_centres_of_another_model_can_be_set_as_edits(colored, picture):
    moved = colored.centers + np.array([5, 0, 0])
    edits = Edits(centers=tuple(map(tuple, moved.tolist())), scales=(1.0, 1.0, 2.0))
    changed = colored.with_edits(edits)
    assert np.array_equal(changed.centers, moved)
    assert changed.scales.tolist() == [1, 1, 2]
    assert changed.adjusted
    assert not np.array_equal(changed.predict(picture("coffee")), colored.predict(picture("coffee")))
    assert KMeansModel.from_json(changed.to_json()).to_json() == changed.to_json()


def test_a_model_without_its_summary_is_like_a_loaded_one(model):
    bare = model.without_summary()
    assert model.summary is not None
    assert bare.summary is None
    assert not bare.counts_are_exact
    assert bare.to_json() == model.to_json()


@pytest.mark.parametrize("offset", [1_700_000_000_000_000_000, 2**63])
def test_thresholds_of_large_integers_are_exact(offset):
    values = np.random.default_rng(0).integers(0, 3000, (60, 70)).astype(np.uint64) + np.uint64(offset)
    model = napari_kmeans.fit(values, 3)
    edited = model.with_thresholds(model.exact_thresholds)
    moved = model.with_thresholds([t + 100 for t in model.exact_thresholds])
    for each in (model, edited, moved):
        assert np.bincount(each.predict(values).ravel(), minlength=4)[1:].tolist() == each.counts.tolist()
    assert edited.counts.tolist() == model.counts.tolist() != moved.counts.tolist()
    assert np.array_equal(model.predict(values, match="range"), model.predict(values))
