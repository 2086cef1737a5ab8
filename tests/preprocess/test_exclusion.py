from __future__ import annotations

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.preprocess.exclusion import check_exclude, included_pixels


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32])
def test_excluded_pixels_have_label_0_and_do_not_affect_the_fit(dtype):
    image = np.array([[0, 7, 9, 100, 0], [255, 104, 8, 101, 255]], dtype=dtype)
    labels, model = napari_kmeans.segment(image, 2, exclude=(0, 255))
    assert labels.tolist() == [[0, 1, 1, 2, 0], [0, 2, 1, 2, 0]]
    assert model.counts.tolist() == [3, 3]
    assert np.array_equal(napari_kmeans.KMeansModel.from_json(model.to_json()).predict(image), labels)


def test_saturated_is_the_largest_value_of_the_type():
    image = np.array([[1, 2, 65535, 50000]], dtype=np.uint16)
    labels, _ = napari_kmeans.segment(image, 2, exclude="saturated")
    assert labels.tolist() == [[1, 1, 0, 2]]
    with pytest.raises(ValueError, match="exclude='saturated' needs integers, but image has dtype float32"):
        napari_kmeans.fit(image.astype(np.float32), 2, exclude="saturated")


def test_integers_beyond_float64_are_compared_exactly():
    big = 2**60 + np.array([[0, 1, 2, 100]], dtype=np.int64)
    assert napari_kmeans.segment(big, 2, exclude=2**60 + 1)[0].tolist() == [[1, 0, 1, 2]]


def test_a_colour_is_excluded_if_all_its_channels_have_the_value():
    image = np.array([[[0, 0, 0], [0, 0, 9], [200, 200, 200]]], dtype=np.uint8)
    assert napari_kmeans.segment(image, 2, features="rgb", channel_axis=-1, exclude=0)[0].tolist() == [
        [0, 1, 2]
    ]
    opaque = np.concatenate([image, np.full((1, 3, 1), 255, dtype=np.uint8)], axis=-1)
    assert napari_kmeans.segment(opaque, 2, channel_axis=-1, exclude=0)[0].tolist() == [[0, 1, 2]]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, ()),
        (0, (0,)),
        ("saturated", ("saturated",)),
        ([0, "saturated", 0.0, np.int16(-9)], (0, "saturated", -9)),
        (2**60 + 1, (2**60 + 1,)),
    ],
)
def test_excluded_values_are_numbers_or_saturated(given, expected):
    assert check_exclude(given) == expected


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("zero", ValueError, "exclude='zero' must be a number or 'saturated'"),
        ([None], TypeError, "exclude must contain numbers"),
        (True, TypeError, "exclude must contain numbers"),
        (float("nan"), ValueError, "always excluded"),
        (float("inf"), ValueError, "always excluded"),
        (10**400, ValueError, "exclude contains an integer beyond 1e308, which no image contains"),
    ],
)
def test_other_values_are_rejected(given, error, message):
    with pytest.raises(error, match=message):
        check_exclude(given)


def test_a_pixel_is_included_if_one_channel_has_another_value():
    channels = np.array([[0, 0], [0, 7], [255, 255], [0, 255]], dtype=np.uint8)
    assert included_pixels(channels, (0, "saturated")).tolist() == [False, True, False, True]
    assert included_pixels(channels, (0.5,)).all()


@pytest.mark.parametrize("value", [-1.7976931348623157e308, 1e300])
def test_a_number_beyond_the_type_is_not_infinity(value):
    channels = np.array([1, np.inf, -np.inf], dtype=np.float32)[:, np.newaxis]
    assert included_pixels(channels, [value]).all()
