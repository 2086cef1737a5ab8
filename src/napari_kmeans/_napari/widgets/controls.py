"""The dock's controls: what they are called, what they offer and what they say of themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from magicgui.widgets import CheckBox, ComboBox, FloatSpinBox, ProgressBar, PushButton, Slider, SpinBox
from napari.layers import Image, Labels, Shapes
from napari.layers.base import Layer

from ...features import FEATURES
from ..layers.image_layer import axis_name, pixel_size
from ..session.session import K_MAX

WHOLE = -1
"""In `where`: not an axis, for magicgui takes None for no choice at all."""

NO_MASK = "no mask"
"""In `mask`: not a layer."""

A_VALUE = "a value"
"""In `leave_out`: the one in `no_data`."""

LEFT_OUT = [
    ("Nothing", ()),
    ("Zeros", (0,)),
    ("Saturated", ("saturated",)),
    ("Zeros and saturated", (0, "saturated")),
    ("A value…", A_VALUE),
]

SCALES = [("Fine: ½ to 2", (0.5, 2.0)), ("Medium: ½ to 4", (0.5, 4.0)), ("Coarse: 1 to 16", (1.0, 16.0))]

_OF_COLORS = ("gray601",)  # the same as gray where there are no colours


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
        CheckBox(
            name="standardize",
            text="Channels count alike",
            value=True,
            visible=False,
            tooltip="Measure each channel in its own standard deviations, so that none outweighs the others",
        ),
        ComboBox(
            name="sigma",
            label="Scales",
            choices=SCALES,
            visible=False,
            tooltip="How large the structures are that make up a texture, in pixels",
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


def where_form(where_choices: Any, mask_choices: Any) -> list[Any]:
    """Rows of the section that says which pixels are clustered, and which together."""
    return [
        where(where_choices),
        ComboBox(
            name="mask",
            label="Mask",
            choices=mask_choices,
            tooltip="Cluster only what lies in the labels or shapes of a layer",
        ),
        ComboBox(
            name="leave_out",
            label="Leave out",
            choices=LEFT_OUT,
            tooltip="Values that are no data; their pixels get label 0",
        ),
        FloatSpinBox(
            name="no_data",
            label="Value",
            value=0,
            min=-1e12,
            max=1e12,
            step=1,
            visible=False,
            tooltip="The value that stands for no data",
        ),
    ]


def clean_up_form() -> list[Any]:
    """Rows of the section that makes clusters hang together."""
    rows = (
        ("smooth", "Smooth before", "Average the image first: standard deviation of the Gaussian"),
        ("majority", "Majority", "Give each pixel the label that most have within this radius"),
        ("min_size", "Smallest region", "Give smaller regions the label they share the longest border with"),
        ("fill_holes", "Fill holes", "Fill holes smaller than this in a cluster"),
    )
    return [
        FloatSpinBox(name=name, label=label, value=0, min=0, max=1e9, step=1, tooltip=tip)
        for name, label, tip in rows
    ]


def objects() -> PushButton:
    """The button that splits clusters into objects."""
    return PushButton(
        name="objects",
        text="Split into objects",
        tooltip="Number the connected parts of the selected clusters, or of all, and measure them",
    )


def where(choices: Any) -> ComboBox:
    """Which pixels are clustered together."""
    return ComboBox(
        name="where",
        label="Together",
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


def feature_choices(image: Image | None, channels: Sequence[Image] = ()) -> list[tuple[str, str]]:
    """What an image can be clustered by, as titles and names; `channels` lie pixel on pixel with it."""
    if image is None:
        return [(FEATURES["gray"].title, "gray")]
    n_channels = _n_channels(image)
    choices = []
    for feature in FEATURES.values():
        n = (
            len(channels)
            if feature.name == "channels" and n_channels is None and len(channels) > 1
            else n_channels
        )
        if n_channels is None and feature.name in _OF_COLORS:
            continue
        if not feature.unsupported_reason(image.dtype, n, image.ndim):
            choices.append((feature.title, feature.name))
    return choices


def mask_choices(image: Image | None, layers: Sequence[Layer], own: Layer | None) -> list[tuple[str, Any]]:
    """Layers that can be a mask of an image; never the overlay itself."""
    masks = [layer for layer in layers if isinstance(layer, Labels | Shapes) and layer is not own]
    return [("Whole image", NO_MASK), *((layer.name, layer) for layer in masks if image is not None)]


def _n_channels(image: Image) -> int | None:
    if not image.rgb:
        return None
    return int((image.data[0] if image.multiscale else image.data).shape[-1])


def where_choices(image: Image | None) -> list[tuple[str, int]]:
    """What can be clustered together: all, or each position along one of the axes but the last two."""
    axes = range(image.ndim - 2) if image is not None else range(0)
    return [("Whole stack", WHOLE), *((f"Each {axis_name(image, axis)}", axis) for axis in axes)]


def left_out(exclude: tuple[float | str, ...]) -> tuple[Any, float | None]:
    """What `leave_out` and `no_data` show for values that are left out."""
    if exclude in [choice for _, choice in LEFT_OUT]:
        return exclude, None
    return A_VALUE, next((float(value) for value in exclude if not isinstance(value, str)), None)


def suffixes(image: Image) -> tuple[str, str]:
    """Units of lengths and of sizes behind the numbers of an image, as boxes show them."""
    pixel = pixel_size(image)
    if pixel is None:
        return " px", " px"
    return f" {pixel.unit.rstrip('²³')}", f" {pixel.unit}"
