from __future__ import annotations

import json
import os
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans import KMeansModel, KMeansStack
from napari_kmeans.model import file as model_file


@pytest.fixture(scope="module")
def coins(picture):
    return picture("coins")


@pytest.fixture(scope="module")
def model(coins):
    return napari_kmeans.segment(coins, 4)[1]


@pytest.fixture(scope="module")
def stack(coins):
    return napari_kmeans.fit(np.stack([coins, 255 - coins]), 3, per_axis=0)


def test_a_model_cannot_be_changed(model):
    with pytest.raises(FrozenInstanceError):
        model.features = "gray601"
    for array in (model.centers, model.thresholds, model.counts):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


# Changed by hand


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


def test_thresholds_out_of_the_range_of_the_image_leave_clusters_empty(coins, model):
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
def test_thresholds_that_do_not_fit_are_refused(model, thresholds, message):
    with pytest.raises(ValueError, match=message):
        model.with_thresholds(thresholds)


def test_a_merged_class_has_its_lowest_label_and_numbers_are_never_closed_up(coins, model):
    labels, merged = model.predict(coins), model.merged([[3, 2]])
    assert np.array_equal(merged.predict(coins), np.where(labels == 3, 2, labels))
    assert merged.n_clusters == 4
    assert np.array_equal(merged.merged([]).predict(coins), labels)


def test_background_is_label_0(coins, model):
    labels, changed = model.predict(coins), model.with_background([1])
    assert np.array_equal(changed.predict(coins), np.where(labels == 1, 0, labels))
    assert np.array_equal(changed.with_background([]).predict(coins), labels)


def test_merges_thresholds_and_background_go_together(coins, model):
    changed = model.with_thresholds([50, 100, 200]).merged([[1, 2]]).with_background([1])
    assert sorted(np.unique(changed.predict(coins))) == [0, 3, 4]
    assert np.array_equal(changed.predict(coins) == 0, coins <= 100)


def test_names_are_kept(model):
    assert model.with_names(["a", "b", "c", "d"]).names == ("a", "b", "c", "d")
    assert model.with_names(["a", "b", "c", "d"]).with_names([]).names == ()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda m: m.merged([[1, 5]]), ValueError, "groups holds 5; clusters are numbered 1 to 4"),
        (lambda m: m.merged([[1, 2], [2, 3]]), ValueError, "must not name a cluster twice"),
        (lambda m: m.merged([["1"]]), TypeError, "groups must hold ints"),
        (lambda m: m.with_background([0]), ValueError, "labels holds 0"),
        (lambda m: m.with_background([True]), TypeError, "labels must hold ints"),
        (lambda m: m.with_names(["a"]), ValueError, "holds 1 and must hold 4"),
        (lambda m: m.with_names("abcd"), TypeError, "sequence of str"),
        (lambda m: m.with_names([1, 2, 3, 4]), TypeError, "sequence of str"),
    ],
)
def test_changes_that_do_not_fit_are_refused(model, change, error, message):
    with pytest.raises(error, match=message):
        change(model)


# Predicting other images


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint64", ">u2"])
def test_an_image_of_another_type_is_labelled_by_its_values(coins, model, dtype):
    assert np.array_equal(model.predict(coins.astype(dtype)), model.predict(coins))


def test_an_image_of_another_shape_is_labelled(coins, model):
    volume = np.broadcast_to(coins, (2, 3, *coins.shape))
    assert np.array_equal(model.predict(volume)[1, 2], model.predict(coins))


def test_the_channel_axis_comes_from_the_model_unless_told_otherwise(picture):
    astronaut = picture("astronaut")[::4, ::4]
    model = napari_kmeans.fit(astronaut, 3, channel_axis=-1)
    first = np.ascontiguousarray(np.moveaxis(astronaut, -1, 0))
    assert np.array_equal(model.predict(astronaut), model.predict(first, channel_axis=0))
    with pytest.raises(ValueError, match="channel_axis holds 128 channels"):
        model.predict(first)


