from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from napari_kmeans.io.record import read_record
from napari_kmeans.report.picture import Thumbnail

pytest.importorskip("matplotlib")
iio = pytest.importorskip("imageio.v3")

from napari_kmeans.report.contact_sheet import write_contact_sheet

RECORD = json.dumps({"format": "napari-kmeans table", "version": 1})


def thumbnails(n: int) -> list[Thumbnail]:
    """Thumbnails, each of one blue, with a red area of clusters beside it; text is gray."""
    return [
        Thumbnail(np.full((60, 80, 3), (0, i, 200), np.uint8), np.full((60, 80, 3), (200, 0, i), np.uint8))
        for i in range(n)
    ]


@pytest.mark.parametrize("n", [1, 7])
def test_each_image_is_drawn_once_beside_its_clusters(tmp_path: Path, n: int) -> None:
    names = [f"folder/$image$_{i}.tif" for i in range(n)]
    write_contact_sheet(tmp_path / "sheet.png", names, thumbnails(n), 3, RECORD)
    sheet = iio.imread(tmp_path / "sheet.png")[..., :3].astype(int)
    areas = []
    for i in range(n):
        picture = (sheet == (0, i, 200)).all(axis=-1)
        clusters = (sheet == (200, 0, i)).all(axis=-1)
        assert picture.sum() > 10_000
        assert clusters.sum() == pytest.approx(picture.sum(), rel=0.05)
        assert np.argwhere(clusters)[:, 1].min() >= np.argwhere(picture)[:, 1].max()  # on its right
        areas.append(np.argwhere(picture).min(axis=0).tolist())
    assert areas == sorted(areas)  # row by row
    assert read_record(tmp_path / "sheet.png") == json.loads(RECORD)


def test_the_aspect_of_pixels_is_kept(tmp_path: Path) -> None:
    tall = Thumbnail(
        np.full((60, 60, 3), (0, 0, 200), np.uint8), np.full((60, 60, 3), 200, np.uint8), aspect=2.0
    )
    write_contact_sheet(tmp_path / "sheet.png", ["x"], [tall], 2)
    sheet = iio.imread(tmp_path / "sheet.png")[..., :3]
    height, width = np.ptp(np.argwhere((sheet == (0, 0, 200)).all(axis=-1)), axis=0) + 1
    assert height == pytest.approx(2 * width, rel=0.05)


def test_existing_files_are_not_replaced(tmp_path: Path) -> None:
    write_contact_sheet(tmp_path / "sheet.svg", ["x"], thumbnails(1), 2)
    with pytest.raises(FileExistsError):
        write_contact_sheet(tmp_path / "sheet.svg", ["x"], thumbnails(1), 2)
    write_contact_sheet(tmp_path / "sheet.svg", ["x"], thumbnails(1), 2, overwrite=True)
