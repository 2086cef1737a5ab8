"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any


@contextlib.contextmanager
def replacing(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a path beside `path` to write to; what was written becomes `path` when the block ends.

    If the block raises, or is interrupted, `path` stays as it was and nothing is left beside it.

    Raises
    ------
    FileExistsError
        If there is a file already and `overwrite` is not set.
    """
    _refuse(path, overwrite)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with _named(path, instead_of=partial):
            yield partial
            os.replace(partial, path)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


@contextlib.contextmanager
def replacing_folder(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield an empty folder beside `path` to fill; it becomes `path` when the block ends.

    If the block raises, or is interrupted, `path` stays as it was and nothing is left beside it. If the
    process is killed, what it leaves has a name that begins with a dot and ends in ``.partial``; the next
    time that the same path is written, it is removed.

    Raises
    ------
    FileExistsError
        If there is something already and `overwrite` is not set.
    """
    _refuse(path, overwrite)
    _clean_up(path)
    token = f".{path.name}.{secrets.token_hex(4)}"
    partial, former, lock = (path.with_name(token + end) for end in (".partial", ".former", ".lock"))
    with _named(path, instead_of=path.with_name(token)), contextlib.ExitStack() as at_end:
        # Held for as long as this process lives: so can another one tell what was left from what is written.
        held = at_end.enter_context(lock.open("wb"))
        at_end.callback(_remove, lock, held)
        _try_lock(held)
        partial.mkdir()
        at_end.callback(_discard, partial)
        yield partial
        # A folder that is not empty cannot be replaced in one step.
        if os.path.lexists(path):
            os.replace(path, former)
            try:
                os.replace(partial, path)
            except OSError:
                os.replace(former, path)
                raise
            _discard(former)
        else:
            os.replace(partial, path)


def _refuse(path: Path, overwrite: bool) -> None:
    if not overwrite and os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, "exists already", str(path))


@contextlib.contextmanager
def _named(path: Path, *, instead_of: Path) -> Iterator[None]:
    """Have errors speak of the path that was asked for: nobody knows of the other one."""
    try:
        yield
    except OSError as error:
        if error.filename is None or not str(error.filename).startswith(str(instead_of)):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from None


def _clean_up(path: Path) -> None:
    """Remove what processes that were killed left beside `path`; undo the one step that is none."""
    pattern = f".{_literally(path.name)}.????????"
    for lock in path.parent.glob(f"{pattern}.lock"):
        with contextlib.suppress(OSError), lock.open("r+b") as held:
            if not _try_lock(held):
                continue  # somebody is still at it
            former = lock.with_suffix(".former")
            if former.exists() and not os.path.lexists(path):
                os.replace(former, path)
            for left in (former, lock.with_suffix(".partial")):
                _discard(left)
            _remove(lock, held)
    # A lock is there before its folder, and goes after it.
    for partial in path.parent.glob(f"{pattern}.partial"):
        if partial.is_dir() and not partial.with_suffix(".lock").exists():
            _discard(partial)


def _discard(path: Path) -> None:
    """Remove a folder, or a link to one, as far as that can be done."""
    if path.is_symlink():
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)


def _literally(name: str) -> str:
    """As a pattern that matches this name only."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _remove(lock: Path, held: IO[Any]) -> None:
    if sys.platform == "win32":
        held.close()  # an open file cannot be removed there
    lock.unlink(missing_ok=True)


def _try_lock(file: IO[Any]) -> bool:
    """Lock an open file until it is closed or its process ends in whatever way; False if another has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