def test_a_prediction_can_be_masked(coins, model):
    inside = np.zeros(coins.shape, bool)
    inside[50:90, 100:300] = True
    assert np.array_equal(model.predict(coins, mask=inside), np.where(inside, model.predict(coins), 0))


# Files


def changed(model):
    return (
        model.with_thresholds([50, 100, 200.1]).merged([[2, 3]]).with_background([1]).with_names(list("aäöα"))
    )


@pytest.mark.parametrize("change", [lambda m: m, changed], ids=["fitted", "changed"])
def test_a_saved_model_comes_back_whole(coins, model, change, tmp_path):
    model = change(model)
    model.save(tmp_path / "coins.json")
    loaded = KMeansModel.load(tmp_path / "coins.json")
    assert np.array_equal(loaded.predict(coins), model.predict(coins))
    for array in ("centers", "thresholds", "counts"):
        assert np.array_equal(getattr(loaded, array), getattr(model, array))
        assert getattr(loaded, array).dtype == getattr(model, array).dtype
    for field in (
        *("features", "inertia", "explained_variance", "solver", "channel_axis", "confirmation", "adjusted"),
        *("merges", "background", "names", "n_clusters"),
    ):
        assert getattr(loaded, field) == getattr(model, field)
    assert loaded.to_json() == model.to_json()
    assert KMeansModel.from_json(model.to_json()).to_json() == model.to_json()


@pytest.mark.parametrize(
    "image",
    [
        np.array([2**63 + 10, 2**63 + 2000, 2**63 + 4000], dtype=np.uint64),
        np.array([-(2**63), 0, 2**63 - 1], dtype=np.int64),
        np.array([1e-40, 2e-40, 1e30], dtype=np.float32),
        np.array([0.1, 0.2, 0.3]),
        np.array([True, False, True]),
        np.array([np.nan, np.inf, -1.5, 2.5]),
    ],
    ids=str,
)
def test_a_saved_model_predicts_the_same_to_the_last_bit(image, tmp_path):
    model = napari_kmeans.fit(image, 2)
    model.save(tmp_path / "m.json")
    assert np.array_equal(KMeansModel.load(tmp_path / "m.json").predict(image), model.predict(image))


def test_a_loaded_model_can_be_changed_but_keeps_its_counts(model):
    loaded = KMeansModel.from_json(model.to_json())
    moved = loaded.with_thresholds([1, 2, 3])
    assert moved.thresholds.tolist() == [1, 2, 3]
    assert np.array_equal(moved.counts, model.counts)


def test_a_file_is_plain_json_with_a_version(model):
    document = json.loads(model.to_json())
    assert document["format"] == "napari-kmeans model"
    assert document["version"] == 2


def with_field(model, **fields):
    return json.dumps(json.loads(model.to_json()) | fields)


def without_field(model, name):
    return json.dumps({key: value for key, value in json.loads(model.to_json()).items() if key != name})


