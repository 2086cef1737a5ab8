"""Appearance of the clusters: colours, outlines, *Peek* and *Side by side*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray

from ...model.model import KMeansModel
from ...report.palette import distinct_colors
from ..layers.cluster_colors import DISTINCT, cluster_colors, label_colormap, with_chosen_colors
from ..layers.side_by_side import SideBySide
from . import preferences
from .session import Session


class Display:
    """Display settings of the user, applied to the overlay of the current session.

    Parameters
    ----------
    viewer : napari.Viewer
    palette : str
        One of `PALETTES`.
    session : callable
        Returns the session that the dock shows, or None.
    """

    def __init__(self, viewer: Any, palette: str, session: Callable[[], Session | None]) -> None:
        self._viewer = viewer
        self._session = session
        self.palette = palette
        self._colormap: Any = None
        self._colormap_key: object = None
        self._peeked: Labels | None = None
        self._side_by_side: SideBySide | None = None

    def colors(self, session: Session, model: KMeansModel) -> NDArray[np.float64]:
        """Return the colour of each cluster: (n_clusters, 4) array."""
        return cluster_colors(model, self.palette, session.image.contrast_limits, session.colors)

    def colormap(self, session: Session, model: KMeansModel) -> Any:
        """Return the colormap of the overlay; the same object as before unless a colour has changed."""
        hidden, highlighted = frozenset(self.hidden(session)), frozenset(session.highlighted)
        # Distinct colours depend on the label alone, so one colormap serves any number of clusters.
        fixed = self.palette == DISTINCT
        colors = (
            with_chosen_colors(distinct_colors(255), session.colors) if fixed else self.colors(session, model)
        )
        key = (hidden, highlighted, colors.tobytes())
        if key != self._colormap_key:
            self._colormap_key = key
            self._colormap = label_colormap(colors, hidden, highlighted)
        return self._colormap

    def hidden(self, session: Session) -> set[int]:
        """Return the labels that are not drawn.

        In 3D, the darkest cluster is hidden at first, because it usually surrounds the others.
        """
        hidden = set(session.hidden)
        if self._is_3d(session) and not session.shows_darkest:
            hidden.add(1)
        return hidden

    def _is_3d(self, session: Session) -> bool:
        return bool(self._viewer.dims.ndisplay == 3 and session.image.ndim > 2)

    def recolor(self) -> bool:
        """Draw the overlay in the current colours; return whether any colour has changed."""
        session, before = self._session(), self._colormap
        if session is None or session.model is None:
            return False
        session.overlay.recolor(self.colormap(session, session.model))
        return self._colormap is not before

    def set_visible(self, label: int, visible: bool) -> None:
        """Show or hide a cluster."""
        session = self._session()
        if session is not None:
            (session.hidden.discard if visible else session.hidden.add)(label)
            if label == 1 and self._is_3d(session):
                session.shows_darkest = visible
            self.recolor()

    def set_color(self, labels: list[int], color: tuple[float, ...]) -> None:
        """Set the colour of some clusters of this image."""
        session = self._session()
        if session is not None:
            session.colors.update(dict.fromkeys(labels, color))
            self.recolor()

    def set_highlighted(self, labels: list[int]) -> None:
        """Dim all clusters except these; an empty list shows all."""
        session = self._session()
        if session is not None:
            session.highlighted = set(labels)
            self.recolor()

    def set_palette(self, palette: str) -> None:
        """Change the colours of the clusters, here and in the next dock."""
        self.palette = palette
        preferences.save(palette=palette)
        self.recolor()

    def set_outline(self, outline: bool) -> None:
        """Draw outlines instead of filled regions, or the reverse."""
        session = self._session()
        if session is not None and (session.overlay.contour > 0) != outline:
            session.overlay.contour = 1 if outline else 0

    def peek(self) -> None:
        """Hide the clusters until `end_peek`."""
        session = self._session()
        layer = session.overlay.layer if session else None
        if layer is not None and layer.visible:
            self._peeked = layer
            layer.visible = False

    def end_peek(self) -> None:
        """Show the clusters again."""
        if self._peeked is not None:
            self._peeked.visible = True
            self._peeked = None

    def set_side_by_side(self, wanted: bool) -> bool:
        """Turn the side-by-side view on or off; return whether it is on."""
        if self._side_by_side is not None:
            self._side_by_side.leave()
            self._side_by_side = None
        session = self._session()
        layer = session.overlay.layer if session else None
        if wanted and session is not None and layer is not None:
            self._side_by_side = SideBySide(self._viewer, session.image, layer)
        return self._side_by_side is not None
