"""A section of the dock."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.thorough


@pytest.fixture
def dock(narrow_dock):
    return narrow_dock


def test_the_title_of_where_names_its_settings(viewer, dock, settle, gray):
    assert dock.view.where.chosen == "whole stack"
    dock.where.value = 0
    settle(dock)
    assert dock.view.where.chosen == "each z"
    viewer.add_image(gray)
    settle(dock)
    assert "each z" not in dock.view.where.chosen
