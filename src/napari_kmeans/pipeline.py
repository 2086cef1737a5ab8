"""The pipeline in a page: pixels → summary → clustering → model → labels."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .blocks.loop import Progress, summarise
from .blocks.pixels import Pixels
from .features import Vector
from .features.extractor import Description
from .kmeans import clustering
from .kmeans.clustering import SOLVERS, Optimum, Suggestion
from .kmeans.search import Search
from .model.model import MAX_CLUSTERS, KMeansModel
from .model.stack import KMeansStack, OnDemand, spatial_axis
from .summary.scalar import Summary
from .summary.vector import Cloud

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
    smooth: float | Sequence[float] = 0,
    exclude: Any = (),
    standardize: bool | None = None,
    sigma: tuple[float, float] | None = None,
    window: float | None = None,
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
        What a pixel is described by. Where alpha is 0 a pixel is left out.

        ``"gray"``: its intensity or, with a channel axis of 3 or 4 (RGB, RGBA), its Rec. 709 luminance as
        `skimage.color.rgb2gray` weights it, but in the image's own units. ``"gray601"``: the same with Rec.
        601 weights, rounded for uint8 as Pillow's ``convert("L")`` does.
        ``"rgb"``: red, green and blue. ``"lab"``: CIE L*a*b* of sRGB, as `skimage.color.rgb2lab`.
        ``"red"``, ``"green"``, ``"blue"``, ``"saturation"``, ``"value"``: one value of a colour.
        ``"channels"``: all channels of `channel_axis`.
        ``"texture"``: intensity, edges and texture of the gray image at several scales, as
        `skimage.feature.multiscale_basic_features`, averaged around each pixel and standardised.
    channel_axis : int, optional
        The image's channel axis; without it every axis is spatial.
    mask : array, optional
        Of the spatial shape; True (or nonzero) = use the pixel.
    per_axis : int, optional
        Fit each position along this axis of `image` by itself; of a dask or zarr array, when its model is
        first asked for.
    solver : {"auto", "exact", "lloyd"}, default "auto"
        ``"exact"`` finds the global optimum, by dynamic programming; it is what ``"auto"`` takes for one
        feature. ``"lloyd"`` is scikit-learn's KMeans on the same weighted values: k-means++, 10 starts; the
        only one for several features.
    random_state : int, default 0
        Seed of ``"lloyd"``; the exact solver has no use for one.
    smooth : float or sequence of float, default 0
        First average the image with a Gaussian of this standard deviation in pixels, along all spatial axes
        or one each, so that clusters hang together. Pixels without a value (NaN, alpha 0, excluded ones) are
        not averaged into others.
    exclude : number, "saturated", or a sequence of these, optional
        Leave out pixels of these values: zeros, a no-data value, or ``"saturated"``, the largest value of the
        image's integers. Of several channels, if all of them have the value.
    standardize : bool, default True
        Of ``"channels"``: measure distances in standard deviations of each channel.
    sigma : (float, float), default (0.5, 4)
        Of ``"texture"``: smallest and largest scale, the standard deviation of a Gaussian in pixels.
    window : float, default 16
        Of ``"texture"``: by a Gaussian of how many pixels features are averaged around each pixel. Textures
        are told apart by how strong their edges are on average; 0 leaves features as scikit-image has them.

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
    One feature: values of at most 16 bits are counted one by one and the optimum is that of all pixels. Wider
    ones are counted in up to 65 536 cells placed where the pixels are; the inertia is within 1e-6 of the
    optimum for up to 64 clusters.

    Several: no method finds the optimum for certain. ``"rgb"``, ``"lab"`` and two or three ``"channels"`` are
    counted in up to a million cells, which no 8-bit image short of that many colours needs; the inertia is
    within 0.1 % of the best of 10 full runs of scikit-learn. More channels and ``"texture"`` are fitted to a
    sample of 131 072 pixels, within 1 %. The model tells: ``sample_size``, ``n_init``, ``start_spread``.

    Examples
    --------
    >>> import numpy as np, napari_kmeans
    >>> image = np.array([[10, 11, 12], [200, 201, 90]], dtype=np.uint8)
    >>> napari_kmeans.fit(image, 3).centers.ravel()
    array([ 11. ,  90. , 200.5])
    """
    _check_arguments(n_clusters, solver, random_state)
    description = Description.of(
        features, smooth=smooth, exclude=exclude, standardize=standardize, sigma=sigma, window=window
    )
    pixels = Pixels.of(image, features=description, channel_axis=channel_axis, mask=mask)
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
    return KMeansStack(kept, per_axis, channel_axis, pixels.at(axis, 0).feature)


