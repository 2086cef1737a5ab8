"""Layout of the dock."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLayout,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

_LABEL_WIDTH = 78  # px, the longest label in napari's font, so that the controls are aligned
_MIN_BELOW = 78  # px, three rows of the table


class PlotTabs(QTabWidget):
    """Two tabs: the values with their clusters, and the curve of *Choose k*.

    Parameters
    ----------
    histogram : list of QWidget
        Shown for one feature.
    choose_k : QWidget
    """

    def __init__(self, histogram: list[QWidget], choose_k: QWidget) -> None:
        super().__init__()
        self.pages = QStackedWidget()
        self.pages.addWidget(column(*histogram))
        self.addTab(self.pages, "")
        self.addTab(choose_k, "Choose k")
        self.setTabToolTip(1, "Variance explained by each number of clusters, and the suggested number")
        self.show_page(of_several_features=False)

    def show_page(self, *, of_several_features: bool) -> None:
        """Show the histogram in the first tab, or the plot of several features."""
        title, tip = (
            ("Clusters", "Centres of the clusters, and their pixels in a scatter plot of two features")
            if of_several_features
            else ("Histogram", "How many pixels have each value, and the thresholds between clusters")
        )
        self.pages.setCurrentIndex(int(of_several_features))
        self.setTabText(0, title)
        self.setTabToolTip(0, tip)


class ReservedSpace(QWidget):
    """A row that keeps its space while hidden, so that nothing moves when it appears."""

    def __init__(self, *widgets: QWidget) -> None:
        super().__init__()
        fill(QHBoxLayout(self), *widgets)
        policy = self.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.setSizePolicy(policy)


def status_label() -> QLabel:
    """Return the label that shows messages to the user."""
    label = QLabel(wordWrap=True)
    # The text wraps at the available width, instead of asking for one wide line.
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    return label


def arrange(dock: QWidget, rows: Iterable[tuple[QWidget, int]]) -> None:
    """Add rows with their stretch below the form of a dock."""
    layout = dock.layout()
    for label in dock.findChildren(QLabel):
        label.setMinimumWidth(_LABEL_WIDTH)
        if label.buddy() is None:
            beside = label.parentWidget().findChildren(
                QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly
            )
            label.setBuddy(next((w for w in beside if w.focusPolicy() & Qt.FocusPolicy.TabFocus), None))
    for widget, stretch in rows:
        layout.addWidget(widget, stretch)
    # napari's title bar covers the top 4 pixels of a docked widget.
    layout.setContentsMargins(4, 6, 4, 2)
    dock.setMinimumWidth(240)


def tune_controls(controls: Iterable[Any], owner: QWidget) -> None:
    """Prevent long names from widening the dock, and the mouse wheel from changing controls."""
    guard = _WheelGuard(owner)
    for control in controls:
        native = control if isinstance(control, QWidget) else control.native
        if isinstance(native, QComboBox):
            # A long name is elided in the box, but complete in the list.
            native.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            native.setMinimumContentsLength(8)
        for widget in (native, *native.findChildren(QWidget)):
            widget.installEventFilter(guard)
            if widget.focusPolicy() & Qt.FocusPolicy.WheelFocus == Qt.FocusPolicy.WheelFocus:
                widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)


def row(*widgets: QWidget) -> QWidget:
    """Return widgets side by side."""
    box = QWidget()
    fill(QHBoxLayout(box), *widgets)
    return box


def column(*widgets: QWidget) -> QWidget:
    """Return widgets one above the other."""
    box = QWidget()
    fill(QVBoxLayout(box), *widgets)
    return box


def fill(layout: QLayout, *widgets: QWidget) -> None:
    """Add widgets to a layout without margins."""
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    for widget in widgets:
        layout.addWidget(widget)


class ScrollColumn(QScrollArea):
    """A column that scrolls vertically when there is not enough room."""

    def __init__(self, *widgets: QWidget) -> None:
        super().__init__()
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its content has the focus
        self.setWidget(column(*widgets))

    def sizeHint(self) -> QSize:
        return self.widget().sizeHint()

    def minimumSizeHint(self) -> QSize:
        return QSize(120, _MIN_BELOW)


class _WheelGuard(QObject):
    """Ignore the mouse wheel while the user scrolls past a control.

    It also prevents text boxes from taking the undo shortcut of the dock.
    """

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        is_undo = event.type() == QEvent.Type.ShortcutOverride and event.matches(
            QKeySequence.StandardKey.Undo
        )
        if is_undo or event.type() == QEvent.Type.Wheel:
            event.ignore()
            return True
        return False
