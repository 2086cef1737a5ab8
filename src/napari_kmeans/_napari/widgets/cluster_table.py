"""The table of clusters: colour, name, centre and share of each, and a context menu for them."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QKeyCombination, QSignalBlocker, QSize, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPainter, QPalette, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTableWidget, QTableWidgetItem, QWidget

from ...model.model import KMeansModel
from ...model.uncertainty import Uncertainty
from ...report.tables import PixelSize, cluster_table
from ..plots.plot_text import format_value

COLUMNS = ("", "Cluster", "Centre", "Share")
_COLOR, _NAME, _CENTER, _SHARE = range(4)
_SHOWN_FEATURES = 3  # features of a centre that fit into the column
_BACKGROUND = " (background)"  # shown after the name, not part of it
_HEADER_TIPS = (
    "Visibility and colour; double-click the colour to change it",
    "Name; double-click or press F2 to change it",
    "Mean of the pixels in the cluster",
    "Share of all pixels",
)
_ROWS = 2, 5  # rows that the table reserves room for: at least and at most
_MENU_KEYS = QKeyCombination(Qt.KeyboardModifier.ShiftModifier, Qt.Key.Key_F10)


class ClusterTable(QTableWidget):
    """One row per cluster, the darkest first; merged clusters share a row.

    Signals
    -------
    renamed(label, name), shown(label, visible), highlighted(labels)
        The user changed a row, or the selection of rows.
    action_requested(action, labels)
        An entry of the context menu for the selected rows: "merge", "split", "background", "color",
        "extract", "objects", "copy" or "csv". A double-click on a colour emits "color".
    """

    renamed = Signal(int, str)
    shown = Signal(int, bool)
    highlighted = Signal(list)
    action_requested = Signal(str, list)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(COLUMNS), parent)
        self.setHorizontalHeaderLabels(COLUMNS)
        for column, tip in enumerate(_HEADER_TIPS):
            self.horizontalHeaderItem(column).setToolTip(tip)
        self.setToolTip("Select clusters to highlight them; right-click or press Shift+F10 for a menu")
        self.setAccessibleName("Clusters")
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(24)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)  # Tab leaves the table
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(_COLOR, QHeaderView.ResizeMode.Fixed)
        header.setHighlightSections(False)
        self.setColumnWidth(_COLOR, 44)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._open_menu)
        self.itemChanged.connect(self._on_item_changed)
        self.itemSelectionChanged.connect(self._on_selection)
        self.cellDoubleClicked.connect(self._on_double_click)
        self._model: KMeansModel | None = None

    def sizeHint(self) -> QSize:
        return QSize(260, 126)

    def minimumSizeHint(self) -> QSize:
        # A few rows are always visible; more rows scroll.
        rows = min(max(self.rowCount(), _ROWS[0]), _ROWS[1])
        height = (
            self.horizontalHeader().sizeHint().height() + rows * self.verticalHeader().defaultSectionSize()
        )
        return QSize(120, height + 2 * self.frameWidth())

    def set_model(
        self,
        model: KMeansModel | None,
        colors: NDArray[Any],
        hidden: set[int],
        pixel: PixelSize | None = None,
        counts: NDArray[np.int64] | None = None,
        uncertainty: Uncertainty | None = None,
    ) -> None:
        """Show the clusters of a model.

        Parameters
        ----------
        model : KMeansModel or None
        colors : (n_clusters, 4) array
        hidden : set of int
            Hidden labels.
        pixel : PixelSize, optional
            Used for the size of each cluster in the tooltip.
        counts : (n_clusters + 1,) int64 array, optional
            Pixels of each label after clean-up and coherence; by default those of the model.
        uncertainty : Uncertainty, optional
            Intervals of shares and thresholds, shown in the tooltip.
        """
        selected = self.selected_labels()
        with QSignalBlocker(self):
            self._fill(model, colors, hidden, pixel, counts, uncertainty)
        if self.selected_labels() != selected:
            self._on_selection()  # a selected row was removed, or has another label

    def _fill(
        self,
        model: KMeansModel | None,
        colors: NDArray[Any],
        hidden: set[int],
        pixel: PixelSize | None,
        counts: NDArray[np.int64] | None,
        uncertainty: Uncertainty | None,
    ) -> None:
        self._model = model
        groups = model.groups if model is not None else ()
        if len(groups) != self.rowCount():
            self.setRowCount(len(groups))
            self.updateGeometry()
        if model is None:
            return
        rows = cluster_table(model.with_background([]), pixel, counts, uncertainty)
        for row, group in enumerate(groups):
            label = group[0]
            name = str(rows["name"][row])
            share = f"{100 * rows['share'][row]:.1f} %"
            center, full_center = _center(model, rows, row)
            tip = f"label {label}: {rows['pixels'][row]:,} pixels\n{full_center}"
            if pixel is not None:
                tip += f"\nsize {rows['size'][row]:.6g} {pixel.unit} ({pixel.axes})"
            if uncertainty is not None:
                tip += f"\n{_intervals(rows, row, uncertainty.level, is_cleaned=counts is not None)}"
            if len(group) > 1:
                tip = f"clusters {', '.join(map(str, group))} merged\n{tip}"
            if label in model.background:
                name, tip = f"{name}{_BACKGROUND}", f"{tip}\nbackground: label 0"
            for column, text in enumerate(("", name, center, share)):
                item = self._cell(row, column)
                item.setText(text)
                item.setToolTip(tip)
            box = self._cell(row, _COLOR)
            seen = label not in hidden and label not in model.background
            box.setCheckState(Qt.CheckState.Checked if seen else Qt.CheckState.Unchecked)
            box.setIcon(self._swatch(colors[label - 1]))
            box.setData(Qt.ItemDataRole.UserRole, tuple(colors[label - 1]))
            self._cell(row, _NAME).setData(Qt.ItemDataRole.UserRole, label)

    def _swatch(self, color: Any) -> QIcon:
        return _swatch(QColor.fromRgbF(*color), self.palette().color(QPalette.ColorRole.WindowText))

    def changeEvent(self, event: Any) -> None:
        super().changeEvent(event)
        if event.type() in (event.Type.PaletteChange, event.Type.StyleChange):  # the theme has changed
            with QSignalBlocker(self):
                for row in range(self.rowCount()):
                    if (box := self.item(row, _COLOR)) is not None:
                        box.setIcon(self._swatch(box.data(Qt.ItemDataRole.UserRole)))

    def _cell(self, row: int, column: int) -> QTableWidgetItem:
        item = self.item(row, column)
        if item is None:
            item = QTableWidgetItem()
            flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
            if column == _COLOR:
                flags |= Qt.ItemFlag.ItemIsUserCheckable
            elif column == _NAME:
                flags |= Qt.ItemFlag.ItemIsEditable
            else:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            item.setFlags(flags)
            self.setItem(row, column, item)
        return item

    def label_of_row(self, row: int) -> int:
        """Return the label of a row."""
        return int(self.item(row, _NAME).data(Qt.ItemDataRole.UserRole))

    def selected_labels(self) -> list[int]:
        """Return the labels of the selected rows, ascending."""
        return sorted(self.label_of_row(index.row()) for index in self.selectionModel().selectedRows())

    def _on_item_changed(self, item: QTableWidgetItem) -> None:
        label = self.label_of_row(item.row())
        if item.column() == _NAME:
            self.renamed.emit(label, item.text().strip().removesuffix(_BACKGROUND))
        elif item.column() == _COLOR:
            self.shown.emit(label, item.checkState() == Qt.CheckState.Checked)

    def _on_double_click(self, row: int, column: int) -> None:
        if column == _COLOR:
            self.action_requested.emit("color", [self.label_of_row(row)])

    def _on_selection(self) -> None:
        self.highlighted.emit(self.selected_labels())

    def menu(self) -> QMenu:
        """Return the context menu for the selected rows; entries that do not apply are disabled."""
        menu = QMenu(self)
        labels, model = self.selected_labels(), self._model
        merged = {group[0] for group in model.groups if len(group) > 1} if model else set()
        hidden = bool(labels) and model is not None and set(labels) <= set(model.background)
        for action, text, enabled in (
            ("merge", "Merge", len(labels) > 1),
            ("split", "Unmerge", bool(merged & set(labels))),
            (
                "background",
                "Remove from background" if hidden else "Set as background (label 0)",
                bool(labels),
            ),
            ("color", "Colour…", bool(labels)),
            ("extract", "Extract as layer", bool(labels)),
            ("objects", "Split into objects", bool(labels)),
            ("copy", "Copy table", model is not None),
            ("csv", "Save table as CSV…", model is not None),
        ):
            entry = menu.addAction(text)
            entry.setEnabled(enabled)
            entry.triggered.connect(_ActionEmitter(self, action))
        return menu

    def _open_menu(self, place: Any) -> None:
        menu = self.menu()
        menu.aboutToHide.connect(menu.deleteLater)  # after the chosen entry has been triggered
        menu.popup(self.viewport().mapToGlobal(place))

    def keyPressEvent(self, event: Any) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.clearSelection()
        elif (
            event.keyCombination() == _MENU_KEYS and sys.platform != "win32"
        ):  # Windows opens the menu itself
            self._open_menu(self.visualRect(self.currentIndex()).center())
        super().keyPressEvent(event)
        # An unhandled key would reach the canvas and switch the layer's tool.
        event.accept()


def _center(model: KMeansModel, rows: dict[str, list[Any]], row: int) -> tuple[str, str]:
    """Return a centre as a short text, and in full."""
    if model.n_features == 1:
        value = rows["center"][row]
        return format_value(value), f"centre {value:.10g}"
    values = {name: rows[name][row] for name in model.feature_names}
    shown = [f"{v:.0f}" if 100 <= abs(v) < 1e6 else f"{v:.3g}" for v in values.values()]
    if len(shown) > _SHOWN_FEATURES:
        shown[_SHOWN_FEATURES - 1 :] = "…"
    return " ".join(shown), "\n".join(f"{name} {value:.6g}" for name, value in values.items())


def _intervals(rows: dict[str, list[Any]], row: int, level: float, *, is_cleaned: bool) -> str:
    """Return the intervals of a row as one or two lines."""
    low, high = 100 * rows["share_low"][row], 100 * rows["share_high"][row]
    text = f"share {low:.3g} to {high:.3g} %{' before clean-up' * is_cleaned} ({100 * level:g} % interval)"
    if rows["up_to"][row] == rows["up_to"][row]:
        low, high = rows["up_to_low"][row], rows["up_to_high"][row]
        text += f"\nupper threshold {low:.6g} to {high:.6g}"
    return text


@lru_cache(maxsize=512)
def _painted(rgba: int, outline: int) -> QIcon:
    color = QColor.fromRgba(rgba)
    pixmap = QPixmap(16, 16)
    pixmap.fill(color)
    # Without an outline, a swatch in the background colour of the table would be invisible.
    painter = QPainter(pixmap)
    painter.setPen(QColor.fromRgba(outline))
    painter.drawRect(0, 0, 15, 15)
    painter.end()
    icon = QIcon()
    # Otherwise Qt tints the icon in a selected row.
    for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected):
        icon.addPixmap(pixmap, mode)
    return icon


def _swatch(color: QColor, outline: QColor) -> QIcon:
    """Return a square of a colour."""
    return _painted(color.rgba(), outline.rgba())


class _ActionEmitter:
    """Emits the action of a menu entry."""

    def __init__(self, table: ClusterTable, action: str) -> None:
        self._table = table
        self._action = action

    def __call__(self, _checked: bool = False) -> None:
        self._table.action_requested.emit(self._action, self._table.selected_labels())
