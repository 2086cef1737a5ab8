"""The whole pipeline: pixels → summary → clusterings → model → labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Unpack

from .blocks.containers import Contents, axis_number, open_container, open_mask, warn_if_ambiguous
from .blocks.pixel_size import shared_size
from .blocks.pixels import Pixels
from .blocks.progress import Progress, subprogress
from .features.feature_space import FeatureSpace
from .kmeans.illumination import with_shared_illumination
from .kmeans.illumination_suggestion import uneven_illumination
from .kmeans.suggestion import K_MAX, Suggestion, check_method, suggest
from .labels.clean_up import clean_labels
from .model.model import KMeansModel
from .model.pooled import fit_pooled, one_per_image
from .model.preparation import clusterings_of, prepare
from .model.recipe import (
    FeatureOptions,
    Recipe,
    RecipeOptions,
    check_n_clusters,
    check_options,
    shows_options,
)
from .model.segmentation import fit_pixels, label_pixels, segment_pixels
from .model.stack import KMeansStack, fit_stack, spatial_axis
from .summary.summarize import summarize


@shows_options(RecipeOptions)
def fit(
    image: Any,
    n_clusters: int | str = 3,
    *,
    channel_axis: int | str | None = None,
    mask: Any = None,
    per_axis: int | str | None = None,
    weights: str = "pixels",
    progress: Progress | None = None,
    **options: Unpack[RecipeOptions],
) -> KMeansModel | KMeansStack:
    """Find the clusters of an image's pixels.

    Parameters
    ----------
    image : NumPy, dask or zarr array, xarray.DataArray, napari Image layer, ImageFile, or a list of these
        Any number of dimensions; bool, integer or float, in any byte order and memory layout. NaN is
        excluded. ±inf is excluded from the fit, but labelled with the outermost clusters. Lazy arrays are
        read block by block, on the Dask cluster of an active `distributed.Client` if there is one. A list or
        tuple of images of one data type gives one pooled model.
    n_clusters : int, "auto" or "gap", default 3
        Number of clusters, 1 to 255. ``"auto"`` and ``"gap"``: the number that `suggest_n_clusters` suggests
        by Marriott's criterion or the gap statistic.
    channel_axis : int, optional
        Channel axis of the image, or its dimension name for a DataArray. By default a DataArray's dimension
        called "channel", "c", "band" or similar, the last axis of an RGB napari layer, or the channel axis of
        an `ImageFile`; otherwise every axis is spatial.
    mask : array, optional
        Has the spatial shape; True (or nonzero) pixels are used. For a list of images, a list of masks.
    per_axis : int, optional
        Fit each position along this axis of `image` separately. For a lazy image, each model is computed on
        demand. The name of the dimension is also accepted, for a DataArray or the result of `read_image`,
        such as ``"T"``.
    weights : {"pixels", "images"}, default "pixels"
        For a list of images: whether every pixel or every image has the same weight. With ``"images"``,
        inertia and explained variance are weighted too; counts remain numbers of pixels.
    progress : callable, optional
        Called with the completed share, 0 to 1. An exception that it raises stops the computation.
    features : str or FeatureSpace, default "gray"
        Features by which pixels are clustered. Pixels with an alpha of 0 are excluded.

        ``"gray"``: intensity or, with a channel axis of length 3 or 4 (RGB, RGBA), Rec. 709 luminance as in
        `skimage.color.rgb2gray`, but in the image's own units. ``"gray601"``: the same with Rec. 601 weights,
        rounded for uint8 as in Pillow's ``convert("L")``.
        ``"rgb"``: red, green and blue. ``"lab"``: CIELAB of sRGB, as in `skimage.color.rgb2lab`.
        ``"red"``, ``"green"``, ``"blue"``, ``"saturation"``, ``"value"``: one component of the colour.
        ``"hematoxylin"``, ``"eosin"``, ``"dab"``, `Stain`: amount of a stain, as in `skimage.color.rgb2hed`.
        ``"channels"`` or `Channels`: all channels of `channel_axis`.
        ``"texture"`` or `Texture`: intensity, edges and texture at several scales.
    illumination : {"additive", "multiplicative"} or Illumination, optional
        Remove uneven illumination: a smooth field that is fitted together with the clusters. "additive" for
        stray light and uneven background, "multiplicative" for shading and vignetting. The model reports the
        field and the share of the variance that it explains.
    smooth : float or sequence of float, default 0
        Smooth the image first with a Gaussian of this standard deviation in pixels, along all spatial axes or
        one value per axis. Missing pixels (NaN, alpha 0, excluded) do not affect their neighbours.
    coherence : float or sequence of float, default 0
        Cost of a border between two clusters, in units of the image's estimated noise, along all spatial axes
        or one value per axis; 1 suits most noisy images. Only for one feature and images in memory. The
        labels are then the global optimum of the squared distances plus twice the cost of every border, and
        centres are the means of the original values.
    exclude : number, "saturated", or a sequence of these, optional
        Exclude pixels with these values, such as 0, a no-data value, or ``"saturated"``, the largest value of
        the image's integer type. With several channels, all channels must have the value. By default the
        no-data value of an `ImageFile` or of a DataArray (``_FillValue``), if it has one.
    solver : {"auto", "exact", "lloyd"}, default "auto"
        ``"exact"`` finds the global optimum by dynamic programming; it is the default for one feature.
        ``"lloyd"`` is scikit-learn's KMeans on the same weighted values, with k-means++ and 10 restarts. For
        several features, Lloyd's iteration with k-means++ and 40 restarts (20 of a sample) is the only solver.
    random_state : int, default 0
        Seed of ``"lloyd"``; the exact solver is deterministic.
    clean_up : CleanUp, optional
        How `segment` cleans the labels.

    Returns
    -------
    KMeansModel or KMeansStack
        A stack with `per_axis`, otherwise a model. Identical to the last bit for any memory layout and number
        of threads.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid; the message names it and suggests what to pass instead.

    Warns
    -----
    UserWarning
        If there are fewer distinct values than `n_clusters`; each value is then a cluster. If a
        three-dimensional array has 3 or 4 elements along its last axis and no `channel_axis` is given.

    Notes
    -----
    One feature: values of at most 16 bits are counted one by one, and the result is optimal for all pixels.
    Wider values are counted in up to 65,536 cells, which are smaller where pixels are dense; the inertia is
    within 1e-6 of the optimum for up to 64 clusters.

    Several features: no method guarantees the optimum. ``"rgb"``, ``"lab"`` and two or three
    ``"channels"`` are counted in up to a million cells; the inertia is within 0.1 % of the best of 10 full
    runs of scikit-learn. More channels and ``"texture"`` are fitted to a sample of 131,072 pixels, or fewer
    with more than 64 channels, but never fewer than 8192. The model reports ``sample_size``, ``n_init`` and
    ``start_spread``.

    Examples
    --------
    >>> import numpy as np, napari_kmeans
    >>> image = np.array([[10, 11, 12], [200, 201, 90]], dtype=np.uint8)
    >>> napari_kmeans.fit(image, 3).centers.ravel()
    array([ 11. ,  90. , 200.5])
    """
    if isinstance(image, list | tuple):
        opened = _open_all(image, channel_axis, per_axis)
        recipe = Recipe.of(n_clusters, **_with_nodata(opened, options))
        images = _pixels_of_all(opened, mask, recipe)
        model = fit_pooled(images, recipe, _channel_axis(opened), progress, weights=weights)
        return _with_size(model, opened)
    per_axis = axis_number(image, per_axis)
    contents = open_container(image, channel_axis)
    recipe = Recipe.of(n_clusters, **_with_nodata([contents], options))
    pixels = _pixels(contents, mask, recipe)
    if per_axis is None:
        return _with_size(fit_pixels(pixels, recipe, contents.channel_axis, progress), [contents])
    return fit_stack(pixels, recipe, contents, per_axis, progress)


@shows_options(RecipeOptions)
def segment(
    image: Any,
    n_clusters: int | str = 3,
    *,
    channel_axis: int | str | None = None,
    mask: Any = None,
    per_axis: int | str | None = None,
    weights: str = "pixels",
    progress: Progress | None = None,
    **options: Unpack[RecipeOptions],
) -> tuple[Any, KMeansModel | KMeansStack]:
    """Fit an image and label it: `fit` and `KMeansModel.predict` in one call.

    Parameters and errors are those of `fit`. With the exact solver, scikit-learn's KMeans is also started
    from the optimum, and ``model.confirmation`` reports that it found nothing better.

    Returns
    -------
    labels : uint8 array
        Has the spatial shape: 1 = darkest … `n_clusters` = brightest, 0 = excluded. For a dask or zarr
        array, a lazy dask array with the same chunks. For a DataArray, a DataArray with its spatial
        coordinates. For a list of images, a list of labels.
    model : KMeansModel or KMeansStack
        A stack with `per_axis`, otherwise a model.
    """
    if isinstance(image, list | tuple):
        opened = _open_all(image, channel_axis, per_axis)
        recipe = Recipe.of(n_clusters, **_with_nodata(opened, options))
        images = _pixels_of_all(opened, mask, recipe)
        return _segment_pooled(opened, images, recipe, weights, progress)
    per_axis = axis_number(image, per_axis)
    contents = open_container(image, channel_axis)
    recipe = Recipe.of(n_clusters, **_with_nodata([contents], options))
    pixels = _pixels(contents, mask, recipe)
    if per_axis is None:
        result = segment_pixels(pixels, recipe, contents.channel_axis, progress)
        return contents.wrap(result.labels), _with_size(result.model, [contents])
    clean_up = recipe.clean_up
    middle, end = (0.4, 0.8) if clean_up else (0.5, 1.0)
    stack = fit_stack(pixels, recipe, contents, per_axis, subprogress(progress, 0, middle))
    plain = contents.without_container()
    labels = stack.predict(plain, mask=mask, progress=subprogress(progress, middle, end))
    if clean_up:
        axis = spatial_axis(contents.data, per_axis, contents.channel_axis)
        rest = subprogress(progress, end, 1)
        labels = clean_labels(labels, **asdict(clean_up), per_axis=axis, progress=rest)
    return contents.wrap(labels), stack


def _segment_pooled(
    opened: list[Contents],
    images: list[Pixels],
    recipe: Recipe,
    weights: str,
    progress: Progress | None,
) -> tuple[list[Any], KMeansModel]:
    """Fit one model to several images and label each of them."""
    fitting = subprogress(progress, 0, 0.6)
    model = fit_pooled(images, recipe, _channel_axis(opened), fitting, weights=weights, confirm=True)
    labels = []
    for number, (contents, pixels) in enumerate(zip(opened, images, strict=True)):
        share = subprogress(
            progress, 0.6 + 0.4 * number / len(images), 0.6 + 0.4 * (number + 1) / len(images)
        )
        fitted = replace(pixels, extractor=model.extractor)
        labels.append(contents.wrap(label_pixels(fitted, model, recipe.clean_up, share).labels))
    return labels, _with_size(model, opened)


def _with_size(model: KMeansModel, opened: list[Contents]) -> KMeansModel:
    """Return the model with the pixel size that all its images share."""
    return model.with_pixel_size(*shared_size([contents.size() for contents in opened]))


def _open_all(
    images: list[Any] | tuple[Any, ...], channel_axis: int | str | None, per_axis: object
) -> list[Contents]:
    """Open each image of a list."""
    if per_axis is not None:
        raise ValueError("per_axis is for a single image; a list of images gets one model of all of them")
    return [open_container(image, channel_axis) for image in images]


def _channel_axis(opened: list[Contents]) -> int | None:
    """Return the channel axis of a pooled model: that of the first image."""
    return opened[0].channel_axis if opened else None


def _with_nodata(opened: list[Contents], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keywords of a recipe that excludes missing pixels, unless `exclude` is given."""
    nodata = tuple({contents.nodata: None for contents in opened if contents.nodata is not None})
    return {"exclude": nodata, **options} if nodata else dict(options)


