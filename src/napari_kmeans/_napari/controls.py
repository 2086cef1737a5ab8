"""The dock's controls: what they are called, what they offer and what they say of themselves."""

from __future__ import annotations

from typing import Any

from magicgui.widgets import CheckBox, ComboBox, ProgressBar, PushButton, Slider, SpinBox
from napari.layers import Image

from ..features import FEATURES
from .layers import axis_name
from .session import K_MAX

WHOLE = -1
"""In `where`: not an axis, for magicgui takes None for no choice at all."""


def form(n_clusters: int, image_choices: Any, feature_choices: Any) -> list[Any]:
    """Rows at the top of the dock."""
    return [
        ComboBox(
            name="image",
            label="Image",
            choices=image_choices,
            nullable=True,
            tooltip="The image to segment: the active one, or another",
        ),
        ComboBox(
            name="features",
            label="Cluster by",
            choices=feature_choices,
            tooltip="What pixels have to have in common to be in one cluster",
        ),
        SpinBox(
            name="n_clusters",
            label="Clusters",
            value=n_clusters,
            min=2,
            max=255,
            tooltip="Number of clusters, 2 to 255",
        ),
        Slider(
            name="n_clusters_slider",
            label=" ",
            value=min(n_clusters, K_MAX),
            min=2,
            max=K_MAX,
            readout=False,
            tooltip=f"Number of clusters, 2 to {K_MAX}",
        ),
    ]


def where(choices: Any) -> ComboBox:
    """Which pixels are clustered together."""
    return ComboBox(
        name="where",
        label="Where",
        choices=choices,
        tooltip="Cluster the whole stack at once, or each of its positions by itself",
    )


def live(value: bool) -> CheckBox:
    """Whether the overlay follows at once."""
    return CheckBox(name="live", text="Live", value=value, tooltip="Show the clusters while you choose them")


def segment() -> PushButton:
    """The button that reads the image anew."""
    return PushButton(
        name="segment", text="Segment", tooltip="Read the image anew and draw its clusters over it"
    )


def cancel() -> PushButton:
    """The button beside the progress."""
    return PushButton(name="cancel", text="Cancel", tooltip="Stop what is running")


def progress() -> ProgressBar:
    """How far the work is."""
    return ProgressBar(name="progress", min=0, max=100, value=0, tooltip="How much of the work is done")


def feature_choices(image: Image | None) -> list[tuple[str, str]]:
    """What an image can be clustered by, as titles and names."""
    colored = image is not None and image.rgb
    return [
        (feature.title, feature.name)
        for feature in FEATURES.values()
        if feature.is_exact and (colored or feature.name == "gray")
    ]


def where_choices(image: Image | None) -> list[tuple[str, int]]:
    """What can be clustered together: all, or each position along one of the axes but the last two."""
    axes = range(image.ndim - 2) if image is not None else range(0)
    return [("Whole stack", WHOLE), *((f"Each {axis_name(image, axis)}", axis) for axis in axes)]
