"""A result as a Python script that reproduces it with the public API."""

from __future__ import annotations

from ..model import KMeansModel
from .session import Session


def as_python(session: Session, model: KMeansModel) -> str:
    """Return a script that makes the labels that are shown, changes by hand included.

    It reads the image from the viewer, so it runs in napari's console as it is.
    """
    image, parameters = session.image, session.parameters
    axis = f", channel_axis={model.channel_axis}" if model.channel_axis is not None else ""
    if parameters.per_axis is not None:
        axis += f", per_axis={parameters.per_axis}"
    features = f", features={model.features!r}" if model.features != "gray" else ""
    lines = [
        "import napari_kmeans",
        "",
        f"image = viewer.layers[{image.name!r}].data  # in napari's console; or read your file here",
        f"model = napari_kmeans.fit(image, {model.n_clusters}{features}{axis})",
    ]
    edits = parameters.edits
    if edits.thresholds is not None:
        lines.append(f"model = model.with_thresholds({[float(t) for t in edits.thresholds]!r})")
    if edits.merges:
        lines.append(f"model = model.merged({[list(group) for group in edits.merges]!r})")
    if edits.background:
        lines.append(f"model = model.with_background({list(edits.background)!r})")
    if edits.names:
        lines.append(f"model = model.with_names({list(edits.names)!r})")
    return "\n".join([*lines, "labels = model.predict(image)", ""])
