"""Export of the labels of all pixels to a file; runs in a worker."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...blocks.dask_cluster import use_scheduler
from ...blocks.progress import Progress, subprogress
from ...io.label_images import export
from ...model.preparation import counted
from ...model.segmentation import clean_segmentation
from ...report.label_metadata import model_metadata
from ..layers.resolutions import Resolutions
from .measurements import Measured, measure
from .provenance import record_for_file
from .request import Request
from .result_labels import labels_to_export


def export_labels(
    request: Request,
    resolutions: Resolutions,
    measured: Measured,
    path: Path,
    colors: NDArray[np.float64],
    scheduler: str,
    overwrite: bool,
    progress: Progress | None,
) -> None:
    """Write the labels of a request, block by block.

    If the dock shows an estimate, all pixels are read first. For a stack whose positions are clustered
    separately, the clusters of each position are found during the export.

    Parameters
    ----------
    request : Request
    resolutions : Resolutions
    measured : Measured
        Measurements that the dock shows; they may be an estimate.
    path : Path
        ``….ome.zarr``, ``….tif``, or ``labels/NAME`` in an OME-Zarr image.
    colors : (n_clusters, 4) array
    scheduler : str
        Address of the Dask cluster that reads the pixels; empty for this machine.
    overwrite : bool
        Replace an existing file.
    progress : callable

    Raises
    ------
    OSError, ValueError
        If the file cannot be written. No partial file is left.
    """
    image, axis, pixels = request.image, request.settings.per_axis, resolutions.finest
    with use_scheduler(scheduler if resolutions.is_lazy else ""):
        if measured.is_estimate:
            part = pixels if axis is None else pixels.at(axis, request.position)
            measured = measure(part, resolutions.recipe, 1, subprogress(progress, 0, 0.5))
            progress = subprogress(progress, 0.5, 1)
        clean_up = request.settings.recipe.clean_up
        on_demand, model = labels_to_export(request, resolutions, measured, with_background=not clean_up)
        if axis is None:
            model = counted(model, measured.prepared.pixels)
        labels = on_demand
        if clean_up:  # all regions must be known before the first block is written
            labels = clean_segmentation(on_demand.as_dask(), model, clean_up, request.grid)
    export(
        path,
        labels,
        axis_labels=[str(name) for name in image.axis_labels],
        scale=[float(step) for step in image.scale],
        translate=[float(at) for at in image.translate],
        units=[str(unit) for unit in image.units],
        source=Path(image.source.path) if image.source.path else None,
        metadata=model_metadata(
            model,
            {label: color.tolist() for label, color in enumerate(colors, start=1)},
            record=record_for_file(request, model),
        ),
        overwrite=overwrite,
        progress=progress,
    )
