from __future__ import annotations

import pytest

from napari_kmeans._napari.widgets.uneven_illumination_line import UnevenIlluminationLine


@pytest.fixture
def line(qtbot):
    line = UnevenIlluminationLine()
    qtbot.addWidget(line)
    return line


@pytest.mark.parametrize(("kind", "tip"), [("additive", "Uneven background"), ("multiplicative", "Shading")])
def test_the_detected_kind_of_illumination_is_offered(line, qtbot, kind, tip):
    line.set_kind(kind)
    assert line.isVisible()
    assert tip in line.button.toolTip()
    with qtbot.waitSignal(line.accepted, timeout=1000) as signal:
        line.button.click()
    assert signal.args == [kind]


def test_nothing_is_offered_if_no_uneven_illumination_is_detected(line):
    assert line.isHidden()
    line.set_kind("additive")
    line.set_kind(None)
    assert line.isHidden()
