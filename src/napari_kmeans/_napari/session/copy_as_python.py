"""*Copy as Python*: a script that reproduces the displayed labels with the public API."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from napari.layers import Labels

from ...blocks.containers import Contents, levels_of
from ...features.feature_space import FeatureSpace
from ...labels.clean_up import CleanUp
from ...model.edits import Edits
from ...model.model import KMeansModel
from ...model.recipe import Recipe
from ..layers.image_layer import sigma_of
from .session import Session


def as_python(session: Session, model: KMeansModel) -> str:
    """Return a script that reproduces the displayed labels, including edits.

    It takes images and masks from the viewer, so it runs unchanged in the console of napari.
    """
    edits, clean_up = model.recipe.edits, session.settings.recipe.clean_up
    lines = ["import napari_kmeans", *_image(session)]
    given = _mask(session)
    lines += given
    mask = ", mask=mask" if given else ""
    if edits.centers is not None:  # those of another image, so they cannot be found in this one
        lines.append(_loaded(model.with_background([]) if clean_up else model))
    else:
        keywords = "".join(f", {name}={value}" for name, value in _keywords(session, model).items())
        lines.append(f"model = napari_kmeans.fit(image, {model.n_clusters}{keywords}{mask})")
        lines += _edits(edits, with_background=not clean_up)
    lines.append(f"labels = model.predict(image{mask})")
    return "\n".join([*lines, *_clean_up(session, clean_up, edits), ""])


def _image(session: Session) -> list[str]:
    layers = session.settings.channels
    if not layers:
        return [
            "",
            f"image = viewer.layers[{session.image.name!r}].data{_finest(session.image)}"
            f"{'[..., None]' if _may_be_colors(session.image) else ''}"
            "  # in napari's console; or read your file here",
        ]
    names = [layer.name for layer in layers]
    return [
        "import numpy as np",
        "",
        f"names = {names!r}  # in napari's console; or read your files here",
        f"image = np.stack([viewer.layers[name].data{_finest(session.image)} for name in names], axis=-1)",
    ]


def _finest(layer: Any) -> str:
    return "[0]" if layer.multiscale else ""


def _may_be_colors(layer: Any) -> bool:
    """Return whether `fit` would warn that the last axis of a layer without colours may hold colours.

    The script then adds a channel axis of length 1, so that the other axes are spatial.
    """
    return not layer.rgb and Contents(levels_of(layer)[0], None, names_axes=False).is_ambiguous


def _mask(session: Session) -> list[str]:
    mask, image = session.settings.mask, session.image
    if mask is None:
        return []
    if isinstance(mask, Labels) and not mask.multiscale and _is_aligned(mask, image):
        return [f"mask = viewer.layers[{mask.name!r}].data"]
    layers = f"viewer.layers[{mask.name!r}], viewer.layers[{image.name!r}]"
    return [f"mask = napari_kmeans.mask_from_layer({layers})"]


def _is_aligned(mask: Any, image: Any) -> bool:
    """Return whether a layer has the same pixel grid as an image."""
    shape = levels_of(image)[0].shape[: image.ndim]
    return mask.data.shape == shape and np.allclose(mask.extent.world, image.extent.world)


def _keywords(session: Session, model: KMeansModel) -> dict[str, str]:
    """Return the keywords of `fit` that differ from the defaults, as source code."""
    settings, recipe, plain = session.settings, model.recipe, Recipe()
    keywords: dict[str, str] = {}
    if recipe.features != plain.features:
        keywords["features"] = _features(recipe.features)
    if model.channel_axis is not None:
        keywords["channel_axis"] = repr(model.channel_axis)
    elif not settings.channels and _may_be_colors(session.image):
        keywords["channel_axis"] = "-1"
    if settings.per_axis is not None:
        keywords["per_axis"] = repr(settings.per_axis)
    if recipe.illumination is not None:
        own = type(recipe.illumination)(recipe.illumination.kind)
        short = recipe.illumination == own
        keywords["illumination"] = repr(own.kind) if short else f"napari_kmeans.{recipe.illumination!r}"
    if settings.smooth:
        keywords["smooth"] = repr(sigma_of(session.image, settings.smooth))
    if recipe.coherence:
        costs = list(recipe.coherence)
        keywords["coherence"] = repr(costs[0] if len(set(costs)) == 1 else costs)
    if recipe.exclude:
        keywords["exclude"] = repr(recipe.exclude)
    return keywords


def _features(features: FeatureSpace) -> str:
    """Return a feature space as source code: its name, or the object if its options are not the defaults."""
    return repr(features.name) if features == type(features)() else f"napari_kmeans.{features!r}"


def _loaded(model: KMeansModel) -> str:
    compact = json.dumps(json.loads(model.to_json()))
    return f"model = napari_kmeans.KMeansModel.from_json({compact!r})"


def _edits(edits: Edits, *, with_background: bool) -> list[str]:
    lines = []
    if edits.thresholds is not None:
        lines.append(f"model = model.with_thresholds({[float(t) for t in edits.thresholds]!r})")
    if edits.merges:
        lines.append(f"model = model.merged({[list(group) for group in edits.merges]!r})")
    if edits.background and with_background:
        lines.append(f"model = model.with_background({list(edits.background)!r})")
    if edits.names:
        lines.append(f"model = model.with_names({list(edits.names)!r})")
    return lines


def _clean_up(session: Session, clean_up: CleanUp, edits: Edits) -> list[str]:
    if not clean_up:
        return []
    chosen: dict[str, Any] = {name: value for name, value in vars(clean_up).items() if value}
    grid = session.request.grid
    if grid.spacing is not None and any(step != 1 for step in grid.spacing):
        chosen["spacing"] = list(grid.spacing)
    if grid.separate_axes:
        chosen["per_axis"] = list(grid.separate_axes)
    keywords = ", ".join(f"{name}={value!r}" for name, value in chosen.items())
    lines = [f"labels = napari_kmeans.clean_labels(labels, {keywords})"]
    return lines + [f"labels[labels == {label}] = 0" for label in edits.background]
