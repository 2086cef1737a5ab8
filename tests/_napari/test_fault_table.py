"""The fault table through the dock."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest
from dock_helpers import run_script
from fault_table import ROWS, K, Row

import napari_kmeans

IN_DOCK = [row for row in ROWS if row.in_dock]
N_PARTS = 4


def check(row: Row, viewer: Any, dock: Any, settle: Any) -> None:
    """Segment an image layer as a user would; labels, table and script agree, or one sentence says why not."""
    image, options = row.make(), row.options
    is_rgb = options.get("channel_axis") == -1
    layer = viewer.add_image(image, rgb=is_rgb, contrast_limits=(0, 1), name="image")
    settle(dock)
    if "features" in options:
        dock.features.value = options["features"]
    if "smooth" in options:
        dock.smooth.value = options["smooth"]
    if "exclude" in options:
        dock.leave_out.value = (options["exclude"],)
    settle(dock)
    dock.segment.native.click()
    settle(dock)
    session = dock.session
    assert session.image is layer
    status = dock.status.text()
    if row.error:
        assert row.error in status, status
        assert session.overlay.layer is None
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        expected, model = napari_kmeans.segment(image, K, **options)
        np.testing.assert_array_equal(run_script(viewer, dock), expected)
    labels = np.asarray(session.overlay.layer.data)
    np.testing.assert_array_equal(labels, expected)
    assert dock.table.rowCount() == model.n_clusters
    finite = np.isfinite(np.asarray(image[...], dtype=np.float64))  # infinite pixels are not in the table
    finite = finite.all(axis=-1) if is_rgb else finite
    tips = [dock.table.item(row, 1).toolTip() for row in range(model.n_clusters)]
    shown = [int(re.search(r": ([\d,]+) pixels", tip).group(1).replace(",", "")) for tip in tips]
    assert shown == [np.count_nonzero(labels[finite] == label) for label in range(1, model.n_clusters + 1)]
    if row.warns:
        assert "the same value" in status or "distinct values" in status, status


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore::RuntimeWarning:napari", "ignore::RuntimeWarning:vispy")
@pytest.mark.parametrize("part", range(N_PARTS))
def test_labels_equal_those_of_python_or_an_error_is_shown(viewer, open_dock, settle, part):
    dock = open_dock()
    wrong = {}
    for row in IN_DOCK[part::N_PARTS]:
        try:
            check(row, viewer, dock, settle)
        except Exception as error:
            wrong[row.name] = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        viewer.layers.clear()
        settle(dock)
    print(*wrong.items(), sep="\n")
    assert wrong == {}
