from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from napari_kmeans.io.atomic import replacing, replacing_folder


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def fill(folder: Path, text: str) -> None:
    (folder / "a").mkdir()
    (folder / "a" / "b").write_text(text)


def test_a_folder_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with replacing_folder(path) as partial:
        fill(partial, "one")
        assert not path.exists()
    assert (path / "a" / "b").read_text() == "one"
    with pytest.raises(FileExistsError, match=r"x'$"), replacing_folder(path):
        raise AssertionError
    with replacing_folder(path, overwrite=True) as partial:
        fill(partial, "two")
        assert (path / "a" / "b").read_text() == "one"
    assert (path / "a" / "b").read_text() == "two"
    assert names(tmp_path) == ["x"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_incomplete_folder_is_removed(tmp_path: Path, error: type[BaseException]) -> None:
    with replacing_folder(tmp_path / "x") as partial:
        fill(partial, "old")

    def stop_half_way() -> None:
        with replacing_folder(tmp_path / "x", overwrite=True) as partial:
            fill(partial, "new")
            raise error

    with pytest.raises(error):
        stop_half_way()
    assert (tmp_path / "x" / "a" / "b").read_text() == "old"
    assert names(tmp_path) == ["x"]


def test_the_old_folder_is_restored_if_the_new_one_cannot_replace_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    with replacing_folder(path) as partial:
        fill(partial, "old")
    rename = os.replace

    def fail(source: Path, target: Path) -> None:
        if Path(source).name.endswith(".partial"):
            raise OSError(5, "Input/output error", str(source))
        rename(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match=r"x'$"), replacing_folder(path, overwrite=True) as partial:
        fill(partial, "new")
    assert (path / "a" / "b").read_text() == "old"
    assert names(tmp_path) == ["x"]


def test_a_replacement_interrupted_by_a_kill_is_undone(tmp_path: Path) -> None:
    # The state that a process leaves if it is killed after moving the old folder away.
    for end in (".former", ".partial"):
        (tmp_path / f".x[1].0123abcd{end}").mkdir()
        fill(tmp_path / f".x[1].0123abcd{end}", end)
    (tmp_path / ".x[1].0123abcd.lock").touch()
    (tmp_path / ".y.0123abcd.lock").touch()  # of another process
    (tmp_path / ".x[1].fedcba98.partial").mkdir()  # created again by a late write
    with replacing_folder(tmp_path / "x[1]", overwrite=True) as partial:
        assert (tmp_path / "x[1]" / "a" / "b").read_text() == ".former"
        assert names(tmp_path)[1:] == [partial.name, ".y.0123abcd.lock", "x[1]"]
    assert names(tmp_path) == [".y.0123abcd.lock", "x[1]"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right of their own there")
def test_a_link_is_replaced_and_its_target_stays(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    fill(tmp_path / "elsewhere", "mine")
    (tmp_path / "x").symlink_to(tmp_path / "elsewhere")
    with replacing_folder(tmp_path / "x", overwrite=True) as partial:
        fill(partial, "new")
    assert not (tmp_path / "x").is_symlink()
    assert (tmp_path / "elsewhere" / "a" / "b").read_text() == "mine"
    assert names(tmp_path) == ["elsewhere", "x"]


def test_a_folder_without_write_permission_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent.x'$"), replacing_folder(tmp_path / "absent" / "x"):
        raise AssertionError


def test_incomplete_files_can_be_recognized_by_their_names(tmp_path: Path) -> None:
    with replacing(tmp_path / "x.tif") as partial:
        assert partial.name.startswith(".x.tif.")
        assert partial.suffix == ".partial"
        partial.touch()
    assert names(tmp_path) == ["x.tif"]


def test_a_file_is_replaced_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("old")
    with pytest.raises(FileExistsError), replacing(path, overwrite=False):
        raise AssertionError

    def fail_half_way() -> None:
        with replacing(path, overwrite=True) as partial:
            partial.write_text("half")
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        fail_half_way()
    assert path.read_text() == "old"
    with replacing(path, overwrite=True) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert names(tmp_path) == ["x.json"]
