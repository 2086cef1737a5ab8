"""The result of k-means on a summary, and the protocol of the classes that find it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..summary.scalar import ScalarSummary
from ..summary.vector import VectorSummary

SOLVERS = ("auto", "exact", "lloyd")
"""Solvers that a user can choose; "auto" is exact for one feature and Lloyd's for several."""

MAX_CLUSTERS = 255
"""Maximum number of clusters: labels are uint8, and 0 means excluded."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Clustering:
    """Clusters in ascending brightness, in the image's own units."""

    centers: NDArray[np.float64]
    """Centre of each cluster: (n_clusters, n_features) float64 array."""

    thresholds: NDArray[np.float64]
    """Thresholds between neighbouring clusters: (n_clusters - 1,) float64 array. A value equal to a threshold
    belongs to the darker cluster. Empty for several features: a pixel then belongs to the nearest centre."""

    counts: NDArray[np.int64]
    """Number of pixels of each cluster: (n_clusters,) int64 array. ±inf is labelled but not counted."""

    inertia: float
    """Sum of squared distances of the pixels to their centre, in squared units, or in squared `scales` if
    features are standardized. An estimate for all pixels if clusters were found on a sample."""

    explained_variance: float
    """1 - inertia / inertia of a single cluster, 0 to 1; 1 for a constant image."""

    feature_names: tuple[str, ...]
    """Name of each feature, that is, of each column of `centers`."""

    scales: NDArray[np.float64]
    """Unit of distance along each feature: (n_features,) float64 array. The standard deviation if features
    are standardized, else 1."""

    solver: str = "exact"
    """``"exact"`` or ``"lloyd"``."""

    sample_size: int = 0
    """Number of sampled pixels; 0 if all pixels were used."""

    n_init: int = 0
    """Number of restarts; 0 if none were needed."""

    start_spread: float = 0.0
    """Relative difference between the largest and the smallest inertia of the restarts. If it is far from 0,
    another `random_state` may give other clusters."""

    confirmation: str = ""
    """What scikit-learn's KMeans found when started from the exact optimum: ``"confirmed"``, ``"not
    comparable"`` or ``"improved by scikit-learn"``; empty if it was not run."""

    integer_thresholds: tuple[int, ...] = ()
    """Thresholds of 64-bit integers that float64 cannot represent; else empty."""

    def __post_init__(self) -> None:
        for array in (self.centers, self.thresholds, self.counts, self.scales):
            array.flags.writeable = False

    @property
    def n_clusters(self) -> int:
        """Number of clusters; merged clusters are counted separately."""
        return int(self.centers.shape[0])

    @property
    def n_features(self) -> int:
        """Number of features."""
        return int(self.centers.shape[1])

    @property
    def is_exact(self) -> bool:
        """Whether these are the clusters of least inertia, found without randomness."""
        return self.solver == "exact"


CLUSTERING_FIELDS = tuple(each.name for each in fields(Clustering))
"""Fields of a clustering that a model file stores."""


class Clusterings(Protocol):
    """The clusterings of one summary, for any number of clusters.

    Implemented by `ExactClusterings` for one feature and by `SearchedClusterings` for several. Results are
    cached.
    """

    @property
    def summary(self) -> ScalarSummary | VectorSummary:
        """The weighted points that are clustered."""

    @property
    def n_values(self) -> int:
        """Largest possible number of clusters: the number of distinct points, or 256 if there are more."""

    @property
    def uncertainty(self) -> float:
        """Relative error of `marriott`; if numbers of clusters are this close, the smallest is suggested."""

    @property
    def has_estimates(self) -> bool:
        """Whether `estimate` may differ from `clustering`."""

    def clustering(self, n_clusters: int, solver: str = "auto") -> Clustering:
        """Return the best clustering found, with at most `n_values` clusters."""

    def estimate(self, n_clusters: int) -> Clustering:
        """Return a clustering within milliseconds, possibly of larger inertia."""

    def is_quick(self, n_clusters: int) -> bool:
        """Return whether `clustering` takes milliseconds."""

    def confirm(self, n_clusters: int) -> str:
        """Compare the exact optimum with scikit-learn's KMeans; see `Clustering.confirmation`."""

    def inertia(self, k_max: int) -> tuple[float, ...]:
        """Return the inertia of 1 … `k_max` clusters."""

    def marriott(self, k_max: int) -> tuple[float, ...]:
        """Return Marriott's criterion for 1 … `k_max` clusters, relative to that of one cluster."""
