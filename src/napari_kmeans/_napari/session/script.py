"""A result as a Python script that reproduces it with the public API."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from napari.layers import Labels

from ...model.model import KMeansModel
from ..layers.image_layer import sigma_of
from .clean import apart, spacing
from .session import Session


def as_python(session: Session, model: KMeansModel) -> str:
    """Return a script that makes the labels that are shown, changes by hand included.

    It reads images and masks from the viewer, so it runs in napari's console as it is.
    """
    parameters, edits = session.parameters, session.parameters.edits
    lines = ["import napari_kmeans", *_image(session)]
    given = _mask(session)
    lines += given
    mask = ", mask=mask" if given else ""
    lines.append(f"model = napari_kmeans.fit(image, {model.n_clusters}{_keywords(session, model)}{mask})")
    if edits.thresholds is not None:
        lines.append(f"model = model.with_thresholds({[float(t) for t in edits.thresholds]!r})")
    if edits.merges:
        lines.append(f"model = model.merged({[list(group) for group in edits.merges]!r})")
    background = list(edits.background)
    if background and not parameters.clean_up:
        lines.append(f"model = model.with_background({background!r})")
    if edits.names:
        lines.append(f"model = model.with_names({list(edits.names)!r})")
    lines.append(f"labels = model.predict(image{mask})")
    return "\n".join([*lines, *_clean_up(session, background), ""])


def _image(session: Session) -> list[str]:
    layers = session.parameters.channels
    if not layers:
        return [
            "",
            f"image = viewer.layers[{session.image.name!r}].data{_finest(session.image)}"
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


def _mask(session: Session) -> list[str]:
    mask, image = session.parameters.mask, session.image
    if mask is None:
        return []
    if isinstance(mask, Labels) and not mask.multiscale and _lies_on(mask, image):
        return [f"mask = viewer.layers[{mask.name!r}].data"]
    return [
        "from napari_kmeans._napari.layers.mask import mask_of",
        "",
        f"mask = mask_of(viewer.layers[{mask.name!r}], viewer.layers[{image.name!r}])",
    ]


def _lies_on(mask: Any, image: Any) -> bool:
    """Whether a layer covers an image pixel on pixel."""
    shape = (image.data[0] if image.multiscale else image.data).shape[: image.ndim]
    return mask.data.shape == shape and np.allclose(mask.extent.world, image.extent.world)


def _keywords(session: Session, model: KMeansModel) -> str:
    parameters = session.parameters
    keywords: dict[str, Any] = {}
    if model.features != "gray":
        keywords["features"] = model.features
    if model.channel_axis is not None:
        keywords["channel_axis"] = model.channel_axis
    if parameters.per_axis is not None:
        keywords["per_axis"] = parameters.per_axis
    keywords |= parameters.options
    if parameters.smooth:
        keywords["smooth"] = sigma_of(session.image, parameters.smooth)
    if parameters.exclude:
        keywords["exclude"] = parameters.exclude
    return "".join(f", {name}={value!r}" for name, value in keywords.items())


def _clean_up(session: Session, background: list[int]) -> list[str]:
    clean_up, image = session.parameters.clean_up, session.image
    if not clean_up:
        return []
    chosen = {name: value for name, value in asdict(clean_up).items() if value}
    axes = apart(image, session.parameters.per_axis)
    if any(step != 1 for step in spacing(image, axes)):
        chosen["spacing"] = spacing(image, axes)
    if axes:
        chosen["per_axis"] = axes
    keywords = ", ".join(f"{name}={value!r}" for name, value in chosen.items())
    lines = [f"labels = napari_kmeans.clean_labels(labels, {keywords})"]
    return lines + [f"labels[labels == {label}] = 0" for label in background]
