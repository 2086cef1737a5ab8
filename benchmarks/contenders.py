"""Contenders: each labels all pixels of an image, with the default number of threads of its library.

No contender is put at a disadvantage. scikit-learn, OpenCV and faiss get the pixels as float32: the latter
two accept nothing else, and scikit-learn takes about as long as with float64, its own choice, in less memory.
The time of making that copy counts. OpenCV's `kmeans` has no default stopping rule, so it gets scikit-learn's:
300 iterations, or centres that move by less than 1 % of the standard deviation. faiss trains on 256 pixels per
cluster, its default.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .images import N_CHANNELS, SEVERAL, values

GRAY = ("uint8", "uint16", "float32")

Run = Callable[[NDArray, int, str], NDArray]


@dataclass(frozen=True)
class Contender:
    """One method of labelling pixels.

    Attributes
    ----------
    name : str
        Name in the tables.
    module : str
        Module that it imports; the contender is skipped if this is not installed.
    prepare : callable
        Imports the library and returns ``run(image, k, dtype) -> labels``.
    dtypes : tuple of str
        Images that it supports.
    clusters : bool
        False for the floor, whose labels are meaningless.
    """

    name: str
    module: str
    prepare: Callable[[], Run]
    dtypes: tuple[str, ...] = GRAY
    clusters: bool = True


def _ours() -> Run:
    import napari_kmeans

    def run(image: NDArray, k: int, dtype: str) -> NDArray:
        features = "channels" if dtype in N_CHANNELS else dtype if dtype in SEVERAL else "gray"
        axis = -1 if image.ndim == 3 else None
        return napari_kmeans.segment(image, k, features=features, channel_axis=axis)[0]

    return run


def _floor() -> Run:
    import cv2

    table = np.repeat(np.arange(1, 5, dtype=np.uint8), 64)

    def run(image: NDArray, k: int, dtype: str) -> NDArray:
        cv2.calcHist([image], [0], None, [256], [0, 256])
        return cv2.LUT(image, table)

    return run


def _points(image: NDArray, dtype: str) -> NDArray[np.float32]:
    """Return one row per pixel; several features are computed here, and their time counts."""
    if dtype not in SEVERAL:
        return image.reshape(-1, 1).astype(np.float32, copy=False)
    features = values(image, dtype)
    return features.reshape(-1, features.shape[-1]).astype(np.float32, copy=False)


def _sklearn(**options: object) -> Run:
    from sklearn.cluster import KMeans

    return lambda image, k, dtype: KMeans(k, random_state=0, **options).fit_predict(_points(image, dtype))


def _sklearn_rgb() -> Run:
    from skimage.color import rgb2gray
    from sklearn.cluster import KMeans

    return lambda image, k, dtype: KMeans(k, random_state=0).fit_predict(_points(rgb2gray(image), dtype))


def _minibatch(**options: object) -> Run:
    from sklearn.cluster import MiniBatchKMeans

    return lambda image, k, dtype: MiniBatchKMeans(k, random_state=0, **options).fit_predict(
        _points(image, dtype)
    )


def _opencv(attempts: int) -> Run:
    import cv2

    def run(image: NDArray, k: int, dtype: str) -> NDArray:
        pixels = _points(image, dtype)
        # meanStdDev takes one or two milliseconds, compared with seconds for the rest.
        deviations = cv2.meanStdDev(image)[1] if dtype in GRAY else pixels.std(axis=0)
        shift = 0.01 * float(np.sqrt(np.mean(np.square(deviations))))
        stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 300, shift)
        cv2.setRNGSeed(0)
        return cv2.kmeans(pixels, k, None, stop, attempts, cv2.KMEANS_PP_CENTERS)[1]

    return run


def _faiss() -> Run:
    import faiss

    def run(image: NDArray, k: int, dtype: str) -> NDArray:
        pixels = _points(image, dtype)
        kmeans = faiss.Kmeans(pixels.shape[1], k)
        kmeans.train(pixels)
        return kmeans.index.search(pixels, 1)[1]

    return run


def _simpleitk() -> Run:
    import SimpleITK as sitk  # noqa: N813 - as in its own documentation

    def run(image: NDArray, k: int, dtype: str) -> NDArray:
        low, high = float(image.min()), float(image.max())
        start = [low + (high - low) * (c + 0.5) / k for c in range(k)]  # required, without a default
        return sitk.GetArrayFromImage(sitk.ScalarImageKmeans(sitk.GetImageFromArray(image), start))

    return run


def _multi_otsu() -> Run:
    from skimage.filters import threshold_multiotsu

    def run(image: NDArray, k: int, dtype: str) -> NDArray:
        # For integers it uses every level, and with 65,536 levels its search takes minutes; for floats it
        # uses 256 bins.
        counted = image if image.dtype == np.uint8 else image.astype(np.float32, copy=False)
        return np.digitize(image, threshold_multiotsu(counted, classes=k)).astype(np.uint8)

    return run


CONTENDERS = (
    Contender("napari-kmeans", "napari_kmeans", _ours, (*GRAY, "luminance", *SEVERAL)),
    Contender("calcHist + LUT (floor)", "cv2", _floor, ("uint8",), clusters=False),
    Contender("scikit-learn, n_init=1", "sklearn", _sklearn, (*GRAY, *SEVERAL)),
    Contender("rgb2gray + scikit-learn", "sklearn", _sklearn_rgb, ("luminance",)),
    Contender("scikit-learn, n_init=10", "sklearn", lambda: _sklearn(n_init=10), (*GRAY, *SEVERAL)),
    Contender("MiniBatchKMeans", "sklearn", _minibatch, (*GRAY, *SEVERAL)),
    Contender("MiniBatchKMeans, batch 65536", "sklearn", lambda: _minibatch(batch_size=65536)),
    Contender("OpenCV kmeans, 1 attempt", "cv2", lambda: _opencv(1), (*GRAY, *SEVERAL)),
    Contender("OpenCV kmeans, 10 attempts", "cv2", lambda: _opencv(10), (*GRAY, *SEVERAL)),
    Contender("faiss.Kmeans", "faiss", _faiss, (*GRAY, *SEVERAL)),
    Contender("SimpleITK ScalarImageKmeans", "SimpleITK", _simpleitk),
    Contender("multi-Otsu (scikit-image)", "skimage", _multi_otsu),
)
OURS, FLOOR, SKLEARN, SKLEARN_10, OPENCV = (CONTENDERS[i].name for i in (0, 1, 2, 4, 7))

BY_NAME = {contender.name: contender for contender in CONTENDERS}
