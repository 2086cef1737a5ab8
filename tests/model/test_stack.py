from __future__ import annotations

import json

import dask.array as da
import numpy as np
import pytest

import napari_kmeans
from napari_kmeans import KMeansStack
from napari_kmeans.blocks.progress import Cancelled
from napari_kmeans.model.stack import ModelsOnDemand


@pytest.fixture(scope="module")
def coins(picture):
    return picture("coins")


@pytest.fixture(scope="module")
def stack(coins):
    return napari_kmeans.fit(np.stack([coins, 255 - coins]), 3, per_axis=0)


def test_a_stack_is_indexed_by_position(coins, stack):
    assert len(stack) == 2
    assert [m.n_clusters for m in stack] == [3, 3]
    assert np.array_equal(stack[0].centers, napari_kmeans.fit(coins, 3).centers)
    assert np.allclose(stack[1].centers, 255 - stack[0].centers[::-1])
    with pytest.raises(IndexError):
        stack[2]


def test_a_saved_stack_can_be_loaded(coins, stack, tmp_path):
    stack.save(tmp_path / "stack.json")
    loaded = KMeansStack.load(tmp_path / "stack.json")
    both = np.stack([coins, 255 - coins])
    assert np.array_equal(loaded.predict(both), stack.predict(both))
    assert loaded.axis == 0
    assert [m.to_json() for m in loaded] == [m.to_json() for m in stack]


def test_another_number_of_positions_is_rejected(coins, stack):
    with pytest.raises(ValueError, match="image has 3 positions along axis 0, but there are 2 models"):
        stack.predict(np.stack([coins] * 3))


@pytest.mark.parametrize("match", ["range", "refit"])
@pytest.mark.parametrize("lazy", [False, True])
def test_models_are_matched_position_by_position(coins, stack, match, lazy):
    other = np.stack([coins.astype(np.uint16) * 3 + 7, 900 - coins.astype(np.uint16)])
    found = stack.predict(da.from_array(other, chunks=(1, 100, 100)) if lazy else other, match=match)
    for labels, plane, model in zip(np.asarray(found), other, stack, strict=True):
        assert np.array_equal(labels, model.predict(plane, match=match))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"models": []}, "models is missing"),
        ({"models": [3]}, "."),
        ({"models": 3}, "."),
        ({"models": None}, "."),
        ({"models": {"a": 1}}, "."),
        ({"axis": "z"}, "integers"),
        ({"format": "napari-kmeans model"}, "its format is .napari-kmeans model., not .napari-kmeans stack."),
        ({"version": 99}, "version is 99"),
    ],
)
def test_a_damaged_stack_gives_one_error_that_names_the_file(stack, tmp_path, fields, message):
    path = tmp_path / "stack.json"
    stack.save(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    with pytest.raises(ValueError, match=rf"stack\.json is not a napari-kmeans model: .*{message}"):
        KMeansStack.load(path)


def test_a_stack_of_damaged_models_gives_one_error(stack, tmp_path):
    path = tmp_path / "stack.json"
    stack.save(path)
    document = json.loads(path.read_text())
    del document["models"][1]["clustering"]["centers"]
    path.write_text(json.dumps(document))
    with pytest.raises(ValueError, match=r"stack\.json is not a napari-kmeans model: 'centers' is missing"):
        KMeansStack.load(path)


def test_a_stack_of_several_features_can_be_saved(tmp_path, picture):
    image = np.stack([picture("coffee")[::8, ::8], 255 - picture("coffee")[::8, ::8]])
    labels, stack = napari_kmeans.segment(
        image, 3, features="rgb", channel_axis=-1, per_axis=0, smooth=(0, 1, 2)
    )
    stack.save(tmp_path / "stack.json")
    assert np.array_equal(KMeansStack.load(tmp_path / "stack.json").predict(image), labels)


def test_models_of_a_lazy_image_are_computed_on_demand():
    volume = np.random.default_rng(0).integers(0, 255, (5, 30, 40), dtype=np.uint8)
    read = []

    def remember(block, block_info=None):
        read.append(block_info[0]["chunk-location"][0])
        return block

    lazy = da.from_array(volume, chunks=(1, 30, 40)).map_blocks(remember, dtype=np.uint8)
    stack = napari_kmeans.fit(lazy, 3, per_axis=0)
    assert len(stack) == 5
    assert not read
    expected = napari_kmeans.fit(volume, 3, per_axis=0)
    assert stack[-2].to_json() == expected[3].to_json()
    assert set(read) == {3}
    labels = stack.merged([[1, 2]]).predict(lazy)
    assert labels.chunks == lazy.chunks
    assert np.array_equal(labels[3].compute(), expected.merged([[1, 2]]).predict(volume)[3])
    assert set(read) == {3}
    assert np.array_equal(labels.compute(), expected.merged([[1, 2]]).predict(volume))
    assert [model.to_json() for model in stack] == [model.to_json() for model in expected]


def test_a_stack_computed_on_demand_can_be_saved(tmp_path):
    volume = np.random.default_rng(0).integers(0, 255, (3, 8, 9), dtype=np.uint8)
    napari_kmeans.fit(da.from_array(volume, chunks=4), 2, per_axis=0).save(tmp_path / "stack.json")
    again = napari_kmeans.KMeansStack.load(tmp_path / "stack.json")
    assert np.array_equal(again.predict(volume), napari_kmeans.segment(volume, 2, per_axis=0)[0])


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_each_position_is_segmented_separately(axis, dtype):
    volume = np.random.default_rng(2).integers(0, 256, (4, 5, 12)).astype(dtype)
    inside = np.random.default_rng(3).random(volume.shape) < 0.9
    labels, stack = napari_kmeans.segment(volume, 3, per_axis=axis, mask=inside)
    assert np.array_equal(stack.predict(volume, mask=inside), labels)
    assert len(stack) == volume.shape[axis]
    assert stack.axis == axis % 3
    for position in range(len(stack)):
        alone = napari_kmeans.segment(
            np.take(volume, position, axis), 3, mask=np.take(inside, position, axis)
        )
        assert np.array_equal(np.take(labels, position, axis), alone[0])
        assert np.array_equal(stack[position].centers, alone[1].centers)
        assert np.array_equal(stack[position].counts, alone[1].counts)


@pytest.mark.parametrize(("axis", "channel_axis"), [(0, -1), (1, 0), (2, 1), (-1, 1)])
def test_each_position_of_a_colour_stack_is_segmented_separately(axis, channel_axis):
    colours = np.random.default_rng(4).integers(0, 256, (4, 20, 30, 3), dtype=np.uint8)
    moved = np.moveaxis(colours, -1, channel_axis)
    labels, stack = napari_kmeans.segment(moved, 2, per_axis=axis, channel_axis=channel_axis)
    spatial = axis % 4 - (channel_axis % 4 < axis % 4)
    assert labels.shape == colours.shape[:3]
    assert np.array_equal(stack.predict(moved, channel_axis), labels)
    for position in range(len(stack)):
        alone, _ = napari_kmeans.segment(np.take(colours, position, spatial), 2, channel_axis=-1)
        assert np.array_equal(np.take(labels, position, spatial), alone)


@pytest.mark.filterwarnings("ignore:image has shape")
@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"per_axis": 3}, ValueError, "per_axis=3 is out of range"),
        ({"per_axis": "z"}, TypeError, "per_axis must be an int or None, not 'z'"),
        ({"per_axis": 2, "channel_axis": -1}, ValueError, "per_axis=2 is the channel axis"),
    ],
)
def test_invalid_axes_are_named(kwargs, error, message):
    with pytest.raises(error, match=message):
        napari_kmeans.fit(np.zeros((4, 5, 3), np.uint8), 2, **kwargs)


