from __future__ import annotations

import base64
import re
import struct
import zlib
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.io.image_file import ImageFile

pytest.importorskip("matplotlib")
iio = pytest.importorskip("imageio.v3")
Image = pytest.importorskip("PIL.Image")

from napari_kmeans.report.figure import write_figure

HERE = Path("cells.png")


def svg_picture(path, size):
    """Return the embedded pictures of an SVG file and their positions on a canvas of `size`, in pixels."""
    root = ElementTree.parse(path).getroot()
    unit = size[1] / float(root.get("width").removesuffix("pt"))
    for image in root.iter("{http://www.w3.org/2000/svg}image"):
        x, y, width, height = (unit * float(image.get(name)) for name in ("x", "y", "width", "height"))
        content = image.get("{http://www.w3.org/1999/xlink}href").partition(",")[2]
        yield iio.imread(base64.b64decode(content)), np.array([y, x, height, width])


def pdf_pictures(path):
    """Return the pictures of a PDF file and their positions, as `svg_picture` does: in points, from the top.

    Each fills the unit square of a matrix, its first row at the top; the page begins at the bottom.
    """
    content = path.read_bytes()
    page_height = float(re.search(rb"/MediaBox \[ 0 0 [0-9.]+ ([0-9.]+) \]", content)[1])
    streams = [
        zlib.decompress(body) for body in re.findall(rb"stream\n(x.*?)\nendstream", content, re.DOTALL)
    ]
    page = next(stream for stream in streams if b" Do" in stream)
    for matrix, name in re.findall(rb"q ([-0-9. ]+) cm /(I\d+) Do Q", page):
        a, b, c, d, x, y = map(float, matrix.split())
        assert (b, c) == (0, 0)
        number = re.search(rb"/%s (\d+) 0 R" % name, content)[1]
        found = re.search(
            rb"\n%s 0 obj\n<<[^>]*?/Width (\d+) /Height (\d+)\s.*?stream\n(.*?)\nendstream" % number,
            content,
            re.DOTALL,
        )
        width, height, pixels = int(found[1]), int(found[2]), found[3]
        yield png_of_pdf(width, height, pixels), np.array([page_height - y - d, x, d, a])


def png_of_pdf(width, height, pixels):
    """Decode the pixels of an RGB picture in PDF, which are compressed as those of PNG."""
    content = b"\x89PNG\r\n\x1a\n"
    header = struct.pack("!II5B", width, height, 8, 2, 0, 0, 0)
    for kind, data in ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")):
        content += struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))
    return iio.imread(content)


def test_pictures_in_pdf_are_those_in_svg(tmp_path):
    rows, columns = np.indices((300, 500)) // 2  # too many colours for a palette
    image = np.stack([rows, columns, rows // 2 + columns // 2], axis=-1).astype(np.uint8)
    labels, model = napari_kmeans.segment(image, 2, channel_axis=-1)
    file = ImageFile(HERE, image, "YXS", {"Y": 2.0, "X": 1.0})
    for kind in ("svg", "pdf"):
        write_figure(tmp_path / f"f.{kind}", file, ImageFile(HERE, labels, "YX"), model)
    width = ElementTree.parse(tmp_path / "f.svg").getroot().get("width")
    of_svg = svg_picture(tmp_path / "f.svg", (0, float(width.removesuffix("pt"))))
    pairs = list(zip(of_svg, pdf_pictures(tmp_path / "f.pdf"), strict=True))
    assert len(pairs) == 2
    for (expected, place), (picture, at) in pairs:
        np.testing.assert_array_equal(picture, expected)
        assert (picture[2, 2] != picture[-3, 2]).any()
        np.testing.assert_allclose(at, place, atol=1e-3)


def test_pictures_in_pdf_are_compressed_quickly(tmp_path, monkeypatch):
    levels = []
    save = Image.Image.save

    def spy(self, *args, **options):
        levels.append(options.get("compress_level"))
        save(self, *args, **options)

    monkeypatch.setattr(Image.Image, "save", spy)
    image = np.random.default_rng(0).integers(0, 256, (60, 80), np.uint8)
    labels, model = napari_kmeans.segment(image, 2)
    write_figure(tmp_path / "f.pdf", ImageFile(HERE, image, "YX"), ImageFile(HERE, labels, "YX"), model)
    assert levels == [1, 1]


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
        assert (png[y - 3, x + width // 8] == 255).all()  # the area beside it is blank
