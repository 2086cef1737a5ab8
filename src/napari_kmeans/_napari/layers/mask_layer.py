"""A Labels or Shapes layer as a mask of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...blocks.containers import levels_of

if TYPE_CHECKING:  # imported lazily, since `mask_from_layer` is public and napari is optional
    from napari.layers import Image, Labels, Shapes
    from napari.layers.base import Layer

LARGEST = 1 << 28
"""Largest number of pixels of a mask, which is computed in memory."""

_ELLIPSE_CORNERS = 64


def mask_from_layer(layer: Layer, image: Image) -> NDArray[np.bool_]:
    """Return which pixels of an image lie in the labels or shapes of a napari layer.

    Layers with another scale, position or extent are sampled in world coordinates at the centre of each pixel. A
    layer with fewer dimensions applies to all positions along the others.

    Parameters
    ----------
    layer : napari.layers.Labels or napari.layers.Shapes
        Labels other than 0, or the areas of the shapes, are inside the mask.
    image : napari.layers.Image
        Image that the mask is for.

    Returns
    -------
    bool array
        Mask with the spatial shape of the image, for the argument `mask` of `fit`, `segment` and `predict`.

    Raises
    ------
    ValueError
        If the layer has more dimensions than the image, covers no pixel of it, or the image has too many pixels.
    """
    from napari.layers import Labels

    shape = _shape(image)
    if layer.ndim > image.ndim:
        raise ValueError(
            f"“{layer.name}” has {layer.ndim} dimensions, but “{image.name}” has {image.ndim}; use a "
            "mask with no more dimensions than the image"
        )
    if np.prod(shape, dtype=np.int64) > LARGEST:
        raise ValueError(
            f"“{image.name}” has too many pixels for a mask, which is computed in memory; crop the image"
        )
    inside = _of_labels(layer, image, shape) if isinstance(layer, Labels) else _of_shapes(layer, image, shape)
    if not inside.any():
        raise ValueError(
            f"“{layer.name}” covers no pixel of “{image.name}”; draw in it, or choose another mask"
        )
    return inside


def _shape(image: Image) -> tuple[int, ...]:
    return tuple(levels_of(image)[0].shape[: image.ndim])


def _of_labels(layer: Labels, image: Image, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    labels = np.asarray(levels_of(layer)[0]) != 0
    matrix, offset = _from_pixels(layer, image)
    extra = image.ndim - layer.ndim
    same = np.allclose(matrix, np.eye(layer.ndim)) and np.allclose(offset, 0)
    if not (same and labels.shape == shape[extra:]):
        from scipy.ndimage import affine_transform

        labels = affine_transform(
            labels.astype(np.uint8), matrix, offset, output_shape=shape[extra:], order=0, cval=0
        ).astype(bool)
    return np.broadcast_to(labels, shape)


def _of_shapes(layer: Shapes, image: Image, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    from skimage.draw import polygon2mask

    inside = np.zeros(shape, dtype=bool)
    extra = image.ndim - layer.ndim
    for vertices, kind in zip(layer.data, layer.shape_type, strict=True):
        if kind in ("line", "path"):
            continue  # these have no area
        corners = _ellipse(vertices) if kind == "ellipse" else vertices
        world = np.array([layer.data_to_world(corner) for corner in corners])
        # Along axes that the layer does not have, use the coordinates of the first pixel of the image.
        origin = np.asarray(image.data_to_world(np.zeros(image.ndim)))[:extra]
        places = np.array([image.world_to_data([*origin, *point]) for point in world])
        plane = polygon2mask(shape[-2:], places[:, -2:])
        position = tuple(np.round(places[0, extra:-2]).astype(int))
        if all(0 <= at < size for at, size in zip(position, shape[extra:-2], strict=True)):
            inside[(slice(None),) * extra + position] |= plane
    return inside


def _ellipse(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a polygon for an ellipse, which napari stores as the corners around it."""
    centre = corners.mean(axis=0)
    one, other = (corners[1] - corners[0]) / 2, (corners[3] - corners[0]) / 2
    angles = np.linspace(0, 2 * np.pi, _ELLIPSE_CORNERS, endpoint=False)[:, np.newaxis]
    return np.asarray(centre + np.cos(angles) * one + np.sin(angles) * other)


def _from_pixels(layer: Layer, image: Image) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the matrix and offset from pixels along the image's last axes to pixels of the layer."""
    extra, n = image.ndim - layer.ndim, layer.ndim

    def at(place: NDArray[np.float64]) -> NDArray[np.float64]:
        world = image.data_to_world(np.concatenate([np.zeros(extra), place]))
        return np.asarray(layer.world_to_data(world[extra:]), dtype=np.float64)

    offset = at(np.zeros(n))
    matrix = np.stack([at(np.eye(n)[axis]) - offset for axis in range(n)], axis=1)
    return matrix, offset
