"""The controls of the dock, made from the declarations of the recipe, and one signal for what the user changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from magicgui.widgets import (
    CheckBox,
    ComboBox,
    FloatSlider,
    FloatSpinBox,
    ProgressBar,
    PushButton,
    Slider,
    SpinBox,
)
from napari.layers import Image, Labels, Shapes
from napari.layers.base import Layer
from qtpy.QtCore import QObject, QSignalBlocker, Signal

from ...features.channels import Channels
from ...features.registry import FEATURES
from ...features.texture import Texture
from ...labels.clean_up import CleanUp
from ...model.recipe import Recipe
from ...options import Option, options_of
from ..layers.image_layer import axis_name, pixel_size
from ..session.session import K_MAX

WHOLE = -1
"""In `where`: no axis. magicgui takes None for no choice at all."""

NO_MASK = "no mask"
"""In `mask`: no layer."""

A_VALUE = "a value"
"""In `leave_out`: the value in `no_data`."""

EXCLUDED = [
    ("Nothing", ()),
    ("Zeros", (0,)),
    ("Saturated", ("saturated",)),
    ("Zeros and saturated", (0, "saturated")),
    ("A value…", A_VALUE),
]

SCALES = [("Fine: ½ to 2", (0.5, 2.0)), ("Medium: ½ to 4", (0.5, 4.0)), ("Coarse: 1 to 16", (1.0, 16.0))]

NO_ILLUMINATION = "none"
"""In `illumination`: magicgui takes None for no choice at all."""

ILLUMINATIONS = [
    ("None", NO_ILLUMINATION),
    ("Uneven background", "additive"),
    ("Shading", "multiplicative"),
]

_FOR_COLORS_ONLY = ("gray601",)  # the same as gray for images without colours
_WITHOUT_CONTROL = ("stain",)  # needs a colour

_DECLARED: dict[str, Option] = {
    name: details for owner in (Recipe, CleanUp, Channels, Texture) for name, _, details in options_of(owner)
}

Choices = Callable[..., list[tuple[str, Any]]]


class Controls(QObject):
    """All controls of the dock.

    Only changes that the user makes are signalled. `show` sets controls without a signal.

    Parameters
    ----------
    n_clusters : int
        The number of clusters at first.
    live : bool
    choices : mapping of str to callable
        Choices of the controls `image`, `features`, `where` and `mask`.
    parent : QObject, optional

    Signals
    -------
    chosen(name, value)
        The user has changed a control.
    """

    chosen = Signal(str, object)

    def __init__(
        self, n_clusters: int, live: bool, choices: Mapping[str, Choices], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.image = _combo("image", "Image", "Image to segment", choices["image"], nullable=True)
        self.features = _combo("features", "Cluster by", "What pixels are clustered by", choices["features"])
        self.standardize = CheckBox(
            name="standardize", text=_DECLARED["standardize"].label, value=True, visible=False
        )
        self.sigma = ComboBox(name="sigma", label=_DECLARED["sigma"].label, choices=SCALES, visible=False)
        self.n_clusters = SpinBox(name="n_clusters", label="Clusters", value=n_clusters, min=2, max=255)
        # While a number is typed, its first digits are not yet what the user wants.
        self.n_clusters.native.setKeyboardTracking(False)
        self.n_clusters_slider = Slider(
            name="n_clusters_slider", label=" ", value=min(n_clusters, K_MAX), min=2, max=K_MAX, readout=False
        )
        self.illumination = ComboBox(
            name="illumination", label=_DECLARED["illumination"].label, choices=ILLUMINATIONS
        )
        self.smooth = _number("smooth")
        self.coherence = FloatSlider(
            name="coherence", label=_DECLARED["coherence"].label, value=0, min=0, max=3, step=0.1
        )
        self.where = _combo("where", "Together", "Which pixels are clustered together", choices["where"])
        self.mask = _combo(
            "mask", "Mask", "Cluster only inside the labels or shapes of a layer", choices["mask"]
        )
        self.leave_out = ComboBox(name="leave_out", label=_DECLARED["exclude"].label, choices=EXCLUDED)
        self.no_data = FloatSpinBox(
            name="no_data", label="Value", value=0, min=-1e12, max=1e12, step=1, visible=False
        )
        self.majority, self.min_size, self.fill_holes = (
            _number(name) for name in ("majority", "min_size", "fill_holes")
        )
        self.objects = PushButton(name="objects", text="Split into objects")
        self.live = CheckBox(name="live", text="Live", value=live)
        self.segment = PushButton(name="segment", text="Segment")
        self.cancel = PushButton(name="cancel", text="Cancel")
        self.progress = ProgressBar(name="progress", min=0, max=100, value=0)
        tips = {
            "n_clusters": "Number of clusters, 2 to 255",
            "n_clusters_slider": f"Number of clusters, 2 to {K_MAX}",
            "illumination": "Remove uneven light: stray light and background, or shading and vignetting",
            "coherence": "Prefer large regions: price of a border, in units of the noise (one feature only)",
            "leave_out": "Exclude these values; their pixels get label 0",
            "no_data": "The value to exclude",
            "objects": "Number and measure the connected parts of the selected clusters, or of all",
            "live": "Show the clusters while you choose them",
            "segment": "Read the image again and draw its clusters over it",
            "cancel": "Stop what is running",
            "progress": "Progress of what is running",
        }
        for name, widget in self.by_name.items():
            widget.tooltip = widget.tooltip or tips.get(name) or _DECLARED[name].help
            widget.native.setToolTip(widget.tooltip)
            widget.native.setAccessibleName(widget.label.strip() or widget.tooltip)
        for name in CHOSEN:
            getattr(self, name).changed.connect(partial(self._on_changed, name))

    @property
    def by_name(self) -> dict[str, Any]:
        """Every control by its name."""
        names = (*CHOSEN, "objects", "segment", "cancel", "progress")
        return {name: getattr(self, name) for name in names}

    def show(self, **values: Any) -> None:
        """Set controls by name."""
        with QSignalBlocker(self):
            for name, value in values.items():
                control = getattr(self, name)
                if hasattr(control, "choices") and value not in control.choices:
                    continue
                control.value = value

    def _on_changed(self, name: str, value: Any) -> None:
        self.chosen.emit(name, value)


CHOSEN = (
    *("image", "features", "standardize", "sigma", "n_clusters", "n_clusters_slider"),
    *("illumination", "smooth", "coherence", "where", "mask", "leave_out", "no_data"),
    *("majority", "min_size", "fill_holes", "live"),
)
"""Names of the controls whose changes are signalled."""


def _combo(name: str, label: str, tip: str, choices: Choices, *, nullable: bool = False) -> ComboBox:
    return ComboBox(name=name, label=label, choices=choices, nullable=nullable, tooltip=tip)


def _number(name: str) -> FloatSpinBox:
    """Return a box for a declared number."""
    details = _DECLARED[name]
    return FloatSpinBox(
        name=name,
        label=details.label,
        value=0,
        min=details.minimum,
        max=min(details.maximum, 1e9),
        step=1,
        tooltip=details.help,
    )


def feature_choices(image: Image | None, channels: Sequence[Image] = ()) -> list[tuple[str, str]]:
    """Return what an image can be clustered by, as titles and names.

    Parameters
    ----------
    image : Image layer or None
    channels : sequence of Image layers
        Layers with the same pixel grid.
    """
    if image is None:
        gray = FEATURES["gray"]
        return [(gray.title, gray.name)]
    n_channels = _n_channels(image)
    choices = []
    for space in FEATURES.values():
        if space.name in _WITHOUT_CONTROL or (n_channels is None and space.name in _FOR_COLORS_ONLY):
            continue
        together = space.name == Channels.name and n_channels is None and len(channels) > 1
        if not space().unsupported_reason(image.dtype, len(channels) if together else n_channels, image.ndim):
            choices.append((space.title, space.name))
    return choices


def mask_choices(image: Image | None, layers: Sequence[Layer], own: Layer | None) -> list[tuple[str, Any]]:
    """Return the layers that can be a mask of an image; never its own overlay."""
    masks = [layer for layer in layers if isinstance(layer, Labels | Shapes) and layer is not own]
    return [("Whole image", NO_MASK), *((layer.name, layer) for layer in masks if image is not None)]


def _n_channels(image: Image) -> int | None:
    if not image.rgb:
        return None
    return int((image.data[0] if image.multiscale else image.data).shape[-1])


def where_choices(image: Image | None) -> list[tuple[str, int]]:
    """Return what can be clustered together: the whole image, or each position along an axis."""
    axes = range(image.ndim - 2) if image is not None else range(0)
    return [("Whole stack", WHOLE), *((f"Each {axis_name(image, axis)}", axis) for axis in axes)]


def excluded_choice(exclude: tuple[float | str, ...]) -> tuple[Any, float | None]:
    """Return what `leave_out` and `no_data` show for excluded values."""
    if exclude in [choice for _, choice in EXCLUDED]:
        return exclude, None
    return A_VALUE, next((float(value) for value in exclude if not isinstance(value, str)), None)


def unit_suffixes(image: Image) -> dict[str, str]:
    """Return the units of lengths and of sizes, as boxes show them behind numbers."""
    pixel = pixel_size(image)
    if pixel is None:
        return {"length": " px", "size": " px"}
    return {"length": f" {pixel.unit.rstrip('²³')}", "size": f" {pixel.unit}"}
