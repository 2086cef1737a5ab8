from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from napari_kmeans.io.atomic import replacing, replacing_folder


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def write_file(partial: Path, text: str) -> None:
    partial.write_text(text)


def write_folder(partial: Path, text: str) -> None:
    (partial / "content").write_text(text)


def text_of(path: Path) -> str:
    return (path / "content" if path.is_dir() else path).read_text()


KINDS = [(replacing, write_file), (replacing_folder, write_folder)]


@pytest.fixture(params=KINDS, ids=["file", "folder"])
def kind(request: pytest.FixtureRequest) -> tuple[Callable, Callable]:
    return request.param


@pytest.fixture(params=[True, False], ids=["links", "no links"])
def links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system with or without hard links, such as exFAT."""

    def fail(source: Path, target: Path) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM), str(source), None, str(target))

    if not request.param:
        monkeypatch.setattr(os, "link", fail, raising=False)


@pytest.mark.usefixtures("links")
def test_the_second_writer_to_finish_fails(tmp_path: Path, kind: tuple[Callable, Callable]) -> None:
    replace, write = kind
    path = tmp_path / "x"

    def write_both() -> None:
        with replace(path) as first:
            write(first, "first")
            with replace(path) as second:
                write(second, "second")
            assert text_of(path) == "second"

    with pytest.raises(FileExistsError, match=r"already exists: .*x'$"):
        write_both()
    assert text_of(path) == "second"
    assert names(tmp_path) == ["x"]


@pytest.mark.usefixtures("links")
@pytest.mark.parametrize("make", [Path.touch, Path.mkdir])
def test_a_path_created_during_writing_is_kept(
    tmp_path: Path, kind: tuple[Callable, Callable], make: Callable
) -> None:
    replace, write = kind

    def write_late() -> None:
        with replace(tmp_path / "x") as partial:
            write(partial, "late")
            make(tmp_path / "x")

    with pytest.raises(FileExistsError, match=r"x'$"):
        write_late()
    assert names(tmp_path) == ["x"]
    assert (tmp_path / "x").is_dir() == (make is Path.mkdir)
    assert make is Path.mkdir or (tmp_path / "x").read_text() == ""


@pytest.mark.usefixtures("links")
def test_new_files_are_written_and_existing_ones_replaced(
    tmp_path: Path, kind: tuple[Callable, Callable]
) -> None:
    replace, write = kind
    for text in ("old", "new"):
        with replace(tmp_path / "x", overwrite=text == "new") as partial:
            write(partial, text)
        assert text_of(tmp_path / "x") == text
        assert names(tmp_path) == ["x"]


RACE = """
import sys
from pathlib import Path
from napari_kmeans.io import atomic
replace = getattr(atomic, sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
with replace(Path("x")) as partial:
    (partial / "content" if partial.is_dir() else partial).write_text(sys.argv[2])
print("done", flush=True)
"""


@pytest.mark.parametrize("replace", ["replacing", "replacing_folder"])
def test_one_of_several_processes_succeeds(tmp_path: Path, replace: str) -> None:
    for _ in range(3):
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", RACE, replace, str(number)],
                cwd=tmp_path,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for number in range(4)
        ]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        results = [process.communicate() for process in processes]
        winners = [number for number, (out, _) in enumerate(results) if out == "done\n"]
        assert len(winners) == 1
        assert all(
            "already exists" in err for number, (_, err) in enumerate(results) if number not in winners
        )
        assert names(tmp_path) == ["x"]
        assert text_of(tmp_path / "x") == str(winners[0])
        (tmp_path / "x" / "content").unlink() if (tmp_path / "x").is_dir() else None
        (tmp_path / "x").rmdir() if (tmp_path / "x").is_dir() else (tmp_path / "x").unlink()


WAIT = """
import sys, time
from pathlib import Path
from napari_kmeans.io import atomic
with getattr(atomic, sys.argv[1])(Path("x"), overwrite=True) as partial:
    (partial / "content" if partial.is_dir() else partial).write_text("killed")
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
def test_leftovers_of_killed_processes_are_removed_and_work_in_progress_is_kept(
    tmp_path: Path, kind: tuple[Callable, Callable]
) -> None:
    replace, write = kind
    command = [sys.executable, "-c", WAIT, replace.__name__]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        [lock, partial] = names(tmp_path)
        with replace(tmp_path / "x", overwrite=True) as mine:
            write(mine, "one")
        assert names(tmp_path) == [lock, partial, "x"]
        process.send_signal(signal.SIGKILL)
    assert names(tmp_path) == [lock, partial, "x"]
    with replace(tmp_path / "y") as mine:
        write(mine, "another path")
    assert names(tmp_path) == [lock, partial, "x", "y"]
    with replace(tmp_path / "x", overwrite=True) as mine:
        write(mine, "two")
        assert names(tmp_path) == sorted([mine.name, mine.with_suffix(".lock").name, "x", "y"])
    assert names(tmp_path) == ["x", "y"]
    assert text_of(tmp_path / "x") == "two"


def test_leftovers_of_a_new_file_without_overwriting(tmp_path: Path) -> None:
    (tmp_path / ".x.tif.0123abcd.partial").write_text("killed")
    (tmp_path / ".x.tif.0123abcd.lock").touch()
    (tmp_path / ".x.tif.89abcdef.partial").write_text("killed")
    (tmp_path / ".y.tif.0123abcd.partial").write_text("of another file")
    with replacing(tmp_path / "x.tif") as partial:
        write_file(partial, "new")
    assert names(tmp_path) == [".y.tif.0123abcd.partial", "x.tif"]


@pytest.mark.parametrize("named", [True, False])
def test_a_full_disk_is_named(tmp_path: Path, kind: tuple[Callable, Callable], named: bool) -> None:
    replace, write = kind

    def fill_up() -> None:
        with replace(tmp_path / "x") as partial:
            write(partial, "half")
            raise OSError(errno.ENOSPC, "No space left on device", *([str(partial)] if named else []))

    with pytest.raises(OSError, match=r"the disk is full \(No space left on device\): '.*x'$") as caught:
        fill_up()
    assert caught.value.errno == errno.ENOSPC
    assert names(tmp_path) == []


@pytest.mark.parametrize(("free", "message"), [(10, "the disk is full"), (10**9, "cannot be written")])
def test_a_full_disk_is_recognized_by_an_error_of_numpy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, message: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))

    def fill_up() -> None:
        with replacing(tmp_path / "x.tif"):
            raise OSError("490000 requested and 204448 written")

    with pytest.raises(OSError, match=rf"{message} \(.+\): '.*x\.tif'$"):
        fill_up()


def test_errors_about_other_files_are_kept(tmp_path: Path) -> None:
    def read_another() -> None:
        with replacing(tmp_path / "x") as partial:
            write_file(partial, "half")
            (tmp_path / "absent").read_bytes()

    with pytest.raises(FileNotFoundError, match=r"absent'$"):
        read_another()
    assert names(tmp_path) == []


def test_files_are_written_on_file_systems_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_kmeans.io.atomic._try_lock", lambda file: False)
    for overwrite in (False, True):
        with replacing(tmp_path / "x", overwrite=overwrite) as partial:
            write_file(partial, "new")
    with contextlib.suppress(FileExistsError), replacing(tmp_path / "x") as partial:
        raise AssertionError
    assert names(tmp_path) == ["x"]
