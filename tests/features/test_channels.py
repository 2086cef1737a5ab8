from __future__ import annotations

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans import Channels


def test_a_single_channel_is_clustered_exactly_like_gray(picture):
    image = picture("coins")
    gray = napari_kmeans.fit(image, 4)
    model = napari_kmeans.fit(image[np.newaxis], 4, features="channels", channel_axis=0)
    assert np.array_equal(model.centers, gray.centers)
    assert model.solver == "exact"


@pytest.mark.parametrize("n_channels", [2, 3, 4, 7])
@pytest.mark.parametrize("dtype", ["uint8", ">u2", "float16", "float64", "bool"])
def test_channels_are_kept_in_the_units_of_the_image(n_channels, dtype):
    image = np.random.default_rng(0).integers(0, 200, (6, 7, n_channels)).astype(dtype)
    values, include = Channels().transform(image, n_channels)
    value_format = Channels().value_format(dtype, n_channels)
    assert np.array_equal(values, image)
    assert include is None  # a fourth channel is not alpha
    assert values.dtype == value_format.dtype
    assert value_format.names[-1] == f"channel {n_channels}"
    assert value_format.sampled == (n_channels > 3)
    assert sum(value_format.brightness_weights) == pytest.approx(1)


def test_standardize_is_an_option():
    assert Channels().value_format(np.uint8, 2).standardize
    assert not Channels(standardize=False).value_format(np.uint8, 2).standardize
    assert Channels(standardize=np.True_) == Channels()
    for wrong in (1, None, "yes"):
        with pytest.raises(TypeError, match="standardize must be True or False"):
            Channels(standardize=wrong)


def test_an_image_without_channels_is_not_supported():
    assert "image has no channels" in Channels().unsupported_reason(np.uint8, None)
    assert "channel_axis has length 0, so there are no channels" in Channels().unsupported_reason(np.uint8, 0)
    assert not Channels().unsupported_reason(np.uint8, 1)