def _fit_one(
    pixels: Pixels, n_clusters: int | str, channel_axis: int | None, solver: str, random_state: int
) -> KMeansModel:
    check_solver(solver, pixels)
    optimum = optimum_of(summarise(pixels), random_state)
    model = model_of(optimum, n_clusters, pixels.feature, channel_axis, solver, random_state)
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
    smooth: float | Sequence[float] = 0,
    exclude: Any = (),
    standardize: bool | None = None,
    sigma: tuple[float, float] | None = None,
    window: float | None = None,
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
            smooth=smooth,
            exclude=exclude,
            standardize=standardize,
            sigma=sigma,
            window=window,
        )
        return stack.predict(image, channel_axis, mask), stack
    _check_arguments(n_clusters, solver, random_state)
    description = Description.of(
        features, smooth=smooth, exclude=exclude, standardize=standardize, sigma=sigma, window=window
    )
    pixels = Pixels.of(image, features=description, channel_axis=channel_axis, mask=mask)
    check_solver(solver, pixels)
    optimum = optimum_of(summarise(pixels), random_state)
    model = model_of(optimum, n_clusters, description, channel_axis, solver, random_state, confirm=True)
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
    smooth: float | Sequence[float] = 0,
    exclude: Any = (),
    standardize: bool | None = None,
    sigma: tuple[float, float] | None = None,
    window: float | None = None,
) -> Suggestion:
    """Suggest a number of clusters, by Marriott's criterion on the optimum of each.

    Of several features the optimum is not known; estimates of it serve.

    Parameters
    ----------
    image, features, channel_axis, mask, smooth, exclude, standardize, sigma, window
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
    description = Description.of(
        features, smooth=smooth, exclude=exclude, standardize=standardize, sigma=sigma, window=window
    )
    pixels = Pixels.of(image, features=description, channel_axis=channel_axis, mask=mask)
    return clustering.suggest(optimum_of(summarise(pixels)), k_max)


def optimum_of(summary: Summary | Cloud, random_state: int = 0) -> Optimum | Search:
    """Return what finds the clusters of a summary, for any number of them; both kinds are used alike."""
    return Optimum(summary) if isinstance(summary, Summary) else Search(summary, random_state)


def model_of(
    optimum: Optimum | Search,
    n_clusters: int | str,
    features: str | Description,
    channel_axis: int | None,
    solver: str = "auto",
    random_state: int = 0,
    *,
    confirm: bool = False,
    estimate: bool = False,
) -> KMeansModel:
    """Cluster a summary into a model; no pixel is read.

    With `confirm`, scikit-learn checks the exact optimum (its import takes a second the first time). With
    `estimate`, clusters of several features are found within milliseconds, and may be less good.
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
    if isinstance(optimum, Search):
        solver = "lloyd"
        result = optimum.estimate(n_clusters) if estimate else optimum.clustering(n_clusters)
    elif solver == "lloyd":
        result = clustering.lloyd(optimum.summary, n_clusters, random_state)
    else:
        solver = "exact"
        result = optimum.clustering(n_clusters)
        if confirm:
            confirmation = clustering.confirm(optimum.summary, result)
    return KMeansModel.of(
        result,
        optimum,
        description=Description.of(features),
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
        counts = counts - model.count(pixels, infinite=True)
    return replace(model, counts=counts)


def check_solver(solver: str, pixels: Pixels) -> None:
    """Raise ``ValueError`` where the exact solver is asked for more than one feature."""
    if solver == "exact" and isinstance(pixels.stored, Vector):
        raise ValueError(
            f"solver='exact' finds the optimum of one feature, and features={pixels.feature.name!r} has "
            f"{pixels.stored.n_features}; use 'auto' or 'lloyd'"
        )


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
