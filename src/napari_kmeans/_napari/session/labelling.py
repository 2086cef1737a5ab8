"""The labels of all pixels for a request; runs in a worker."""

from __future__ import annotations

from dataclasses import dataclass

from ...blocks.progress import Progress, subprogress
from ...model.model import KMeansModel
from ...model.segmentation import Grid, Segmentation, label_pixels
from ...model.stack import KMeansStack
from ..layers.image_layer import resolutions_of
from ..layers.labels_on_demand import label_stack
from ..layers.resolutions import Resolutions
from ..layers.worker import Work
from .measurements import Measured, measure
from .request import Request


@dataclass(frozen=True, eq=False)
class Labelled:
    """Labels of all pixels, and the measurements that they are based on.

    Attributes
    ----------
    resolutions : Resolutions
    measured : Measured
    segmentation : Segmentation or None
        None if labels stay on demand.
    model : KMeansModel or KMeansStack
        Model of all labels; a stack if each position has its own clusters.
    """

    resolutions: Resolutions
    measured: Measured
    segmentation: Segmentation | None
    model: KMeansModel | KMeansStack


def labelling(request: Request, known: Resolutions | None, measured: Measured | None, k_max: int) -> Work:
    """Return the job function that labels all pixels for a request.

    Parameters
    ----------
    request : Request
    known : Resolutions or None
        If None, the image is read again.
    measured : Measured or None
        If None, the image is measured again.
    k_max : int
        Largest number of clusters to measure.

    Returns
    -------
    callable
        Takes a progress callback and returns a `Labelled`.
    """
    place, settings, grid = request.place, request.settings, request.grid

    def work(progress: Progress) -> Labelled:
        resolutions = known or resolutions_of(request.image, settings)
        found, begin = measured, 0.0
        if found is None:
            begin = 0.5
            share = subprogress(progress, 0, begin)
            found = measure(resolutions.at(place), resolutions.recipe, k_max, share, for_display=True)
        model = request.model_from(resolutions, found)
        if request.stays_on_demand(resolutions, found):
            return Labelled(resolutions, found, None, model.confirmed(found.clusterings))
        rest = subprogress(progress, begin, 1)
        clean_up = settings.recipe.clean_up
        if place is not None:
            result, stack = label_stack(
                resolutions.finest,
                place[0],
                lambda position: request.model_at(resolutions, position),
                clean_up,
                grid=_grid_of_position(grid, place[0]),
                position=place[1],
                progress=rest,
            )
            return Labelled(resolutions, found, result, stack)
        result = label_pixels(
            found.prepared.pixels, model, clean_up, rest, grid=grid, recount=True, in_memory=True
        )
        confirmed = result.model.confirmed(found.clusterings)
        segmentation = Segmentation(result.labels, confirmed, result.counts)
        return Labelled(resolutions, found, segmentation, confirmed)

    return work


def _grid_of_position(grid: Grid, axis: int) -> Grid:
    """Return the grid of one position along an axis."""
    return Grid(grid.spacing, [other - (other > axis) for other in grid.separate_axes if other != axis])
