"""The ⋯ menu of the dock. It emits signals, and does not refer to the dock."""

from __future__ import annotations

from qtpy.QtGui import QAction, QActionGroup
from qtpy.QtWidgets import QMenu, QWidget

from ..layers.cluster_colors import PALETTES


class DockMenu(QMenu):
    """Actions that are not needed to segment an image.

    Attributes
    ----------
    undo, redo, keep, apply_layers, apply_files, copy_python, export, export_figure : QAction
    save_recipe, save_model, load_model : QAction
        With the signal ``triggered``.
    side_by_side, outline, log_counts : QAction
        With the signal ``toggled(bool)``.
    palettes : QActionGroup
        With the signal ``triggered(action)``; ``action.data()`` is the name of the palette.
    """

    def __init__(self, palette: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setToolTipsVisible(True)
        self.undo = self._add("Undo", "Undo the last change (Ctrl+Z in the dock)")
        self.undo.setIconText("↶")  # on its button
        self.redo = self._add("Redo", "Redo the change that was undone (Ctrl+Shift+Z in the dock)")
        self.keep = self._add("Keep this result", "Stop updating this layer; the next result gets a new one")
        self.addSeparator()
        self.side_by_side = self._add(
            "Side by side", "Original on the left, clusters on the right", checkable=True
        )
        self.outline = self._add("Outline", "Draw outlines instead of filled regions", checkable=True)
        self.log_counts = self._add(
            "Logarithmic counts", "Logarithmic scale of the counts in the histogram", checkable=True
        )
        colors = self.addMenu("Colours")
        colors.setToolTipsVisible(True)
        colors.menuAction().setToolTip("Colours of the clusters in the overlay, the plots and the table")
        self.palettes = QActionGroup(self)
        for name in PALETTES:
            action = colors.addAction(name.capitalize())
            action.setData(name)
            action.setCheckable(True)
            action.setChecked(name == palette)
            self.palettes.addAction(action)
        self.addSeparator()
        self.confidence = self._add(
            "Confidence layer", "Add an image of how clearly each pixel belongs to its cluster"
        )
        self.intervals = self._add(
            "Intervals of thresholds and shares",
            "Estimate how much they would vary between similar images, by resampling blocks of this one",
        )
        self.second_opinion = self._add(
            "Second opinion on the number of clusters", "Show the suggestion of the gap statistic in Choose k"
        )
        self.show_field = self._add(
            "Show illumination field", "Add the uneven illumination as an image layer"
        )
        self.addSeparator()
        self.apply_layers = self._add("Apply to layers…", "Label other image layers in the same way")
        self.apply_files = self._add("Apply to files…", "Label the image files in a folder in the same way")
        self.addSeparator()
        self.copy_python = self._add("Copy as Python", "Copy a script that reproduces this result exactly")
        self.export = self._add("Export…", "Write the labels of all pixels to a file: OME-Zarr or TIFF")
        self.export_figure = self._add(
            "Export figure…", "Image, clusters and histogram side by side: PNG, SVG or PDF"
        )
        self.save_recipe = self._add("Save recipe…", "Save the settings, to segment other images with them")
        self.save_model = self._add("Save model…", "Save the clusters, to label other images with them")
        self.load_model = self._add("Load model…", "Label this image with saved clusters")

    def set_has_image(self, has_image: bool) -> None:
        """Disable the actions on an image while there is none."""
        for action in (
            *(self.keep, self.side_by_side, self.outline, self.confidence, self.apply_layers),
            *(self.apply_files, self.copy_python, self.export, self.export_figure),
            *(self.save_recipe, self.save_model, self.load_model),
        ):
            action.setEnabled(has_image)

    def _add(self, text: str, tip: str, *, checkable: bool = False) -> QAction:
        action = self.addAction(text)
        action.setToolTip(tip)
        action.setCheckable(checkable)
        return action
