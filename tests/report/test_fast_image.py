from __future__ import annotations

import base64
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.io.image_file import ImageFile

pytest.importorskip("matplotlib")
iio = pytest.importorskip("imageio.v3")

from napari_kmeans.report.figure import write_figure

HERE = Path("cells.png")


def svg_picture(path, size):
    """Return the embedded pictures of an SVG file, and where they are on a canvas of `size`, in pixels."""
    root = ElementTree.parse(path).getroot()
    unit = size[1] / float(root.get("width").removesuffix("pt"))
    for image in root.iter("{http://www.w3.org/2000/svg}image"):
        x, y, width, height = (unit * float(image.get(name)) for name in ("x", "y", "width", "height"))
        content = image.get("{http://www.w3.org/1999/xlink}href").partition(",")[2]
        yield iio.imread(base64.b64decode(content)), np.array([y, x, height, width])


def test_pictures_are_upright_and_at_the_same_place_in_every_format(tmp_path):
    image = np.zeros((300, 500), np.uint8)
    image[:60, :100] = 255  # the upper left corner
    labels, model = napari_kmeans.segment(image, 2)
    file = ImageFile(HERE, image, "YX")
    for kind in ("png", "svg"):
        write_figure(tmp_path / f"f.{kind}", file, ImageFile(HERE, labels, "YX"), model)
    png = iio.imread(tmp_path / "f.png")[..., :3].astype(int)
    pictures = list(svg_picture(tmp_path / "f.svg", png.shape))
    assert len(pictures) == 2
    for picture, place in pictures:
        rows, columns, _ = picture.shape
        np.testing.assert_array_equal(picture[2, 2], picture[rows // 6, columns // 6])
        assert (picture[2, 2] != picture[-3, -3]).any()
        y, x, height, width = place.round().astype(int)
        assert (height, width) == pytest.approx((rows, columns), abs=1)
        inside = png[y + 2 : y + height - 2, x + 2 : x + width - 2]
        assert abs(inside[2, 2] - picture[2, 2]).max() <= 2
        assert abs(inside[-3, -3] - picture[-3, -3]).max() <= 2
        assert abs(inside[2, -3] - picture[2, -3]).max() <= 2
        assert (png[y - 3, x + width // 8] == 255).all()  # beside it, there is paper
