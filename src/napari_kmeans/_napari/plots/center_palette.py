"""The mean colours of the clusters, as swatches."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QRectF, QSize
from qtpy.QtGui import QColor, QPainter, QPalette
from qtpy.QtWidgets import QSizePolicy, QWidget

from ...model.model import KMeansModel
from ...report.tables import cluster_table
from .plot_text import format_value

COLORS = ("rgb", "lab")
"""Feature spaces whose centres are colours."""

_HEIGHT = 20  # px
_MIN_WIDTH = 10  # px of a swatch, if there is room
_FRAME = 3  # px
_GAP = 1  # px
_HINT = "Mean colour of each cluster, framed in its label colour; the width is its share"


class CenterPalette(QWidget):
    """Swatches from dark to bright: the mean colour of a cluster, framed in its colour in the overlay.

    Their widths are the shares of the clusters, with a minimum so that each is visible. Merged clusters share a
    swatch. The tooltip shows the name, centre, share and number of pixels.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setToolTip(_HINT)
        self.setAccessibleName("Colours of the clusters")
        self._means: list[QColor] = []
        self._frames: list[QColor | None] = []  # None for background
        self._shares = np.zeros(0)
        self._tips: list[str] = []

    def sizeHint(self) -> QSize:
        return QSize(280, _HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, _HEIGHT)

    def set_model(self, model: KMeansModel | None, colors: NDArray[np.float64], white: float) -> None:
        """Show the centres of a model.

        Parameters
        ----------
        model : KMeansModel or None
            Of `COLORS`.
        colors : (n_clusters, 4) array
            Of the overlay, 0 to 1.
        white : float
            Value of white, where red, green and blue are the features.
        """
        self._means, self._frames, self._tips = [], [], []
        self._shares = np.zeros(0)
        if model is not None:
            rows = cluster_table(model.with_background([]))
            centers = np.array([rows[name] for name in model.feature_names]).T
            self._means = [QColor.fromRgbF(*color) for color in srgb(centers, model.features, white)]
            self._shares = np.array(rows["share"])
            for row, label in enumerate(rows["index"]):
                hidden = label in model.background
                self._frames.append(None if hidden else QColor.fromRgbF(*colors[label - 1]))
                values = zip(model.feature_names, centers[row], strict=True)
                self._tips.append(
                    f"{rows['name'][row]}{' (background)' * hidden}\n"
                    + ", ".join(f"{name} {format_value(value)}" for name, value in values)
                    + f"\n{100 * rows['share'][row]:.1f} % of the image, {rows['pixels'][row]:,} pixels"
                )
        self.setToolTip(_HINT)
        self.update()

    def edges(self) -> NDArray[np.float64]:
        """Return where swatches begin and end, in pixels from the left: (n + 1,) float64 array."""
        n = self._shares.size
        if not n:
            return np.zeros(1)
        least = min(_MIN_WIDTH, self.width() / n)
        total = float(self._shares.sum())
        shares = self._shares / total if total > 0 else np.full(n, 1 / n)
        # Each swatch gets the minimum; the rest is distributed by share.
        widths = least + (self.width() - n * least) * shares
        return np.concatenate(([0.0], np.cumsum(widths)))

    def text_at(self, x: float) -> str:
        """Return the name, centre, share and pixels of the swatch at a position; empty if there is none."""
        i = int(np.searchsorted(self.edges(), x, side="right")) - 1
        return self._tips[i] if 0 <= i < len(self._tips) else ""

    def mouseMoveEvent(self, event: Any) -> None:
        self.setToolTip(self.text_at(event.position().x()) or _HINT)
        super().mouseMoveEvent(event)

    def paintEvent(self, _event: Any) -> None:
        painter = QPainter(self)
        edges = self.edges().round()
        plain = self.palette().color(QPalette.ColorRole.Mid)
        for left, right, mean, frame in zip(edges[:-1], edges[1:], self._means, self._frames, strict=True):
            swatch = QRectF(left, 0, max(right - left - _GAP, 1), self.height())
            painter.fillRect(swatch, plain if frame is None else frame)
            inset = min(_FRAME, swatch.width() / 3)
            painter.fillRect(swatch.adjusted(inset, inset, -inset, -inset), mean)


def srgb(centers: NDArray[np.float64], features: str, white: float) -> NDArray[np.float64]:
    """Return the colours of centres in sRGB: (n, 3) float64 array, 0 to 1."""
    if features == "lab":
        from skimage.color import lab2rgb

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a mean may lie slightly outside sRGB
            found = lab2rgb(centers)
    else:
        found = centers / white
    return np.asarray(np.clip(found, 0, 1))


def guess_white(cloud_max: float) -> float:
    """Guess the value of white from the largest value: 1, or the maximum of 8 or 16 bits."""
    return next((white for white in (1.0, 255.0, 65535.0) if cloud_max <= white), cloud_max)
