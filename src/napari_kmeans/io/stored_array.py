"""Arrays that lie in files: read block by block, with errors that name the file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class StoredArray:
    """An array in a file or a store, of which `dask.array.from_array` makes a dask array.

    Parameters
    ----------
    open_array : callable
        Returns the zarr array. Called once in each process that reads, so it can be pickled.
    name : str
        What it is called in errors.
    """

    def __init__(self, open_array: Callable[[], Any], name: str) -> None:
        self._open, self._name = open_array, name
        self._array = open_array()

    def __reduce__(self) -> tuple[Any, ...]:
        return StoredArray, (self._open, self._name)

    @property
    def shape(self) -> tuple[int, ...]:
        """Length along each axis."""
        return tuple(self._array.shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return int(self._array.ndim)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels."""
        dtype: np.dtype[Any] = self._array.dtype
        return dtype

    @property
    def chunks(self) -> tuple[int, ...]:
        """Shape of what is stored in one piece."""
        return tuple(self._array.chunks)

    def __getitem__(self, index: tuple[Any, ...]) -> NDArray[Any]:
        """Read a box.

        Raises
        ------
        OSError
            Of whatever kind the fault is: codecs and stores raise anything at all.
        """
        try:
            return np.asarray(self._array[index])
        except MemoryError:
            raise
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            where = ", ".join(f"{at.start}:{at.stop}" if isinstance(at, slice) else str(at) for at in index)
            raise OSError(f"{self._name}: the pixels [{where}] cannot be read ({reason})") from error

    def as_dask(self, chunks: Sequence[int] | None = None) -> Any:
        """Return a dask array of these chunks, the stored ones if not given."""
        import dask.array

        # A name of its own: what is in the file may be another image the next time it is opened.
        meta = np.empty((0,) * self.ndim, self.dtype)
        return dask.array.from_array(self, tuple(chunks or self.chunks), name=False, lock=False, meta=meta)
