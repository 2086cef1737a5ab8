from __future__ import annotations

import csv
import math

import dask.array as da
import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import label, regionprops_table

import napari_kmeans
from napari_kmeans.blocks.progress import Cancelled
from napari_kmeans.labels import objects as objects_module
from napari_kmeans.labels.objects import split_into_objects
from napari_kmeans.report.tables import write_columns

MEASURED = (
    *("num_pixels", "area", "equivalent_diameter_area", "centroid", "bbox"),
    *("intensity_mean", "intensity_min", "intensity_max"),
)


def labels_and_image(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(len(shape))
    image = ndimage.gaussian_filter(rng.normal(size=shape), 1).astype(np.float32)
    labels, _ = napari_kmeans.segment(image, 4)
    labels[rng.random(shape) < 0.05] = 0
    return labels, image


@pytest.mark.parametrize("shape", [(60, 70), (14, 16, 18)])
@pytest.mark.parametrize("spacing", [None, 0.5, (0.7, 0.2, 2.0)])
@pytest.mark.parametrize("block", [1 << 20, 500])
def test_objects_and_measures_equal_scikit_image(shape, spacing, block, monkeypatch) -> None:
    monkeypatch.setattr(objects_module, "_BLOCK", block)
    labels, image = labels_and_image(shape)
    if isinstance(spacing, tuple):
        spacing = spacing[: labels.ndim]
    for connectivity in range(1, labels.ndim + 1):
        objects, table = split_into_objects(
            labels, connectivity=connectivity, intensity_image=image, spacing=spacing
        )
        assert objects.dtype == np.int32
        parts = label(labels, background=0, connectivity=connectivity)
        pairs = np.unique(np.stack([objects.ravel(), parts.ravel()]), axis=1)
        assert objects.max() == parts.max() == pairs.shape[1] - 1 > 30  # one to one
        assert table["index"] == list(range(1, objects.max() + 1))
        assert table["cluster"] == sorted(table["cluster"])
        assert np.array_equal(np.array([0, *table["cluster"]])[objects], labels)
        expected = regionprops_table(
            objects,
            image,
            properties=MEASURED,
            spacing=(spacing or 1,) * labels.ndim if np.ndim(spacing) == 0 else spacing,
        )
        assert list(table)[2:] == list(expected)
        for name, values in expected.items():
            np.testing.assert_allclose(table[name], values, rtol=1e-6, err_msg=name)


def test_only_chosen_clusters_are_split() -> None:
    labels, _ = labels_and_image((40, 50))
    _, table = split_into_objects(labels)
    objects, chosen = split_into_objects(labels, [4, 2])
    np.testing.assert_array_equal(objects > 0, np.isin(labels, (2, 4)))
    assert sorted(chosen["num_pixels"]) == sorted(
        n for n, cluster in zip(table["num_pixels"], table["cluster"], strict=True) if cluster in (2, 4)
    )
    np.testing.assert_array_equal(split_into_objects(labels, 3)[0], ndimage.label(labels == 3)[0])
    none, table = split_into_objects(labels, 9)
    assert (none.max(), table["index"], table["area"]) == (0, [], [])
    assert split_into_objects(labels[:0])[0].shape == (0, 50)


def test_each_position_has_its_own_objects() -> None:
    labels, image = labels_and_image((60, 70))
    movie, film = np.stack([labels, labels[::-1], labels * 0], 1), np.stack([image, image, image], 1)
    objects, table = split_into_objects(
        movie, 2, intensity_image=film, spacing=(2, 3), per_axis=1, properties=["eccentricity"]
    )
    first, alone = split_into_objects(
        labels, 2, intensity_image=image, spacing=(2, 3), properties=["eccentricity"]
    )
    assert set(table["position"]) == {0, 1}
    assert table["position"].count(0) == table["position"].count(1) == first.max()
    rows = [row for row, position in enumerate(table["position"]) if position == 0]
    numbers = np.unique(objects[:, 0])[1:]
    assert numbers.tolist() == [table["index"][row] for row in rows]
    np.testing.assert_array_equal(np.searchsorted(np.append(0, numbers), objects[:, 0]), first)
    for name in set(table) - {"index", "position"}:
        np.testing.assert_allclose([table[name][row] for row in rows], alone[name], err_msg=name)


def test_several_axes_can_be_separate() -> None:
    labels, image = labels_and_image((14, 16, 18))
    movie, film = np.stack([labels, labels[::-1]], -1), np.stack([image, image], -1)
    keywords = {"properties": ["perimeter"], "spacing": (0.5, 0.5)}
    objects, table = split_into_objects(movie, 3, intensity_image=film, per_axis=(0, -1), **keywords)
    for z, t in np.ndindex(14, 2):
        rows = [
            row
            for row, at in enumerate(zip(table["position-0"], table["position-1"], strict=True))
            if at == (z, t)
        ]
        plane = (z if t == 0 else 13 - z, slice(None), slice(None))
        alone, measures = split_into_objects(labels[plane], 3, intensity_image=image[z], **keywords)
        numbers = np.unique(objects[z, ..., t])
        assert numbers[1:].tolist() == [table["index"][row] for row in rows]
        np.testing.assert_array_equal(np.searchsorted(numbers, objects[z, ..., t]), alone)
        for name in set(measures) - {"index"}:
            np.testing.assert_allclose([table[name][row] for row in rows], measures[name], err_msg=name)


def test_each_channel_is_measured(picture) -> None:
    image = picture("astronaut")[::4, ::4]
    labels, _ = napari_kmeans.segment(image, 3, channel_axis=-1)
    objects, table = split_into_objects(labels, intensity_image=image, channel_axis=-1)
    names = ("intensity_mean", "intensity_min", "intensity_max")
    expected = regionprops_table(objects, image, properties=names)
    assert len(expected) == 9
    for name, values in expected.items():
        np.testing.assert_allclose(table[name], values, err_msg=name)


def test_further_properties_equal_scikit_image() -> None:
    labels, image = labels_and_image((40, 50))
    names = ("solidity", "perimeter", "intensity_std")
    objects, table = split_into_objects(labels, 2, intensity_image=image, properties=names)
    for name, values in regionprops_table(objects, image, properties=names).items():
        np.testing.assert_array_equal(table[name], values)
    with pytest.raises(
        TypeError, match="properties must be a list of names, such as \\['area'\\], not 'area'"
    ):
        split_into_objects(labels, 2, properties="area")
    with pytest.raises(ValueError, match="properties=\\['roundness'\\] cannot all be computed"):
        split_into_objects(labels, 2, properties=["roundness"])


def test_the_coins_are_counted(picture) -> None:
    image = picture("coins")
    labels, _ = napari_kmeans.segment(image, 2)
    cleaned = napari_kmeans.clean_labels(labels, min_size=150, fill_holes=150)
    _, table = napari_kmeans.split_into_objects(cleaned, 2, intensity_image=image)
    assert len(table["index"]) == 24
    assert min(table["area"]) > 1000
    assert min(table["intensity_mean"]) > image[cleaned == 1].mean()


def test_progress_can_cancel_the_work(monkeypatch) -> None:
    monkeypatch.setattr(objects_module, "_BLOCK", 500)
    labels, _ = labels_and_image((60, 70))
    seen: list[float] = []
    split_into_objects(labels, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert len(seen) > 8

    def stop(done: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        split_into_objects(labels, progress=stop)


def test_the_table_can_be_written_as_csv(tmp_path) -> None:
    _, table = split_into_objects(
        np.array([[1, 0, 1]], dtype=np.uint8), intensity_image=np.array([[2, 0, math.nan]])
    )
    write_columns(tmp_path / "x.csv", table)
    with (tmp_path / "x.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(table)
    assert [row["intensity_mean"] for row in rows] == ["2.0", ""]
    assert [row["bbox-3"] for row in rows] == ["1", "3"]
    with pytest.raises(FileExistsError):
        write_columns(tmp_path / "x.csv", table)


LABELS = np.ones((4, 5), dtype=np.uint8)


@pytest.mark.parametrize(
    ("labels", "keywords", "error", "message"),
    [
        (da.from_array(LABELS), {}, TypeError, r"labels is a lazy array.*labels.compute\(\)"),
        (LABELS.astype(int), {}, TypeError, "labels has dtype int64 and must be uint8"),
        (np.ones((2, 2, 2, 2), np.uint8), {}, ValueError, "labels has 4 spatial axes"),
        (LABELS, {"clusters": 0}, ValueError, "clusters=0 must be labels from 1 to 255"),
        (LABELS, {"clusters": [1.5]}, TypeError, "clusters must be labels, not 1.5"),
        (
            LABELS,
            {"connectivity": 3},
            ValueError,
            "connectivity=3 must be 1 to the number of spatial axes, 2",
        ),
        (LABELS, {"connectivity": True}, TypeError, "connectivity must be an int, not True"),
        (LABELS, {"per_axis": 5}, ValueError, "per_axis=5 is out of range"),
        (LABELS, {"spacing": -1}, ValueError, "spacing=-1 must be 0 or more"),
        (LABELS, {"intensity_image": LABELS[1:]}, ValueError, r"intensity_image has shape \(3, 5\) and must"),
        (LABELS, {"intensity_image": np.ones((4, 5, 3))}, ValueError, "set channel_axis if it has channels"),
        (LABELS, {"intensity_image": LABELS * 1j}, TypeError, "intensity_image has dtype complex128"),
    ],
)
def test_errors_name_the_argument(labels, keywords, error, message) -> None:
    with pytest.raises(error, match=message):
        split_into_objects(labels, **keywords)
