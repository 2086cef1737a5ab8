from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans import Channels, KMeansModel, KMeansStack, Recipe, Texture
from napari_kmeans.model import json_file
from napari_kmeans.model.edits import Edits


def edited(model):
    return (
        model.with_thresholds([50, 100, 200.1]).merged([[2, 3]]).with_background([1]).with_names(list("aäöα"))
    )


@pytest.mark.parametrize("change", [lambda m: m, edited], ids=["fitted", "edited"])
def test_a_saved_model_can_be_loaded(coins, model, change, tmp_path):
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
def test_a_loaded_model_predicts_the_same_labels(image, tmp_path):
    model = napari_kmeans.fit(image, 2)
    model.save(tmp_path / "m.json")
    assert np.array_equal(KMeansModel.load(tmp_path / "m.json").predict(image), model.predict(image))


def test_a_file_is_plain_json_with_a_version(model):
    document = json.loads(model.to_json())
    assert document["format"] == "napari-kmeans model"
    assert document["version"] == 3


def with_field(model, **fields):
    """Text of a model with other fields, in whichever part of the file; `edits_…` are in the edits."""
    document = json.loads(model.to_json())
    parts = (document, document["recipe"], document["clustering"])
    for name, value in fields.items():
        if name.startswith("edits_"):
            owner, name = document["recipe"]["edits"], name.removeprefix("edits_")
        else:
            owner = [part for part in parts if name in part][-1]  # both recipe and clustering have a solver
        assert name in owner
        owner[name] = value
    return json.dumps(document)


def without_field(model, name):
    document = json.loads(model.to_json())
    edits = document["recipe"]["edits"]
    parts = [part for part in (document, document["recipe"], document["clustering"], edits) if name in part]
    for part in parts:
        del part[name]
    assert parts
    return json.dumps(document)


damaged = {
    "empty": lambda m: "",
    "binary": lambda m: b"\x89PNG\r\n\x1a\n\x00\xff\xfe",
    "not UTF-8": lambda m: b'{"format": "\xff"}',
    "truncated": lambda m: m.to_json()[:200],
    "a list": lambda m: "[1, 2]",
    "a number": lambda m: "7",
    "another format": lambda m: '{"type": "FeatureCollection"}',
    "a stack": lambda m: with_field(m, format="napari-kmeans stack"),
    "a later version": lambda m: with_field(m, version=4),
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
    "long nonsense": lambda m: with_field(m, features={"name": "x" * 10**6}),
    "a long format": lambda m: with_field(m, format="x" * 10**6),
    "a long version": lambda m: with_field(m, version=[1] * 10**6),
    "long names": lambda m: with_field(m, edits_names=[1] * 10**6),
    "unknown features": lambda m: with_field(m, features={"name": "hue"}),
    "features that are a list": lambda m: with_field(m, features={"name": ["gray"]}),
    "a channel axis that is text": lambda m: with_field(m, channel_axis="last"),
    "a solver that is a number": lambda m: with_field(m, solver=3),
    "an unknown cluster": lambda m: with_field(m, edits_background=[9]),
    "merges that are a number": lambda m: with_field(m, edits_merges=3),
    "merges that are numbers": lambda m: with_field(m, edits_merges=[1, 2]),
    "background that is text": lambda m: with_field(m, edits_background="12"),
    "names that are null": lambda m: with_field(m, edits_names=None),
    "names of numbers": lambda m: with_field(m, edits_names=[1, 2, 3, 4]),
    "features that are text": lambda m: with_field(m, features="gray"),
    "an option that gray does not have": lambda m: with_field(m, features={"name": "gray", "sigma": [1, 2]}),
    "adjusted thresholds that are text": lambda m: with_field(m, edits_thresholds="yes"),
    "adjusted thresholds that differ": lambda m: with_field(m, edits_thresholds=[1.0, 2.0, 3.0]),
    "too few adjusted thresholds": lambda m: with_field(m, edits_thresholds=[1.0]),
    "adjusted centres that differ": lambda m: with_field(m, edits_centers=[[1.0]] * 4, edits_scales=[1.0]),
    "adjusted centres without scales": lambda m: with_field(m, edits_centers=[[1.0]] * 4),
    "scales without adjusted centres": lambda m: with_field(m, edits_scales="wide"),
    "too many clusters asked for": lambda m: with_field(m, n_clusters=256),
    "clusters asked for that are text": lambda m: with_field(m, n_clusters="many"),
    "a clean-up that is a number": lambda m: with_field(m, clean_up=3),
    "an unknown clean-up": lambda m: with_field(m, clean_up={"dilate": 3}),
    "a negative clean-up": lambda m: with_field(m, clean_up={"majority": -3}),
    "a random state that is text": lambda m: with_field(m, random_state="x"),
    "a recipe that is a list": lambda m: with_field(m, recipe=[]),
    "edits that are null": lambda m: with_field(m, edits=None),
    "a clustering that is text": lambda m: with_field(m, clustering="x"),
    "integer thresholds too few": lambda m: with_field(m, integer_thresholds=[1]),
    "integer thresholds descending": lambda m: with_field(m, integer_thresholds=[3, 2, 1]),
    "integer thresholds too large": lambda m: with_field(m, integer_thresholds=[1, 2, 10**400]),
    **{
        f"no {name}": (lambda m, name=name: without_field(m, name))
        for name in (
            "format",
            "version",
            "recipe",
            "clustering",
            "features",
            "centers",
            "thresholds",
            "counts",
            "merges",
            "names",
        )
    },
}


