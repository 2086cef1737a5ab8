"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a path beside `path` to write to; what was written becomes `path` when the block ends.

    If the block raises, or is interrupted, `path` stays as it was and nothing is left beside it.

    Raises
    ------
    FileExistsError
        If there is a file already and `overwrite` is not set.
    """
    if not overwrite and os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, "exists already", str(path))
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        yield partial
        os.replace(partial, path)
    except OSError as error:
        if error.filename != str(partial):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from None  # nobody knows of the other one
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()
