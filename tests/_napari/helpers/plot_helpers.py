"""Summaries that tests of plots show, and what is drawn of them."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg

from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.model.model import KMeansModel
from napari_kmeans.model.preparation import prepare
from napari_kmeans.model.recipe import Recipe
from napari_kmeans.summary.summarize import summarize

OF = {"rgb": -1, "lab": -1, "channels": -1, "texture": None}  # channel axes


def as_bytes(colors):
    return [tuple(color) for color in np.round(255 * np.asarray(colors)[:, :3]).astype(int).tolist()]


def model(search, k, features):
    return search.model(KMeansModel, Recipe.of(k, features=features), OF[features])


def points(plot):
    return scatters(plot.scatter)[0].data


def rgb(brush):
    return brush.color().getRgb()[:3]


def scatters(plot):
    items = plot.getPlotItem().items
    return [item for item in items if isinstance(item, pg.ScatterPlotItem)]


def search_of(image, features):
    """What is measured of an image, once for any number of clusters."""
    recipe = Recipe.of(features=features)
    return prepare(Pixels.of(image, features=recipe.extractor, channel_axis=OF[features]), recipe)


def summary_of(image):
    return summarize(Pixels.of(np.asarray(image)))