@pytest.mark.parametrize("damage", damaged)
def test_a_damaged_file_gives_one_error_that_names_it(model, damage, tmp_path):
    content = damaged[damage](model)
    path = tmp_path / "damaged.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=r"damaged\.json is not a napari-kmeans model: .") as raised:
        KMeansModel.load(path)
    message = str(raised.value)
    assert "\n" not in message
    assert len(message) < 400 + len(str(tmp_path))
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_a_file_far_too_large_is_not_read(model, tmp_path, monkeypatch):
    monkeypatch.setattr(json_file, "_MAX_BYTES", 1000)
    model.save(tmp_path / "large.json")
    (tmp_path / "large.json").write_text(model.to_json() + " " * 1000)
    with pytest.raises(ValueError, match=r"large\.json.*too large"):
        KMeansModel.load(tmp_path / "large.json")


def test_a_missing_file_raises_file_not_found(tmp_path):
    with pytest.raises(FileNotFoundError):
        KMeansModel.load(tmp_path / "nothing.json")


def test_saving_replaces_an_older_file(model, tmp_path):
    path = tmp_path / "m.json"
    path.write_text("old")
    model.save(str(path))
    assert KMeansModel.load(str(path)).to_json() == model.to_json()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("features", "options"),
    [
        ("rgb", {"exclude": (0, "saturated")}),
        ("lab", {"smooth": (1, 0.5)}),
        (Channels(standardize=False), {}),
        ("channels", {}),
        (Texture(sigma=(1, 4), window=5.0), {}),
    ],
)
def test_a_model_of_any_feature_space_can_be_saved(tmp_path, picture, features, options):
    image = picture("coffee")[::4, ::4]
    labels, model = napari_kmeans.segment(image, 3, features=features, channel_axis=-1, **options)
    model.with_names(["a", "b", "c"]).save(tmp_path / "model.json")
    loaded = KMeansModel.load(tmp_path / "model.json")
    assert np.array_equal(loaded.predict(image), labels)
    for name in ("centers", "scales", "counts", "inertia", "explained_variance", "start_spread"):
        assert np.array_equal(getattr(loaded, name), getattr(model, name)), name
    for name in ("feature_names", "n_init", "sample_size", "features", "channel_axis"):
        assert getattr(loaded, name) == getattr(model, name), name
    assert loaded.extractor == model.extractor
    assert replace(loaded.recipe, edits=Edits()) == model.recipe
    assert loaded.to_json() == model.with_names(["a", "b", "c"]).to_json()


