"""The labels of an image to a file, from all of its pixels; a worker runs it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...blocks.dask_cluster import cluster_at
from ...blocks.loop import Progress
from ...io import files
from ...pipeline import counted
from ..layers.worker import part_of
from .clean import cleaned
from .measure import measure
from .session import Session


def export_labels(
    session: Session,
    path: Path,
    colors: NDArray[np.float64],
    scheduler: str,
    overwrite: bool,
    progress: Progress,
) -> None:
    """Write the labels that the session shows, block by block.

    Where an estimate is shown, all pixels are read first. Of a stack whose positions have clusters of their
    own, those of each are found on the way.

    Parameters
    ----------
    session : Session
        Measured, with a model.
    path : Path
        ``….ome.zarr``, ``….tif``, or ``labels/NAME`` in an OME-Zarr image.
    colors : (n_clusters, 4) array
    scheduler : str
        Address of the Dask cluster to read on; empty for this machine.
    overwrite : bool
        Replace what is there.
    progress : callable

    Raises
    ------
    OSError, ValueError
        If it cannot be written; nothing is left then.
    """
    levels, measured, image = session.levels, session.measured, session.image
    assert levels is not None
    assert measured is not None
    axis, pixels = session.parameters.per_axis, levels.finest
    with cluster_at(scheduler if levels.lazy else ""):
        if measured.is_estimate:
            part = pixels if axis is None else pixels.at(axis, session.position)
            measured = measure(part, 1, part_of(progress, 0, 0.5))
            progress = part_of(progress, 0.5, 1)
        clean_up = session.parameters.clean_up
        look_up, model = session.labels_to_export(levels, measured, with_background=not clean_up)
        if axis is None:
            model = counted(model, pixels)
        # Regions have to be known before the first block is written.
        labels = cleaned(look_up.lazily(), clean_up, model, image, axis) if clean_up else look_up
    files.export(
        path,
        labels,
        axis_labels=[str(name) for name in image.axis_labels],
        scale=[float(step) for step in image.scale],
        translate=[float(at) for at in image.translate],
        units=[str(unit) for unit in image.units],
        source=Path(image.source.path) if image.source.path else None,
        model=model,
        colors={label: color.tolist() for label, color in enumerate(colors, start=1)},
        overwrite=overwrite,
        progress=progress,
    )
