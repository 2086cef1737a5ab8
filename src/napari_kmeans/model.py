"""The result of a fit: centres in a feature space, what labels them, and how it is kept in a file."""

from __future__ import annotations

import json
import math
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import blocks
from .atomic import replacing
from .blocks import Progress
from .clustering import Clustering, Optimum, confirm, describe
from .features import FEATURES, Scalar
from .labelling import Labeller, labeller
from .pixels import Pixels, check_axis
from .summary import Summary

MAX_CLUSTERS = 255
"""Labels are uint8, and 0 means excluded."""

_FORMAT = "napari-kmeans model"
_VERSION = 1
_MAX_BYTES = 32 * 2**20  # no model comes near


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
        Between neighbouring clusters; a value equal to one belongs to the darker cluster.
    inertia : float
        Sum of squared distances of the pixels to their centre, in squared units.
    counts : (n_clusters,) int64 array
        Pixels of each cluster; ±inf is labelled but not counted.
    explained_variance : float
        1 - inertia / inertia of one cluster, 0 to 1; 1 for a constant image.
    solver : str
        ``"exact"`` or ``"lloyd"``.
    channel_axis : int or None
        Of the fitted image; `predict` takes it from here unless told otherwise.
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
        for array in (self.centers, self.thresholds, self.counts):
            array.flags.writeable = False

    @classmethod
    def of(
        cls,
        clustering: Clustering,
        summary: Summary,
        *,
        features: str,
        solver: str,
        channel_axis: int | None,
        confirmation: str = "",
    ) -> KMeansModel:
        """Make the model of a clustering of a summary."""
        origin = summary.origin
        whole = [origin + math.floor(t) for t in clustering.thresholds] if origin else []
        return cls(
            features=features,
            centers=(clustering.centers + origin)[:, np.newaxis],
            thresholds=clustering.thresholds + origin,
            inertia=clustering.inertia,
            counts=clustering.counts,
            explained_variance=_explained_variance(clustering, summary),
            solver=solver,
            channel_axis=channel_axis,
            confirmation=confirmation,
            _integer_thresholds=tuple(whole),
            _summary=summary,
        )

    @property
    def n_clusters(self) -> int:
        """Number of clusters, merged ones counted apart."""
        return int(self.centers.shape[0])

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
        pixels = Pixels.of(image, features=self.features, channel_axis=channel_axis, mask=mask)
        return self.label_lazily(pixels) if pixels.chunks is not None else self.label(pixels)[0]

    def labeller(self, scalar: Scalar) -> Labeller:
        """Return what labels blocks of values that are stored as `scalar` tells."""
        return labeller(self.exact_thresholds, self.label_of_cluster, scalar)

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
        return blocks.label(pixels, self.labeller(pixels.scalar), progress, n_counted=n_counted)

    def label_lazily(self, pixels: Pixels) -> Any:
        """Labels of pixels that are not in memory, as a dask array of which nothing is computed yet."""
        return blocks.label_lazily(pixels, self.labeller(pixels.scalar))

    def count(self, pixels: Pixels, progress: Progress | None = None) -> NDArray[np.int64]:
        """Count the pixels of each cluster, infinite ones too: (n_clusters,) int64 array."""
        plain = replace(self, merges=(), background=())  # merged clusters share a label
        return blocks.count(pixels, plain.labeller(pixels.scalar), self.n_clusters, progress)

    def without_summary(self) -> KMeansModel:
        """Return a model that no longer holds the summary of its pixels, as one from a file does not."""
        return replace(self, _summary=None)

    def confirmed(self, optimum: Optimum) -> KMeansModel:
        """Let scikit-learn's KMeans look for something better than this optimum; see `clustering.confirm`."""
        if self.solver != "exact" or self.adjusted:
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
        return json.dumps({"format": _FORMAT, "version": _VERSION, **self._to_dict()}, indent=1)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model as a JSON file, whole or not at all."""
        _write(path, self.to_json())

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
        document = _read(path, _FORMAT)
        with _Blaming(path):
            return cls._from_dict(document)

    @classmethod
    def from_json(cls, text: str) -> KMeansModel:
        """Make a model from the text that `to_json` returned."""
        with _Blaming("the text"):
            return cls._from_dict(_parse(text, _FORMAT))

    def _to_dict(self) -> dict[str, Any]:
        return {
            "features": self.features,
            "channel_axis": self.channel_axis,
            "solver": self.solver,
            "centers": self.centers.tolist(),
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
    def _from_dict(cls, fields: dict[str, Any]) -> KMeansModel:
        centers = _numbers(fields["centers"], ndim=2)
        thresholds = _numbers(fields["thresholds"], ndim=1)
        counts = _integers(fields["counts"])
        integer_thresholds = _integers(fields["integer_thresholds"])
        k = centers.shape[0]
        if fields["features"] not in FEATURES:
            raise ValueError(f"unknown features {fields['features']!r:.40}")
        shapes = centers.shape, thresholds.shape, len(counts)
        if not 1 <= k <= MAX_CLUSTERS or shapes != ((k, 1), (k - 1,), k):
            raise ValueError("centers, thresholds and counts do not belong together")
        if len(integer_thresholds) not in (0, k - 1):
            raise ValueError("integer_thresholds and centers do not belong together")
        if (thresholds[1:] < thresholds[:-1]).any() or integer_thresholds != sorted(integer_thresholds):
            raise ValueError("thresholds are not in ascending order")
        if not all(-(1 << 63) <= threshold < 1 << 64 for threshold in integer_thresholds):
            raise ValueError("integer_thresholds are out of range")
        if min(counts) < 0 or max(counts) >= 1 << 63:
            raise ValueError("counts are out of range")
        inertia, explained = _numbers([fields["inertia"], fields["explained_variance"]], ndim=1)
        axis = fields["channel_axis"]
        if axis is not None:
            [axis] = _integers([axis])
        if not isinstance(fields["adjusted"], bool):
            raise TypeError("adjusted is not true or false")
        for name in ("solver", "confirmation"):
            if not isinstance(fields[name], str):
                raise TypeError(f"{name} is not a text")
        model = cls(
            features=fields["features"],
            centers=centers,
            thresholds=thresholds,
            inertia=float(inertia),
            counts=np.array(counts, dtype=np.int64),
            explained_variance=float(explained),
            solver=fields["solver"],
            channel_axis=axis,
            confirmation=fields["confirmation"],
            adjusted=fields["adjusted"],
            _integer_thresholds=tuple(integer_thresholds),
        )
        return (
            model.merged(fields["merges"]).with_background(fields["background"]).with_names(fields["names"])
        )


class OnDemand(Sequence[KMeansModel]):
    """Models that are made when they are first asked for, and kept.

    Parameters
    ----------
    n_models : int
    make : callable
        Takes the position, and returns the model.
    """

    def __init__(self, n_models: int, make: Callable[[int], KMeansModel]) -> None:
        self._made: list[KMeansModel | None] = [None] * n_models
        self._make = make
        self._locks = [threading.Lock() for _ in range(n_models)]

    def __len__(self) -> int:
        return len(self._made)

    def __getitem__(self, position: Any) -> Any:
        if isinstance(position, slice):
            return tuple(self[i] for i in range(*position.indices(len(self))))
        position = range(len(self))[position]
        with self._locks[position]:
            model = self._made[position]
            if model is None:
                model = self._made[position] = self._make(position)
        return model


@dataclass(frozen=True, eq=False)
class KMeansStack:
    """One model for each position along an axis of an image, as `fit` with ``per_axis`` returns it.

    ``stack[i]`` is the model of position i; `predict`, `save` and `load` are those of a model.

    Attributes
    ----------
    models : sequence of KMeansModel
    axis : int
        Of the image, its channel axis included.
    channel_axis : int or None
        Of the fitted image.
    features : str
        Feature space of the models.
    """

    models: Sequence[KMeansModel]
    axis: int
    channel_axis: int | None = None
    features: str = "gray"

    _FORMAT = "napari-kmeans stack"

    def __len__(self) -> int:
        return len(self.models)

    def __getitem__(self, position: int) -> KMeansModel:
        return self.models[position]

    def __iter__(self) -> Iterator[KMeansModel]:
        return iter(self.models)

    def predict(self, image: Any, channel_axis: int | None = None, mask: Any = None) -> Any:
        """Label each position of an image with its own model; see `KMeansModel.predict`.

        Raises
        ------
        ValueError
            If the image has another number of positions along the axis.
        """
        if channel_axis is None:
            channel_axis = self.channel_axis
        pixels = Pixels.of(image, features=self.features, channel_axis=channel_axis, mask=mask)
        axis = spatial_axis(image, self.axis, channel_axis)
        if pixels.shape[axis] != len(self):
            raise ValueError(
                f"image has {pixels.shape[axis]} positions along axis {self.axis}, "
                f"and there are {len(self)} models"
            )
        parts = [pixels.at(axis, position) for position in range(len(self))]
        if pixels.chunks is None:
            return np.stack(
                [model.label(part)[0] for model, part in zip(self, parts, strict=True)], axis=axis
            )
        import dask.array as da

        labels = [
            blocks.label_lazily(part, _LabelsOfPosition(self.models, position, part.scalar))
            for position, part in enumerate(parts)
        ]
        return da.stack(labels, axis=axis).rechunk(pixels.chunks)

    # Changed by hand, at every position alike: each returns a new stack

    def merged(self, groups: Sequence[Sequence[int]]) -> KMeansStack:
        """Show each group of clusters as one; see `KMeansModel.merged`."""
        return self._each(lambda model: model.merged(groups))

    def with_background(self, labels: Sequence[int]) -> KMeansStack:
        """Show these clusters as background, label 0; see `KMeansModel.with_background`."""
        return self._each(lambda model: model.with_background(labels))

    def with_names(self, names: Sequence[str]) -> KMeansStack:
        """Name the clusters; see `KMeansModel.with_names`."""
        return self._each(lambda model: model.with_names(names))

    def _each(self, change: Callable[[KMeansModel], KMeansModel]) -> KMeansStack:
        before = self.models
        models = OnDemand(len(before), lambda position: change(before[position]))
        return replace(self, models=models if isinstance(before, OnDemand) else tuple(models))

    # Files

    def to_json(self) -> str:
        """Return the models as JSON text, the content of a file."""
        models = [model._to_dict() for model in self]
        head = {"format": self._FORMAT, "version": _VERSION}
        place = {"axis": self.axis, "channel_axis": self.channel_axis}
        return json.dumps({**head, **place, "models": models}, indent=1)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the models as one JSON file, whole or not at all."""
        _write(path, self.to_json())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> KMeansStack:
        """Read a stack that `save` wrote; errors as for `KMeansModel.load`."""
        document = _read(path, cls._FORMAT)
        with _Blaming(path):
            [axis] = _integers([document["axis"]])
            channel_axis = document["channel_axis"]
            if channel_axis is not None:
                [channel_axis] = _integers([channel_axis])
            if not isinstance(document["models"], list) or not document["models"]:
                raise ValueError("it holds no model")
            models = tuple(KMeansModel._from_dict(fields) for fields in document["models"])
            return cls(models, axis, channel_axis, models[0].features)


