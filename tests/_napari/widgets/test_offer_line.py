from __future__ import annotations

import pytest

from napari_kmeans._napari.widgets.offer_line import OfferLine


@pytest.fixture
def line(qtbot):
    line = OfferLine("The image looks unevenly lit.", "Remove", "Remove the uneven illumination")
    qtbot.addWidget(line)
    return line


def test_an_offer_is_accepted_with_its_button(line, qtbot):
    line.offer("Set Prepare ▸ Illumination to Shading")
    assert line.isVisible()
    assert "Shading" in line.button.toolTip()
    assert line.button.accessibleName() == "Remove the uneven illumination"
    with qtbot.waitSignal(line.accepted, timeout=1000):
        line.button.click()


def test_without_an_offer_the_line_is_hidden(line):
    assert line.isHidden()
    line.offer("Set Prepare ▸ Illumination to Shading")
    line.offer("")
    assert line.isHidden()
