"""The field of one channel, fitted together with clusters: k-means of unevenly lit values.

Minimize Σ (v(x) - c_l(x) - b(x))² over the labels l, the centres c and the coefficients of the field b, by
alternating between the labels, and the centres and field that are optimal for them [1]_ [2]_. v is the value
for an additive field, and its logarithm for a multiplicative one.

References
----------
.. [1] D. L. Pham and J. L. Prince, "Adaptive fuzzy segmentation of magnetic resonance images", IEEE
       Transactions on Medical Imaging 18(9), 737-752, 1999.
.. [2] C. Li, J. C. Gore and C. Davatzikos, "Multiplicative intrinsic component optimization (MICO) for MRI
       bias field estimation and tissue segmentation", Magnetic Resonance Imaging 32(7), 913-923, 2014.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from . import _illumination_kernels as kernels
from .exact import OptimalPartitions
from .intervals import midpoints

N_CLUSTERS = 4
"""Number of clusters that the field is fitted with, for any k, so that the field does not depend on k."""

# Per pixel and degree⁴: a ridge keeps the field from explaining the structure of the image.
_COARSE_RIDGE, _FINE_RIDGE = 1e-4, 1e-5
_N_PARTS, _PART_PIXELS = 2, 1 << 11  # parts of the sample that find local minima, and pixels of each
_N_CHOOSING = 1 << 13  # pixels used to choose among local minima
_MAX_ROUNDS = 40  # of the alternation between labels, and centres and field
_EXACT_EVERY = 4  # rounds after which the centres are the optimum again
_SETTLED = 3e-4  # share of the labels that still change when the alternation ends
_SETTLED_START = 1e-3  # the same for a start
_SAME = 1e-3  # in standard deviations: coefficients this close lead to the same local minimum
_N_POINTS = 512  # cells used to find the optimal centres
_OUTLIERS = 1000  # one pixel in this many, at each end, is an outlier
_N_CELLS = 24  # per axis, within which differences of pixels are fitted
_N_REWEIGHTED = 8  # rounds of reweighting, which make these least absolute deviations


@dataclass(frozen=True, eq=False)
class Samples:
    """Sampled pixels as a linear least-squares problem.

    Attributes
    ----------
    values : (n,) float64 array
        With a weighted mean of 0.
    basis : (n, n_terms) float64 array
        Terms of the field at the pixels, with weighted means of 0.
    weights : (n,) float64 array
        With a mean of 1.
    degrees : (n_terms,) float64 array
    """

    values: NDArray[np.float64]
    basis: NDArray[np.float64]
    weights: NDArray[np.float64]
    degrees: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        values: NDArray[np.float64],
        basis: NDArray[np.float64],
        weights: NDArray[np.float64],
        degrees: NDArray[np.float64],
    ) -> Samples:
        """Center values and terms."""
        weights = weights / weights.mean()
        n = values.size
        values = values - np.sum(weights * values) / n
        return cls(values, basis - np.einsum("n,ni->i", weights, basis) / n, weights, degrees)

    @property
    def has_no_field(self) -> bool:
        """Whether there is nothing to fit: no terms, or a single value."""
        return not self.degrees.size or bool(np.ptp(self.values) == 0)

    def part(self, begin: int, end: int) -> Samples:
        """Return a slice of the pixels; these too are at random positions."""
        part = slice(begin, end)
        return Samples.of(self.values[part], self.basis[part], self.weights[part], self.degrees)

    def ridge(self, strength: float) -> NDArray[np.float64]:
        """Return the penalty of each squared coefficient."""
        return strength * self.values.size * self.degrees**4

    def without(self, coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values without a field."""
        # Loops, since the rounding of a matrix product depends on the number of threads.
        out = np.empty_like(self.values)
        kernels.subtract_terms(self.values, self.basis, coefficients, out)
        return out

    def explained_variance(self, coefficients: NDArray[np.float64]) -> float:
        """Return the share of the variance that a field explains, 0 to 1."""
        total = float(np.sum(self.weights * self.values**2))
        field = self.values - self.without(coefficients)
        return min(float(np.sum(self.weights * field**2)) / total, 1.0) if total > 0 else 0.0

    def gram(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the weighted products of all pairs of terms, in the lower triangle."""
        out = np.zeros((self.degrees.size, self.degrees.size))
        kernels.add_gram(self.basis, weights, out)
        return out

    def projected(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of weight * value * term over the pixels, for each term."""
        out = np.zeros(self.degrees.size)
        kernels.project(self.values, self.basis, weights, out)
        return out

    @cached_property
    def normal_equations(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Matrix and right-hand side of the least-squares field of the values, without a ridge."""
        return self.gram(self.weights), self.projected(self.weights)


def fit_coefficients(samples: Samples) -> NDArray[np.float64]:
    """Return the coefficients of the field.

    The ridge is strong at first, so that the coarse shape is fitted before details. Several starts on small
    parts of the sample find local minima; the best one is refined on all pixels.
    """
    if samples.has_no_field:
        return np.zeros(samples.degrees.size)
    same = _SAME * float(samples.values.std())
    found = []
    for begin in range(0, min(_N_PARTS * _PART_PIXELS, samples.values.size), _PART_PIXELS):
        part = samples.part(begin, begin + _PART_PIXELS)
        coarse: list[NDArray[np.float64]] = []
        for start in _starts(part):
            coefficients = _alternate(part, start, _COARSE_RIDGE, _SETTLED_START)
            if all(np.abs(coefficients - other).max() > same for other in coarse):
                coarse.append(coefficients)
        found += [_alternate(part, start, _FINE_RIDGE, _SETTLED_START) for start in coarse]
    few = samples.part(0, _N_CHOOSING)
    best = min(found, key=lambda coefficients: _energy(few, coefficients, _FINE_RIDGE))
    return _alternate(samples, best, _FINE_RIDGE, _SETTLED)


def fit_coefficients_coarsely(samples: Samples) -> NDArray[np.float64]:
    """Return coefficients of a coarse field, from a single start and with a strong ridge."""
    return _alternate(samples, _field_of_slopes(samples), _COARSE_RIDGE, _SETTLED)


def _starts(samples: Samples) -> list[NDArray[np.float64]]:
    """Return initial fields: none, that of the values alone, and that of the slopes within segments."""
    of_values = _solution(*samples.normal_equations, samples.ridge(_COARSE_RIDGE))
    return [np.zeros(samples.degrees.size), of_values, _field_of_slopes(samples)]


def _solution(
    matrix: NDArray[np.float64], vector: NDArray[np.float64], ridge: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the solution of normal equations with a ridge; only the lower triangle is used."""
    solution = vector.copy()
    kernels.solve(matrix + np.diag(ridge), solution)
    return solution


def _field_of_slopes(samples: Samples) -> NDArray[np.float64]:
    """Fit a field to differences between nearby pixels, most of which are in the same segment.

    Least absolute deviations ignore the few differences across borders.
    """
    places = samples.basis[:, samples.degrees == 1]
    lowest = places.min(axis=0)
    cell = np.zeros(len(places), dtype=np.int64)
    for column in ((places - lowest) * (_N_CELLS / 2)).astype(np.int64).T:
        cell = cell * (_N_CELLS + 1) + column
    order = np.argsort(cell, kind="stable")
    same = cell[order][1:] == cell[order][:-1]
    a, b = order[:-1][same], order[1:][same]
    if not a.size:
        return np.zeros(samples.degrees.size)
    certainty = 1 / (1 / samples.weights[a] + 1 / samples.weights[b])
    pairs = Samples(
        samples.values[a] - samples.values[b], samples.basis[a] - samples.basis[b], certainty, samples.degrees
    )
    smallest = 1e-3 * float(np.abs(pairs.values).mean()) or 1.0
    weights = certainty
    coefficients = np.zeros(samples.degrees.size)
    for _ in range(_N_REWEIGHTED):
        ridge = pairs.ridge(_COARSE_RIDGE) * weights.mean() / _N_CELLS
        coefficients = _solution(pairs.gram(weights), pairs.projected(weights), ridge)
        weights = np.sqrt(certainty) / np.maximum(np.abs(pairs.without(coefficients)), smallest)
    return coefficients


def _alternate(
    samples: Samples,
    coefficients: NDArray[np.float64],
    strength: float,
    settled: float,
) -> NDArray[np.float64]:
    """Alternate between labels, and the best centres and field for these labels, until few labels change."""
    ridge = samples.ridge(strength)
    gram, projection = samples.normal_equations
    labels = np.full(samples.values.size, N_CLUSTERS, dtype=np.uint8)
    centers = np.empty(0)
    for round_ in range(_MAX_ROUNDS):
        corrected = samples.without(coefficients)
        if round_ % _EXACT_EVERY == 0:
            centers = _optimal_centers(corrected, samples.weights)
        mass, sums = np.zeros(centers.size), np.zeros(centers.size)
        terms = np.zeros((centers.size, coefficients.size))
        n_changed = kernels.sum_clusters(
            corrected, samples.values, samples.basis, samples.weights, midpoints(centers), labels, mass, sums, terms
        )  # fmt: skip
        if n_changed <= samples.values.size * settled:
            break
        # The centres are eliminated from the normal equations of centres and field.
        filled = mass > 0
        means = terms[filled] / mass[filled, np.newaxis]
        within = gram - np.einsum("ki,kj->ij", terms[filled], means)
        coefficients = _solution(within, projection - np.einsum("k,ki->i", sums[filled], means), ridge)
        centers[filled] = sums[filled] / mass[filled] - np.einsum("ki,i->k", means, coefficients)
        centers.sort()
    return coefficients


def _energy(samples: Samples, coefficients: NDArray[np.float64], strength: float) -> float:
    """Return the energy of the whole problem, with the optimal centres."""
    corrected = samples.without(coefficients)
    centers = _optimal_centers(corrected, samples.weights)
    residual = corrected - centers[np.searchsorted(midpoints(centers), corrected)]
    ridge = samples.ridge(strength)
    return float(np.sum(samples.weights * residual**2) + np.sum(ridge * coefficients**2))


def optimal_inertia(values: NDArray[np.float64]) -> float:
    """Return the inertia of values around the centres of `N_CLUSTERS` clusters."""
    centers = _optimal_centers(values, np.ones(values.size))
    return float(np.sum((values - centers[np.searchsorted(midpoints(centers), values)]) ** 2))


def _optimal_centers(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the optimal centres of `N_CLUSTERS` clusters of values, counted in equal cells.

    Outliers are counted in the first and the last cell, whose means include them.
    """
    ends = [values.size // _OUTLIERS, values.size - 1 - values.size // _OUTLIERS]
    low, high = np.partition(values, ends)[ends]
    if high <= low:
        low, high = values.min(), values.max()
    cell = np.clip((values - low) / ((high - low) or 1.0) * _N_POINTS, 0, _N_POINTS - 1)
    cell = cell.astype(np.int64)
    mass = np.bincount(cell, weights, minlength=_N_POINTS)
    sums = np.bincount(cell, weights * values, minlength=_N_POINTS)
    filled = mass > 0
    points, point_of_cell = np.unique(sums[filled] / mass[filled], return_inverse=True)
    # The solver counts pixels, so weights are rounded to a thousandth of an average pixel.
    counts = np.rint(1024 * np.bincount(point_of_cell, mass[filled])).astype(np.int64)
    partitions = OptimalPartitions(points, np.maximum(counts, 1))
    borders = partitions.borders(min(N_CLUSTERS, points.size))
    return np.asarray(partitions.cluster_statistics(borders)[0])
