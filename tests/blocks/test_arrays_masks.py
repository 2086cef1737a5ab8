from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.labels.clean_up import clean_labels
from napari_kmeans.labels.objects import split_into_objects

LABELS = np.ones((4, 6), dtype=np.uint8)
MASKED = np.ma.masked_array(LABELS, mask=LABELS == 1)
LAZY = da.from_array(MASKED, chunks=3)
UNANNOUNCED = da.from_array(LABELS, chunks=3).map_blocks(
    lambda block: np.ma.masked_array(block, mask=True), meta=np.empty((0, 0), np.uint8)
)


def test_masked_labels_are_rejected() -> None:
    with pytest.raises(
        TypeError, match=r"labels is a masked array; pass labels\.data and mask=~labels\.mask$"
    ):
        clean_labels(MASKED, majority=1)
    with pytest.raises(TypeError, match=r"labels is a masked array; pass dask\.array\.ma\.getdata\(labels\)"):
        clean_labels(LAZY, majority=1)
    with pytest.raises(TypeError, match=r"labels is a masked array; pass labels\.filled\(0\)"):
        split_into_objects(MASKED)


@pytest.mark.parametrize("keywords", [{"majority": 1}, {"min_size": 3}])
def test_masked_blocks_are_rejected(keywords: dict) -> None:
    with pytest.raises(TypeError, match="is a masked array"):
        clean_labels(UNANNOUNCED, **keywords).compute(scheduler="synchronous")


@pytest.mark.parametrize("intensities", [MASKED, LAZY])
def test_masked_intensities_are_rejected(intensities) -> None:
    with pytest.raises(TypeError, match="intensity_image is a masked array; pass its data"):
        split_into_objects(LABELS, intensity_image=intensities)


def test_masked_blocks_of_intensities_and_images_are_rejected() -> None:
    with pytest.raises(TypeError, match="a block of the dask array is a masked array"):
        split_into_objects(LABELS, intensity_image=UNANNOUNCED)
    with pytest.raises(TypeError, match="a block of the dask array is a masked array"):
        napari_kmeans.fit(UNANNOUNCED, 1)


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (
            np.full(LABELS.shape, np.nan),
            TypeError,
            "mask contains NaN; it must be bool or integers: True",
        ),
        (LABELS.astype(str), TypeError, "mask has dtype <U3; it must be bool or integers"),
        (LABELS.astype(object), TypeError, "mask has dtype object; it must be bool or integers"),
        (MASKED, TypeError, r"mask is a masked array; pass mask\.filled\(False\)"),
        (LAZY, TypeError, "mask is a masked array"),
        (LABELS[1:], ValueError, r"mask has shape \(3, 6\); it must have"),
    ],
)
def test_wrong_masks_are_rejected(mask, error, message) -> None:
    with pytest.raises(error, match=message):
        clean_labels(LABELS, majority=1, mask=mask)
    with pytest.raises(error, match=message):
        napari_kmeans.segment(LABELS, 1, mask=mask)


def test_masks_of_floats_are_accepted_without_nan() -> None:
    mask = np.ones(LABELS.shape)
    mask[0] = 0
    labels, _ = napari_kmeans.segment(LABELS, 1, mask=mask)
    np.testing.assert_array_equal(labels, mask)
    lazy, image = da.from_array(mask, chunks=2), da.from_array(LABELS, chunks=2)
    np.testing.assert_array_equal(napari_kmeans.segment(image, 1, mask=lazy)[0], mask)
    np.testing.assert_array_equal(clean_labels(image, majority=1, mask=lazy), LABELS)
    mask[2, 2] = np.nan
    with pytest.raises(TypeError, match="mask contains NaN"):
        napari_kmeans.segment(image, 1, mask=da.from_array(mask, chunks=2))


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64])
def test_masks_of_bool_and_integers_are_accepted(dtype: type) -> None:
    mask = np.zeros(LABELS.shape, dtype)
    mask[:2] = 1 if dtype is bool else 7
    labels = np.where(mask, 2, 1).astype(np.uint8)
    labels[0, 0] = 1
    cleaned = clean_labels(labels, min_size=2, mask=mask)
    assert (cleaned[:2] == 2).all()
    np.testing.assert_array_equal(clean_labels(labels, min_size=2, mask=mask.tolist()), cleaned)
    assert (napari_kmeans.segment(LABELS, 1, mask=mask)[0] == (mask != 0)).all()
