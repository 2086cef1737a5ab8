from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtWidgets import QLabel

GRAY = np.random.default_rng(0).integers(0, 200, (30, 40)).astype(np.uint8)


@pytest.fixture
def dock(viewer, open_dock, settle):
    viewer.add_image(GRAY.astype(np.uint16) * 50, name="wide")
    viewer.add_image(GRAY, name="first")
    dock = open_dock()
    dock.segment.native.click()
    settle(dock)
    return dock


def test_the_dialog_names_what_differs_and_offers_match(viewer, dock, settle):
    dock.menu.apply_layers.trigger()
    dialog = dock.apply_dialogs.dialog
    settle(dock)
    assert "wide: dtype uint16 instead of uint8" in dialog.warning.text()
    assert dialog.warning.height() >= dialog.warning.heightForWidth(dialog.warning.width())
    assert dialog.match.isEnabled()
    dialog.match.setCurrentIndex(dialog.match.findData("range"))
    dialog.apply.click()
    settle(dock)
    expected = dock.session.model.predict(viewer.layers["wide"].data, match="range")
    np.testing.assert_array_equal(viewer.layers["wide k-means"].data, expected)


def test_a_pooled_model_needs_no_match(dock):
    dock.menu.apply_layers.trigger()
    dialog = dock.apply_dialogs.dialog
    dialog.how.setCurrentIndex(1)
    assert not dialog.match.isEnabled()
    dialog.reject()


@pytest.mark.parametrize("entry", ["apply_layers", "apply_files"])
def test_the_dialogs_explain_that_a_mask_belongs_to_one_image(viewer, dock, settle, entry):
    def texts():
        getattr(dock.menu, entry).trigger()
        dialog = dock.apply_dialogs.dialog
        found = [label.text() for label in dialog.findChildren(QLabel)]
        dialog.reject()
        settle(dock)
        return " ".join(found)

    assert "mask" not in texts()
    viewer.layers.selection = {viewer.layers["first"]}
    dock.session.choose(mask=viewer.add_labels(GRAY // 100, name="part"))
    dock.segment.native.click()
    settle(dock)
    assert "The mask belongs to the current image" in texts()


def test_applying_to_files_needs_an_input_and_an_output_folder(dock, settle, tmp_path):
    tifffile = pytest.importorskip("tifffile")
    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in" / "a.tif", GRAY)
    dock.menu.apply_files.trigger()
    dialog = dock.apply_dialogs.dialog
    assert not dialog.apply.isEnabled()
    dialog.folder.setText(str(tmp_path / "in"))
    dialog.out.setText(str(tmp_path / "out"))
    assert dialog.apply.isEnabled()
    dialog.apply.click()
    settle(dock)
    assert (tmp_path / "out" / "a-labels.tif").exists()


def test_without_clusters_a_message_explains_what_to_do(viewer, open_dock):
    viewer.add_image(np.full((8, 9), np.nan, np.float32))
    dock = open_dock()
    dock.menu.apply_layers.trigger()
    assert dock.apply_dialogs.dialog is None
    assert "There are no clusters to apply yet; press Segment." in dock.status.text()
