"""Label pixel values by thresholds, by nearest centres, or by a lookup table."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compiled import is_interpreted
from ..features.feature_space import ScalarFormat, VectorFormat
from ..kmeans.nearest import nearest_with_distances
from ..summary._color_kernels import count_runs, sort_keys
from ..summary.bit_patterns import bits_of, level_values, mask_of
from ..summary.sample import as_columns
from ._kernels import add_thresholds, label_by_table, label_by_thresholds

_LONG_PIECE = 1 << 16  # pixels labelled at a time
_COMPARED = 7  # thresholds compared at a time: compilers vectorize 7 comparisons, but not 15

Labeller = Callable[[NDArray[Any], "NDArray[np.bool_] | None", "NDArray[np.uint8]"], None]
"""Function that writes the labels of a block into an array, given its values and which pixels to use."""


def scalar_labeller(
    thresholds: Sequence[float] | NDArray[np.float64],
    label_of_cluster: NDArray[np.uint8],
    scalar: ScalarFormat,
) -> Labeller:
    """Return a labeller of values in the format `scalar`; it can be pickled.

    Parameters
    ----------
    thresholds : (k - 1,) ascending
        In the image's own units; integers are used exactly.
    label_of_cluster : (k + 1,) uint8 array
        Label of each cluster from index 1; at index 0, that of excluded pixels.
    scalar : ScalarFormat
    """
    is_plain = bool(np.array_equal(label_of_cluster, np.arange(label_of_cluster.size)))
    # Compilers vectorize comparisons, but Python makes them one by one.
    compares = is_plain and len(thresholds) <= _COMPARED and not is_interpreted()
    if scalar.dtype.itemsize <= 2 and not compares:
        return _TableLabeller(_table(thresholds, label_of_cluster, scalar))
    first, cuts = _cuts(thresholds, scalar)
    return _ThresholdLabeller(first, cuts, None if is_plain else label_of_cluster)


@cache
def compile_labellers(value_format: ScalarFormat | VectorFormat) -> None:
    """Compile the loops that label values in this format, for any number of clusters.

    The dock calls this in a worker, so that its slider never waits for compilation.
    """
    out = np.empty(1, dtype=np.uint8)
    masks: tuple[NDArray[np.bool_] | None, ...] = None, np.ones(1, dtype=bool)
    if isinstance(value_format, VectorFormat):
        d = value_format.n_features
        nearest = NearestLabeller(np.zeros((2, d)), np.ones(d), np.arange(3, dtype=np.uint8), value_format)
        nearest(np.zeros((1, d), dtype=value_format.dtype), None, out)
        return
    value = np.zeros(1, dtype=value_format.dtype)
    for n in (_COMPARED, _COMPARED + 1):
        for label_of_cluster in (np.arange(n + 2, dtype=np.uint8), np.zeros(n + 2, dtype=np.uint8)):
            labeller = scalar_labeller([1.0] * n, label_of_cluster, value_format)
            for mask in masks:
                labeller(value, mask, out)


class _FlatLabeller:
    """Labels any block by labelling flat contiguous values."""

    def __call__(
        self, values: NDArray[Any], include: NDArray[np.bool_] | None, out: NDArray[np.uint8]
    ) -> None:
        target = out.reshape(-1) if out.flags.c_contiguous else np.empty(out.size, dtype=np.uint8)
        self.label(bits_of(values), mask_of(include), target)
        if not out.flags.c_contiguous:
            out[...] = target.reshape(out.shape)

    def label(self, bits: NDArray[Any], include: NDArray[np.uint8] | None, out: NDArray[np.uint8]) -> None:
        """Write the labels of flat bit patterns to `out`, 0 where `include` is 0."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class _TableLabeller(_FlatLabeller):
    """Labels 8- and 16-bit values by a lookup table."""

    table: NDArray[np.uint8]

    def label(self, bits: NDArray[Any], include: NDArray[np.uint8] | None, out: NDArray[np.uint8]) -> None:
        label_by_table(bits, include, self.table, out)