def test_a_position_without_pixels_is_named_in_the_error():
    volume = np.stack([np.arange(6.0), np.full(6, np.nan)])
    with pytest.raises(ValueError, match="at position 1 along axis 0: image has no pixels to cluster"):
        napari_kmeans.fit(volume, 2, per_axis=0)


def test_edits_apply_to_every_position(stack):
    changed = stack.merged([[1, 2]]).with_background([3]).with_names(list("abc"))
    assert [model.merges for model in changed] == [((1, 2),)] * 2
    assert [model.background for model in changed] == [(3,)] * 2
    assert [model.names for model in changed] == [("a", "b", "c")] * 2


def test_models_on_demand_are_computed_once():
    made = []
    models = ModelsOnDemand(4, lambda position: made.append(position) or position * 10)
    assert len(models) == 4
    assert models[-1] == 30
    assert models[1:3] == (10, 20)
    assert models[3] == 30
    assert made == [3, 1, 2]
    with pytest.raises(IndexError):
        models[4]


def test_predict_reports_progress_over_all_positions_and_can_be_cancelled(stack, coins):
    both = np.stack([coins, 255 - coins])
    shares = []
    stack.predict(both, progress=shares.append)
    assert shares == sorted(shares)
    assert 0.5 in shares
    assert shares[-1] == 1

    def cancel(share):
        raise Cancelled

    with pytest.raises(Cancelled):
        stack.predict(both, progress=cancel)


@pytest.mark.parametrize("chunked", [False, True])
def test_smoothing_of_one_position_is_saved_and_loaded(tmp_path, chunked):
    image = np.random.default_rng(0).random((3, 20, 25))
    given = da.from_array(image, chunks=10) if chunked else image
    labels, stack = napari_kmeans.segment(given, 2, per_axis=1, smooth=(1, 0, 2))
    stack.save(tmp_path / "stack.json")
    loaded = KMeansStack.load(tmp_path / "stack.json")
    assert loaded[3].recipe.smooth == (1.0, 2.0)
    assert np.array_equal(loaded.predict(image), np.asarray(labels))
