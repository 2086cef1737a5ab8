"""Waiting while the window goes on."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QTimer

from napari_kmeans._napari.contributions.waiting import process_events, wait_until


def test_events_are_processed_until_the_condition_holds(qapp):
    done = []
    QTimer.singleShot(20, lambda: done.append(True))
    wait_until(lambda: bool(done), seconds=10)
    assert done


def test_a_condition_that_never_holds_raises_timeout_error(qapp):
    with pytest.raises(TimeoutError, match=r"not ready after 0\.05 seconds"):
        wait_until(lambda: False, seconds=0.05)


def test_process_events_runs_pending_timers(qapp):
    drawn = []
    QTimer.singleShot(0, lambda: drawn.append(True))
    process_events(20)
    assert drawn