@dataclass(frozen=True, eq=False)
class _ThresholdLabeller(_FlatLabeller):
    """Labels values by comparing them with thresholds.

    Attributes
    ----------
    first : int
        Cluster of values below all thresholds.
    cuts : ascending array of the stored type
    label_of_cluster : uint8 array or None
        Label of each cluster; None if labels are the cluster numbers.
    """

    first: int
    cuts: NDArray[Any]
    label_of_cluster: NDArray[np.uint8] | None

    def label(self, bits: NDArray[Any], include: NDArray[np.uint8] | None, out: NDArray[np.uint8]) -> None:
        signed = np.dtype(f"i{bits.dtype.itemsize}")
        order, cuts = self._keys(signed)
        n_groups = max(-(-len(cuts) // _COMPARED), 1)
        most = order[-1]
        cuts += [most] * (n_groups * _COMPARED - len(cuts))  # nothing is above the largest key
        first, *others = (tuple(cuts[at : at + _COMPARED]) for at in range(0, len(cuts), _COMPARED))
        for begin in range(0, bits.size, _LONG_PIECE):
            piece = slice(begin, begin + _LONG_PIECE)
            keys, used = bits[piece].view(signed), None if include is None else include[piece]
            label_by_thresholds(keys, used, order, first, self.first, out[piece])
            for more in others:
                add_thresholds(keys, order, more, out[piece])
        if self.label_of_cluster is not None:
            label_by_table(out, None, self.label_of_cluster, out)

    def _keys(self, signed: np.dtype[Any]) -> tuple[tuple[Any, Any, Any, Any], list[Any]]:
        """Return `order` and the cuts as keys of this type; see `_kernels`."""
        kind = self.cuts.dtype.kind
        inverted = signed.type(np.iinfo(signed).max if kind == "f" else 0)
        flipped = signed.type(np.iinfo(signed).min if kind == "u" else 0)
        limits = np.iinfo(self.cuts.dtype) if kind != "f" else None
        ends = [-np.inf, np.inf] if limits is None else [limits.min, limits.max]
        stored = np.append(np.array(ends, dtype=self.cuts.dtype), self.cuts).view(signed)
        least, most, *cuts = np.where(stored < 0, stored ^ inverted, stored) ^ flipped
        return (inverted, flipped, least, most), cuts


def _table(
    thresholds: Sequence[float] | NDArray[np.float64],
    label_of_cluster: NDArray[np.uint8],
    scalar: ScalarFormat,
) -> NDArray[np.uint8]:
    """Return the label of each bit pattern of an 8- or 16-bit type."""
    with np.errstate(invalid="ignore"):  # some bit patterns are signalling NaNs
        levels = level_values(scalar.dtype) * scalar.unit
    cluster = 1 + np.searchsorted(np.asarray(thresholds, dtype=np.float64), levels, side="left")
    cluster[np.isnan(levels)] = 0
    return label_of_cluster[cluster]


def _cuts(
    thresholds: Sequence[float] | NDArray[np.float64], scalar: ScalarFormat
) -> tuple[int, NDArray[Any]]:
    """Return thresholds as stored values, rounded down: ``value > cut`` is then exact in the stored type.

    Returns
    -------
    first : int
        Cluster of values below all cuts; more than 1 if thresholds lie below all possible values.
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


@dataclass(frozen=True, eq=False)
class NearestLabeller:
    """Labels blocks of pixels with several features by their nearest centres.

    Two or three bytes per pixel have at most 2^24 distinct values. Their labels are kept in a lookup table,
    which is filled as they occur.

    Attributes
    ----------
    centers : (k, d) float64 array
        In the features' own units.
    scales : (d,) float64 array
        Unit of distance along each axis.
    label_of_cluster : (k + 1,) uint8 array
        Label of each cluster from index 1; at index 0, that of excluded pixels.
    vector : VectorFormat
        Format of the stored values.
    """

    centers: NDArray[np.float64]
    scales: NDArray[np.float64]
    label_of_cluster: NDArray[np.uint8]
    vector: VectorFormat

    def __call__(
        self, values: NDArray[Any], include: NDArray[np.bool_] | None, out: NDArray[np.uint8]
    ) -> None:
        """Write the labels of a block: 0 for NaN and excluded pixels."""
        columns = as_columns(values)[: self.vector.n_features]
        target = out.reshape(-1) if out.flags.c_contiguous else np.empty(out.size, dtype=np.uint8)
        used = None if include is None else np.ascontiguousarray(include).reshape(-1)
        is_plain = bool(np.array_equal(self.label_of_cluster, np.arange(self.label_of_cluster.size)))
        by_table = self.vector.dtype.itemsize == 1 and self.vector.n_features <= 3
        for begin in range(0, target.size, _LONG_PIECE):
            piece = slice(begin, begin + _LONG_PIECE)
            chosen = used[piece] if used is not None else None
            part = self._by_table(columns[:, piece], chosen) if by_table else self._compare(columns[:, piece])
            target[piece] = part if is_plain else self.label_of_cluster.take(part)
            if chosen is not None:
                target[piece] *= chosen.view(np.uint8)
        if not out.flags.c_contiguous:
            out[...] = target.reshape(out.shape)

    @cached_property
    def _table(self) -> NDArray[np.uint8]:
        """Cluster of each colour, from 1; 0 until it is computed."""
        return np.zeros(1 << 8 * self.vector.n_features, dtype=np.uint8)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_table"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def _by_table(self, columns: NDArray[Any], chosen: NDArray[np.bool_] | None) -> NDArray[np.uint8]:
        """Return the clusters of bytes, from 1; 0 is possible for pixels that are not chosen."""
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
            d = len(columns)
            missing = keys[where]
            new, _ = count_runs(sort_keys(missing.astype(np.uint64), 8 * d))
            new = new.astype(np.intp)
            bytes_ = [(new >> (8 * (d - 1 - axis))).astype(np.uint8) for axis in range(d)]
            # Another thread may do this at the same time, with the same result.
            table[new] = self._compare(np.stack([byte.view(self.vector.dtype) for byte in bytes_]))
            found[where] = table[missing]
        return np.asarray(found)

    def _compare(self, columns: NDArray[Any]) -> NDArray[np.uint8]:
        """Return the clusters of any values, from 1; 0 for NaN."""
        if self.vector.white is None:
            positions: Sequence[NDArray[Any]] | NDArray[Any] = columns
        else:
            with np.errstate(invalid="ignore", over="ignore"):
                positions = self.vector.features(list(columns))
        found, distances = nearest_with_distances(positions, self.centers, self.scales)
        found += 1
        if self.vector.dtype.kind == "f":
            infinite = np.flatnonzero(np.isinf(distances))
            if infinite.size:
                found[infinite] = self._compare_infinite(columns[:, infinite])
        return found

    def _compare_infinite(self, columns: NDArray[Any]) -> NDArray[np.uint8]:
        """Return the clusters of values that may be infinite, from 1; 0 for NaN."""
        wide = columns.astype(np.float64)
        # Infinite values would be equally far from all centres, so very large ones replace them.
        far = 1e6 * max(1.0, float(np.abs(self.centers).max()), float(self.scales.max()))
        np.clip(wide, -far, far, out=wide, where=np.isinf(wide))
        positions = self.vector.features(list(wide))
        found = nearest_with_distances(positions, self.centers, self.scales)[0]
        found += 1
        for position in positions:
            found[np.isnan(position)] = 0
        return found
