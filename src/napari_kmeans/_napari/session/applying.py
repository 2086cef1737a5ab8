"""Application of the clusters of the current image to other layers and to files, in the background."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from textwrap import shorten
from typing import Any

from napari.layers import Image, Labels
from qtpy.QtCore import QObject, Signal

from ...batch import Outcome, Outputs, Task, find_inputs, fit_together, plan, run
from ...blocks.pixel_size import shared_size, size_of_layer
from ...blocks.progress import Progress, subprogress
from ...model.fitted_to import sample_of
from ...model.matching import extractor_for, matched
from ...model.model import KMeansModel
from ...model.pooled import fit_pooled
from ...model.recipe import Recipe
from ...model.segmentation import Segmentation, label_pixels
from ...report.tables import cluster_table
from ..layers.image_layer import METADATA_KEY, pixel_size, resolutions_of, transforms_of
from ..layers.insert_layer import insert_result
from ..layers.layer_recipe import LayerRecipe
from ..layers.worker import Runner
from . import preferences
from .cluster_edits import without_adjustments
from .display import Display
from .provenance import PROVENANCE_KEY, provenance_of, recipe_in_pixels
from .request import Request
from .session import Session

_LONGEST = 100  # characters of a reason in the status line; its tooltip has the rest

THIS_MODEL, EACH, TOGETHER = "this model", "each", "together"
"""Clusters to label an image with: the current ones, its own, or those of one model of all images."""


@dataclass(frozen=True, eq=False)
class Applied:
    """Labels of a layer.

    Attributes
    ----------
    layer : Image layer
    segmentation : Segmentation
    made : dict
        Provenance of the labels; see `provenance_of`.
    """

    layer: Image
    segmentation: Segmentation
    made: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FilesRequest:
    """Choices of the user in *Apply to files…*.

    Attributes
    ----------
    folder, out : Path
        Folders of the images and of the labels.
    recursive : bool
        Whether to search subfolders, too.
    how : {"this model", "each", "together"}
    match : {"values", "range", "refit"}
        How the model is applied to an image that differs; see `KMeansModel.predict`.
    table : bool
        Whether to save a table of the clusters of each image, too.
    """

    folder: Path
    out: Path
    recursive: bool = False
    how: str = THIS_MODEL
    match: str = "values"
    table: bool = False


class Applying(QObject):
    """Label other layers and files in the same way as the current image.

    Parameters
    ----------
    viewer : napari.Viewer
    display : Display
        Decides the colours.
    session : callable
        Returns the session that the dock shows, or None.
    parent : QObject

    Attributes
    ----------
    runner : Runner
        Labels layers and files, one request after another.
    comparison : Runner
        Compares layers with the current image, for the dialog.

    Signals
    -------
    failed(error)
    reported(text, details)
        Summary of the completed work in a few words, and its details.
    """

    failed = Signal(object)
    reported = Signal(str, str)

    def __init__(
        self, viewer: Any, display: Display, session: Callable[[], Session | None], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._viewer, self._display, self._session = viewer, display, session
        self.runner, self.comparison = Runner(self), Runner(self)

    def source(self) -> Session | None:
        """Return the session whose clusters can be applied, or report why there are none."""
        session = self._session()
        reason = ""
        if session is None or session.model is None:
            reason = "there are no clusters to apply yet; press Segment"
        elif session.settings.per_axis is not None:
            reason = "each position has its own clusters; choose “Whole stack” to apply them elsewhere"
        elif session.settings.channels:
            reason = "the clusters belong to several layers together; they cannot be applied to single layers or files"
        if reason:
            self.failed.emit(ValueError(reason))
            return None
        return session

    @property
    def has_mask(self) -> bool:
        """Whether a mask layer restricts the clustering of the current image."""
        session = self._session()
        return session is not None and session.settings.mask is not None

    def similar_layers(self) -> list[Image]:
        """Return the other image layers with as many axes as the current image, and likewise RGB or not."""
        session = self._session()
        if session is None:
            return []
        image = session.image
        return [
            layer
            for layer in self._viewer.layers
            if isinstance(layer, Image)
            and layer is not image
            and (layer.rgb, layer.ndim) == (image.rgb, image.ndim)
        ]

    def selected_layers(self) -> list[Image]:
        """Return the selected image layers except the current image."""
        session = self._session()
        selected = self._viewer.layers.selection
        return [
            layer
            for layer in self._viewer.layers
            if session is not None
            and layer in selected
            and isinstance(layer, Image)
            and layer is not session.image
        ]

    def find_differences(self, layers: Sequence[Image], done: Callable[[str], None]) -> None:
        """Compare layers with the current image in the background; `done` takes a text."""
        session = self._session()
        if session is None or session.model is None:
            return
        model, settings = session.model, _without_mask(session.settings)
        self.comparison.run(lambda progress: differences(layers, model, settings), done)

    def to_layers(self, layers: Sequence[Image], how: str = THIS_MODEL, match: str = "values") -> None:
        """Add a Labels layer above each of several image layers; existing layers are not changed.

        Parameters
        ----------
        layers : sequence of Image layers
        how : {"this model", "together"}
            With "together", the current image is included and gets a new layer as well.
        match : {"values", "range", "refit"}
        """
        session = self.source()
        if session is None:
            return
        if not layers:
            self.failed.emit(
                ValueError("there is no other image layer to apply the clusters to; select one or more")
            )
            return
        assert session.model is not None
        model, settings = session.model, _without_mask(session.settings)
        chosen = [session.image, *layers] if how == TOGETHER else list(layers)

        def work(progress: Progress) -> list[Applied]:
            shared = None if how == TOGETHER else model
            return label_layers(chosen, settings, shared, match, progress)

        def done(results: list[Applied]) -> None:
            for applied in results:
                self._add(session, applied)
            names = ", ".join(applied.layer.name for applied in results)
            self.reported.emit(f"Labelled {names}.", "")

        self.runner.queue(object(), work, done)

    def to_files(self, request: FilesRequest) -> None:
        """Label the image files of a folder; existing files are never replaced."""
        session = self.source()
        if session is None:
            return
        assert session.model is not None
        model = session.model
        recipe = recipe_in_pixels(session.request, model)
        if request.how == THIS_MODEL:
            task = Task.applying(model, recipe, match=request.match)
        else:
            task = Task(_without_adjustments(recipe))
        self.runner.queue(
            object(),
            lambda progress: label_files(request, task, progress),
            lambda found: self.reported.emit(*found),
        )

    def _add(self, session: Session, applied: Applied) -> None:
        image, found = applied.layer, applied.segmentation
        if image not in self._viewer.layers:  # removed meanwhile
            return
        layer = Labels(
            found.labels,
            name=f"{image.name} k-means",
            opacity=preferences.load().opacity,
            colormap=self._display.colormap(session, found.model),
            features=cluster_table(found.model, pixel_size(image), found.counts),
            metadata={METADATA_KEY: found.model.to_json(), PROVENANCE_KEY: applied.made},
            **transforms_of(image),
        )
        insert_result(self._viewer, image, layer)


def _without_mask(settings: LayerRecipe) -> LayerRecipe:
    """Return the settings without the mask, which belongs to one image."""
    return replace(settings, mask=None)


def _without_adjustments(recipe: Recipe) -> Recipe:
    """Return a recipe without thresholds and centres, which are computed for other images."""
    return replace(recipe, edits=without_adjustments(recipe.edits))


def differences(layers: Sequence[Image], model: KMeansModel, settings: LayerRecipe) -> str:
    """Return how layers differ from the image of a model, one line each; empty if they do not."""
    lines = []
    for layer in layers:
        pixels = replace(resolutions_of(layer, settings).finest, extractor=model.extractor)
        sample = sample_of(pixels, *size_of_layer(layer))
        found = model.fitted_to.differences(sample, model.feature_names) if model.fitted_to else []
        if found:
            lines.append(f"{layer.name}: {'; '.join(found)}")
    return "\n".join(lines)


def label_layers(
    layers: Sequence[Image],
    settings: LayerRecipe,
    model: KMeansModel | None,
    match: str,
    progress: Progress | None = None,
) -> list[Applied]:
    """Label image layers.

    Parameters
    ----------
    layers : sequence of Image layers
    settings : LayerRecipe
        Settings, with the clean-up in units of each layer.
    model : KMeansModel or None
        None to fit one model to all layers.
    match : {"values", "range", "refit"}
    progress : callable, optional

    Raises
    ------
    ValueError
        If a layer does not fit the model; the message names it.
    """
    found = [resolutions_of(layer, settings) for layer in layers]
    begin, together = 0.0, {}
    if model is None:
        begin = 0.5
        together = {"weights": "pixels", "images": len(layers), "layers": [str(each.name) for each in layers]}
        recipe = _without_adjustments(found[0].recipe)
        images = [replace(each.finest, extractor=recipe.extractor) for each in found]
        channel_axis = -1 if layers[0].rgb else None
        model = fit_pooled(images, recipe, channel_axis, subprogress(progress, 0, begin))
        model = model.with_pixel_size(*shared_size([size_of_layer(layer) for layer in layers]))
        match = "values"
    results = []
    for number, (layer, resolutions) in enumerate(zip(layers, found, strict=True)):
        share = (1 - begin) / len(layers)
        part = subprogress(progress, begin + share * number, begin + share * (number + 1))
        try:
            pixels = replace(resolutions.finest, extractor=extractor_for(model, match))
            pixels.extractor.check(pixels.shape, pixels.image.dtype, pixels.n_channels)
            model.labeller(pixels.value_format)  # raises if the image has other features
            of_layer = matched(model, pixels, match, subprogress(part, 0, 0.5))
            pixels = of_layer.coherent(
                replace(pixels, extractor=of_layer.extractor), subprogress(part, 0.5, 0.7)
            )
            is_lazy = resolutions.is_lazy
            segmentation = label_pixels(
                pixels,
                of_layer,
                settings.recipe.clean_up,
                subprogress(part, 0.7, 1),
                grid=Request(layer, settings).grid,
                recount=not is_lazy,
                in_memory=not is_lazy,
            )
        except ValueError as error:
            raise ValueError(f"{layer.name}: {error}") from None
        request = Request(layer, settings)
        task = Task.applying(model, recipe_in_pixels(request, model), match=match, together=together)
        results.append(Applied(layer, segmentation, provenance_of(request, of_layer, task.to_dict())))
    return results


def label_files(request: FilesRequest, task: Task, progress: Progress) -> tuple[str, str]:
    """Label the image files of a folder, and return a summary and its details.

    Raises
    ------
    ValueError
        If there is nothing to do, or outputs would replace images.
    """
    inputs, _ = find_inputs([str(request.folder)], recursive=request.recursive, out=request.out)
    jobs = plan(inputs, Outputs(request.out, table=request.table), tree=True)
    todo = [job for job in jobs if not job.existing()]
    n_skipped = len(jobs) - len(todo)
    if not jobs:
        raise ValueError(f"{request.folder} contains no images")
    begin, failed = 0.0, []
    if request.how == TOGETHER and todo:
        begin = 0.3
        reading = subprogress(progress, 0, begin)
        pooled = fit_together(task, [job.image for job in todo], lambda _: _or_no_op(reading))
        task = pooled.task
        failed = list(pooled.failed.values())
        todo = [job for job in todo if job.image not in pooled.failed]
    outcomes: list[Outcome] = []

    def stage(_: Any) -> Callable[[str], Progress]:
        share = (1 - begin) / len(todo)
        at = begin + share * len(outcomes)
        return lambda _: _or_no_op(subprogress(progress, at, at + share))

    for outcome in run(todo, task, stage=stage):
        outcomes.append(outcome)
    return summary(outcomes, failed, n_skipped, request)


def _or_no_op(progress: Progress | None) -> Progress:
    return progress if progress is not None else (lambda share: None)


def summary(
    outcomes: Sequence[Outcome], failed: Sequence[str], n_skipped: int, request: FilesRequest
) -> tuple[str, str]:
    """Return a summary of the outcomes that fits below the plots of the dock, and all messages."""
    n_done = sum(outcome.status == "done" for outcome in outcomes)
    errors = [*failed, *(outcome.error for outcome in outcomes if outcome.error)]
    notes = [note for outcome in outcomes for note in outcome.warnings]
    done, place = f"Labelled {n_done} image{'s' * (n_done != 1)}", f"results are in {request.out}."
    skipped = f" {n_skipped} skipped, because their outputs already exist." if n_skipped else ""

    def first(messages: Sequence[str]) -> str:
        short = messages[0].replace(f"{request.folder}{os.sep}", "")
        short = shorten(short, _LONGEST // (2 if errors and notes else 1), placeholder=" …")
        return short if short.endswith(("…", ".")) else f"{short}."

    text = f"{done}; " + (f"{len(errors)} failed: {first(errors)}" if errors else place) + skipped
    if notes:
        text += f" {len(notes)} warning{'s' * (len(notes) != 1)}: {first(notes)}"
    details = [f"{done}; {place}{skipped}"]
    details += [f"Failed: {error}" for error in errors] + [f"Warning: {note}" for note in notes]
    return text, "\n".join(details) if errors or notes else ""
