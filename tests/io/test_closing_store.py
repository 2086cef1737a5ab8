from __future__ import annotations

import threading
from pathlib import Path

import pytest
import zarr

pytest.importorskip("zarr")

from napari_kmeans.io.closing_store import ClosingStore


def test_a_closed_store_is_not_written_to(tmp_path: Path) -> None:
    store = ClosingStore(tmp_path / "x.zarr")
    array = zarr.create_array(store, shape=(4,), chunks=(2,), dtype="u1")
    array[:2] = 1
    store.end_writing()
    with pytest.raises(RuntimeError, match="is closed for writing"):
        array[2:] = 1
    assert array[:].tolist() == [1, 1, 0, 0]


def test_closing_waits_for_writes_in_progress(tmp_path: Path) -> None:
    store = ClosingStore(tmp_path / "x.zarr")
    began, may_end, events = threading.Event(), threading.Event(), []

    def write() -> None:
        with store._writing():
            began.set()
            may_end.wait(30)
            events.append("written")

    def close() -> None:
        store.end_writing()
        events.append("closed")

    writer, closer = threading.Thread(target=write), threading.Thread(target=close)
    writer.start()
    began.wait(30)
    closer.start()
    closer.join(0.1)
    assert events == []
    may_end.set()
    writer.join(30)
    closer.join(30)
    assert events == ["written", "closed"]
