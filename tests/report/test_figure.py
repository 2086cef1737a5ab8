from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.io.image_file import ImageFile
from napari_kmeans.report.palette import distinct_colors

pytest.importorskip("matplotlib")
iio = pytest.importorskip("imageio.v3")

from napari_kmeans.report.figure import segmentation_figure, write_figure

HERE = Path("cells.png")


def drawn(path, image, labels, model):
    write_figure(path, image, ImageFile(path, labels, image.spatial_axes), model)
    return iio.imread(path)[..., :3].astype(int)


def n_pixels_of(figure, color):
    return int((abs(figure - np.round(255 * np.asarray(color)[:3])).max(axis=-1) <= 2).sum())


def test_clusters_are_drawn_over_the_image(tmp_path):
    image = np.full((40, 60), 50, np.uint8)
    image[:, 45:] = 200
    labels, model = napari_kmeans.segment(image, 2)
    figure = drawn(tmp_path / "f.png", ImageFile(HERE, image, "YX"), labels, model)
    dark, bright = distinct_colors(2)
    over_dark = n_pixels_of(figure, dark / 2)
    assert over_dark == pytest.approx(n_pixels_of(figure, (0, 0, 0)), rel=0.05)  # the area in the plain image
    assert over_dark == pytest.approx(3 * n_pixels_of(figure, 0.5 + bright / 2), rel=0.05)


def test_shares_and_histogram_have_the_colours_of_the_clusters(tmp_path):
    levels = np.random.default_rng(0).integers(0, 100, (400, 400), dtype=np.uint8)
    levels[:100] += 150
    labels, model = napari_kmeans.segment(levels, 2)
    image = ImageFile(HERE, levels, "YX")
    shares = drawn(tmp_path / "shares.png", image, labels, model.without_summary())
    histogram = drawn(tmp_path / "histogram.png", image, labels, model)
    # Three times as many pixels: a bar three times as long, or bars three times as high.
    for figure in (shares, histogram):
        dark, bright = (n_pixels_of(figure, color) for color in distinct_colors(2))
        assert dark == pytest.approx(3 * bright, rel=0.15)
    assert n_pixels_of(shares, (0, 0, 0)) < n_pixels_of(histogram, (0, 0, 0)) - 100  # lines at the centres


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_colours_are_not_changed(tmp_path, dtype):
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    image = (
        np.array([[[0.8, 0.2, 0.2], [0.2, 0.2, 0.8]]]).repeat(30, axis=0).repeat(15, axis=1) * top
    ).astype(dtype)
    labels, model = napari_kmeans.segment(image, 2, features="rgb", channel_axis=-1)
    figure = drawn(tmp_path / "f.png", ImageFile(HERE, image, "YXS"), labels, model)
    for color in (image[0, 0] / top, image[0, -1] / top):
        assert n_pixels_of(figure, color) > 5000


def test_a_large_image_is_drawn_at_a_coarser_level(tmp_path):
    class NotRead:
        shape, dtype = (40_000, 40_000), np.dtype(np.uint8)

        def __getitem__(self, _):
            pytest.fail("the full resolution was read")

    coarse = np.zeros((2000, 2000), np.uint8)
    coarse[:, 500:] = 255
    labels, model = napari_kmeans.segment(coarse, 2)
    image = ImageFile(HERE, NotRead(), "YX", coarser=(coarse, coarse[::4, ::4]))
    found = ImageFile(HERE, NotRead(), "YX", coarser=(labels, labels[::4, ::4]))
    write_figure(tmp_path / "f.png", image, found, model)
    figure = iio.imread(tmp_path / "f.png")[..., :3].astype(int)
    dark, bright = distinct_colors(2)
    assert n_pixels_of(figure, 0.5 + bright / 2) == pytest.approx(3 * n_pixels_of(figure, dark / 2), rel=0.05)


def test_excluded_pixels_and_background_have_no_colour(tmp_path):
    image = np.random.default_rng(0).random((30, 30))
    image[:10] = np.nan
    labels, model = napari_kmeans.segment(image, 3)
    model = model.with_background([1])
    labels = np.where(labels == 1, 0, labels).astype(np.uint8)
    figure = drawn(tmp_path / "f.png", ImageFile(HERE, image, "YX"), labels, model)
    colors = distinct_colors(3)
    assert n_pixels_of(figure, colors[0]) == 0
    assert n_pixels_of(figure, colors[2]) > 1000
    assert n_pixels_of(figure, (0.75, 0.75, 0.75)) > 1000  # its bars