@dataclass(frozen=True)
class _LabelsOfPosition:
    """Labels blocks of one position, whose model is made when the first of them is wanted."""

    models: Sequence[KMeansModel]
    position: int
    scalar: Scalar

    def __call__(
        self, values: NDArray[Any], include: NDArray[np.bool_] | None, out: NDArray[np.uint8]
    ) -> None:
        self.models[self.position].labeller(self.scalar)(values, include, out)


def spatial_axis(image: Any, per_axis: object, channel_axis: int | None) -> int:
    """Return `per_axis` as an axis of the label image, which has no channels.

    Raises
    ------
    TypeError, ValueError
        If it is no axis of the image, or the channels', or the only one.
    """
    axis = check_axis("per_axis", per_axis, image.ndim)
    if channel_axis is None:
        n_spatial = image.ndim
    else:
        channel_axis %= image.ndim
        n_spatial = image.ndim - 1
        if axis == channel_axis:
            raise ValueError(f"per_axis={axis} is the channel axis; name another one")
    if n_spatial < 2:
        raise ValueError("per_axis needs an image of at least two dimensions besides its channels")
    return axis - (channel_axis is not None and channel_axis < axis)


def _explained_variance(clustering: Clustering, summary: Summary) -> float:
    total = describe(summary, np.array([0.0]), np.empty(0)).inertia
    return 1 - clustering.inertia / total if total > 0 else 1.0


