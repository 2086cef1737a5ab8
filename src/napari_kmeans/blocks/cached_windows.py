"""Windows of an image that is not in memory; each is read only once."""

from __future__ import annotations

import threading
from typing import Any

from numpy.typing import NDArray

from .arrays import in_memory
from .boxes import Box


class CachedWindows:
    """Cache of the windows of a dask array, with a part of the array interface.

    An estimate reads the same windows several times: to find cells, to count them, and for the illumination.

    Parameters
    ----------
    image : dask array
    """

    def __init__(self, image: Any) -> None:
        self._image = image
        self.shape, self.dtype, self.ndim, self.chunks = image.shape, image.dtype, image.ndim, image.chunks
        self._kept: list[tuple[Box, NDArray[Any]]] = []
        self._lock = threading.Lock()

    def __getitem__(self, box: Box) -> NDArray[Any]:
        with self._lock:
            kept = list(self._kept)
        for outer, part in kept:
            pairs = list(zip(box, outer, strict=True))
            if all(out.start <= side.start and side.stop <= out.stop for side, out in pairs):
                at = tuple(slice(side.start - out.start, side.stop - out.start) for side, out in pairs)
                inner: NDArray[Any] = part[at]
                return inner
        read: NDArray[Any] = in_memory(self._image[box])
        with self._lock:
            self._kept.append((box, read))
        return read
