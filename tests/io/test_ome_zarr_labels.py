"""What goes wrong while labels are written: a clear error, the old result or none, and the next run works."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_kmeans.blocks.loop import Cancelled
from napari_kmeans.io.files import export

zarr = pytest.importorskip("zarr")
pytest.importorskip("ome_zarr")

import dask.array as da

pytestmark = pytest.mark.thorough

OLD = np.full((600, 1200), 7, np.uint8)
NEW = np.random.default_rng(0).integers(0, 5, (600, 1200), dtype=np.uint8)


def lazily(data: np.ndarray = NEW) -> Any:
    return da.from_array(data, chunks=(200, 300))


@pytest.fixture(params=["nothing", "old"])
def before(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, bytes]:
    """What is in the folder before: nothing, or an older result."""
    if request.param == "old":
        export(tmp_path / "x.zarr", OLD)
    return content(tmp_path)


def content(folder: Path) -> dict[str, bytes]:
    """All that is in a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
    }


def check_next_run(path: Path) -> None:
    export(path, lazily(), overwrite=True)
    np.testing.assert_array_equal(zarr.open_group(path, mode="r")["0"][:], NEW)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_block_that_raises(tmp_path: Path, before: dict[str, bytes]) -> None:
    def fail_late(block: np.ndarray, block_info: Any = None) -> np.ndarray:
        if block_info[0]["chunk-location"] == (2, 1):
            raise OSError("the disk of the image is gone")
        return block

    labels = lazily().map_blocks(fail_late, meta=np.empty((0, 0), np.uint8))
    with pytest.raises(OSError, match="the disk of the image is gone"):
        export(tmp_path / "x.zarr", labels, overwrite=True)
    assert content(tmp_path) == before
    check_next_run(tmp_path / "x.zarr")


def test_cancel_at_every_stage(tmp_path: Path, before: dict[str, bytes]) -> None:
    calls: list[float] = []
    export(tmp_path / "all.zarr", lazily(), progress=calls.append)
    shutil.rmtree(tmp_path / "all.zarr")
    assert len(calls) > 12  # the blocks of the first level, and those of others
    for last in range(1, len(calls) + 1):
        seen: list[float] = []

        def stop(share: float, seen: list[float] = seen, last: int = last) -> None:
            seen.append(share)
            if len(seen) == last:
                raise Cancelled

        with pytest.raises(Cancelled):
            export(tmp_path / "x.zarr", lazily(), overwrite=True, progress=stop)
        assert len(seen) == last
        assert content(tmp_path) == before
    check_next_run(tmp_path / "x.zarr")


def test_nothing_is_written_by_threads_after_a_cancel(tmp_path: Path) -> None:
    running: set[int] = set()

    def work(block: np.ndarray) -> np.ndarray:
        running.add(threading.get_ident())
        block = block + np.uint8(0)
        running.discard(threading.get_ident())
        return block

    def stop(share: float) -> None:
        raise Cancelled

    labels = lazily().map_blocks(work, meta=np.empty((0, 0), np.uint8))
    with pytest.raises(Cancelled):
        export(tmp_path / "x.zarr", labels, progress=stop)
    assert running == set()
    assert content(tmp_path) == {}


def test_labels_in_an_image_that_were_cancelled_leave_it_as_it_was(tmp_path: Path) -> None:
    export(tmp_path / "image.zarr", NEW)
    before = content(tmp_path)

    def stop(share: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        export(tmp_path / "image.zarr/labels/a", NEW, source=tmp_path / "image.zarr", progress=stop)
    assert content(tmp_path) == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of half a megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)]
    if not sys.platform.startswith("linux") or os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("needs root to mount a small disk")
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk(small_disk: Path) -> None:
    path = small_disk / "x.zarr"
    export(path, OLD)
    before = content(small_disk)
    noise = np.random.default_rng(0).integers(0, 256, (2000, 2000), dtype=np.uint8)
    with pytest.raises(OSError, match="No space left") as caught:
        export(path, noise, overwrite=True)
    assert caught.value.errno == errno.ENOSPC
    assert ".partial" not in str(caught.value)
    assert content(small_disk) == before
    check_next_run(path)


