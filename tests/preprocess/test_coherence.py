"""Thresholds of the proximal map, compared with enumeration, a maximum flow and bounds."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from napari_kmeans.preprocess.coherence import check_coherence, estimate_noise, proximal_map


def one_after_another(function, ranges):
    return map(function, ranges)


def neighbours(shape, axis):
    """Return flat indices of all pairs of neighbours along an axis."""
    index = np.arange(np.prod(shape)).reshape(shape)
    n = shape[axis]
    return index.take(range(n - 1), axis).ravel(), index.take(range(1, n), axis).ravel()


def energy(levels, values, weights):
    """Return Σ (v - c)² + 2 Σ weight |c(p) - c(q)| of images of centres, (n, *shape); NaN is ignored."""
    shape = values.shape
    flat, v = levels.reshape(len(levels), -1), values.ravel()
    known = ~np.isnan(v)
    total = np.sum((flat - v)[:, known] ** 2, axis=1)
    for axis, weight in enumerate(weights):
        p, q = neighbours(shape, axis)
        both = known[p] & known[q]
        total += 2 * weight * np.sum(np.abs(flat[:, p[both]] - flat[:, q[both]]), axis=1)
    return total


SMALL = {
    "2-D": ((3, 3), (0.8, 0.8)),
    "2-D, spacing": ((3, 3), (0.3, 1.5)),
    "one axis": ((3, 3), (0.0, 1.2)),
    "3-D": ((2, 2, 2), (0.7, 0.7, 0.7)),
    "3-D, spacing": ((2, 2, 2), (0.2, 0.7, 1.4)),
    "line": ((9,), (1.0,)),
}


@pytest.mark.parametrize("masked", [False, True], ids=["whole", "masked"])
@pytest.mark.parametrize("kind", SMALL)
def test_thresholds_give_the_enumerated_optimum(kind, masked):
    """The reference tries all combinations of the three centres on the pixels of 600 small images."""
    shape, weights = SMALL[kind]
    rng = np.random.default_rng(len(kind) + masked)
    labels = np.array(list(product(range(3), repeat=int(np.prod(shape)))))
    for _ in range(50):
        values = rng.normal(0, 2, shape).astype(np.float32)
        if masked:
            values[rng.random(shape) < 0.25] = np.nan
            if np.isnan(values).all():
                continue
        centers = np.sort(rng.normal(0, 2, 3))
        u, _ = proximal_map(values, weights, one_after_another)
        found = centers[np.searchsorted((centers[1:] + centers[:-1]) / 2, u)]
        least = energy(centers[labels], values.astype(np.float64), weights).min()
        assert energy(found[np.newaxis], values.astype(np.float64), weights)[0] == pytest.approx(
            least, rel=1e-6
        )


def minimum_cut(values, weights, threshold):
    """Return the set of pixels of least Σ (threshold - v) + Σ weight · border, by a maximum flow."""
    scale = 1e5
    n = values.size
    unary = np.rint(scale * (threshold - values.ravel())).astype(np.int64)  # cost of being in the set
    source, sink, pixel = n, n + 1, np.arange(n)
    rows = [np.full(n, source), pixel]
    columns = [pixel, np.full(n, sink)]
    capacities = [np.maximum(-unary, 0), np.maximum(unary, 0)]
    for axis, weight in enumerate(weights):
        p, q = neighbours(values.shape, axis)
        cost = np.full(p.size, round(scale * weight))
        rows += [p, q]
        columns += [q, p]
        capacities += [cost, cost]
    flat = [np.concatenate(each).astype(np.int32) for each in (capacities, rows, columns)]
    graph = sparse.csr_matrix((flat[0], (flat[1], flat[2])), shape=(n + 2, n + 2))
    graph.eliminate_zeros()
    residual = graph - maximum_flow(graph, source, sink).flow
    residual.data = np.maximum(residual.data, 0)
    residual.eliminate_zeros()
    inside = np.zeros(n + 2, dtype=bool)
    inside[breadth_first_order(residual, source, return_predecessors=False)] = True
    return inside[:n].reshape(values.shape)


@pytest.mark.parametrize("noise", [0.3, 0.8])
@pytest.mark.parametrize("kind", ["blobs", "noise only"])
def test_thresholds_are_minimum_cuts(kind, noise):
    """For ordered centres, each threshold on its own is a minimum cut."""
    from skimage.data import binary_blobs

    rng = np.random.default_rng(0)
    truth = binary_blobs(64, blob_size_fraction=0.2, rng=1) + 1.0 * binary_blobs(64, rng=2)
    values = (truth * (kind == "blobs") + rng.normal(0, noise, truth.shape)).astype(np.float32)
    weights = (noise, noise)
    u, gap = proximal_map(values, weights, one_after_another)
    assert 0 <= gap < 2e-6
    spread = np.sum((values - values.mean(dtype=np.float64)) ** 2)
    for threshold in (0.3, 0.5, 1.5):
        cut = minimum_cut(values.astype(np.float64), weights, threshold)
        assert np.mean(cut == (u > threshold)) > 0.999

        def cost(inside, threshold=threshold):
            levels = np.where(inside, 2 * threshold, 0.0)[np.newaxis]  # centres 0 and 2 t, border at t
            return energy(levels, values.astype(np.float64), weights)[0]

        assert abs(cost(u > threshold) - cost(cut)) < 1e-5 * spread


def test_gap_bounds_the_distance_from_the_minimum():
    values = np.random.default_rng(0).normal(0, 1, (40, 50)).astype(np.float32)

    def objective(u):
        half = np.abs(np.diff(u, axis=0)).sum() + np.abs(np.diff(u, axis=1)).sum()
        return np.sum((u - values) ** 2) / 2 + 0.8 * half

    u, gap = proximal_map(values, (0.8, 0.8), one_after_another)
    spread = np.sum((values - values.mean()) ** 2)
    rng = np.random.default_rng(1)
    for scale in (1e-3, 1e-2, 1e-1):
        other = u + rng.normal(0, scale, u.shape)
        assert objective(other.astype(np.float64)) > objective(u.astype(np.float64)) - gap * spread
    assert objective(u.astype(np.float64)) < objective(np.full(u.shape, values.mean()))


def test_infinite_pixels_separate_regions_and_keep_their_value():
    values = np.random.default_rng(0).normal(0, 1, (20, 21)).astype(np.float32)
    walls, infinite = values.copy(), values.copy()
    walls[:, 10], infinite[:, 10] = np.nan, np.inf
    u, _ = proximal_map(infinite, (1.0, 1.0), one_after_another)
    beside, _ = proximal_map(walls, (1.0, 1.0), one_after_another)
    assert (u[:, 10] == np.inf).all()
    assert np.array_equal(np.delete(u, 10, 1), np.delete(beside, 10, 1))
    alone, _ = proximal_map(values[:, :10], (1.0, 1.0), one_after_another)
    assert u[:, :10] == pytest.approx(alone, abs=2e-3)


def test_a_large_weight_gives_the_mean():
    values = np.random.default_rng(0).normal(5, 1, (16, 17)).astype(np.float32)
    u, _ = proximal_map(values, (100.0, 100.0), one_after_another)
    assert u == pytest.approx(values.mean(), abs=1e-3)


def test_progress_ascends():
    seen = []
    values = np.random.default_rng(0).normal(size=(30, 30)).astype(np.float32)
    proximal_map(values, (1.0, 1.0), one_after_another, seen.append)
    assert seen == sorted(seen)
    assert 0 < seen[0] < 1
    assert seen[-1] <= 1


@pytest.mark.parametrize("sigma", [0.5, 3, 20])
def test_noise_is_estimated_beside_structure(sigma):
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:300, :300]
    clean = np.where((rows // 40 + columns // 40) % 2, 60.0, 160.0)
    noisy = (clean + rng.normal(0, sigma, clean.shape)).astype(np.float32)
    assert estimate_noise(noisy) == pytest.approx(sigma, rel=0.1)


def test_pixels_without_noise_do_not_hide_that_of_the_others():
    rng = np.random.default_rng(0)
    image = rng.normal(100, 4, (200, 200)).astype(np.float32)
    image[:, :150] = 0  # a background that was set to 0
    assert estimate_noise(image) == pytest.approx(4, rel=0.15)
    image[:, :150] = np.nan
    assert estimate_noise(image) == pytest.approx(4, rel=0.15)


@pytest.mark.parametrize("shape", [(1, 1), (5,), (3, 3, 3)])
def test_noise_of_a_constant_image_is_that_of_rounding(shape):
    image = np.full(shape, 3, dtype=np.float32)
    assert estimate_noise(image) == 0
    assert estimate_noise(image, step=1.0) == pytest.approx(1 / np.sqrt(12))


@pytest.mark.parametrize(
    ("given", "checked"), [(0, ()), (1, (1.0,)), ((1, 0), (1.0, 0.0)), ([0, 0], ()), (np.float32(2), (2.0,))]
)
def test_coherence_is_a_number_or_one_per_axis(given, checked):
    assert check_coherence(given) == checked


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("1", TypeError, "coherence must be a number or one for each spatial axis, not '1'"),
        (True, TypeError, "not True"),
        (-1, ValueError, "coherence=-1 must be 0 to 100"),
        ((1, 200), ValueError, "must be 0 to 100"),
        (float("nan"), ValueError, "must be 0 to 100"),
    ],
)
def test_invalid_coherence_is_rejected(given, error, message):
    with pytest.raises(error, match=message):
        check_coherence(given)
