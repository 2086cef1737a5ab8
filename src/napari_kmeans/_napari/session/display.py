"""How clusters are drawn: colours, outline, a peek at the original, side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray

from ...model.model import KMeansModel
from ...report.palette import distinct_colors
from ..layers.cluster_colors import DISTINCT, cluster_colors, label_colormap
from ..layers.side_by_side import SideBySide
from .session import Session


class Display:
    """What the user chose about the drawing, applied to the overlay of a session."""

    def __init__(self, viewer: Any, palette: str) -> None:
        self._viewer = viewer
        self.palette = palette
        self._colormap: Any = None
        self._colormap_key: object = None
        self._peeked: Labels | None = None
        self._side_by_side: SideBySide | None = None

    def colors(self, session: Session, model: KMeansModel) -> NDArray[np.float64]:
        """Return the colour of each cluster: (n_clusters, 4) array."""
        return cluster_colors(model, self.palette, session.image.contrast_limits)

    def colormap(self, session: Session, model: KMeansModel) -> Any:
        """Return the colormap of the overlay; the same object as before unless a colour changed."""
        hidden, highlighted = frozenset(session.hidden), frozenset(session.highlighted)
        # Distinct colours depend on the label alone, so one colormap serves any number of clusters.
        fixed = self.palette == DISTINCT
        colors = distinct_colors(255) if fixed else self.colors(session, model)
        key = (hidden, highlighted, DISTINCT if fixed else colors.tobytes())
        if key != self._colormap_key:
            self._colormap_key = key
            self._colormap = label_colormap(colors, hidden, highlighted)
        return self._colormap

    def recolor(self, session: Session | None) -> None:
        """Draw the overlay in the present colours."""
        if session is not None and session.model is not None:
            session.overlay.recolor(self.colormap(session, session.model))

    def set_outline(self, session: Session | None, outline: bool) -> None:
        """Draw borders instead of areas."""
        if session is not None and (session.overlay.contour > 0) != outline:
            session.overlay.contour = 1 if outline else 0

    def peek(self, session: Session | None) -> None:
        """Hide the clusters until `end_peek`."""
        layer = session.overlay.layer if session else None
        if layer is not None and layer.visible:
            self._peeked = layer
            layer.visible = False

    def end_peek(self) -> None:
        """Show the clusters again."""
        if self._peeked is not None:
            self._peeked.visible = True
            self._peeked = None

    def set_side_by_side(self, session: Session | None, wanted: bool) -> bool:
        """Show original and clusters side by side, or as before; return whether they are."""
        if self._side_by_side is not None:
            self._side_by_side.leave()
            self._side_by_side = None
        layer = session.overlay.layer if session else None
        if wanted and session is not None and layer is not None:
            self._side_by_side = SideBySide(self._viewer, session.image, layer)
        return self._side_by_side is not None
