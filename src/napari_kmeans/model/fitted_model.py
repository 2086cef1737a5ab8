"""Clusters of an image, as other modules use them: make a model, label pixels and count them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..blocks.pixels import Pixels
from ..blocks.progress import Progress, subprogress
from ..features.extractor import FeatureExtractor
from ..features.feature_space import ScalarFormat, VectorFormat
from ..kmeans.clustering import CLUSTERING_FIELDS, Clusterings
from ..kmeans.coherent_clusterings import CoherentClusterings
from ..kmeans.suggestion import GAP, K_MAX, suggest
from ..preprocess.illumination import IlluminationField
from ..summary.coherent import CoherentSummary
from ..summary.scalar import ScalarSummary
from ..summary.vector import VectorSummary
from ..user_warning import warn_user
from .coherence import Coherence, coherent_pixels
from .editable_clusters import EditableClusters
from .edits import Edits
from .fitted_to import FittedTo, rescaling, sample_of
from .label_pixels import count_pixels, label_in_memory, label_lazily
from .labellers import Labeller, NearestLabeller, scalar_labeller
from .recipe import Recipe

_SHOWN = 8  # centres, and features of each, in the text representation


def without_pixels(counts: NDArray[np.int64]) -> str:
    """Name the clusters without pixels, such as "clusters 2 and 3"; empty if all have pixels."""
    empty = [str(label) for label in np.flatnonzero(counts == 0) + 1]
    if not empty:
        return ""
    *others, last = empty
    return f"clusters {', '.join(others)} and {last}" if others else f"cluster {last}"


def _n_clusters(clusterings: Clusterings, requested: int | str) -> int:
    """Return the number of clusters to find; warn if there are fewer distinct values than requested."""
    method = "gap" if requested == GAP else "marriott"
    k = suggest(clusterings, K_MAX, method).n_clusters if isinstance(requested, str) else requested
    n = clusterings.n_values
    if k <= n:
        return k
    values, clusters = (
        ("1 distinct value", "is 1 cluster") if n == 1 else (f"{n} distinct values", f"are {n} clusters")
    )
    warn_user(f"the image has only {values}, so there {clusters} instead of {k}")
    return n


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedModel(EditableClusters):
    """Clusters of an image, ready to label pixels. Immutable.

    Internal functions take and return this class. `KMeansModel` adds the methods that users call with an
    image or a file.
    """

    channel_axis: int | None = None
    """Channel axis of the fitted image, and the default of `predict`."""

    illumination: IlluminationField | None = None
    """Illumination field that is removed from images before they are labelled."""

    coherence: Coherence | None = None
    """Noise, cost of borders and duality gap, if borders between clusters have a cost. The thresholds then
    apply to the coherent image instead of the image itself."""

    fitted_to: FittedTo | None = None
    """Type and range of the fitted image; None for models of earlier versions."""

    @classmethod
    def of(
        cls,
        clusterings: Clusterings,
        recipe: Recipe,
        channel_axis: int | None = None,
        *,
        illumination: IlluminationField | None = None,
        coherence: Coherence | None = None,
        image: Pixels | None = None,
        confirm: bool = False,
        estimate: bool = False,
    ) -> Self:
        """Cluster a summary by a recipe; no pixel is read.

        Parameters
        ----------
        clusterings : Clusterings
        recipe : Recipe
        channel_axis : int, optional
        illumination : IlluminationField, optional
            Field that was removed from the pixels of the summary.
        coherence : Coherence, optional
            How the pixels of the summary were made coherent.
        image : Pixels, optional
            The pixels of the summary, whose type the model keeps.
        confirm : bool
            Compare an exact optimum with scikit-learn's KMeans; the first import takes a second.
        estimate : bool
            Find clusters of several features within milliseconds, possibly with a larger inertia.

        Returns
        -------
        FittedModel
            Includes the edits of the recipe, unless there are fewer distinct values than clusters.

        Warns
        -----
        UserWarning
            If there are fewer distinct values than clusters, or coherence leaves a cluster without pixels.
        """
        requested = recipe.n_clusters
        k = _n_clusters(clusterings, requested)
        clustering = clusterings.estimate(k) if estimate else clusterings.clustering(k, recipe.solver)
        if coherence is not None and not clustering.counts.all():
            warn_user(
                f"coherence leaves {without_pixels(clustering.counts)} of {k} without pixels; use fewer clusters "
                "or a smaller coherence"
            )
        confirms = confirm and clustering.is_exact
        summary: ScalarSummary | VectorSummary | CoherentSummary = clusterings.summary
        if isinstance(clusterings, CoherentClusterings):
            summary = clusterings.coherent
        of_values = summary.original if isinstance(summary, CoherentSummary) else summary
        found = {name: value for name, value in vars(clustering).items() if name in CLUSTERING_FIELDS}
        found["feature_names"] = clustering.feature_names or (recipe.features.name,)
        found["confirmation"] = clusterings.confirm(k) if confirms else ""
        model = cls(
            **found,
            recipe=replace(recipe, edits=Edits()),
            channel_axis=channel_axis,
            illumination=illumination,
            coherence=coherence,
            fitted_to=None if image is None else FittedTo.of(image.image.dtype, image.n_channels, of_values),
            _summary=summary if isinstance(summary, ScalarSummary | CoherentSummary) else None,
        )
        return model.with_edits(recipe.edits) if k == requested or isinstance(requested, str) else model

    def __repr__(self) -> str:
        """Return a one-line description; all fields would fill a page."""
        rows = [", ".join(f"{value:.4g}" for value in center[:_SHOWN]) for center in self.centers[:_SHOWN]]
        if self.n_features > 1:
            rows = [f"({row}{', …' * (self.n_features > _SHOWN)})" for row in rows]
        centers = ", ".join([*rows, "…"][: self.n_clusters if self.n_clusters <= _SHOWN else None])
        return (
            f"{type(self).__name__}(n_clusters={self.n_clusters}, features={self.features!r}, "
            f"centers=[{centers}], explained_variance={self.explained_variance:.4g})"
        )

    @property
    def features(self) -> str:
        """Name of the feature space, such as ``"gray"``."""
        return self.recipe.features.name

    @property
    def extractor(self) -> FeatureExtractor:
        """Preprocessing and feature space, which turn pixels into the values that are labelled."""
        return replace(self.recipe.extractor, field=self.illumination)

    def warn_of_differences(self, pixels: Pixels, pixel_size: Sequence[float] = (), unit: str = "") -> bool:
        """Issue one `UserWarning` if an image differs from the one that the model was fitted to.

        Parameters
        ----------
        pixels : Pixels
        pixel_size : sequence of float, optional
            Along each spatial axis except time; compared if that of the fitted image is known.
        unit : str, optional
            Unit of `pixel_size`.

        Returns
        -------
        bool
            Whether it differs.
        """
        if self.fitted_to is None:
            return False
        sample = sample_of(replace(pixels, extractor=self.extractor), pixel_size, unit)
        differences = self.fitted_to.differences(sample, self.feature_names)
        if not differences:
            return False
        warn_user(
            f"the image differs from the one that the model was fitted to: {'; '.join(differences)}. The labels "
            'may be wrong; match="range" scales the model to the image, match="refit" fits it again'
        )
        return True

    def with_pixel_size(self, pixel_size: Sequence[float], unit: str = "") -> Self:
        """Return a model that records the pixel size of the fitted image, to compare other images with.

        Parameters
        ----------
        pixel_size : sequence of float
            Along each spatial axis except time; empty if unknown.
        unit : str, optional
            Unit of `pixel_size`, such as "um".

        Returns
        -------
        FittedModel
        """
        if self.fitted_to is None:
            return self
        size = tuple(float(length) for length in pixel_size)
        return replace(self, fitted_to=replace(self.fitted_to, pixel_size=size, unit=unit if size else ""))

    def scaled_to(self, image: FittedTo) -> Self:
        """Return a model for an image with another range: thresholds and centres are scaled linearly.

        Parameters
        ----------
        image : FittedTo
            Range of the other image.

        Returns
        -------
        FittedModel

        Raises
        ------
        ValueError
            If the model was saved by a version that did not record the range of the fitted image.
        """
        fitted = self.fitted_to
        if fitted is None or not fitted.low:
            raise ValueError(
                "the model was saved by an earlier version, without the range of its image; use "
                "match='refit', or fit it again"
            )
        if (fitted.low, fitted.high) == (image.low, image.high):
            return replace(self, fitted_to=image)
        scale = rescaling(fitted, image)
        zeros = np.zeros(self.n_features)
        factors = scale(zeros + 1) - scale(zeros)
        thresholds = scale(self.thresholds[:, np.newaxis])[:, 0] if self.n_features == 1 else self.thresholds
        edited = {"thresholds": tuple(thresholds.tolist())} if self.n_features == 1 else {}
        centers = scale(self.centers)
        scales = self.scales if self.n_features == 1 else self.scales * np.where(factors > 0, factors, 1.0)
        if self.n_features > 1:
            edited = {"centers": tuple(map(tuple, centers.tolist())), "scales": tuple(scales.tolist())}
        return replace(
            self,
            centers=centers,
            thresholds=thresholds,
            scales=scales,
            integer_thresholds=(),
            confirmation="",
            fitted_to=image,
            recipe=self.recipe.with_edits(**edited),
            _summary=None,
        )

    def label_pixels(self, pixels: Pixels, progress: Progress | None = None) -> Any:
        """Label the pixels of an image like `predict` with ``match="values"``.

        Parameters
        ----------
        pixels : Pixels
            The image; its extractor is replaced by that of the model.
        progress : callable, optional

        Returns
        -------
        uint8 array
            Has the spatial shape; a lazy dask array if the image is lazy.

        Raises
        ------
        ValueError
            If the model does not support such an image.
        """
        pixels = replace(pixels, extractor=self.extractor)
        self.extractor.check(pixels.shape, pixels.image.dtype, pixels.n_channels)
        if pixels.chunks is not None:
            return self.label_lazily(self.coherent(pixels))
        read = 0.8 if self.coherence else 0.0
        pixels = self.coherent(pixels, subprogress(progress, 0, read))
        return self.label(pixels, subprogress(progress, read, 1))[0]

    def coherent(self, pixels: Pixels, progress: Progress | None = None) -> Pixels:
        """Return the pixels that the thresholds apply to; coherent ones if borders have a cost.

        Parameters
        ----------
        pixels : Pixels
            The image; its extractor is that of the model.
        progress : callable, optional

        Returns
        -------
        Pixels
            With a float32 image in memory if the model has coherence; else `pixels`.
        """
        if self.coherence is None:
            return pixels
        return coherent_pixels(pixels, self.recipe.coherence, progress, self.coherence.noise)[0]

    def labeller(self, value_format: ScalarFormat | VectorFormat) -> Labeller:
        """Return the function that labels blocks of values in a format.

        Parameters
        ----------
        value_format : ScalarFormat or VectorFormat

        Returns
        -------
        callable
            Takes values, the pixels to use, and a uint8 array that receives the labels.

        Raises
        ------
        ValueError
            If values and clusters differ in their number of features.
        """
        if value_format.n_features != self.n_features:
            raise ValueError(
                f"image has {value_format.n_features} features per pixel (features={self.features!r}), but "
                f"the model has {self.n_features}: {', '.join(self.feature_names)}"
            )
        if isinstance(value_format, ScalarFormat):
            return scalar_labeller(self.exact_thresholds, self.label_of_cluster, value_format)
        return NearestLabeller(self.centers, self.scales, self.label_of_cluster, value_format)

    def label(
        self, pixels: Pixels, progress: Progress | None = None, *, n_counted: int = 0
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Label pixels in memory; see `label_in_memory`.

        Parameters
        ----------
        pixels : Pixels
            The image; its extractor is that of the model.
        progress : callable, optional
        n_counted : int, default 0
            Also count the pixels of labels 1 to `n_counted`, including infinite ones.

        Returns
        -------
        labels : uint8 array
            Has the spatial shape.
        counts : (n_counted,) int64 array
        """
        return label_in_memory(pixels, self.labeller(pixels.value_format), progress, n_counted=n_counted)

    def label_lazily(self, pixels: Pixels) -> Any:
        """Return the labels of a lazy image as a dask array with the same chunks.

        Parameters
        ----------
        pixels : Pixels
            The image; its extractor is that of the model.

        Returns
        -------
        dask array of uint8
            Has the spatial shape.
        """
        return label_lazily(pixels, self.labeller(pixels.value_format))

    def count(
        self, pixels: Pixels, progress: Progress | None = None, *, infinite: bool = False
    ) -> NDArray[np.int64]:
        """Count the pixels of each cluster, ignoring merges and background.

        Parameters
        ----------
        pixels : Pixels
            The image; its extractor is that of the model.
        progress : callable, optional
        infinite : bool, default False
            Count only infinite pixels; by default they are included.

        Returns
        -------
        (n_clusters,) int64 array
        """
        plain = self.merged([]).with_background([])  # merged clusters share a label
        labeller = plain.labeller(pixels.value_format)
        return count_pixels(pixels, labeller, self.n_clusters, progress, infinite=infinite)

    def confirmed(self, clusterings: Clusterings) -> Self:
        """Return the model with scikit-learn's confirmation, if it is exact and not adjusted.

        Parameters
        ----------
        clusterings : Clusterings
            Clusterings of the summary that the model was fitted to.

        Returns
        -------
        FittedModel
        """
        if not self.is_exact or self.adjusted:
            return self
        return replace(self, confirmation=clusterings.confirm(self.n_clusters))
