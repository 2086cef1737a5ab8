from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from scipy import ndimage

import napari_kmeans
from napari_kmeans import Recipe
from napari_kmeans.blocks import loop
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.labels.clean_up import CleanUp
from napari_kmeans.model.edits import Edits
from napari_kmeans.model.segmentation import (
    fit_pixels,
    label_pixels,
    segment_pixels,
)

KINDS = ["uint8", "float32", "many values", "rgb"]


def image_of(kind: str):
    """Return smooth noise with missing or transparent pixels, and its channel axis."""
    rng = np.random.default_rng(0)
    # More values than a summary has points, so that the pixels of a cluster are counted while labelling.
    shape = (300, 320) if kind == "many values" else (60, 80)
    image = ndimage.gaussian_filter(rng.normal(size=shape), 1.2)
    image = (image - image.min()) / np.ptp(image) * 200
    if kind == "rgb":
        alpha = np.where(rng.random(image.shape) < 0.05, 0, 255)
        return np.stack([image, image[::-1], image[:, ::-1], alpha], axis=-1).astype(np.uint8), -1
    if kind in ("float32", "many values"):
        image[rng.random(image.shape) < 0.02] = np.nan
        image[3, 4], image[5, 6], image[5, 7] = np.inf, -np.inf, -np.inf
    return image.astype("uint8" if kind == "uint8" else "float32"), None


def pixels_of(kind, chunks=None):
    image, channel_axis = image_of(kind)
    if chunks is not None:
        image = da.from_array(image, chunks=(*chunks, -1)[: image.ndim])
    features = "rgb" if channel_axis else "gray"
    return Pixels.of(image, features=features, channel_axis=channel_axis), features


CLEAN_UP = CleanUp(majority=1, min_size=12, fill_holes=20)
EDITS = Edits(merges=((2, 3),), background=(1,))


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(loop, "BLOCK_PIXELS", 600)
    monkeypatch.setattr(loop, "_MIN_PIXELS", 600)
    monkeypatch.setattr("napari_kmeans.labels.clean_up._BLOCK", 600)


def work_of(name, kind, chunks):
    """Return a function that takes a progress callback and does one piece of work."""
    pixels, features = pixels_of(kind, chunks)
    recipe = Recipe.of(3, features=features)
    cleaned = Recipe.of(3, features=features, clean_up=CLEAN_UP)
    model = fit_pixels(pixels, recipe)
    image, channel_axis = image_of(kind)
    return {
        "fit": lambda progress: fit_pixels(pixels, recipe, progress=progress),
        "segment": lambda progress: segment_pixels(pixels, recipe, progress=progress),
        "segment and clean": lambda progress: segment_pixels(pixels, cleaned, progress=progress),
        "label": lambda progress: label_pixels(pixels, model, progress=progress, in_memory=True),
        "predict": lambda progress: model.predict(image, channel_axis, progress=progress),
        "fit of the API": lambda progress: napari_kmeans.fit(
            image, 3, features=features, channel_axis=channel_axis, progress=progress
        ),
        "segment of the API": lambda progress: napari_kmeans.segment(
            image, 3, features=features, channel_axis=channel_axis, clean_up=CLEAN_UP, progress=progress
        ),
        "suggestion": lambda progress: napari_kmeans.suggest_n_clusters(
            image, features=features, channel_axis=channel_axis, progress=progress
        ),
    }[name]


WORK = [
    "fit",
    "segment",
    "segment and clean",
    "label",
    "predict",
    "fit of the API",
    "segment of the API",
    "suggestion",
]


def test_the_exact_solver_needs_a_single_feature():
    with pytest.raises(ValueError, match=r"solver='exact' finds the optimum of one feature.*'rgb' has 3"):
        napari_kmeans.fit(np.zeros((3, 3, 3)), 2, features="rgb", channel_axis=-1, solver="exact")
