"""The pipeline in a page: pixels → summary → clustering → model → labels."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import clustering
from .blocks import Progress, count_infinities, summarise
from .clustering import SOLVERS, Optimum, Suggestion
from .model import MAX_CLUSTERS, KMeansModel, KMeansStack, OnDemand, spatial_axis
from .pixels import Pixels

AUTO_K_MAX = 12
"""Most clusters that ``n_clusters="auto"`` chooses."""


def fit(
    image: Any,
    n_clusters: int | str = 3,
    *,
    features: str = "gray",
    channel_axis: int | None = None,
    mask: Any = None,
    per_axis: int | None = None,
    solver: str = "auto",
    random_state: int = 0,
) -> KMeansModel | KMeansStack:
    """Find the clusters of an image's pixels.

    Parameters
    ----------
    image : NumPy, dask or zarr array
        Of any number of dimensions; bool, integers or floats, in any byte order and memory layout. NaN is
        left out. ±inf is left out too, but labelled with the outermost clusters. What is not in memory is
        read block by block, on the Dask cluster of an active `distributed.Client` if there is one.
    n_clusters : int or "auto", default 3
        1 to 255, or as many as `suggest_n_clusters` suggests.
    features : str, default "gray"
        What a pixel is described by: ``"gray"``, its intensity or, with a channel axis of 3 or 4 (RGB, RGBA),
        its Rec. 709 luminance as `skimage.color.rgb2gray` weights it, but in the image's own units;
        ``"gray601"``, the same with Rec. 601 weights, rounded for uint8 as Pillow's ``convert("L")`` does.
        Where alpha is 0 a pixel is left out.
    channel_axis : int, optional
        The image's channel axis; without it every axis is spatial.
    mask : array, optional
        Of the spatial shape; True (or nonzero) = use the pixel.
    per_axis : int, optional
        Fit each position along this axis of `image` by itself; of a dask or zarr array, when its model is
        first asked for.
    solver : {"auto", "exact", "lloyd"}, default "auto"
        ``"exact"`` finds the global optimum, by dynamic programming; it is what ``"auto"`` takes for one
        feature. ``"lloyd"`` is scikit-learn's KMeans on the same weighted values: k-means++, 10 starts.
    random_state : int, default 0
        Seed of ``"lloyd"``; the exact solver has no use for one.

    Returns
    -------
    KMeansModel, or KMeansStack with `per_axis`
        The same to the last bit, however the array is laid out and on however many threads.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what was given and what would do.

    Warns
    -----
    UserWarning
        If there are fewer distinct values than `n_clusters`; there are then as many clusters as values.

    Notes
    -----
    Values of at most 16 bits are counted one by one and the optimum is that of all pixels. Wider ones are
    counted in up to 65 536 cells placed where the pixels are; the inertia is within 1e-6 of the optimum for
    up to 64 clusters.

    Examples
    --------
    >>> import numpy as np, napari_kmeans
    >>> image = np.array([[10, 11, 12], [200, 201, 90]], dtype=np.uint8)
    >>> napari_kmeans.fit(image, 3).centers.ravel()
    array([ 11. ,  90. , 200.5])
    """
    _check_arguments(n_clusters, solver, random_state)
    pixels = Pixels.of(image, features=features, channel_axis=channel_axis, mask=mask)
    if per_axis is None:
        return _fit_one(pixels, n_clusters, channel_axis, solver, random_state)
    axis = spatial_axis(image, per_axis, channel_axis)
    per_axis %= image.ndim
    # Of one position of the image, as the person would cut it out.
    part_axis = channel_axis
    if channel_axis is not None:
        part_axis = channel_axis % image.ndim - (per_axis < channel_axis % image.ndim)

    def fit_at(position: int) -> KMeansModel:
        try:
            return _fit_one(pixels.at(axis, position), n_clusters, part_axis, solver, random_state)
        except ValueError as error:
            raise ValueError(f"at position {position} along axis {per_axis}: {error}") from None

    models = OnDemand(pixels.shape[axis], fit_at)
    # What is not in memory is not read before somebody wants to know.
    kept = tuple(models) if pixels.chunks is None else models
    return KMeansStack(kept, per_axis, channel_axis, features)


def _fit_one(
    pixels: Pixels, n_clusters: int | str, channel_axis: int | None, solver: str, random_state: int
) -> KMeansModel:
    optimum = Optimum(summarise(pixels))
    model = model_of(optimum, n_clusters, pixels.feature.name, channel_axis, solver, random_state)
    return counted(model, pixels)


def segment(
    image: Any,
    n_clusters: int | str = 3,
    *,
    features: str = "gray",
    channel_axis: int | None = None,
    mask: Any = None,
    per_axis: int | None = None,
    solver: str = "auto",
    random_state: int = 0,
) -> tuple[Any, KMeansModel | KMeansStack]:
    """Fit an image and label it: `fit` and `KMeansModel.predict` in one.

    Parameters and errors are those of `fit`. With the exact solver, scikit-learn's KMeans is also started
    from the optimum, and ``model.confirmation`` tells that it found nothing better.

    Returns
    -------
    labels : uint8 array
        Of the spatial shape: 1 = darkest … `n_clusters` = brightest, 0 = excluded. For a dask or zarr array a
        dask array with the same chunks, of which nothing is computed yet.
    model : KMeansModel, or KMeansStack with `per_axis`
    """
    if per_axis is not None:
        stack = fit(
            image,
            n_clusters,
            features=features,
            channel_axis=channel_axis,
            mask=mask,
            per_axis=per_axis,
            solver=solver,
            random_state=random_state,
        )
        return stack.predict(image, channel_axis, mask), stack
    _check_arguments(n_clusters, solver, random_state)
    pixels = Pixels.of(image, features=features, channel_axis=channel_axis, mask=mask)
    optimum = Optimum(summarise(pixels))
    model = model_of(optimum, n_clusters, features, channel_axis, solver, random_state, confirm=True)
    if pixels.chunks is not None:
        return model.label_lazily(pixels), counted(model, pixels)
    return label_and_count(model, pixels)


def suggest_n_clusters(
    image: Any,
    k_max: int = AUTO_K_MAX,
    *,
    features: str = "gray",
    channel_axis: int | None = None,
    mask: Any = None,
) -> Suggestion:
    """Suggest a number of clusters, by Marriott's criterion on the exact optimum of each.

    Parameters
    ----------
    image, features, channel_axis, mask
        As for `fit`.
    k_max : int, default 12
        Largest number looked at, 1 to 255.

    Returns
    -------
    Suggestion
        With ``n_clusters``, ``inertia[k - 1]`` for k = 1 … `k_max`, and ``reason``. A suggestion, no more:
        what the clusters are for is not in the pixels.

    References
    ----------
    .. [1] F. H. C. Marriott, "Practical problems in a method of cluster analysis", Biometrics 27(3), 501-514,
           1971.
    """
    _check_n_clusters("k_max", k_max)
    pixels = Pixels.of(image, features=features, channel_axis=channel_axis, mask=mask)
    return clustering.suggest(Optimum(summarise(pixels)), k_max)


def model_of(
    optimum: Optimum,
    n_clusters: int | str,
    features: str,
    channel_axis: int | None,
    solver: str = "auto",
    random_state: int = 0,
    *,
    confirm: bool = False,
) -> KMeansModel:
    """Cluster a summary into a model; no pixel is read.

    With `confirm`, scikit-learn checks the exact optimum (its import takes a second the first time).
    """
    if isinstance(n_clusters, str):
        n_clusters = clustering.suggest(optimum, AUTO_K_MAX).n_clusters
    if n_clusters > optimum.n_values:
        values, clusters = (
            ("1 distinct value", "is 1 cluster")
            if optimum.n_values == 1
            else (f"{optimum.n_values} distinct values", f"are {optimum.n_values} clusters")
        )
        warnings.warn(
            f"the image has only {values}, so there {clusters} instead of {n_clusters}",
            UserWarning,
            stacklevel=3,
        )
        n_clusters = optimum.n_values
    confirmation = ""
    if solver == "lloyd":
        result = clustering.lloyd(optimum.summary, n_clusters, random_state)
    else:
        solver = "exact"
        result = optimum.clustering(n_clusters)
        if confirm:
            confirmation = clustering.confirm(optimum.summary, result)
    return KMeansModel.of(
        result,
        optimum.summary,
        features=features,
        solver=solver,
        channel_axis=channel_axis,
        confirmation=confirmation,
    )


def label_and_count(
    model: KMeansModel, pixels: Pixels, progress: Progress | None = None
) -> tuple[NDArray[np.uint8], KMeansModel]:
    """Label the pixels a model was just fitted to, and count them where its summary could not."""
    if model.counts_are_exact:
        return model.label(pixels, progress)[0], model
    if model.merges or model.background:  # merged clusters share a label, so they are counted apart from it
        return model.label(pixels, progress)[0], counted(model, pixels)
    labels, counts = model.label(pixels, progress, n_counted=model.n_clusters)
    return labels, _with_counts(model, pixels, counts)


def counted(model: KMeansModel, pixels: Pixels, progress: Progress | None = None) -> KMeansModel:
    """Give a model the numbers of pixels of each cluster, where its summary could not tell them.

    A threshold cuts through a cell; which of its pixels lie on which side only they can tell.
    """
    if model.counts_are_exact:
        return model
    return _with_counts(model, pixels, model.count(pixels, progress))


def _with_counts(model: KMeansModel, pixels: Pixels, counts: NDArray[np.int64]) -> KMeansModel:
    """Give a model counts; infinite pixels are labelled but not counted."""
    # The sum of its own counts is the number of finite pixels, so most images need not be looked through.
    if counts.sum() > model.counts.sum():
        low, high = count_infinities(pixels)
        counts[0] -= low
        counts[-1] -= high
    return replace(model, counts=counts)


def _check_arguments(n_clusters: object, solver: object, random_state: object) -> None:
    if n_clusters != "auto":
        _check_n_clusters("n_clusters", n_clusters)
    if solver not in SOLVERS:
        raise ValueError(f"solver={solver!r} is not known; use one of {', '.join(map(repr, SOLVERS))}")
    if isinstance(random_state, bool) or not isinstance(random_state, int | np.integer):
        raise TypeError(f"random_state must be an int, not {random_state!r}")
    if not 0 <= random_state < 1 << 32:
        raise ValueError(f"random_state={random_state} must be 0 to 4294967295")


def _check_n_clusters(name: str, value: object) -> None:
    auto = ' or "auto"' if name == "n_clusters" else ""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be an int{auto}, not {value!r}")
    if not 1 <= value <= MAX_CLUSTERS:
        raise ValueError(f"{name}={value} must be 1 to {MAX_CLUSTERS}{auto}")