def _pixels(contents: Contents, mask: Any, recipe: Recipe) -> Pixels:
    """Validate an image and its mask."""
    [pixels] = _pixels_of_all([contents], [mask], recipe)
    return pixels


def _pixels_of_all(opened: list[Contents], mask: Any, recipe: Recipe) -> list[Pixels]:
    """Validate a list of images with a list of masks."""
    masks = one_per_image("mask", mask, len(opened))
    images = [
        Pixels.of(
            contents.data,
            features=recipe.extractor,
            channel_axis=contents.channel_axis,
            mask=open_mask(of_image),
        )
        for contents, of_image in zip(opened, masks, strict=True)
    ]
    warn_if_ambiguous(opened)
    return images


def suggest_illumination(
    image: Any,
    *,
    channel_axis: int | str | None = None,
    mask: Any = None,
    features: str | FeatureSpace = "gray",
    exclude: float | str | Sequence[float | str] = (),
) -> str | None:
    """Return the kind of uneven illumination that an image seems to have.

    A smooth field is fitted to sampled pixels together with four clusters. The image is called unevenly lit
    if removing the field reduces the variance within the clusters by more than a third.

    Parameters
    ----------
    image, channel_axis, mask, features, exclude
        As for `fit`.

    Returns
    -------
    "additive", "multiplicative" or None
        Value to pass as `illumination`. Check the labels: a scene that is darker on one side, such as a sky,
        is also called unevenly lit, and uneven illumination that is weaker than the noise is missed.
    """
    opened = open_container(image, channel_axis)
    options: dict[str, Any] = {"features": features} | ({"exclude": exclude} if exclude != () else {})
    recipe = Recipe.of(1, **_with_nodata([opened], options))
    return uneven_illumination(_pixels(opened, mask, recipe))


