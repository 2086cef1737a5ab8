"""Arrays in files or stores, read block by block with errors that name the file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class StoredArray:
    """An array in a file or a store, in the form that `dask.array.from_array` needs.

    Parameters
    ----------
    open_array : callable
        Returns the zarr array. It is called once in each process that reads the array, and must be picklable.
    name : str
        Name of the array in error messages.
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
        """Shape of a stored chunk."""
        return tuple(self._array.chunks)

    def __getitem__(self, index: tuple[Any, ...]) -> NDArray[Any]:
        """Read a box.

        Raises
        ------
        OSError
            If the pixels cannot be read; exceptions of the codec or the store are converted.
        """
        try:
            return np.asarray(self._array[index])
        except MemoryError:
            raise
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            box = ", ".join(
                f"{side.start}:{side.stop}" if isinstance(side, slice) else str(side) for side in index
            )
            raise OSError(f"{self._name}: the pixels [{box}] cannot be read ({reason})") from error

    def as_dask(self, chunks: Sequence[int] | None = None) -> Any:
        """Return a dask array with these chunks, by default the stored ones."""
        import dask.array

        # name=False gives each array a new name: the file may contain another image when it is opened again.
        meta = np.empty((0,) * self.ndim, self.dtype)
        return dask.array.from_array(self, tuple(chunks or self.chunks), name=False, lock=False, meta=meta)
