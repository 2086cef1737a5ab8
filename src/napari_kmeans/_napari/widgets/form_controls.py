"""The controls that are always visible, and those of feature spaces below *Cluster by*."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from magicgui.widgets import CheckBox, ComboBox, ProgressBar, PushButton, Slider, SpinBox
from napari.layers import Image

from ...blocks.containers import levels_of
from ...features.channels import Channels
from ...features.registry import FEATURES
from ...features.texture import Texture
from ..layers.image_layer import aligned_layers
from ..session.session import K_MAX, Session
from .control import FORM, Context, Control, of_features

_SCALES = [("Fine: ½ to 2", (0.5, 2.0)), ("Medium: ½ to 4", (0.5, 4.0)), ("Coarse: 1 to 16", (1.0, 16.0))]

_FOR_COLORS_ONLY = ("gray601",)  # the same as gray for images without colours
_WITHOUT_CONTROL = ("stain",)  # needs a colour


def _image_choices(dock: Context) -> list[tuple[str, Any]]:
    return [(layer.name, layer) for layer in dock.viewer.layers if isinstance(layer, Image)]


def _feature_choices(dock: Context) -> list[tuple[str, Any]]:
    channels = () if dock.image is None else aligned_layers(dock.image, dock.viewer)
    return feature_choices(dock.image, channels)


def feature_choices(image: Image | None, channels: Sequence[Image] = ()) -> list[tuple[str, str]]:
    """Return the feature spaces that an image supports, as titles and names.

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


def _n_channels(image: Image) -> int | None:
    if not image.rgb:
        return None
    return int(levels_of(image)[0].shape[-1])


def _choose_features(dock: Context, name: str) -> bool:
    channels = channels_of(dock.session, dock.viewer) if name == Channels.name else ()
    return dock.session.choose_features(FEATURES[name](), channels)


def channels_of(session: Session, viewer: Any) -> tuple[Image, ...]:
    """Return the layers to cluster together: the selected ones, otherwise all with the same pixel grid."""
    image = session.image
    if image.rgb:
        return ()
    candidates = aligned_layers(image, viewer)
    selected = [layer for layer in candidates if layer in viewer.layers.selection]
    return tuple(selected if len(selected) > 1 and image in selected else candidates)


def _scale_choices(dock: Context) -> list[tuple[str, Any]]:
    """Return the usual scales of texture, and those of a loaded model."""
    features = None if dock.image is None else dock.settings.recipe.features
    if not isinstance(features, Texture) or features.sigma in [scales for _, scales in _SCALES]:
        return list(_SCALES)
    return [*_SCALES, ("{:g} to {:g}".format(*features.sigma), features.sigma)]


def _beyond_slider(dock: Context) -> str:
    k = dock.settings.n_clusters
    return f"{k} clusters: beyond the end of the slider at {K_MAX}" if k > K_MAX else ""


FORM_CONTROLS = (
    Control(
        name="image",
        kind=ComboBox,
        label="Image",
        tip="Image to segment",
        place=FORM,
        details={"nullable": True},
        choices=_image_choices,
    ),
    Control(
        name="features",
        kind=ComboBox,
        label="Cluster by",
        tip="Features to cluster the pixels by",
        place=FORM,
        choices=_feature_choices,
        shown=lambda dock: dock.settings.recipe.features.name,
        change=_choose_features,
    ),
    of_features(Channels, "standardize", place=FORM),
    of_features(Texture, "sigma", place=FORM, choices=_scale_choices),
    Control(
        name="n_clusters",
        kind=SpinBox,
        label="Clusters",
        tip="Number of clusters, 2 to 255",
        place=FORM,
        details={"min": 2, "max": 255},
        shown=lambda dock: dock.settings.n_clusters,
        change=lambda dock, k: dock.session.choose_k(k),
        is_dragged=True,
    ),
    Control(
        name="n_clusters_slider",
        kind=Slider,
        label=" ",
        tip=f"Number of clusters, 2 to {K_MAX}",
        place=FORM,
        details={"min": 2, "max": K_MAX, "readout": False},
        shown=lambda dock: min(dock.settings.n_clusters, K_MAX),
        hint=_beyond_slider,
    ),
)

BUTTONS = (
    Control(name="live", kind=CheckBox, label="Live", tip="Update the overlay while you change the settings"),
    Control(
        name="segment",
        kind=PushButton,
        label="Segment",
        tip="Read the image again and show its clusters",
    ),
    Control(name="cancel", kind=PushButton, label="Cancel", tip="Stop the running task"),
    Control(
        name="progress",
        kind=ProgressBar,
        label="progress",
        tip="Progress of the running task",
        details={"min": 0, "max": 100, "value": 0},
    ),
)
