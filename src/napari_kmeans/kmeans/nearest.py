"""Which centre is nearest, for pixels described by several numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..features import Vector

_PIECE = 1 << 14  # points compared at a time, so that distances stay in the cache
_LONG_PIECE = 1 << 16  # pixels labelled at a time


def nearest(
    columns: Sequence[NDArray[Any]], centers: NDArray[np.float64], scales: NDArray[np.float64] | None = None
) -> NDArray[np.uint8]:
    """Number the nearest centre of each point; of centres equally near, the first.

    One operation at a time, in float64: a matrix product would round differently from one block shape to the
    next, and on another number of threads.

    Parameters
    ----------
    columns : sequence of d (n,) arrays
        Coordinates of the points.
    centers : (k, d) float64 array
        Of at most 255 clusters.
    scales : (d,) float64 array, optional
        What counts as a distance of 1 along each axis.

    Returns
    -------
    (n,) uint8 array
        0 to k - 1.
    """
    size = columns[0].size
    found = np.zeros(size, dtype=np.uint8)
    if len(centers) == 1:
        return found
    length = min(_PIECE, size)
    points = np.empty((len(columns), length))
    best, distance, step = np.empty((3, length))
    closer = np.empty(length, dtype=bool)
    factors = np.ones(len(columns)) if scales is None else 1 / scales
    targets = (centers * factors).tolist()
    for begin in range(0, size, _PIECE):
        number = found[begin : begin + _PIECE]
        n = number.size
        for column, point, factor in zip(columns, points, factors, strict=True):
            np.multiply(column[begin : begin + n], factor, out=point[:n])
        for index, target in enumerate(targets):
            out = distance if index else best
            for axis, (point, center) in enumerate(zip(points, target, strict=True)):
                np.subtract(point[:n], center, out=step[:n])
                np.multiply(step[:n], step[:n], out=step[:n] if axis else out[:n])
                if axis:
                    np.add(out[:n], step[:n], out=out[:n])
            if index:
                np.less(distance[:n], best[:n], out=closer[:n])
                np.minimum(best[:n], distance[:n], out=best[:n])
                number[closer[:n]] = index
    return found


@dataclass(frozen=True, eq=False)
class NearestLabeller:
    """Labels blocks of pixels described by several numbers, each with its nearest centre.

    Two or three bytes a pixel have at most 2^24 different values. A table of these is filled as they occur,
    each with what the comparison of centres finds: no colour is compared twice, and none is guessed.

    Attributes
    ----------
    centers : (k, d) float64 array
        In the features' own units.
    scales : (d,) float64 array
        What counts as a distance of 1 along each axis.
    shown : (k + 1,) uint8 array
        Label of each cluster, and at 0 that of excluded pixels.
    vector : Vector
        How the values are stored.
    """

    centers: NDArray[np.float64]
    scales: NDArray[np.float64]
    shown: NDArray[np.uint8]
    vector: Vector

    def __call__(
        self, values: NDArray[Any], include: NDArray[np.bool_] | None, out: NDArray[np.uint8]
    ) -> None:
        """Write the labels of a block: 0 for NaN and what is not included."""
        flat = values.reshape(-1, values.shape[-1])
        target = out.reshape(-1) if out.flags.c_contiguous else np.empty(out.size, dtype=np.uint8)
        used = None if include is None else np.ascontiguousarray(include).reshape(-1)
        plain = bool(np.array_equal(self.shown, np.arange(self.shown.size)))
        for begin in range(0, target.size, _LONG_PIECE):
            piece = slice(begin, begin + _LONG_PIECE)
            columns = [flat[piece, axis] for axis in range(self.vector.n_features)]
            chosen = used[piece] if used is not None else None
            part = self._by_table(columns, chosen) if self._is_of_bytes else self._compare(columns)
            target[piece] = part if plain else self.shown.take(part)
            if chosen is not None:
                target[piece] *= chosen.view(np.uint8)
        if not out.flags.c_contiguous:
            out[...] = target.reshape(out.shape)

    @property
    def _is_of_bytes(self) -> bool:
        return self.vector.dtype.itemsize == 1 and self.vector.n_features <= 3

    @cached_property
    def _table(self) -> NDArray[np.uint8]:
        """Cluster of each colour, from 1; 0 while it is not known."""
        return np.zeros(1 << 8 * self.vector.n_features, dtype=np.uint8)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_table"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def _by_table(self, columns: list[NDArray[Any]], chosen: NDArray[np.bool_] | None) -> NDArray[np.uint8]:
        """Clusters of bytes, from 1; of those that are not chosen it may be 0."""
        keys = columns[0].view(np.uint8).astype(np.intp)
        for column in columns[1:]:
            keys <<= 8
            keys |= column.view(np.uint8)
        table = self._table
        found = table.take(keys)
        unknown = found == 0
        if chosen is not None:
            unknown &= chosen
        where = np.flatnonzero(unknown)
        if where.size:
            missing = keys[where]
            new = np.sort(missing)
            new = new[np.append(True, new[1:] != new[:-1])]
            d = len(columns)
            bytes_ = [(new >> (8 * (d - 1 - axis))).astype(np.uint8) for axis in range(d)]
            # Another thread may do the same at the same time, and finds the same.
            table[new] = self._compare([byte.view(self.vector.dtype) for byte in bytes_])
            found[where] = table[missing]
        return found

    def _compare(self, columns: list[NDArray[Any]]) -> NDArray[np.uint8]:
        """Clusters of any values, from 1; 0 for NaN."""
        if self.vector.dtype.kind == "f":
            columns = [self._bounded(column) for column in columns]
        positions = self.vector.positions(columns)
        found = nearest(positions, self.centers, self.scales)
        found += np.uint8(1)
        if self.vector.dtype.kind == "f":
            for position in positions:
                found[np.isnan(position)] = 0
        return found

    def _bounded(self, column: NDArray[Any]) -> NDArray[np.float64]:
        """Values with very far ones for infinite ones, which would be equally far from all centres."""
        wide = column.astype(np.float64)
        if np.isinf(wide).any():
            far = 1e6 * max(1.0, float(np.abs(self.centers).max()), float(self.scales.max()))
            np.clip(wide, -far, far, out=wide, where=np.isinf(wide))
        return wide