def test_a_disk_that_fills_up_at_any_write(
    tmp_path: Path, before: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    from zarr.storage import LocalStore

    left = [0]

    def limited(write: Any) -> Any:
        async def write_while_there_is_room(self: Any, key: str, value: Any) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.root / key))
            await write(self, key, value)

        return write_while_there_is_room

    for name in ("set", "set_if_not_exists"):
        monkeypatch.setattr(LocalStore, name, limited(getattr(LocalStore, name)))
    for room in range(25):
        left[0] = room
        with pytest.raises(OSError, match="No space left") as caught:
            export(tmp_path / "x.zarr", lazily(), overwrite=True)
        assert caught.value.errno == errno.ENOSPC
        assert ".partial" not in str(caught.value)
        assert content(tmp_path) == before
    monkeypatch.undo()
    check_next_run(tmp_path / "x.zarr")


_KILLED = """
import sys
import dask.array as da, numpy as np
from napari_kmeans.io.files import export

def wait(block, block_info=None):
    if block_info[0]["chunk-location"] == (2, 1):
        print("half of it is written", flush=True)
        sys.stdin.read()  # until this process is killed
    return block

labels = da.from_array(np.ones((600, 1200), np.uint8), chunks=(200, 300))
export(__import__("pathlib").Path(sys.argv[1]), labels.map_blocks(wait, meta=labels._meta), overwrite=True)
"""


def half_way(path: Path) -> subprocess.Popen[str]:
    """A process that has written half of its labels, and waits."""
    process = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "half of it is written\n"
    return process


def test_a_process_that_is_killed(tmp_path: Path, before: dict[str, bytes]) -> None:
    with half_way(tmp_path / "x.zarr") as process:
        process.kill()
        process.communicate()
    # What it left can be told by its name, and is no image.
    found = content(tmp_path)
    left = {name for name in found if name.split(os.sep)[0].startswith(".x.zarr.")}
    assert {name: found[name] for name in found.keys() - left} == before
    # Chunks that zarr was about to write end so, too.
    [partial] = {tmp_path / top for name in left if (top := name.split(os.sep)[0]).endswith(".partial")}
    assert any((partial / "0").rglob("*"))
    assert "ome" not in zarr.open_group(partial, mode="r").attrs
    check_next_run(tmp_path / "x.zarr")


def test_labels_that_another_process_writes_are_left_alone(tmp_path: Path) -> None:
    with half_way(tmp_path / "x.zarr") as process:
        [partial] = tmp_path.glob(".x.zarr.*.partial")
        held = content(partial)
        assert held
        export(tmp_path / "x.zarr", lazily())
        assert held.items() <= content(partial).items()  # the other threads of that process go on
        process.communicate("")  # goes on, and is the last
    assert process.returncode == 0
    assert (zarr.open_group(tmp_path / "x.zarr", mode="r")["0"][:] == 1).all()
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.zarr"]


def test_only_label_images_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "notes.zarr").mkdir()
    (tmp_path / "notes.zarr" / "precious.txt").write_text("mine")
    zarr.create_array(tmp_path / "array.zarr", shape=(3,), dtype=np.uint8)
    zarr.open_group(tmp_path / "group.zarr", mode="w")
    (tmp_path / "file.zarr").write_text("mine")
    before = content(tmp_path)
    for name in ("notes", "array", "group", "file"):
        with pytest.raises(ValueError, match=rf"{name}\.zarr is not a label image, so it is not replaced"):
            export(tmp_path / f"{name}.zarr", NEW, overwrite=True)
        with pytest.raises(FileExistsError):
            export(tmp_path / f"{name}.zarr", NEW)
    assert content(tmp_path) == before