@pytest.mark.parametrize(
    "fields",
    [
        {"features": []},
        {"features": {"name": "lab", "sigma": [1, 2]}},
        {"features": {"name": "lab", "gray": True}},
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
def test_a_damaged_model_of_several_features_is_rejected(colored, fields):
    with pytest.raises(ValueError, match="the text is not a napari-kmeans model"):
        KMeansModel.from_json(with_field(colored, **fields))


@pytest.mark.parametrize("stacked", [False, True])
def test_a_failed_save_leaves_the_old_file(stacked, coins, model, tmp_path, monkeypatch):
    def fail(*args):
        raise OSError("the disk is full")

    path = tmp_path / "m.json"
    path.write_text("old")
    saved = napari_kmeans.fit(np.stack([coins, coins]), 2, per_axis=0) if stacked else model
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="the disk is full"):
        saved.save(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


# Files of earlier versions

DATA = Path(__file__).parent / "data"
OLD_FILES = sorted(path.stem for path in DATA.glob("*.json"))


@pytest.mark.parametrize("name", OLD_FILES)
def test_a_file_of_an_earlier_version_gives_the_same_labels(name, tmp_path):
    # Files written by that version, with the labels that it predicted.
    kind = KMeansStack if "stack" in name else KMeansModel
    model = kind.load(DATA / f"{name}.json")
    with np.load(DATA / f"{name}.npz") as arrays:
        assert np.array_equal(model.predict(arrays["image"]), arrays["labels"])
        model.save(tmp_path / "new.json")
        again = kind.load(tmp_path / "new.json")
        assert np.array_equal(again.predict(arrays["image"]), arrays["labels"])
    assert again.to_json() == model.to_json()
    assert json.loads((tmp_path / "new.json").read_text())["version"] == 3


def test_there_are_files_of_both_earlier_versions():
    assert sum(name.startswith("v1-") for name in OLD_FILES) == 7
    assert sum(name.startswith("v2-") for name in OLD_FILES) == 12


@pytest.mark.parametrize("version", [1, 2])
def test_every_number_of_an_earlier_version_is_kept(version):
    old = json.loads((DATA / f"v{version}-uint64.json").read_text())
    model = KMeansModel.load(DATA / f"v{version}-uint64.json")
    assert model.centers.tolist() == old["centers"]
    assert model.thresholds.tolist() == old["thresholds"]
    assert list(model.integer_thresholds) == old["integer_thresholds"]
    assert model.counts.tolist() == old["counts"]
    assert (model.inertia, model.explained_variance) == (old["inertia"], old["explained_variance"])
    assert model.feature_names == ("gray",)
    assert model.scales.tolist() == [1]
    assert (model.sample_size, model.n_init, model.start_spread) == (0, 0, 0.0)


@pytest.mark.parametrize("version", [1, 2])
def test_edits_of_an_earlier_version_are_kept(version):
    model = KMeansModel.load(DATA / f"v{version}-edits.json")
    assert model.merges == ((2, 4),)
    assert model.background == (1,)
    assert model.names == ("soil", "leaf ä", "stem", "α")
    assert not model.adjusted
    moved = KMeansModel.load(DATA / f"v{version}-thresholds.json")
    assert moved.adjusted
    assert moved.recipe.edits.thresholds == (50.0, 100.0, 200.5)
    assert KMeansModel.load(DATA / f"v{version}-lloyd.json").recipe.solver == "lloyd"
    assert KMeansModel.load(DATA / f"v{version}-luminance.json").features == "gray601"


def test_options_of_version_2_become_a_recipe():
    recipe = KMeansModel.load(DATA / "v2-channels.json").recipe
    assert recipe == Recipe.of(
        3, features=Channels(standardize=False), exclude=(0, "saturated"), solver="lloyd"
    )
    texture = KMeansModel.load(DATA / "v2-texture.json").recipe
    assert texture.features == Texture(sigma=(1, 2), window=3)
    lab = KMeansModel.load(DATA / "v2-lab.json")
    assert lab.recipe.smooth == (1.0, 0.5)
    assert lab.background == (1,)
    assert lab.n_init == 10
    stack = KMeansStack.load(DATA / "v2-color-stack.json")
    assert (stack.axis, stack.channel_axis, len(stack)) == (0, -1, 2)


@pytest.mark.parametrize(
    "fields",
    [
        {"options": []},
        {"options": {"sigma": [1, 2]}},
        {"adjusted": "yes"},
        {"smooth": [-1]},
        {"scales": 3},
        {"merges": 3},
        {"centers": None},
        {"version": 0},
        {"version": 2.0},
        {"version": None},
    ],
)
def test_a_damaged_file_of_an_earlier_version_gives_one_error(fields):
    old = json.loads((DATA / "v2-gray.json").read_text())
    with pytest.raises(ValueError, match="the text is not a napari-kmeans model"):
        KMeansModel.from_json(json.dumps(old | fields))
    for name in old:
        with pytest.raises(ValueError, match="the text is not a napari-kmeans model"):
            KMeansModel.from_json(json.dumps({key: value for key, value in old.items() if key != name}))


def test_a_model_of_faint_noise_can_be_loaded(tmp_path):
    image = np.repeat([0.2, 0.8], 20) + np.random.default_rng(0).normal(0, 0.05, (30, 40))
    model = napari_kmeans.fit(image, 2, coherence=0.5)
    assert 0 < model.coherence.noise < 1
    model.save(tmp_path / "m.json")
    assert KMeansModel.load(tmp_path / "m.json").coherence.noise == model.coherence.noise
