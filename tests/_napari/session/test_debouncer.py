from __future__ import annotations

from qtpy.QtCore import QObject

from napari_kmeans._napari.session.debouncer import Debouncer


def test_many_calls_become_one(qtbot):
    owner, calls = QObject(), []
    debouncer = Debouncer(owner, 30)
    debouncer.triggered.connect(lambda: calls.append(debouncer.is_pending))
    for _ in range(5):
        debouncer.call_later()
    assert debouncer.is_pending
    assert calls == []
    qtbot.waitUntil(lambda: bool(calls), timeout=2000)
    assert calls == [False]  # the call itself is no longer pending


def test_a_stopped_call_is_dropped(qtbot):
    owner, calls, later = QObject(), [], []
    stopped, other = Debouncer(owner, 10), Debouncer(owner, 60)
    stopped.triggered.connect(lambda: calls.append(1))
    other.triggered.connect(lambda: later.append(1))
    stopped.call_later()
    stopped.stop()
    assert not stopped.is_pending
    other.call_later()
    qtbot.waitUntil(lambda: bool(later), timeout=2000)
    assert calls == []
