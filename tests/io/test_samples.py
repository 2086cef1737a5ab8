from __future__ import annotations

import numpy as np
import pytest

import napari_kmeans


@pytest.mark.parametrize(
    ("name", "axes", "shape"),
    [
        ("coins", "YX", (303, 384)),
        ("camera", "YX", (512, 512)),
        ("astronaut", "YXS", (512, 512, 3)),
        ("tissue", "YXS", (512, 512, 3)),
        ("cells", "ZYX", (32, 128, 128)),
        ("fluorescence", "CYX", (2, 400, 400)),
        ("mosaic", "YX", (256, 768)),
    ],
)
def test_samples_are_images_with_axes(name, axes, shape):
    image = napari_kmeans.sample_image(name)
    assert (image.axes, image.data.shape) == (axes, shape)
    assert image.stem == name


def test_samples_can_be_segmented_directly():
    labels, _ = napari_kmeans.segment(napari_kmeans.sample_image("fluorescence"), 3, features="channels")
    assert labels.shape == (400, 400)
    assert np.unique(labels).tolist() == [1, 2, 3]


def test_samples_have_names_and_sizes():
    cells, channels = map(napari_kmeans.sample_image, ("cells", "fluorescence"))
    assert repr(cells) == "ImageFile(cells, ZYX, 32 × 128 × 128 uint16, 0.5 × 0.2 × 0.2 um)"
    assert channels.channel_names == ("nuclei", "membranes")
    with pytest.raises(ValueError, match="there is no sample image 'kidney'; choose one of coins, camera"):
        napari_kmeans.sample_image("kidney")