def _write(path: str | os.PathLike[str], text: str) -> None:
    with replacing(Path(path), overwrite=True) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def _read(path: str | os.PathLike[str], expected: str) -> dict[str, Any]:
    with open(path, "rb") as file:
        raw = file.read(_MAX_BYTES + 1)
    with _Blaming(path):
        if len(raw) > _MAX_BYTES:
            raise ValueError("it is far too large")
        return _parse(raw.decode("utf-8"), expected)


def _parse(text: str, expected: str) -> dict[str, Any]:
    document = json.loads(text, parse_constant=_refuse_constant)
    if not isinstance(document, dict) or document.get("format") != expected:
        found = document.get("format") if isinstance(document, dict) else None
        raise ValueError(f"it holds {found!r:.40} where {expected!r} was expected")
    if document.get("version") != _VERSION:
        raise ValueError(
            f"it is of version {document.get('version')!r:.40} and this program reads version {_VERSION}"
        )
    return document


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


class _Blaming:
    """Turn whatever a damaged file leads to into one `ValueError` that names the file."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, KeyError):
            raise ValueError(f"{self.path} is no napari-kmeans model: {error.args[0]!r} is missing") from None
        if isinstance(error, ValueError | TypeError | RecursionError | OverflowError):
            raise ValueError(f"{self.path} is no napari-kmeans model: {error}") from None


def _numbers(value: object, ndim: int) -> NDArray[np.float64]:
    """Finite numbers from JSON lists, as float64."""

    def check(item: object, depth: int) -> None:
        if depth:
            if not isinstance(item, list):
                raise TypeError("a list of numbers is expected")
            for inner in item:
                check(inner, depth - 1)
        elif isinstance(item, bool) or not isinstance(item, int | float) or not math.isfinite(item):
            raise TypeError(f"{item!r:.40} is not a finite number")

    check(value, ndim)
    return np.array(value, dtype=np.float64)


def _integers(value: object) -> list[int]:
    if not isinstance(value, list) or any(isinstance(i, bool) or not isinstance(i, int) for i in value):
        raise TypeError("a list of whole numbers is expected")
    return value
