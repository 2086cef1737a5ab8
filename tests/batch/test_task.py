from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.batch.task import Task, pixels_of
from napari_kmeans.blocks.pixel_size import size_of_file
from napari_kmeans.features.extractor import FeatureExtractor
from napari_kmeans.io.image_file import ImageFile

GRAY = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)


def stage(name: str):
    return lambda share: None


def test_a_task_fits_its_recipe_or_applies_its_model() -> None:
    image = ImageFile(Path("x.tif"), GRAY, "YX", {"Y": 0.5, "X": 0.25}, "um")
    expected, model = napari_kmeans.segment(GRAY, 3)
    result = Task(napari_kmeans.Recipe.of(3)).run(image, stage)
    np.testing.assert_array_equal(result.segmentation.labels, expected)
    assert result.model.fitted_to is not None
    assert result.model.fitted_to.pixel_size == (0.5, 0.25)
    other = ImageFile(Path("y.tif"), GRAY[:10], "YX")
    result = Task.applying(model.with_background([1])).run(other, stage, objects=True)
    np.testing.assert_array_equal(result.segmentation.labels, model.with_background([1]).predict(GRAY[:10]))
    # The table describes this image; the model describes the image that it was fitted to.
    assert result.segmentation.model.counts.sum() == 300
    assert result.model.counts.tolist() == model.counts.tolist()
    assert result.objects is not None
    assert result.objects.max() == len(result.object_table["index"])


def test_tasks_with_equal_dicts_do_the_same() -> None:
    recipe = napari_kmeans.Recipe.of(3)
    model = napari_kmeans.fit(GRAY, 3)
    tasks = [
        Task(recipe),
        Task(napari_kmeans.Recipe.of(4)),
        Task(recipe, channel="GFP"),
        Task(recipe, physical=True),
        Task(recipe, series=0),
        Task(recipe, axes="ZYX"),
        Task.applying(model),
        Task.applying(model, match="range"),
        Task.applying(model, napari_kmeans.Recipe.of(clean_up=napari_kmeans.CleanUp(majority=1))),
        Task.applying(model.with_background([1])),
    ]
    dicts = [task.to_dict() for task in tasks]
    assert all(dicts.index(each) == number for number, each in enumerate(dicts))
    assert [pickle.loads(pickle.dumps(task)).to_dict() for task in tasks] == dicts
    with pytest.raises(ValueError, match="match='all' must be one of"):
        Task(match="all")


def test_missing_pixels_of_a_file_are_excluded() -> None:
    image = ImageFile(Path("x.tif"), GRAY, "YX", nodata=7)
    labels = Task(napari_kmeans.Recipe.of(3)).run(image, stage).segmentation.labels
    np.testing.assert_array_equal(labels == 0, GRAY == 7)


def test_channels_that_are_not_colours_have_no_intensity() -> None:
    image = ImageFile(Path("x.tif"), np.stack([GRAY, GRAY]), "CYX", channel_names=("DAPI", "GFP"))
    with pytest.raises(ValueError, match=r"2 channels that are not colours.* with --channel: DAPI, GFP"):
        pixels_of(image, FeatureExtractor.of("gray"))
    assert pixels_of(image, FeatureExtractor.of("channels")).n_channels == 2


def test_the_pixel_size_is_that_along_spatial_axes() -> None:
    size = {"T": 3.0, "Y": 0.5, "X": 0.25}
    assert size_of_file(ImageFile(Path("x.tif"), np.empty((2, 4, 5)), "TYX", size, "um")) == (
        (0.5, 0.25),
        "um",
    )
    assert size_of_file(ImageFile(Path("x.tif"), np.empty((2, 4, 5)), "ZYX", size, "um")) == ((), "")
