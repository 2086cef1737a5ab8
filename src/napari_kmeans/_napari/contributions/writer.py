"""Any Labels layer as an OME-Zarr label image: what *File ▸ Save* runs."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...io.files import export
from ...model.model import KMeansModel

LARGEST = 1 << 30
"""Bytes of labels that are written here: napari's window stands still meanwhile."""


def write_labels(path: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:
    """Write the full resolution of a layer, and levels made of it.

    Parameters
    ----------
    path : str
        Gets ``.ome.zarr`` if it does not end in ``.zarr``. A label image that is there is replaced.
    data : array, or sequence of arrays of a multiscale layer
    attributes : mapping
        As in a layer data tuple.

    Returns
    -------
    list of str
        What was written.

    Raises
    ------
    RuntimeError
        If there are too many labels to be written while the window waits, or they cannot be written. napari
        takes a ``ValueError`` for the lack of a writer.

    Warns
    -----
    UserWarning
        If the layer is turned or sheared, which the format has no place for.
    """
    labels = data[0] if attributes.get("multiscale") else data
    n_bytes = math.prod(labels.shape) * np.dtype(labels.dtype).itemsize
    if n_bytes > LARGEST:
        raise RuntimeError(
            f"{n_bytes / 1e9:.1f} GB of labels would hold up the window while they are written; Export… in "
            "the dock of K-means segmentation writes them in the background"
        )
    place = Path(path if path.lower().endswith(".zarr") else f"{path}.ome.zarr")
    if _is_turned(attributes):
        warnings.warn(
            "OME-Zarr has no place for rotation, shear and affine transforms: they are not in the file",
            UserWarning,
            stacklevel=2,
        )
    try:
        export(
            place,
            labels,
            axis_labels=[str(name) for name in attributes.get("axis_labels", ())],
            scale=[float(step) for step in attributes.get("scale", ())],
            translate=[float(at) for at in attributes.get("translate", ())],
            units=[str(unit) for unit in attributes.get("units") or ()],
            model=_model(attributes.get("metadata", {})),
            colors=_colors(attributes.get("colormap")),
            properties=_properties(attributes.get("features")),
            overwrite=True,
        )
    except (ImportError, ValueError) as error:
        raise RuntimeError(f"{place}: {error}") from error
    return [str(place)]


def _is_turned(attributes: Mapping[str, Any]) -> bool:
    """Whether more than a scale and a translation leads from pixels to the world."""
    matrices = (np.atleast_2d(attributes[name]) for name in ("rotate", "affine") if name in attributes)
    straight = all(np.allclose(matrix, np.eye(*matrix.shape)) for matrix in matrices)
    return not straight or bool(np.any(attributes.get("shear", 0)))


def _model(metadata: Mapping[str, Any]) -> KMeansModel | None:
    """Return the model behind the labels, if the dock made them with one."""
    text = metadata.get("napari-kmeans")
    if not isinstance(text, str):
        return None
    try:
        return KMeansModel.from_json(text)
    except ValueError:
        return None


def _colors(colormap: Any) -> dict[int, Sequence[float]] | None:
    """Colours that were given to single labels; none where napari goes through a list of colours."""
    if not hasattr(colormap, "color_dict"):
        return None
    given = {label: np.asarray(color).tolist() for label, color in colormap.color_dict.items() if label}
    return {int(label): color for label, color in given.items()}


def _properties(features: Any) -> list[dict[str, Any]] | None:
    """Rows of the layer's table, each of the label in its ``index`` or of that of its number."""
    if features is None or not len(features.columns):
        return None
    rows = []
    for number, row in enumerate(features.to_dict("records")):
        known = {
            str(name): value.item() if isinstance(value, np.generic) else value for name, value in row.items()
        }
        label = int(known.pop("index", number))
        # What has no value, and what JSON has no way to write, is left out.
        known = {
            name: value
            for name, value in known.items()
            if isinstance(value, str | int | float) and value == value
        }
        rows.append({"label-value": label, **known})
    return rows