@shows_options(FeatureOptions)
def suggest_n_clusters(
    image: Any,
    k_max: int = K_MAX,
    *,
    method: str = "marriott",
    channel_axis: int | str | None = None,
    mask: Any = None,
    progress: Progress | None = None,
    **options: Unpack[FeatureOptions],
) -> Suggestion:
    """Suggest a number of clusters, by Marriott's criterion or the gap statistic.

    For several features the optimum is estimated.

    Parameters
    ----------
    image, channel_axis, mask, progress, features, illumination, smooth, coherence, exclude
        As for `fit`.
    k_max : int, default 12
        Largest number to consider, 1 to 255.
    method : {"marriott", "gap"}, default "marriott"
        ``"marriott"``: the number with the largest improvement over evenly distributed values [1]_.
        ``"gap"``: the smallest number whose gap is within one standard error of the largest; the gap is the
        log inertia of simulated, evenly distributed values minus that of the image [2]_. It may suggest a
        single cluster.

    Returns
    -------
    Suggestion
        With ``n_clusters``, ``inertia[k - 1]`` for k = 1 … `k_max`, and ``reason``. It is only a suggestion:
        only you know what the clusters should represent.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid; the message names it and suggests what to pass instead.

    References
    ----------
    .. [1] F. H. C. Marriott, "Practical problems in a method of cluster analysis", Biometrics 27(3), 501-514,
           1971.
    .. [2] R. Tibshirani, G. Walther and T. Hastie, "Estimating the number of clusters in a data set via the
           gap statistic", Journal of the Royal Statistical Society B 63(2), 411-423, 2001.
    """
    check_method(method)
    check_n_clusters("k_max", k_max)
    check_options(options, FeatureOptions)
    if isinstance(image, list | tuple):
        opened = _open_all(image, channel_axis, None)
        recipe = Recipe.of(1, **_with_nodata(opened, options))
        images = with_shared_illumination(
            _pixels_of_all(opened, mask, recipe), recipe.illumination, subprogress(progress, 0, 0.2)
        )
        return suggest(clusterings_of(summarize(images, subprogress(progress, 0.2, 1))), k_max, method)
    contents = open_container(image, channel_axis)
    recipe = Recipe.of(1, **_with_nodata([contents], options))
    return suggest(prepare(_pixels(contents, mask, recipe), recipe, progress).clusterings, k_max, method)