damaged = {
    "empty": lambda m: "",
    "binary": lambda m: b"\x89PNG\r\n\x1a\n\x00\xff\xfe",
    "not UTF-8": lambda m: b'{"format": "\xff"}',
    "truncated": lambda m: m.to_json()[:200],
    "a list": lambda m: "[1, 2]",
    "a number": lambda m: "7",
    "another format": lambda m: '{"type": "FeatureCollection"}',
    "a stack": lambda m: with_field(m, format="napari-kmeans stack"),
    "a later version": lambda m: with_field(m, version=3),
    "a version that is text": lambda m: with_field(m, version="1"),
    "deep nesting": lambda m: "[" * 200_000 + "]" * 200_000,
    "deep centres": lambda m: m.to_json().replace('"centers": [', '"centers": ' + "[" * 50_000, 1),
    "NaN": lambda m: with_field(m, inertia=float("nan")),
    "Infinity": lambda m: with_field(m, thresholds=[1, 2, float("inf")]),
    "a number too large": lambda m: m.to_json().replace('"inertia": ', '"inertia": 1e9999', 1),
    "an integer too large": lambda m: with_field(m, counts=[1, 2, 3, 10**400]),
    "a huge float": lambda m: m.to_json().replace('"inertia": ', '"inertia": ' + "9" * 400, 1),
    "too many digits": lambda m: m.to_json().replace('"inertia": ', '"inertia": ' + "9" * 9000, 1),
    "no centres": lambda m: with_field(m, centers=[], thresholds=[], counts=[]),
    "too many centres": lambda m: with_field(
        m, centers=[[i] for i in range(256)], thresholds=list(range(255)), counts=[1] * 256
    ),
    "ragged centres": lambda m: with_field(m, centers=[[1], [2, 3], [4], [5]]),
    "flat centres": lambda m: with_field(m, centers=[1, 2, 3, 4]),
    "two features": lambda m: with_field(m, centers=[[1, 1], [2, 2], [3, 3], [4, 4]]),
    "empty centres": lambda m: with_field(m, centers=[[], [], [], []]),
    "text for numbers": lambda m: with_field(m, thresholds=["1", "2", "3"]),
    "true for a number": lambda m: with_field(m, thresholds=[True, 2, 3]),
    "thresholds descending": lambda m: with_field(m, thresholds=[3, 2, 1]),
    "too few thresholds": lambda m: with_field(m, thresholds=[3, 2]),
    "negative counts": lambda m: with_field(m, counts=[1, 2, 3, -4]),
    "fractional counts": lambda m: with_field(m, counts=[1, 2, 3, 0.5]),
    "a dictionary for a list": lambda m: with_field(m, counts={"1": 1}),
    "long nonsense": lambda m: with_field(m, features="x" * 10**6),
    "a long format": lambda m: with_field(m, format="x" * 10**6),
    "a long version": lambda m: with_field(m, version=[1] * 10**6),
    "long names": lambda m: with_field(m, names=[1] * 10**6),
    "unknown features": lambda m: with_field(m, features="hue"),
    "features that are a list": lambda m: with_field(m, features=["gray"]),
    "a channel axis that is text": lambda m: with_field(m, channel_axis="last"),
    "a solver that is a number": lambda m: with_field(m, solver=3),
    "an unknown cluster": lambda m: with_field(m, background=[9]),
    "merges that are a number": lambda m: with_field(m, merges=3),
    "merges that are numbers": lambda m: with_field(m, merges=[1, 2]),
    "background that is text": lambda m: with_field(m, background="12"),
    "names that are null": lambda m: with_field(m, names=None),
    "names of numbers": lambda m: with_field(m, names=[1, 2, 3, 4]),
    "adjusted that is text": lambda m: with_field(m, adjusted="yes"),
    "integer thresholds too few": lambda m: with_field(m, integer_thresholds=[1]),
    "integer thresholds descending": lambda m: with_field(m, integer_thresholds=[3, 2, 1]),
    "integer thresholds too large": lambda m: with_field(m, integer_thresholds=[1, 2, 10**400]),
    **{
        f"no {name}": (lambda m, name=name: without_field(m, name))
        for name in ("format", "version", "features", "centers", "thresholds", "counts", "merges", "names")
    },
}


@pytest.mark.parametrize("damage", damaged)
def test_a_damaged_file_gives_one_clear_error_that_names_it(model, damage, tmp_path):
    content = damaged[damage](model)
    path = tmp_path / "damaged.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=r"damaged\.json is no napari-kmeans model: .") as raised:
        KMeansModel.load(path)
    message = str(raised.value)
    assert "\n" not in message
    assert len(message) < 400 + len(str(tmp_path))
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_a_file_far_too_large_is_not_read(model, tmp_path, monkeypatch):
    monkeypatch.setattr(model_file, "_MAX_BYTES", 1000)
    model.save(tmp_path / "large.json")
    (tmp_path / "large.json").write_text(model.to_json() + " " * 1000)
    with pytest.raises(ValueError, match=r"large\.json.*too large"):
        KMeansModel.load(tmp_path / "large.json")


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        KMeansModel.load(tmp_path / "nothing.json")


