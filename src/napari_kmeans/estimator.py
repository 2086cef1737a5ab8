"""K-means as a scikit-learn estimator, for pipelines and grid searches.

Only this module imports scikit-learn at the top; ``napari_kmeans.ImageKMeans`` loads it on first use.
"""
# mypy: allow-subclassing-any

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from .blocks.pixels import Pixels
from .features.channels import Channels
from .features.feature_space import FeatureSpace, ScalarFormat
from .features.gray import Gray
from .features.registry import get_feature_space
from .model.model import KMeansModel
from .model.recipe import Recipe
from .model.segmentation import fit_pixels


class ImageKMeans(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator):
    """K-means of pixels as a scikit-learn estimator, for pipelines and grid searches.

    Uses the same solvers as `fit`. Each row of X is a pixel and each column a channel, as in
    ``image.reshape(-1, n_channels)``. Clusters are numbered from 0, the darkest, as in scikit-learn;
    `segment` numbers labels from 1.

    Parameters
    ----------
    n_clusters : int or "auto", default 3
        Number of clusters, 1 to 255; ``"auto"``: the number that `suggest_n_clusters` suggests.
    features : str or FeatureSpace, default "auto"
        Features by which pixels are clustered; see `fit`. ``"auto"``: the value of a single column, for
        which the optimum is exact, or all columns in their own units, as in `sklearn.cluster.KMeans`.
        ``napari_kmeans.Channels()`` measures distances in standard deviations of each column instead.
        Feature spaces that need the neighbours of a pixel, such as "texture", are not supported.
    solver : {"auto", "exact", "lloyd"}, default "auto"
        See `fit`.
    random_state : int, default 0
        Seed of random solvers.

    Attributes
    ----------
    cluster_centers_ : (n_clusters, n_features) float64 array
        Centres, in the units of X, in ascending brightness.
    labels_ : (n_pixels,) int64 array
        Cluster of each pixel; -1 for excluded ones (alpha 0).
    inertia_ : float
        Sum of squared distances to the nearest centre.
    model_ : KMeansModel
        The fitted model, which can also label images.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : array of str
        Names of the columns, if X is a DataFrame.

    Examples
    --------
    >>> import numpy as np, napari_kmeans
    >>> pixels = np.array([[10], [11], [12], [200], [201], [90]], dtype=np.uint8)
    >>> estimator = napari_kmeans.ImageKMeans(n_clusters=3).fit(pixels)
    >>> estimator.labels_
    array([0, 0, 0, 2, 2, 1])
    >>> estimator.predict(np.array([[100]], dtype=np.uint8))
    array([1])
    """

    def __init__(
        self,
        n_clusters: int | str = 3,
        *,
        features: str | FeatureSpace = "auto",
        solver: str = "auto",
        random_state: int = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.features = features
        self.solver = solver
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find the clusters of the pixels.

        Parameters
        ----------
        X : (n_pixels, n_channels) array
            Finite numbers of any type.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            If X or a parameter is invalid; the message names it.
        """
        X = validate_data(self, X, accept_large_sparse=False)
        recipe = Recipe.of(
            self.n_clusters,
            features=self._feature_space(X.shape[1]),
            solver=self.solver,
            random_state=self.random_state,
        )
        if recipe.features.halo(X.dtype, X.shape[1]):
            raise ValueError(
                f"features={recipe.features.name!r} needs the neighbours of a pixel, but the rows of X have "
                "none; use napari_kmeans.fit with an image"
            )
        pixels = Pixels.of(_as_pixels(X), features=recipe.extractor, channel_axis=-1)
        model = fit_pixels(pixels, recipe, channel_axis=-1)
        self.model_ = model
        self.cluster_centers_ = model.centers.copy()
        self.inertia_ = model.inertia
        self.labels_ = _clusters(model, pixels)
        return self

    def predict(self, X: Any) -> NDArray[np.int64]:
        """Return the cluster of each pixel.

        Parameters
        ----------
        X : (n_pixels, n_channels) array

        Returns
        -------
        (n_pixels,) int64 array
            0 = darkest … n_clusters - 1 = brightest; -1 for excluded pixels (alpha 0).
        """
        return _clusters(*self._open(X))

    def transform(self, X: Any) -> NDArray[np.float64]:
        """Return the distance of each pixel to each centre.

        Parameters
        ----------
        X : (n_pixels, n_channels) array

        Returns
        -------
        (n_pixels, n_clusters) float64 array
            In the units of X, or in standard deviations if the features are standardized.
        """
        from scipy.spatial.distance import cdist

        model, pixels = self._open(X)
        distances: NDArray[np.float64] = cdist(
            _feature_values(model, pixels) / model.scales, model.centers / model.scales
        )
        return distances

    def score(self, X: Any, y: Any = None) -> float:
        """Return the negative sum of squared distances to the nearest centre, for grid searches.

        Parameters
        ----------
        X : (n_pixels, n_channels) array
        y : ignored

        Returns
        -------
        float
            At most 0; larger is better.
        """
        return -float(np.sum(self.transform(X).min(axis=1) ** 2))

    @property
    def _n_features_out(self) -> int:
        """Number of columns that `transform` returns; scikit-learn uses it to name them."""
        return self.model_.n_clusters

    def _feature_space(self, n_columns: int) -> FeatureSpace:
        """Return the feature space for this number of columns."""
        if isinstance(self.features, str) and self.features == "auto":
            return Gray() if n_columns == 1 else Channels(standardize=False)
        return get_feature_space(self.features)

    def _open(self, X: Any) -> tuple[KMeansModel, Pixels]:
        """Return the fitted model, and the rows of X as pixels."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, accept_large_sparse=False)
        model = self.model_
        return model, Pixels.of(_as_pixels(X), features=model.extractor, channel_axis=-1)


def _as_pixels(X: NDArray[Any]) -> NDArray[Any]:
    """Return X with a supported type; extended precision becomes double."""
    return X.astype(np.float64) if X.dtype.itemsize > 8 else X


def _clusters(model: KMeansModel, pixels: Pixels) -> NDArray[np.int64]:
    """Return the cluster of each pixel, from 0; -1 for excluded pixels."""
    labels = model.label_pixels(replace(pixels, extractor=model.extractor))
    return np.asarray(labels, dtype=np.int64) - 1


def _feature_values(model: KMeansModel, pixels: Pixels) -> NDArray[np.float64]:
    """Return the features of each pixel in their own units: (n_pixels, n_features) float64 array."""
    values, _ = pixels.read((slice(0, pixels.shape[0]),))
    value_format = pixels.value_format
    if isinstance(value_format, ScalarFormat):
        return values[:, np.newaxis].astype(np.float64) * value_format.unit
    columns = [values[:, column] for column in range(model.n_features)]
    return np.stack(value_format.features(columns), axis=-1)
