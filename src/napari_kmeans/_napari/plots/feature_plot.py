"""The plots of several features, which replace the histogram."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from ...model.model import KMeansModel
from ...summary.vector import VectorSummary
from .center_palette import COLORS, CenterPalette, guess_white
from .point_cloud import variance_between
from .profile import ProfilePlot
from .scatter import ScatterPlot

_MAX_IN_SCATTER = 2  # features that a scatter plot shows completely


class FeaturePlot(QWidget):
    """The colours of the clusters, and a scatter plot of two features or a profile of all.

    The chosen axes and plot are remembered for each set of feature names.

    Attributes
    ----------
    centers : CenterPalette
        Shown for colours only.
    scatter : ScatterPlot
    profile : ProfilePlot
        Not for colours.
    x_axis, y_axis : QComboBox
        Features of the scatter's axes.
    as_scatter, as_profile : QPushButton
        Switch between the two plots.
    cloud : VectorSummary or None
        The pixels that are shown.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.centers = CenterPalette()
        self.scatter = ScatterPlot()
        self.profile = ProfilePlot()
        self._plots = QStackedWidget()
        for plot in (self.scatter, self.profile):
            self._plots.addWidget(plot)
        self.x_axis = _AxisBox("Feature on the horizontal axis")
        self.y_axis = _AxisBox("Feature on the vertical axis")
        self.as_scatter = QPushButton("Scatter", checkable=True)
        self.as_scatter.setToolTip("Show the pixels in a scatter plot of two features")
        self.as_profile = QPushButton("Profile", checkable=True)
        self.as_profile.setToolTip("Show the centre of each cluster, feature by feature")
        self._which = QWidget()
        which = QHBoxLayout(self._which)
        group = QButtonGroup(self)
        for button in (self.as_scatter, self.as_profile):
            button.setStyleSheet("QPushButton { padding: 1px 8px; }")
            group.addButton(button)
            which.addWidget(button)
        self._axes_row = QWidget()
        axes = QHBoxLayout(self._axes_row)
        for text, box in (("→", self.x_axis), ("↑", self.y_axis)):
            axes.addWidget(QLabel(text))
            axes.addWidget(box, 1)
        layout = QVBoxLayout(self)
        for each in (axes, which, layout):
            each.setContentsMargins(0, 0, 0, 0)
            each.setSpacing(4)
        axes.setSpacing(2)
        for widget, stretch in (
            (self.centers, 0),
            (self._which, 0),
            (self._plots, 1),
            (self._axes_row, 0),
        ):
            layout.addWidget(widget, stretch)
        self.cloud: VectorSummary | None = None
        self._white = 1.0
        self._model: KMeansModel | None = None
        self._colors = np.zeros((0, 4))
        self._has_axes = False  # whether axes were chosen for this cloud
        self._axes_of: dict[tuple[str, ...], tuple[int, int]] = {}
        self._profile_of: dict[tuple[str, ...], bool] = {}
        self.x_axis.activated.connect(self._on_x)
        self.y_axis.activated.connect(self._on_y)
        self.as_scatter.clicked.connect(self._on_which)
        self.as_profile.clicked.connect(self._on_which)
        self.set_cloud(None)

    def set_cloud(self, cloud: VectorSummary | None, white: float | None = None) -> None:
        """Show other pixels or features, without clusters until `set_model`.

        Parameters
        ----------
        cloud : VectorSummary or None
        white : float, optional
            Value of white, where red, green and blue are the features; by default guessed from the largest.
        """
        names = cloud.names if cloud is not None else ()
        # Keep the axes from one position of a stack to the next.
        same = self._has_axes and self.cloud is not None and self.cloud.names == names
        axes = self.scatter.shown_axes if same else self._axes_of.get(names, (0, 1))
        self._has_axes = same or names in self._axes_of
        self.cloud, self._model = cloud, None
        if white is None and cloud is not None:
            white = guess_white(float(cloud.positions.max()))
        self._white = white or 1.0
        for box, axis in ((self.x_axis, axes[0]), (self.y_axis, axes[1])):
            box.set_names(names, axis)
        self._axes_row.setEnabled(cloud is not None)
        self.scatter.set_cloud(cloud, axes)
        self.profile.set_cloud(cloud)
        self._switch()

    def set_model(self, model: KMeansModel | None, colors: NDArray[np.float64]) -> None:
        """Show the clusters of a model of the cloud.

        The cost does not depend on the cloud, so this can be called at every step of a slider.

        Parameters
        ----------
        model : KMeansModel or None
        colors : (n_clusters, 4) array
            RGBA of each cluster, 0 to 1.
        """
        first = self._model is None
        self._model, self._colors = model, colors
        if first and model is not None:
            self._choose_axes(model)
            self._switch()
        else:
            self._draw()

    def _draw(self) -> None:
        """Show the model in the plots that are visible."""
        model, colors = self._model, self._colors
        are_colors = model is not None and model.features in COLORS
        self.centers.setVisible(are_colors)
        self.centers.set_model(model if are_colors else None, colors, self._white)
        plot = self.profile if self._is_profile else self.scatter
        plot.set_model(model, colors)

    @property
    def _is_profile(self) -> bool:
        return self._plots.currentWidget() is self.profile

    def _choose_axes(self, model: KMeansModel) -> None:
        """Choose the two axes that separate the clusters best, unless the user has chosen."""
        view = self.scatter.view
        if self._has_axes or view is None:
            return
        self._has_axes = True
        if model.features == "lab":
            axes = 1, 2  # stains differ least in lightness
        elif model.features == "channels":
            axes = 0, 1
        elif model.features == "texture":
            axes = view.informative_axes(variance_between(model))
        else:
            axes = view.informative_axes()
        for box, axis in ((self.x_axis, axes[0]), (self.y_axis, axes[1])):
            box.setCurrentIndex(axis)
        if axes != self.scatter.shown_axes:
            self.scatter.set_axes(axes)

    def _on_x(self, x: int) -> None:
        self._set_axes(x, self.y_axis, (x, self.scatter.shown_axes[1]))

    def _on_y(self, y: int) -> None:
        self._set_axes(y, self.x_axis, (self.scatter.shown_axes[0], y))

    def _set_axes(self, chosen: int, other: QComboBox, axes: tuple[int, int]) -> None:
        """Use a feature for an axis; if the other axis already has it, swap the axes."""
        if self.cloud is None:
            return
        if axes[0] == axes[1]:
            axes = self.scatter.shown_axes[::-1]
            other.setCurrentIndex(axes[0] if other is self.x_axis else axes[1])
        self._axes_of[self.cloud.names] = axes
        self._has_axes = True
        self.scatter.set_axes(axes)

    def _on_which(self) -> None:
        if self.cloud is not None:
            self._profile_of[self.cloud.names] = self.as_profile.isChecked()
        self._switch()

    def _switch(self) -> None:
        """Show the plot that the user chose for these features; by default, the one that shows more features."""
        names = self.cloud.names if self.cloud is not None else ()
        has_profile = self._model is not None and self._model.features not in COLORS
        profile = has_profile and self._profile_of.get(names, len(names) > _MAX_IN_SCATTER)
        (self.as_profile if profile else self.as_scatter).setChecked(True)
        self._which.setVisible(has_profile)
        self._axes_row.setVisible(not profile)
        self._plots.setCurrentWidget(self.profile if profile else self.scatter)
        self._draw()

    def keyPressEvent(self, event: Any) -> None:
        # An unhandled key would reach the canvas and switch the layer's tool.
        event.accept()


class _AxisBox(QComboBox):
    """The choice of a feature for an axis. Long names are elided in the box, not in its list and tooltip."""

    def __init__(self, tip: str) -> None:
        super().__init__()
        self._tip = tip
        self.setToolTip(tip)
        self.setAccessibleName(tip)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(3)
        # napari adds wide margins around the text.
        self.setStyleSheet(
            "QComboBox { min-width: 40px; padding: 0px 0px 0px 4px; }QComboBox::drop-down { width: 14px; }"
        )
        self.currentTextChanged.connect(self._on_text)

    def set_names(self, names: tuple[str, ...], current: int) -> None:
        """List features, and choose one."""
        if [self.itemText(i) for i in range(self.count())] != list(names):
            self.clear()
            self.addItems(list(names))
        self.setCurrentIndex(min(current, self.count() - 1))

    def _on_text(self, name: str) -> None:
        self.setToolTip(f"{self._tip}: {name}" if name else self._tip)

    def wheelEvent(self, event: Any) -> None:
        event.ignore()  # the user is scrolling past it
