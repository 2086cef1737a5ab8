"""Writer of Labels layers as OME-Zarr label images, for *File ▸ Save*."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...io.label_images import export
from ...model.model import KMeansModel
from ...report.label_metadata import model_metadata
from ..session.provenance import PROVENANCE_KEY

LARGEST = 1 << 30
"""Largest number of bytes to write here, because the window of napari is blocked meanwhile."""


def write_labels(path: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:
    """Write a layer at full resolution, with coarser resolutions computed from it.

    Parameters
    ----------
    path : str
        ``.ome.zarr`` is added unless it ends in ``.zarr``. An existing label image is replaced.
    data : array, or sequence of arrays of a multiscale layer
    attributes : mapping
        As in a layer data tuple.

    Returns
    -------
    list of str
        The path that was written.

    Raises
    ------
    RuntimeError
        If there are too many labels to write while the window is blocked, or they cannot be written. napari
        treats a ``ValueError`` as a missing writer.

    Warns
    -----
    UserWarning
        If the layer is rotated or sheared, which the format cannot store.
    """
    labels = data[0] if attributes.get("multiscale") else data
    n_bytes = math.prod(labels.shape) * np.dtype(labels.dtype).itemsize
    if n_bytes > LARGEST:
        raise RuntimeError(
            f"saving {n_bytes / 1e9:.1f} GB of labels would block the window; use Export… in the K-means "
            "segmentation dock, which writes them in the background"
        )
    place = Path(path if path.lower().endswith(".zarr") else f"{path}.ome.zarr")
    if _has_rotation_or_shear(attributes):
        warnings.warn(
            "OME-Zarr cannot store rotation, shear or affine transforms; they were not saved",
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
            metadata=model_metadata(
                _model(attributes.get("metadata", {})),
                _colors(attributes.get("colormap")),
                _properties(attributes.get("features")),
                _record(attributes.get("metadata", {})),
            ),
            overwrite=True,
        )
    except (ImportError, ValueError) as error:
        raise RuntimeError(f"{place}: {error}") from error
    return [str(place)]


def _has_rotation_or_shear(attributes: Mapping[str, Any]) -> bool:
    """Return whether the transform is more than a scale and a translation."""
    matrices = (np.atleast_2d(attributes[name]) for name in ("rotate", "affine") if name in attributes)
    straight = all(np.allclose(matrix, np.eye(*matrix.shape)) for matrix in matrices)
    return not straight or bool(np.any(attributes.get("shear", 0)))


def _model(metadata: Mapping[str, Any]) -> KMeansModel | None:
    """Return the model of the labels, if the dock stored one."""
    text = metadata.get("napari-kmeans")
    if not isinstance(text, str):
        return None
    try:
        return KMeansModel.from_json(text)
    except ValueError:
        return None


def _record(metadata: Mapping[str, Any]) -> str:
    """Return the model and the provenance of the labels as JSON, if the dock stored both."""
    made = metadata.get(PROVENANCE_KEY)
    if not isinstance(made, Mapping) or _model(metadata) is None:
        return ""
    try:
        return json.dumps(
            {**json.loads(metadata["napari-kmeans"]), "provenance": dict(made)}, separators=(",", ":")
        )
    except (TypeError, ValueError):  # changed by the user
        return ""


def _colors(colormap: Any) -> dict[int, Sequence[float]] | None:
    """Return the colour of each label, or None if napari cycles through a list of colours."""
    if not hasattr(colormap, "color_dict"):
        return None
    given = {label: np.asarray(color).tolist() for label, color in colormap.color_dict.items() if label}
    return {int(label): color for label, color in given.items()}


def _properties(features: Any) -> list[dict[str, Any]] | None:
    """Return the rows of the features table; the label of a row is its ``index``, or its number by default."""
    if features is None or not len(features.columns):
        return None
    rows = []
    for number, row in enumerate(features.to_dict("records")):
        known = {
            str(name): value.item() if isinstance(value, np.generic) else value for name, value in row.items()
        }
        label = int(known.pop("index", number))
        # Omit NaN and values that JSON cannot represent.
        known = {
            name: value
            for name, value in known.items()
            if isinstance(value, str | int | float) and value == value
        }
        rows.append({"label-value": label, **known})
    return rows
