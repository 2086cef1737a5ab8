"""Atomic writing of files and folders: a path is replaced as a whole or left unchanged."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

_DISK_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
_LOCK_ATTEMPTS = 10

# `numpy.ndarray.tofile`, which tifffile uses, raises OSError without a code.
_NUMPY_ERROR = re.compile(r"(?P<requested>\d+) requested and (?P<written>\d+) written")


@contextlib.contextmanager
def replacing(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a path beside `path` to write a file to; it is renamed to `path` when the block ends.

    If the block raises or is interrupted, `path` is unchanged and nothing is left beside it. If the process
    is killed, files remain whose names begin with a dot and end in ``.partial`` and ``.lock``. They are
    removed the next time the same path is written.

    Raises
    ------
    FileExistsError
        Without `overwrite`, if `path` exists at the beginning or at the end. So if several processes write
        the same path at the same time, only one succeeds.
    """
    with _partial_path(path, overwrite) as partial:
        yield partial
        if overwrite:
            os.replace(partial, path)
        else:
            _rename_new_file(partial, path)


@contextlib.contextmanager
def replacing_folder(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield an empty folder beside `path` to fill; it is renamed to `path` when the block ends.

    Otherwise like `replacing`.
    """
    with _partial_path(path, overwrite) as partial:
        partial.mkdir()
        yield partial
        if overwrite and os.path.lexists(path):
            _replace_folder(partial, path)
        else:
            _rename_new_folder(partial, path)


@contextlib.contextmanager
def _partial_path(path: Path, overwrite: bool) -> Iterator[Path]:
    """Yield a path to write to; at the end, remove the file or folder if it is still there."""
    if not overwrite and os.path.lexists(path):
        raise _exists(path)
    with contextlib.ExitStack() as stack, _errors_about(path):
        _remove_leftovers(path)
        # The lock is held as long as this process lives, so others can distinguish leftovers from work in
        # progress. It is created before the partial file and removed after it.
        lock, file = _create_lock(path)
        stack.callback(_remove_lock, lock, file)
        partial = lock.with_suffix(".partial")
        stack.callback(_remove, partial)
        yield partial


def _exists(path: Path) -> FileExistsError:
    return FileExistsError(errno.EEXIST, "already exists", str(path))


@contextlib.contextmanager
def _errors_about(path: Path) -> Iterator[None]:
    """Name `path` in errors instead of the temporary path beside it, and report a full disk."""
    prefix = str(path.with_name(f".{path.name}."))
    try:
        yield
    except OSError as error:
        is_temporary = error.filename is not None and str(error.filename).startswith(prefix)
        if error.errno in _DISK_FULL and (is_temporary or error.filename is None):
            raise OSError(error.errno, f"the disk is full ({error.strerror})", str(path)) from None
        if is_temporary:
            raise OSError(error.errno, error.strerror, str(path)) from None
        if error.errno is None and (written := _NUMPY_ERROR.fullmatch(str(error))):
            is_full = shutil.disk_usage(path.parent).free < int(written["requested"]) - int(
                written["written"]
            )
            code, reason = (errno.ENOSPC, "the disk is full") if is_full else (errno.EIO, "cannot be written")
            raise OSError(code, f"{reason} ({os.strerror(code)})", str(path)) from None
        raise


def _rename_new_file(partial: Path, path: Path) -> None:
    """Rename a file unless the new name is taken, in one step."""
    if sys.platform == "win32":
        try:
            os.rename(partial, path)  # never replaces a file on Windows
        except FileExistsError:
            raise _exists(path) from None
        return
    try:
        os.link(partial, path)  # unlike os.rename, it never replaces a file; the other name is removed later
    except FileExistsError:
        raise _exists(path) from None
    except OSError:  # this file system has no hard links, so an empty file reserves the name
        try:
            path.open("xb").close()
        except FileExistsError:
            raise _exists(path) from None
        try:
            os.replace(partial, path)
        except OSError:
            path.unlink()
            raise


def _rename_new_folder(partial: Path, path: Path) -> None:
    """Rename a folder unless the new name is taken."""
    try:
        if sys.platform == "win32":
            os.rename(partial, path)  # never replaces a folder on Windows
            return
        path.mkdir()  # reserves the name; os.replace then replaces this empty folder in one step
    except FileExistsError:
        raise _exists(path) from None
    try:
        os.replace(partial, path)
    except OSError:
        with contextlib.suppress(OSError):
            path.rmdir()
        raise


def _replace_folder(partial: Path, path: Path) -> None:
    """Replace a folder by another one; no system can replace a non-empty folder in one step."""
    former = partial.with_suffix(".former")
    os.replace(path, former)
    try:
        os.replace(partial, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.replace(former, path)
        if os.path.lexists(path):  # another process was faster
            _remove(former)
        raise
    _remove(former)


def _remove_leftovers(path: Path) -> None:
    """Remove leftovers of killed processes beside `path`, and complete an interrupted exchange of folders."""
    pattern = f".{_escaped(path.name)}.????????"
    for lock in path.parent.glob(f"{pattern}.lock"):
        with contextlib.suppress(OSError), lock.open("r+b") as file:
            if not _try_lock(file):
                continue  # another process is writing
            former = lock.with_suffix(".former")
            if os.path.lexists(former) and not os.path.lexists(path):
                os.replace(former, path)
            for leftover in (former, lock.with_suffix(".partial")):
                _remove(leftover)
            _remove_lock(lock, file)
    for partial in path.parent.glob(f"{pattern}.partial"):
        if not partial.with_suffix(".lock").exists():
            _remove(partial)


def _remove(path: Path) -> None:
    """Remove a file, a link or a folder with its contents, as far as possible."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def _escaped(name: str) -> str:
    """Return the glob pattern that matches only this name."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _create_lock(path: Path) -> tuple[Path, IO[Any]]:
    """Create a lock file with a unique name beside `path`; return its path and the open file."""
    for attempt in range(_LOCK_ATTEMPTS):
        lock = path.with_name(f".{path.name}.{secrets.token_hex(4)}.lock")
        file = lock.open("xb")
        # Another process may take a file that is not locked yet for a leftover. On file systems without
        # locks every attempt fails, and the last file is used: no other process can lock it either.
        is_last = attempt == _LOCK_ATTEMPTS - 1
        with contextlib.suppress(FileNotFoundError):
            if (_try_lock(file) or is_last) and os.path.samestat(os.fstat(file.fileno()), lock.stat()):
                return lock, file
        _remove_lock(lock, file)
    raise OSError(errno.EAGAIN, "another process removes lock files", str(path))


def _remove_lock(lock: Path, file: IO[Any]) -> None:
    """Remove a lock file and close it; Windows cannot remove an open file."""
    if sys.platform == "win32":
        file.close()
    with contextlib.suppress(OSError):
        lock.unlink()
    file.close()


def _try_lock(file: IO[Any]) -> bool:
    """Lock an open file until it is closed or its process ends; return False if another process locks it."""
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
