"""Compiled loops that compute a coherent image, and that count its pixels and borders.

Where float32 is combined with a float, float64 is explicit: numba chooses it by itself, Python does not.
"""
# mypy: ignore-errors

from __future__ import annotations

import numpy as np

from ..compiled import kernel


@kernel
def tv_line(y, weight, x):
    """Write the total-variation proximal map of a line to `x`: argmin ½ Σ (x - y)² + weight Σ |xᵢ₊₁ - xᵢ|.

    This is the direct algorithm of Condat (2013), with his names: it follows the line with a lower and an
    upper candidate for the current segment, which ends where either candidate becomes infeasible.
    """
    n = y.size
    if n <= 1 or weight <= 0.0:
        x[:] = y
        return
    k = k0 = k_minus = k_plus = 0
    v_min, v_max = y[0] - weight, y[0] + weight
    u_min, u_max = weight, -weight
    while True:
        if k == n - 1:
            if u_min < 0.0:  # the lower candidate ends in a negative jump
                x[k0 : k_minus + 1] = v_min
                k = k0 = k_minus = k_minus + 1
                v_min, u_min = y[k], weight
                u_max = y[k] + weight - v_max
            elif u_max > 0.0:  # the upper candidate ends in a positive jump
                x[k0 : k_plus + 1] = v_max
                k = k0 = k_plus = k_plus + 1
                v_max, u_max = y[k], -weight
                u_min = y[k] - weight - v_min
            else:
                x[k0 : k + 1] = v_min + u_min / (k - k0 + 1)
                return
            continue
        u_min += y[k + 1] - v_min
        if u_min < -weight:  # negative jump
            x[k0 : k_minus + 1] = v_min
            k = k0 = k_plus = k_minus = k_minus + 1
            v_min, v_max = y[k], y[k] + 2 * weight
            u_min, u_max = weight, -weight
            continue
        u_max += y[k + 1] - v_max
        if u_max > weight:  # positive jump
            x[k0 : k_plus + 1] = v_max
            k = k0 = k_minus = k_plus = k_plus + 1
            v_min, v_max = y[k] - 2 * weight, y[k]
            u_min, u_max = weight, -weight
            continue
        k += 1
        if u_min >= weight:
            k_minus = k
            v_min += (u_min - weight) / (k_minus - k0 + 1)
            u_min = weight
        if u_max <= -weight:
            k_plus = k
            v_max += (u_max + weight) / (k_plus - k0 + 1)
            u_max = -weight


@kernel
def _tv_known_runs(y, weight, x):
    """Apply `tv_line` to each run of a line without NaN."""
    n = y.size
    begin = 0
    while begin < n:
        if np.isnan(y[begin]):
            x[begin] = y[begin]
            begin += 1
            continue
        end = begin
        while end < n and not np.isnan(y[end]):
            end += 1
        tv_line(y[begin:end], weight, x[begin:end])
        begin = end


@kernel
def tv_axis(u, z, weight, first, last):
    """Solve for the dual of one axis, given the other duals, on the lines with outer index first to last.

    Parameters
    ----------
    u : (n_outer, n, n_inner) float32 array
        values - Σ z over all axes; changed in place. NaN pixels separate lines.
    z : array like `u`
        Dual of this axis; changed in place.
    weight : float
    first, last : int
        Range of the outer index; for ``n_outer == 1`` of the inner one.
    """
    n_outer, n, n_inner = u.shape
    width = 16  # lines gathered at a time, so that strided memory is read in whole cache lines
    # Rows are padded: if n is a power of two, they would otherwise compete for the same cache lines.
    lines, solved = np.empty((width, n + 8)), np.empty((width, n + 8))
    outer_range = (first, last) if n_outer > 1 else (0, 1)
    inner_range = (0, n_inner) if n_outer > 1 else (first, last)
    for o in range(outer_range[0], outer_range[1]):
        for begin in range(inner_range[0], inner_range[1], width):
            count = min(width, inner_range[1] - begin)
            for i in range(n):
                for j in range(count):
                    lines[j, i] = u[o, i, begin + j] + z[o, i, begin + j]
            for j in range(count):
                _tv_known_runs(lines[j, :n], weight, solved[j, :n])
            for i in range(n):
                for j in range(count):
                    u[o, i, begin + j] = solved[j, i]
                    z[o, i, begin + j] = lines[j, i] - solved[j, i]


@kernel
def extrapolate(z, previous, u, factor, first, last):
    """Move `z` by `factor` of its last step, save the old `z` in `previous`, and subtract the move from u."""
    for i in range(first, last):
        step = factor * (z[i] - previous[i])
        previous[i] = z[i]
        z[i] += step
        u[i] -= step


@kernel
def axis_gap(u, z, weight, first, last):
    """Return weight Σ |uᵢ₊₁ - uᵢ| - Σ u z along one axis; parameters as for `tv_axis`."""
    n_outer, n, n_inner = u.shape
    outer_range = (first, last) if n_outer > 1 else (0, 1)
    inner_range = (0, n_inner) if n_outer > 1 else (first, last)
    total = 0.0
    for o in range(outer_range[0], outer_range[1]):
        for i in range(n):
            for j in range(inner_range[0], inner_range[1]):
                a = np.float64(u[o, i, j])
                if a != a:
                    continue
                total -= a * z[o, i, j]
                if i + 1 < n:
                    b = np.float64(u[o, i + 1, j])
                    if b == b:
                        total += weight * abs(b - a)
    return total


@kernel
def count_cells(u, values, low, scale, counts, sums, squares, origin):
    """Count pixels in equal cells of `u`, and sum `values` - origin and its square in each."""
    for i in range(u.size):
        if u[i] == u[i]:
            cell = int((np.float64(u[i]) - low) * scale)
            value = np.float64(values[i]) - origin
            counts[cell] += 1
            sums[cell] += value
            squares[cell] += value * value


@kernel
def count_borders(u, low, scale, borders):
    """Count borders along the middle axis of `u` by cell: a pair of neighbours adds 1 from its lower cell on.

    The sum of `borders` up to a cell is then the number of pairs that a threshold above this cell separates.
    """
    n_outer, n, n_inner = u.shape
    for o in range(n_outer):
        for i in range(n - 1):
            for j in range(n_inner):
                a, b = np.float64(u[o, i, j]), np.float64(u[o, i + 1, j])
                if a == a and b == b and a != b:
                    borders[int((min(a, b) - low) * scale)] += 1
                    borders[int((max(a, b) - low) * scale)] -= 1