@pytest.mark.parametrize(
    ("shape", "axes", "features"),
    [
        ((3, 4, 20, 30), "TZYX", "gray"),
        ((2, 20, 30), "CYX", "channels"),
        ((5, 4, 20, 30), "CZYX", "channels"),
        ((1, 20, 30), "CYX", "channels"),
        ((20, 30, 4), "YXS", "lab"),
        ((20, 30), "YX", "texture"),
    ],
)
def test_every_kind_of_image_can_be_drawn(tmp_path, shape, axes, features):
    data = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    image = ImageFile(HERE, data, axes, pixel_size={"Y": 0.5, "X": 0.25})
    labels, model = napari_kmeans.segment(data, 20, features=features, channel_axis=image.channel_axis)
    figure = drawn(tmp_path / "f.png", image, labels, model)
    assert n_pixels_of(figure, distinct_colors(3)[2]) > 50


def test_names_are_drawn_as_plain_text(tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (20, 30), dtype=np.uint8)
    labels, model = napari_kmeans.segment(image, 2)
    model = model.with_names(["$\\frac$", "b_$x$"])
    file = ImageFile(Path("a$_b$.png"), image, "YX")
    assert drawn(tmp_path / "f.png", file, labels, model).std() > 0
    with pytest.raises(FileExistsError):
        write_figure(tmp_path / "f.png", file, ImageFile(HERE, labels, "YX"), model)


def test_counts_of_changed_labels_are_shown(tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (20, 30), dtype=np.uint8)
    labels, model = napari_kmeans.segment(image, 2)
    bare = model.without_summary()
    file, found = ImageFile(HERE, image, "YX"), ImageFile(HERE, labels, "YX")
    write_figure(tmp_path / "few.png", file, found, bare, np.array([0, 60, 540]))
    figure = iio.imread(tmp_path / "few.png")[..., :3].astype(int)
    dark, bright = (n_pixels_of(figure, color) for color in distinct_colors(2))
    assert bright > 3 * dark


@pytest.mark.parametrize("kind", ["additive", "multiplicative"])
def test_the_illumination_field_is_drawn_beside_the_image(tmp_path, kind):
    plain = np.where(np.random.default_rng(0).random((60, 80)) < 0.4, 60.0, 140.0)
    ramp = np.linspace(0.5, 1.5, 80)
    image = plain * ramp if kind == "multiplicative" else plain + 100 * ramp
    labels, model = napari_kmeans.segment(image, 2, illumination=kind)
    figure = drawn(tmp_path / "f.png", ImageFile(HERE, image, "YX"), labels, model)
    without = drawn(tmp_path / "g.png", ImageFile(HERE, image, "YX"), *napari_kmeans.segment(image, 2))
    assert figure.shape[1] == pytest.approx(without.shape[1] * 16 / 12, abs=2)
    field = figure[figure.shape[0] // 2, figure.shape[1] // 4 : figure.shape[1] * 2 // 5, 0]
    inside = field[field < 255]
    assert np.ptp(inside) > 100  # from dark to bright


def test_a_known_pixel_size_gives_a_scale_bar(tmp_path):
    data = np.zeros((100, 200), np.uint8)
    data[:, 190:] = 1
    labels, model = napari_kmeans.segment(data, 2)
    bare = drawn(tmp_path / "bare.png", ImageFile(HERE, data, "YX"), labels, model)
    sized = ImageFile(HERE, data, "YX", {"Y": 1.0, "X": 1.0}, "um")
    with_bar = drawn(tmp_path / "bar.png", sized, labels, model)
    changed = np.argwhere((bare != with_bar).any(axis=-1))
    assert len(changed) > 300
    # A quarter of the width of the image, in the lower left corner of its panel.
    assert np.ptp(changed[:, 1]) == pytest.approx(3.8 * 120 / 4, rel=0.05)
    assert changed[:, 1].max() < bare.shape[1] / 3
    assert changed[:, 0].min() > bare.shape[0] / 2


def test_chosen_colours_are_used(tmp_path):
    image = np.full((40, 60), 0, np.uint8)
    image[:, 45:] = 200
    labels, model = napari_kmeans.segment(image, 2)
    colors = np.array([[0.2, 0.4, 0.6, 1], [0.9, 0.5, 0.1, 1]])
    write_figure(
        tmp_path / "f.png", ImageFile(HERE, image, "YX"), ImageFile(HERE, labels, "YX"), model, colors=colors
    )
    figure = iio.imread(tmp_path / "f.png").astype(int)
    assert n_pixels_of(figure, colors[0] / 2) > 5000


def test_few_artists_draw_the_histogram():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    labels, model = napari_kmeans.segment(levels, 4)
    image = ImageFile(HERE, levels, "YX")
    axes = segmentation_figure(image, ImageFile(HERE, labels, "YX"), model).axes[-1]
    assert len(axes.patches) == 4  # one area for each cluster, instead of one bar for each level
    assert len(axes.collections[0].get_segments()) == 4
