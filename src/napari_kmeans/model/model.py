"""The result of a fit: centres in a feature space, what labels them, and how it is kept in a file."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks import loop as blocks
from ..blocks.loop import Progress
from ..blocks.pixels import Pixels
from ..features import Scalar, Vector
from ..features.extractor import Description
from ..kmeans.clustering import Clustering, Optimum, confirm, describe
from ..kmeans.nearest import NearestLabeller
from ..kmeans.search import Search
from ..summary.scalar import Summary
from . import file as model_file
from .file import MAX_CLUSTERS as MAX_CLUSTERS
from .labelling import Labeller, labeller

_FORMAT = "napari-kmeans model"


@dataclass(frozen=True, eq=False, kw_only=True)
class KMeansModel:
    """Clusters of an image, ready to label it or another one. Immutable.

    Attributes
    ----------
    features : str
        Feature space, such as ``"gray"``.
    centers : (n_clusters, n_features) float64 array
        In the image's own units, in ascending brightness.
    thresholds : (n_clusters - 1,) float64 array
        Between neighbouring clusters; a value equal to one belongs to the darker cluster. Empty with several
        features: a pixel then belongs to the nearest centre.
    inertia : float
        Sum of squared distances of the pixels to their centre, in squared units, or in squared `scales` where
        features are standardised. From a sample, its estimate for all pixels.
    counts : (n_clusters,) int64 array
        Pixels of each cluster; ±inf is labelled but not counted.
    explained_variance : float
        1 - inertia / inertia of one cluster, 0 to 1; 1 for a constant image.
    solver : str
        ``"exact"`` or ``"lloyd"``.
    channel_axis : int or None
        Of the fitted image; `predict` takes it from here unless told otherwise.
    feature_names : tuple of str
        What each column of `centers` is.
    scales : (n_features,) float64 array
        What counts as a distance of 1 along each feature: its standard deviation where they are standardised,
        else 1.
    options : dict
        Of the feature space: ``standardize`` or ``sigma``, where it has them.
    smooth : tuple of float
        Gaussian average before anything else: its standard deviation in pixels, of all spatial axes or of
        each; empty if there was none.
    exclude : tuple of float or "saturated"
        Values that are left out.
    sample_size : int
        Pixels that stood for all; 0 if all were looked at.
    n_init : int
        Random starts; 0 where none was needed.
    start_spread : float
        By how much the worst of them ended above the best, relative to that. Far from 0, another random state
        may find other clusters.
    confirmation : str
        What scikit-learn's KMeans found from the exact optimum: "confirmed", "not comparable", or "" if it
        was not asked.
    adjusted : bool
        Whether thresholds were set by hand.
    merges : tuple of tuple of int
        Groups of labels shown as one: their lowest.
    background : tuple of int
        Labels shown as 0.
    names : tuple of str
        One a cluster, or none at all.
    """

    features: str
    centers: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    inertia: float
    counts: NDArray[np.int64]
    explained_variance: float
    solver: str = "exact"
    channel_axis: int | None = None
    feature_names: tuple[str, ...] = ()
    scales: NDArray[np.float64] = field(default_factory=lambda: np.ones(1))
    options: Mapping[str, Any] = field(default_factory=dict)
    smooth: tuple[float, ...] = ()
    exclude: tuple[float | str, ...] = ()
    sample_size: int = 0
    n_init: int = 0
    start_spread: float = 0.0
    confirmation: str = ""
    adjusted: bool = False
    merges: tuple[tuple[int, ...], ...] = ()
    background: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    # Thresholds of 64-bit integers too large for float64 to tell apart, else empty.
    _integer_thresholds: tuple[int, ...] = ()
    # Not saved: only with it can adjusted clusters be counted anew.
    _summary: Summary | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for array in (self.centers, self.thresholds, self.counts, self.scales):
            array.flags.writeable = False

    @classmethod
    def of(
        cls,
        clustering: Clustering,
        optimum: Optimum | Search,
        *,
        description: Description,
        solver: str,
        channel_axis: int | None,
        confirmation: str = "",
    ) -> KMeansModel:
        """Make the model of a clustering of a summary or a cloud."""
        common: dict[str, Any] = {
            "features": description.name,
            "options": description.feature.options,
            "smooth": description.smooth,
            "exclude": description.exclude,
            "inertia": clustering.inertia,
            "counts": clustering.counts,
            "solver": solver,
            "channel_axis": channel_axis,
            "n_init": clustering.n_init,
            "start_spread": clustering.start_spread,
        }
        if isinstance(optimum, Search):
            total = optimum.one_cluster.inertia
            return cls(
                **common,
                feature_names=optimum.cloud.names,
                centers=clustering.centers,
                scales=optimum.cloud.scales,
                thresholds=np.empty(0),
                explained_variance=1 - clustering.inertia / total if total > 0 else 1.0,
                sample_size=optimum.cloud.sample_size,
            )
        summary = optimum.summary
        origin = summary.origin
        whole = [origin + math.floor(t) for t in clustering.thresholds] if origin else []
        return cls(
            **common,
            feature_names=(description.name,),
            centers=(clustering.centers + origin)[:, np.newaxis],
            thresholds=clustering.thresholds + origin,
            explained_variance=_explained_variance(clustering, summary),
            confirmation=confirmation,
            _integer_thresholds=tuple(whole),
            _summary=summary,
        )

    @property
    def n_clusters(self) -> int:
        """Number of clusters, merged ones counted apart."""
        return int(self.centers.shape[0])

    @property
    def n_features(self) -> int:
        """Number of features."""
        return int(self.centers.shape[1])

    @property
    def is_exact(self) -> bool:
        """Whether these are the clusters of least inertia there are, found without chance."""
        return self.solver == "exact"

    @cached_property
    def description(self) -> Description:
        """How the pixels it labels are described."""
        return Description.of(self.features, smooth=self.smooth, exclude=self.exclude, **self.options)

    @property
    def counts_are_exact(self) -> bool:
        """Whether `counts` needed no look at the pixels: the summary held every value by itself."""
        return self._summary is not None and self._summary.exact

    @property
    def label_of_cluster(self) -> NDArray[np.uint8]:
        """Label that each cluster is shown with: (n_clusters + 1,) uint8, at 0 that of excluded pixels."""
        shown = np.arange(self.n_clusters + 1, dtype=np.uint8)
        for group in self.merges:
            shown[list(group)] = min(group)
        shown[np.isin(shown, self.background)] = 0
        return shown

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Clusters that are shown as one, by number, in ascending order of their lowest; most stand alone."""
        merged = {min(group): group for group in self.merges}
        inner = {number for group in self.merges for number in group if number != min(group)}
        return tuple(merged.get(n, (n,)) for n in range(1, self.n_clusters + 1) if n not in inner)

    @property
    def exact_thresholds(self) -> Sequence[float]:
        """Thresholds to compare pixels with: whole numbers where float64 could not hold them."""
        return self._integer_thresholds or self.thresholds.tolist()

    def predict(self, image: Any, channel_axis: int | None = None, mask: Any = None) -> Any:
        """Label each pixel with its cluster.

        Parameters
        ----------
        image : NumPy, dask or zarr array
            Of any number of dimensions, and of any real dtype.
        channel_axis : int, optional
            Its channel axis; that of the fitted image if not given.
        mask : array, optional
            Of the spatial shape; nonzero = label the pixel.

        Returns
        -------
        uint8 array
            Of the spatial shape: 1 = darkest … `n_clusters` = brightest, and 0 for what is excluded: NaN,
            pixels outside the mask, transparent ones, and clusters set to background. For a dask or zarr
            array a dask array with the same chunks, of which nothing is computed yet.

        Raises
        ------
        TypeError, ValueError
            For an image, axis or mask that does not fit.
        """
        if channel_axis is None:
            channel_axis = self.channel_axis
        pixels = Pixels.of(image, features=self.description, channel_axis=channel_axis, mask=mask)
        return self.label_lazily(pixels) if pixels.chunks is not None else self.label(pixels)[0]

    def labeller(self, stored: Scalar | Vector) -> Labeller:
        """Return what labels blocks of values that are stored as this tells.

        Raises
        ------
        ValueError
            If the pixels are described by another number of features than the clusters.
        """
        n_features = 1 if isinstance(stored, Scalar) else stored.n_features
        if n_features != self.n_features:
            raise ValueError(
                f"image has {n_features} features={self.features!r} a pixel, and the model "
                f"{self.n_features}: {', '.join(self.feature_names)}"
            )
        if isinstance(stored, Scalar):
            return labeller(self.exact_thresholds, self.label_of_cluster, stored)
        return NearestLabeller(self.centers, self.scales, self.label_of_cluster, stored)

    def label(
        self, pixels: Pixels, progress: Progress | None = None, *, n_counted: int = 0
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Label pixels that were checked before, in memory and with progress; the work behind `predict`.

        Returns
        -------
        labels : uint8 array
            Of the spatial shape.
        counts : (n_counted,) int64 array
            Pixels of labels 1 to `n_counted`, infinite ones too.
        """
        return blocks.label(pixels, self.labeller(pixels.stored), progress, n_counted=n_counted)

    def label_lazily(self, pixels: Pixels) -> Any:
        """Labels of pixels that are not in memory, as a dask array of which nothing is computed yet."""
        return blocks.label_lazily(pixels, self.labeller(pixels.stored))

    def count(
        self, pixels: Pixels, progress: Progress | None = None, *, infinite: bool = False
    ) -> NDArray[np.int64]:
        """Count the pixels of each cluster, infinite ones too, or these alone: (n_clusters,) int64 array."""
        plain = replace(self, merges=(), background=())  # merged clusters share a label
        label_block = plain.labeller(pixels.stored)
        return blocks.count(pixels, label_block, self.n_clusters, progress, infinite=infinite)

    def without_summary(self) -> KMeansModel:
        """Return a model that no longer holds the summary of its pixels, as one from a file does not."""
        return replace(self, _summary=None)

    def confirmed(self, optimum: Optimum | Search) -> KMeansModel:
        """Let scikit-learn's KMeans look for something better than this optimum; see `clustering.confirm`."""
        if self.solver != "exact" or self.adjusted or isinstance(optimum, Search):
            return self
        return replace(self, confirmation=confirm(optimum.summary, optimum.clustering(self.n_clusters)))

    # Changed by hand: each returns a new model

    def with_thresholds(self, thresholds: Sequence[float]) -> KMeansModel:
        """Move the borders between clusters.

        Centres, counts and inertia become those of the clusters shown. A model that was loaded from a file
        has no pixels to count: it keeps those of the fit.

        Parameters
        ----------
        thresholds : sequence of float
            n_clusters - 1 finite values in ascending order, in the image's own units.
        """
        if self.n_features > 1:
            raise ValueError(
                f"thresholds are places on a line, and these clusters lie in {self.n_features} dimensions "
                f"({', '.join(self.feature_names[:3])}{', …' * (self.n_features > 3)})"
            )
        new = np.asarray(thresholds, dtype=np.float64)
        if new.shape != self.thresholds.shape:
            raise ValueError(f"thresholds must be {self.thresholds.size} numbers, not {new.size}")
        if not np.isfinite(new).all() or (new[1:] < new[:-1]).any():
            raise ValueError(f"thresholds={new.tolist()} must be finite and in ascending order")
        changed = replace(self, thresholds=new, adjusted=True, confirmation="", _integer_thresholds=())
        if self._summary is None:
            return changed
        origin = self._summary.origin
        clusters = describe(self._summary, self.centers[:, 0] - origin, new - origin)
        return replace(
            changed,
            centers=(clusters.centers + origin)[:, np.newaxis],
            inertia=clusters.inertia,
            counts=clusters.counts,
            explained_variance=_explained_variance(clusters, self._summary),
        )

    def merged(self, groups: Iterable[Iterable[int]]) -> KMeansModel:
        """Show each group of clusters as one, labelled with its lowest; other numbers stay.

        Parameters
        ----------
        groups : iterable of iterables of int
            Such as ``[[2, 3]]``. Replaces earlier merges; ``[]`` splits them again.
        """
        merges = tuple(tuple(sorted(self._check_labels("groups", group))) for group in groups)
        flat = [label for group in merges for label in group]
        if len(flat) != len(set(flat)):
            raise ValueError(f"groups={[list(g) for g in merges]} must not name a cluster twice")
        return replace(self, merges=tuple(group for group in merges if len(group) > 1))

    def with_background(self, labels: Iterable[int]) -> KMeansModel:
        """Show these clusters as background, label 0. Replaces an earlier choice; ``[]`` undoes it."""
        return replace(self, background=tuple(sorted(set(self._check_labels("labels", labels)))))

    def with_names(self, names: Sequence[str]) -> KMeansModel:
        """Name the clusters, from dark to bright; ``[]`` takes the names away."""
        if isinstance(names, str) or not all(isinstance(name, str) for name in names):
            raise TypeError(f"names must be a sequence of str, not {names!r:.80}")
        if len(names) not in (0, self.n_clusters):
            raise ValueError(f"names holds {len(names)} and must hold {self.n_clusters}, one a cluster")
        return replace(self, names=tuple(names))

    def _check_labels(self, name: str, labels: Iterable[int]) -> list[int]:
        checked = list(labels)
        for item in checked:
            if isinstance(item, bool) or not isinstance(item, int | np.integer):
                raise TypeError(f"{name} must hold ints, not {item!r}")
            if not 1 <= item <= self.n_clusters:
                raise ValueError(f"{name} holds {item}; clusters are numbered 1 to {self.n_clusters}")
        return [int(item) for item in checked]

    # Files

    def to_json(self) -> str:
        """Return the model as JSON text, the content of a model file."""
        return model_file.text(_FORMAT, self._to_dict())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model as a JSON file, whole or not at all."""
        model_file.write(path, self.to_json())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> KMeansModel:
        """Read a model that `save` wrote.

        Raises
        ------
        ValueError
            If the file is no model, is damaged, or comes from a later version; what is in it is never run.
        OSError
            If it cannot be read.
        """
        document = model_file.read(path, _FORMAT)
        with model_file.blaming(path):
            return cls._from_dict(document)

    @classmethod
    def from_json(cls, text: str) -> KMeansModel:
        """Make a model from the text that `to_json` returned."""
        with model_file.blaming("the text"):
            return cls._from_dict(model_file.parse(text, _FORMAT))

    def _to_dict(self) -> dict[str, Any]:
        return {
            "features": self.features,
            "feature_names": list(self.feature_names),
            "options": {
                name: list(value) if isinstance(value, tuple) else value
                for name, value in self.options.items()
            },
            "smooth": list(self.smooth),
            "exclude": list(self.exclude),
            "channel_axis": self.channel_axis,
            "solver": self.solver,
            "sample_size": self.sample_size,
            "n_init": self.n_init,
            "start_spread": self.start_spread,
            "centers": self.centers.tolist(),
            "scales": self.scales.tolist(),
            "thresholds": self.thresholds.tolist(),
            "integer_thresholds": list(self._integer_thresholds),
            "inertia": self.inertia,
            "counts": self.counts.tolist(),
            "explained_variance": self.explained_variance,
            "confirmation": self.confirmation,
            "adjusted": self.adjusted,
            "merges": [list(group) for group in self.merges],
            "background": list(self.background),
            "names": list(self.names),
        }

    @classmethod
    def _from_dict(cls, document: dict[str, Any]) -> KMeansModel:
        return cls._from_fields(model_file.checked(document, document["version"]))

    @classmethod
    def _from_fields(cls, fields: dict[str, Any]) -> KMeansModel:
        merges, background, names = (fields.pop(name) for name in ("merges", "background", "names"))
        model = cls(**fields)
        model.description.feature  # noqa: B018 - options that make no sense are refused here
        return model.merged(merges).with_background(background).with_names(names)


def _explained_variance(clustering: Clustering, summary: Summary) -> float:
    total = describe(summary, np.array([0.0]), np.empty(0)).inertia
    return 1 - clustering.inertia / total if total > 0 else 1.0
