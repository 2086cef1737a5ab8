"""Menu command that labels the active image without the dock."""

from __future__ import annotations

from typing import Any

import napari.layers
import napari.viewer

from ... import segment
from ...model.model import KMeansModel
from ...report.tables import cluster_table
from ..layers.cluster_colors import cluster_colors, label_colormap
from ..layers.image_layer import METADATA_KEY, pixel_size, transforms_of, unwrap
from ..layers.insert_layer import insert_result
from ..layers.worker import Job
from ..session import preferences
from ..session.provenance import PROVENANCE_KEY, provenance_of_model


def labels_of(image: napari.layers.Image, n_clusters: int = 3) -> napari.layers.Labels:
    """Segment an image layer by k-means of its gray values.

    Parameters
    ----------
    image : napari.layers.Image
        Colours are clustered by their luminance. For a multiscale layer, the finest level is used.
    n_clusters : int, default 3

    Returns
    -------
    napari.layers.Labels
        1 = darkest to k = brightest, with transform, colours, table and model; not added to a viewer. Labels of
        a lazy image are lazy.
    """
    labels, model = segment(image, n_clusters)
    assert isinstance(model, KMeansModel)
    return _layer(image, labels, model)


def label_active_image(layer: napari.layers.Layer, viewer: napari.viewer.Viewer) -> None:
    """Label the active image in the background, and add the labels above it.

    napari provides both arguments. The preferences provide the number of clusters.
    """
    image = unwrap(layer)
    if not isinstance(image, napari.layers.Image):
        from napari.utils.notifications import show_warning

        show_warning("K-means needs an image: select an image layer first.")
        return
    layers, n_clusters = unwrap(viewer).layers, preferences.load().n_clusters

    def done(result: tuple[Any, KMeansModel]) -> None:
        if image in layers:  # it may have been removed meanwhile
            insert_result(unwrap(viewer), image, _layer(image, *result))

    def failed(error: Exception) -> None:
        from napari.utils.notifications import show_error

        show_error(str(error))

    job = Job(lambda progress: segment(image, n_clusters, progress=progress))
    job.succeeded.connect(done)
    job.failed.connect(failed)
    job.start()


def _layer(image: napari.layers.Image, labels: Any, model: KMeansModel) -> napari.layers.Labels:
    chosen = preferences.load()
    colors = cluster_colors(model, chosen.palette, image.contrast_limits)
    return napari.layers.Labels(
        labels,
        name=f"{image.name} k-means",
        opacity=chosen.opacity,
        colormap=label_colormap(colors),
        features=cluster_table(model, pixel_size(image)),
        metadata={METADATA_KEY: model.to_json(), PROVENANCE_KEY: provenance_of_model(image, model)},
        **transforms_of(image),
    )
