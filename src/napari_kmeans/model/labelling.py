"""Which label a value has: by look-up for 8 and 16 bits, by comparison with thresholds for wider types."""

from __future__ import annotations

import math
import mmap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..features import Scalar
from ..summary.counted_values import count_values, level_values

try:  # A look-up at the speed of a copy; has no wheel for every platform.
    import stringzilla
except ImportError:  # pragma: no cover - depends on the platform
    stringzilla = None

_PIECE = 1 << 18  # values labelled at a time, so that temporaries stay in the cache
_FEW_LABELS = 8  # up to which comparing counts them sooner than a histogram
_MANY = 24  # thresholds from which a binary search beats comparing with each

Labeller = Callable[[NDArray[Any], "NDArray[np.bool_] | None", "NDArray[np.uint8]"], None]
"""Writes the labels of a block's values, given which of its pixels to use, into an array of its shape."""


def labeller(
    thresholds: Sequence[float] | NDArray[np.float64], shown: NDArray[np.uint8], scalar: Scalar
) -> Labeller:
    """Return what labels blocks of values stored as `scalar` tells; it can be pickled.

    Parameters
    ----------
    thresholds : (k - 1,) ascending
        In the image's own units; whole numbers are taken exactly.
    shown : (k + 1,) uint8 array
        Label of each cluster, and at 0 that of excluded pixels.
    scalar : Scalar
    """
    if scalar.dtype.itemsize <= 2:
        return _ByLookUp(_table(thresholds, shown, scalar))
    first, cuts = _cuts(thresholds, scalar)
    plain = bool(np.array_equal(shown, np.arange(shown.size)))
    return _ByThresholds(first, cuts, None if plain else shown)


class _Flat:
    """Labels any block by labelling flat contiguous values, and leaves pixels out."""

    def __call__(
        self, values: NDArray[Any], include: NDArray[np.bool_] | None, out: NDArray[np.uint8]
    ) -> None:
        flat = np.ascontiguousarray(values).reshape(-1)
        target = out.reshape(-1) if out.flags.c_contiguous else np.empty(out.size, dtype=np.uint8)
        self.classify(flat, target)
        if include is not None:
            target *= np.ascontiguousarray(include).reshape(-1).view(np.uint8)
        if not out.flags.c_contiguous:
            out[...] = target.reshape(out.shape)

    def classify(self, values: NDArray[Any], out: NDArray[np.uint8]) -> None:
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class _ByLookUp(_Flat):
    """Labels 8- and 16-bit values by a table of all bit patterns."""

    table: NDArray[np.uint8]

    def classify(self, values: NDArray[Any], out: NDArray[np.uint8]) -> None:
        raw = values.view(f"u{values.dtype.itemsize}")
        if raw.itemsize == 1 and stringzilla is not None:
            _translate(raw, self.table, out)
            return
        for begin in range(0, raw.size, _PIECE):
            # `mode` because numpy.take buffers its output otherwise; no index is out of range.
            np.take(self.table, raw[begin : begin + _PIECE], out=out[begin : begin + _PIECE], mode="clip")


def _translate(raw: NDArray[np.uint8], table: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
    # stringzilla keeps other threads waiting while it runs, a window's too, and memory that is written for
    # the first time takes ten times as long. So it is touched before, and small pieces are translated.
    out[:: mmap.PAGESIZE] = 0
    look_up = table.tobytes()
    for begin in range(0, raw.size, _PIECE):
        end = begin + _PIECE
        stringzilla.translate(raw[begin:end].data, look_up, out=out[begin:end].data)


@dataclass(frozen=True, eq=False)
class _ByThresholds(_Flat):
    """Labels wider values by comparing them with each threshold."""

    first: int
    cuts: NDArray[Any]
    shown: NDArray[np.uint8] | None

    def classify(self, values: NDArray[Any], out: NDArray[np.uint8]) -> None:
        for begin in range(0, values.size, _PIECE):
            piece, part = values[begin : begin + _PIECE], out[begin : begin + _PIECE]
            if self.cuts.size >= _MANY:
                part[...] = np.searchsorted(self.cuts, piece, side="left") + self.first
                if values.dtype.kind == "f":
                    part[np.isnan(piece)] = 0
            else:
                if values.dtype.kind == "f":
                    np.greater_equal(piece, -np.inf, out=part.view(bool))  # 0 for NaN, else 1
                else:
                    part[...] = self.first
                above = np.empty(piece.size, dtype=bool)
                for cut in self.cuts:
                    np.greater(piece, cut, out=above)
                    np.add(part, above.view(np.uint8), out=part)
            if self.shown is not None:
                part[...] = self.shown[part]


def count_labels(labels: NDArray[np.uint8], n_labels: int) -> NDArray[np.int64]:
    """Count labels 1 to `n_labels` in a block: (n_labels,) int64."""
    if n_labels > _FEW_LABELS:
        return count_values(labels, None)[1 : n_labels + 1]
    # Neighbours have the same label more often than not, and then a histogram waits for itself.
    flat = np.ascontiguousarray(labels).reshape(-1)
    counts, same = np.zeros(n_labels, dtype=np.int64), np.empty(min(_PIECE, flat.size), dtype=bool)
    for begin in range(0, flat.size, _PIECE):
        piece = flat[begin : begin + _PIECE]
        for label in range(1, n_labels + 1):
            counts[label - 1] += np.count_nonzero(np.equal(piece, label, out=same[: piece.size]))
    return counts


def _table(
    thresholds: Sequence[float] | NDArray[np.float64], shown: NDArray[np.uint8], scalar: Scalar
) -> NDArray[np.uint8]:
    """Label of each bit pattern of an 8- or 16-bit type."""
    with np.errstate(invalid="ignore"):  # signalling NaNs, among all bit patterns
        levels = level_values(scalar.dtype) * scalar.unit
    cluster = 1 + np.searchsorted(np.asarray(thresholds, dtype=np.float64), levels, side="left")
    cluster[np.isnan(levels)] = 0
    return shown[cluster]


def _cuts(thresholds: Sequence[float] | NDArray[np.float64], scalar: Scalar) -> tuple[int, NDArray[Any]]:
    """Thresholds as stored values, rounded down, so that ``value > cut`` is exact in the values' own type.

    Returns
    -------
    first : int
        Cluster of a value above no cut; more than 1 if thresholds lie below all values there can be.
    cuts : ascending array of the stored type
    """
    dtype = scalar.dtype
    if dtype.kind == "f":
        wide = np.asarray(thresholds, dtype=np.float64) / scalar.unit
        with np.errstate(over="ignore"):
            cuts = wide.astype(dtype)
        above = cuts > wide
        cuts[above] = np.nextafter(cuts[above], dtype.type(-np.inf))
        return 1, cuts
    limits = np.iinfo(dtype)
    whole = [t if isinstance(t, int) else math.floor(float(t) / scalar.unit) for t in thresholds]
    first = 1 + sum(cut < limits.min for cut in whole)
    return first, np.array([cut for cut in whole if limits.min <= cut < limits.max], dtype=dtype)
