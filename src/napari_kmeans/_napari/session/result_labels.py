"""The labels of a session: on demand for the viewer, or of all pixels for a file."""

from __future__ import annotations

from typing import cast

from ...model.model import KMeansModel
from ...model.stack import ModelsOnDemand
from ..layers.labels_on_demand import ModelLabels, OnDemandLabels, StackLabels, corrected
from ..layers.resolutions import Resolutions
from .measurements import Measured
from .request import Request
from .session import Session


def labels_on_demand(session: Session, *, with_background: bool = True) -> list[OnDemandLabels]:
    """Return the labels of the whole image on demand, at each of its resolutions.

    The session must have a model. Positions of a lazy stack have no labels until they have been measured.

    Parameters
    ----------
    session : Session
    with_background : bool
        If False, clusters set as background keep their own labels.
    """
    assert session.resolutions is not None
    assert session.model is not None
    resolutions, axis = session.resolutions, session.settings.per_axis
    if axis is None:
        assert session.measured is not None
        model, prepared = _shown(session.model, with_background), session.measured.prepared
        if prepared.coherence is not None:
            return [ModelLabels(prepared.pixels, model)]
        return [ModelLabels(corrected(pixels, model), model) for pixels in resolutions.pixels]
    read = not resolutions.is_lazy and not session.settings.coherence
    request = session.request

    def model_at(position: int) -> KMeansModel | None:
        model = request.model_at(resolutions, position, read=read)
        return None if model is None else _shown(model, with_background)

    n_positions = resolutions.finest.shape[axis]
    return [StackLabels(pixels, axis, model_at, n_positions) for pixels in resolutions.pixels]


def labels_to_export(
    request: Request, resolutions: Resolutions, measured: Measured, *, with_background: bool = True
) -> tuple[OnDemandLabels, KMeansModel]:
    """Return the labels of all pixels, with clusters found on all pixels, and their model.

    Parameters
    ----------
    request : Request
    resolutions : Resolutions
    measured : Measured
        Measurements of all pixels.
    with_background : bool
        If False, clusters set as background keep their own labels, but are background in the model.
    """
    axis, model = request.settings.per_axis, request.model_from(resolutions, measured)
    if axis is None:
        return ModelLabels(measured.prepared.pixels, _shown(model, with_background)), model

    def model_at(position: int) -> KMeansModel:
        return _shown(cast(KMeansModel, request.model_at(resolutions, position)), with_background)

    n_positions = resolutions.finest.shape[axis]
    models = ModelsOnDemand(n_positions, model_at)  # a position has many blocks
    return StackLabels(resolutions.finest, axis, models.__getitem__, n_positions), model


def _shown(model: KMeansModel, with_background: bool) -> KMeansModel:
    return model if with_background else model.with_background([])
