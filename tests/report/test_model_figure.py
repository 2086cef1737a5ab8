from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.io.image_file import ImageFile

pytest.importorskip("matplotlib")

GRAY = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)


def test_a_model_plots_an_image_with_its_labels() -> None:
    labels, model = napari_kmeans.segment(GRAY, 3)
    figure = model.plot(GRAY)
    left, middle, right = figure.axes
    assert left.get_title() == "image"
    assert middle.get_title() == "k-means, 3 clusters"
    drawn = middle.images[0].get_array()
    assert len(np.unique(drawn[labels == 1] // 16, axis=0)) < len(np.unique(drawn // 16))
    assert right.get_xlabel() == "gray"
    assert figure._repr_png_().startswith(b"\x89PNG")  # what a notebook shows


def test_shares_are_those_of_the_image_and_of_given_labels() -> None:
    model = napari_kmeans.fit(GRAY, 2)
    ones = np.ones_like(GRAY)
    ones[:5] = 2
    texts = [text.get_text() for text in model.plot(GRAY, labels=ones).legends[0].get_texts()]
    assert ["(75.0 %)" in texts[0], "(25.0 %)" in texts[1]] == [True, True]
    with pytest.raises(ValueError, match=r"labels has shape \(3, 3\), but the image has \(20, 30\)"):
        model.plot(GRAY, labels=ones[:3, :3])


@pytest.mark.parametrize(
    ("shape", "channel_axis", "features"),
    [((20, 30, 3), -1, "rgb"), ((2, 20, 30), 0, "channels"), ((4, 20, 30), None, "gray")],
)
def test_colours_channels_and_stacks_are_plotted(shape, channel_axis, features) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    model = napari_kmeans.fit(image, 2, features=features, channel_axis=channel_axis)
    left = model.plot(image).axes[0]
    assert left.images[0].get_array().shape == (20, 30, 3)
    assert ("(z = 2)" in left.get_title()) == (channel_axis is None)


def test_an_image_file_has_a_scale_bar() -> None:
    file = ImageFile(Path("cells.tif"), GRAY, "YX", {"Y": 2.0, "X": 2.0}, "um")
    left = napari_kmeans.fit(file, 2).plot(file).axes[0]
    assert left.get_title() == "cells"
    assert [text.get_text() for text in left.texts] == ["10 µm"]
    assert left.patches[0].get_width() == 5


def test_images_that_cannot_be_drawn_are_rejected() -> None:
    line = np.arange(10, dtype=np.uint8)
    with pytest.raises(ValueError, match="image must have 2 to 4 axes besides channels, not 1"):
        napari_kmeans.fit(line, 2).plot(line)


def test_labels_must_be_integers() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    with pytest.raises(TypeError, match="labels has dtype float64; it must contain integers"):
        napari_kmeans.fit(image, 2).plot(image, labels=np.ones((3, 4)))


def test_a_scale_bar_is_drawn_if_the_coordinates_have_a_unit() -> None:
    xarray = pytest.importorskip("xarray")
    steps = {
        name: (name, 0.5 * np.arange(n), {"units": "µm"}) for name, n in zip("yx", GRAY.shape, strict=True)
    }
    image = xarray.DataArray(GRAY, dims=("y", "x"), coords=steps)
    model = napari_kmeans.fit(image, 2)
    assert [text.get_text() for text in model.plot(image).axes[0].texts] == ["2 µm"]
    assert not model.plot(GRAY).axes[0].texts
