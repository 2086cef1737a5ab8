from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_kmeans.io.image_file import ImageFile
from napari_kmeans.report.palette import distinct_colors
from napari_kmeans.report.picture import blended, colors_of_labels, picture_of, scale_bar_of, thumbnail_of


def image_of(shape: tuple[int, ...], step: float, unit: str) -> ImageFile:
    axes = "ZYX"[-len(shape) :]
    return ImageFile(Path("x.tif"), np.zeros(shape, np.uint8), axes, {"X": step, "Y": step}, unit)


@pytest.mark.parametrize(
    ("n_pixels", "step", "unit", "text", "length"),
    [
        (512, 0.5, "um", "50 µm", 100),
        (100, 0.02, "um", "500 nm", 25),
        (1000, 0.002, "mm", "500 µm", 250),
        (1000, 30, "m", "5 km", 166.667),
        (400, 1, "inch", "2 m", 78.740),
        (80, 2, "parsec", "20 parsec", 10),
    ],
)
def test_a_scale_bar_has_a_round_length(n_pixels, step, unit, text, length):
    bar = scale_bar_of(image_of((10, n_pixels), step, unit))
    assert bar is not None
    assert bar.text == text
    assert bar.n_pixels == pytest.approx(length, rel=1e-5)
    assert bar.n_pixels <= n_pixels / 4


@pytest.mark.parametrize(("step", "unit"), [(0.5, ""), (0.0, "um"), (float("inf"), "um")])
def test_without_a_known_pixel_size_there_is_no_scale_bar(step, unit):
    assert scale_bar_of(image_of((10, 10), step, unit)) is None


def test_clusters_are_blended_and_label_0_is_not():
    labels = np.array([[0, 1], [2, 2]], np.uint8)
    colors = colors_of_labels([2], distinct_colors(2))
    picture = np.full((2, 2, 3), 200, np.uint8)
    found = blended(picture, ImageFile(Path("x"), labels, "YX"), colors)
    assert (found[0] == 200).all()  # excluded, and a label that is not shown
    expected = (200 + 255 * distinct_colors(2)[1, :3]) / 2
    np.testing.assert_allclose(found[1, 0], expected, atol=1)


def test_labels_of_another_resolution_are_drawn_at_their_place():
    labels = np.repeat([[1, 2]], 2, axis=0).astype(np.uint8)
    colors = colors_of_labels([1, 2], np.array([[0, 0, 0, 1.0], [1, 1, 1, 1]]))
    found = blended(np.zeros((6, 8, 3), np.uint8), ImageFile(Path("x"), labels, "YX"), colors)
    assert (found[:, :4] == 0).all()
    assert (found[:, 4:] >= 127).all()


def test_a_thumbnail_is_small_and_of_the_middle_plane():
    data = np.zeros((5, 600, 900), np.uint8)
    data[2, :, 450:] = 255
    image = ImageFile(Path("x.tif"), data, "ZYX", {"Y": 2.0, "X": 1.0})
    thumbnail = thumbnail_of(image, ImageFile(Path("x"), (data > 0) + np.uint8(1), "ZYX"), 2)
    assert max(thumbnail.picture.shape) <= 192
    assert thumbnail.aspect == 2
    assert thumbnail.picture[0, 0].tolist() == [0, 0, 0]
    assert thumbnail.picture[0, -1].tolist() == [255, 255, 255]
    assert (thumbnail.clusters[0, 0] != thumbnail.picture[0, 0]).any()


def test_transparency_of_colours_is_not_drawn():
    data = np.full((4, 5, 4), 100, np.uint8)
    assert picture_of(ImageFile(Path("x"), data, "YXS")).tolist() == np.full((4, 5, 3), 100).tolist()


@pytest.mark.parametrize("offset", [0, 1 << 63, (1 << 64) - 256])
def test_64_bit_integers_are_drawn_by_their_differences(offset):
    plane = np.arange(256, dtype=np.uint64).reshape(16, 16) + np.uint64(offset)
    small = picture_of(ImageFile(Path("a.tif"), np.arange(256, dtype=np.uint8).reshape(16, 16), "YX"))
    np.testing.assert_array_equal(picture_of(ImageFile(Path("a.tif"), plane, "YX")), small)
    signed = picture_of(ImageFile(Path("a.tif"), plane.astype(np.int64), "YX"))
    np.testing.assert_array_equal(signed, small)