@pytest.mark.parametrize("which", ["model", "stack"])
def test_a_failed_save_leaves_the_old_file_as_it_was(which, request, tmp_path, monkeypatch):
    def fail(*args):
        raise OSError("the disk is full")

    path = tmp_path / "m.json"
    path.write_text("old")
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="the disk is full"):
        request.getfixturevalue(which).save(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_save_replaces_an_older_file(model, tmp_path):
    path = tmp_path / "m.json"
    path.write_text("old")
    model.save(str(path))
    assert KMeansModel.load(str(path)).to_json() == model.to_json()
    assert list(tmp_path.iterdir()) == [path]


# Stacks


def test_a_stack_is_indexed_by_position(coins, stack):
    assert len(stack) == 2
    assert [m.n_clusters for m in stack] == [3, 3]
    assert np.array_equal(stack[0].centers, napari_kmeans.fit(coins, 3).centers)
    assert np.allclose(stack[1].centers, 255 - stack[0].centers[::-1])
    with pytest.raises(IndexError):
        stack[2]


def test_a_saved_stack_comes_back_whole(coins, stack, tmp_path):
    stack.save(tmp_path / "stack.json")
    loaded = KMeansStack.load(tmp_path / "stack.json")
    both = np.stack([coins, 255 - coins])
    assert np.array_equal(loaded.predict(both), stack.predict(both))
    assert loaded.axis == 0
    assert [m.to_json() for m in loaded] == [m.to_json() for m in stack]


def test_a_stack_refuses_another_number_of_positions(coins, stack):
    with pytest.raises(ValueError, match="image has 3 positions along axis 0, and there are 2 models"):
        stack.predict(np.stack([coins] * 3))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"models": []}, "holds no model"),
        ({"models": [3]}, "."),
        ({"models": 3}, "."),
        ({"models": None}, "."),
        ({"models": {"a": 1}}, "."),
        ({"axis": "z"}, "whole numbers"),
        ({"format": "napari-kmeans model"}, "expected"),
        ({"version": 99}, "version 99"),
    ],
)
def test_a_damaged_stack_gives_one_clear_error_that_names_it(stack, tmp_path, fields, message):
    path = tmp_path / "stack.json"
    stack.save(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    with pytest.raises(ValueError, match=rf"stack\.json is no napari-kmeans model: .*{message}"):
        KMeansStack.load(path)


def test_a_stack_of_damaged_models_gives_one_clear_error(stack, tmp_path):
    path = tmp_path / "stack.json"
    stack.save(path)
    document = json.loads(path.read_text())
    del document["models"][1]["centers"]
    path.write_text(json.dumps(document))
    with pytest.raises(ValueError, match=r"stack\.json is no napari-kmeans model: 'centers' is missing"):
        KMeansStack.load(path)


# Several features


@pytest.fixture(scope="module")
def colored(picture):
    return napari_kmeans.segment(picture("coffee"), 4, features="lab", channel_axis=-1, smooth=1)[1]


def test_a_model_of_several_features_tells_what_is_not_exact(colored):
    assert colored.feature_names == ("L*", "a*", "b*")
    assert colored.centers.shape == (4, 3)
    assert colored.thresholds.size == 0
    assert colored.scales.tolist() == [1, 1, 1]
    assert (colored.n_init, colored.sample_size, colored.is_exact) == (10, 0, False)
    assert 0 <= colored.start_spread < 1
    assert colored.confirmation == ""


@pytest.mark.parametrize(
    ("features", "options"),
    [
        ("rgb", {"exclude": (0, "saturated")}),
        ("lab", {"smooth": (1, 0.5)}),
        ("channels", {"standardize": False}),
        ("channels", {}),
        ("texture", {"sigma": (1, 4), "window": 5.0}),
    ],
)
def test_a_model_of_any_feature_space_survives_a_file(tmp_path, picture, features, options):
    image = picture("coffee")[::4, ::4]
    labels, model = napari_kmeans.segment(image, 3, features=features, channel_axis=-1, **options)
    model.with_names(["a", "b", "c"]).save(tmp_path / "model.json")
    loaded = KMeansModel.load(tmp_path / "model.json")
    assert np.array_equal(loaded.predict(image), labels)
    for name in ("centers", "scales", "counts", "inertia", "explained_variance", "start_spread"):
        assert np.array_equal(getattr(loaded, name), getattr(model, name)), name
    for name in ("feature_names", "smooth", "exclude", "n_init", "sample_size", "features"):
        assert getattr(loaded, name) == getattr(model, name), name
    assert loaded.description == model.description
    assert loaded.to_json() == model.with_names(["a", "b", "c"]).to_json()


def test_a_stack_of_several_features_survives_a_file(tmp_path, picture):
    image = np.stack([picture("coffee")[::8, ::8], 255 - picture("coffee")[::8, ::8]])
    labels, stack = napari_kmeans.segment(
        image, 3, features="rgb", channel_axis=-1, per_axis=0, smooth=(0, 1, 2)
    )
    stack.save(tmp_path / "stack.json")
    assert np.array_equal(KMeansStack.load(tmp_path / "stack.json").predict(image), labels)


def test_a_file_of_the_first_version_is_read(coins, model):
    fields = json.loads(model.to_json()) | {"version": 1}
    for name in model_file._BEFORE_2:
        del fields[name]
    loaded = KMeansModel.from_json(json.dumps(fields))
    assert np.array_equal(loaded.predict(coins), model.predict(coins))
    assert loaded.feature_names == ("gray",)


def test_there_are_no_thresholds_in_several_dimensions(colored):
    with pytest.raises(ValueError, match=r"places on a line.*3 dimensions \(L\*, a\*, b\*\)"):
        colored.with_thresholds([1, 2, 3])


def test_clusters_of_colours_are_merged_and_put_in_the_background(picture, colored):
    labels = colored.predict(picture("coffee"))
    changed = colored.merged([[2, 4]]).with_background([1]).predict(picture("coffee"))
    assert np.array_equal(changed, np.array([0, 0, 2, 3, 2])[labels])


def test_an_image_of_another_number_of_features_is_refused(picture):
    two = picture("coffee")[..., :2]
    model = napari_kmeans.fit(two, 2, features="channels", channel_axis=-1)
    with pytest.raises(
        ValueError, match="image has 3 features='channels' a pixel, and the model 2: channel 1"
    ):
        model.predict(picture("coffee"))


def test_another_type_is_labelled_by_the_same_clusters(picture, colored):
    image = picture("coffee")
    wide = image.astype(np.uint16) * 257
    assert np.mean(colored.predict(wide) == colored.predict(image)) > 0.9999


@pytest.mark.parametrize(
    "fields",
    [
        {"options": []},
        {"options": {"sigma": [1, 2]}},
        {"options": {"gray": True}},
        {"smooth": [-1]},
        {"smooth": [1e9]},
        {"smooth": "x"},
        {"exclude": ["all"]},
        {"exclude": [[1]]},
        {"exclude": 3},
        {"scales": [1, 1]},
        {"scales": [0, 1, 1]},
        {"scales": [[1], [1], [1]]},
        {"feature_names": ["L*"]},
        {"feature_names": [1, 2, 3]},
        {"thresholds": [1, 2, 3]},
        {"sample_size": -1},
        {"sample_size": 1.5},
        {"n_init": True},
        {"start_spread": None},
        {"centers": [[1, 2], [3]]},
        {"centers": []},
        {"version": True},
        {"version": "2"},
    ],
)
def test_a_damaged_model_of_several_features_is_refused(colored, fields):
    with pytest.raises(ValueError, match="the text is no napari-kmeans model"):
        KMeansModel.from_json(with_field(colored, **fields))
