"""Where the dock's parts stand. What they do is `widget`'s."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import Container
from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

if TYPE_CHECKING:
    from .kmeans_widget import KMeansWidget

_LABEL_WIDTH = 78  # of the longest label in napari's font, so that the controls beside them stand in line
_LEAST_BELOW = 78  # px, three rows of the table


def lay_out(dock: KMeansWidget) -> tuple[QLabel, QWidget]:
    """Put the dock's parts in place.

    Returns
    -------
    status : QLabel
        For what the person should know or do.
    running : QWidget
        The row with progress and cancel, hidden while nothing runs.
    """
    pages = dock.pages = QStackedWidget()
    pages.addWidget(_column(dock.histogram, dock.border))
    tabs = dock.tabs = QTabWidget()
    tabs.addTab(pages, "")
    tabs.addTab(dock.choose_k, "Choose k")
    tabs.setTabToolTip(1, "What each number of clusters explains, and which is suggested")
    show_page(dock, of_several_features=False)
    status = QLabel(wordWrap=True)
    # Asks for the height that its text takes at the width there is, instead of a broad line.
    status.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    running = _row(dock.progress.native, dock.cancel.native)
    running.hide()
    layout = dock.native.layout()
    for label in dock.native.findChildren(QLabel):
        label.setMinimumWidth(_LABEL_WIDTH)
    below = _Scroll(_column(dock.table, dock.where_section, dock.clean_section))
    for widget, stretch in (
        (tabs, 1),
        (status, 0),
        (below, 1),
        (_row(dock.live.native, dock.segment.native, dock.undo, dock.peek, dock.more), 0),
        (running, 0),
    ):
        layout.addWidget(widget, stretch)
    # Napari's title bar covers the 4 uppermost pixels of what is docked.
    layout.setContentsMargins(4, 6, 4, 2)
    for button in (dock.segment, dock.cancel):
        button.native.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    in_sections = [dock.where, dock.mask, dock.leave_out, dock.no_data]
    in_sections += [dock.smooth, dock.majority, dock.min_size, dock.fill_holes, dock.objects]
    for combo in (dock.image, dock.features, dock["sigma"], dock.where, dock.mask, dock.leave_out):
        # A long name is cut in the box and whole in its list; it must not make the dock broader.
        combo.native.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        combo.native.setMinimumContentsLength(8)
    dock.native.setMinimumWidth(240)
    guard = _Guard(dock.native)
    form = [*dock, *in_sections]
    controls = [widget.native for widget in form if not isinstance(widget, Container)]
    for widget in form:
        widget.native.setToolTip(widget.tooltip)  # the slider's box has none of its own
    for control in (*controls, dock.border):
        for widget in (control, *control.findChildren(QWidget)):
            widget.installEventFilter(guard)
            if widget.focusPolicy() & Qt.FocusPolicy.WheelFocus == Qt.FocusPolicy.WheelFocus:
                widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return status, running


def show_page(dock: KMeansWidget, *, of_several_features: bool) -> None:
    """Show the histogram in the first tab, or what stands for it where a pixel has several features."""
    title, tip = (
        ("Clusters", "The centres, and how pixels and clusters lie in two features")
        if of_several_features
        else ("Histogram", "How many pixels have each value, and the borders between clusters")
    )
    dock.pages.setCurrentIndex(int(of_several_features))
    dock.tabs.setTabText(0, title)
    dock.tabs.setTabToolTip(0, tip)
    dock.menu.log_counts.setEnabled(not of_several_features)


def _row(*widgets: QWidget) -> QWidget:
    return _filled(QHBoxLayout(), *widgets)


def _column(*widgets: QWidget) -> QWidget:
    return _filled(QVBoxLayout(), *widgets)


def _filled(layout: QHBoxLayout | QVBoxLayout, *widgets: QWidget) -> QWidget:
    box = QWidget()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    for widget in widgets:
        layout.addWidget(widget)
    box.setLayout(layout)
    return box


class _Scroll(QScrollArea):
    """Scrolls up and down what has no room below the plots, and is as broad as the dock."""

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # what is in it has the focus, and is scrolled to
        self.setWidget(content)

    def sizeHint(self) -> QSize:
        return self.widget().sizeHint()

    def minimumSizeHint(self) -> QSize:
        return QSize(120, _LEAST_BELOW)


class _Guard(QObject):
    """Keeps the mouse wheel from changing controls while a person scrolls past them.

    It also keeps boxes to type in from taking the dock's undo for one of letters.
    """

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        undo = event.type() == QEvent.Type.ShortcutOverride and event.matches(QKeySequence.StandardKey.Undo)
        if undo or event.type() == QEvent.Type.Wheel:
            event.ignore()
            return True
        return False
