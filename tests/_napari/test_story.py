"""The whole way: explored in the dock, processed as a batch that is killed and resumed, and applied later."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog

import napari_kmeans
from napari_kmeans.io.images import read_image
from napari_kmeans.io.label_images import export

pytest.importorskip("typer")
pytest.importorskip("ome_zarr")
tifffile = pytest.importorskip("tifffile")
iio = pytest.importorskip("imageio.v3")

from napari_kmeans.cli import app as cli

KINDS = (".tif", ".ome.tif", ".png", ".jpg", ".bmp", ".ome.zarr")
N_IMAGES = 24


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    """Images of six formats in nested folders, the fifth of them corrupt and the ninth of another format."""
    rng = np.random.default_rng(0)
    paths = []
    for number in range(N_IMAGES):
        kind = KINDS[number % len(KINDS)]
        path = tmp_path / "data" / f"day{number % 3}" / f"well{number % 2}" / f"{number:02d}{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        shape = (300, 200 + number)
        picture = np.clip(
            rng.choice([40, 110, 190], shape) + rng.normal(0, 12, shape) + number, 0, 255
        ).astype(np.uint8)
        if kind == ".ome.zarr":
            export(path, picture, scale=(0.5, 0.5), units=("um", "um"))
        elif kind.endswith("tif"):
            tifffile.imwrite(path, picture, photometric="minisblack")
        else:
            iio.imwrite(path, picture)
        paths.append(path)
    paths[4].write_bytes(paths[2].read_bytes()[:100])
    paths[8].write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(500))
    return paths


def lines_of(path: Path) -> int:
    return path.read_text().count("\n") if path.exists() else 0


@pytest.mark.thorough
@pytest.mark.skipif(sys.platform == "win32", reason="needs kill -9")
def test_a_recipe_saved_in_the_dock_processes_a_folder_of_images(
    viewer, open_dock, settle, images, tmp_path, monkeypatch, capsys
):
    good = [path for number, path in enumerate(images) if number not in (4, 8)]
    viewer.add_image(read_image(images[0]).data, name="first")
    dock = open_dock()
    dock.n_clusters.value = 3
    dock.smooth.value = 1.0
    dock.min_size.value = 12
    settle(dock)
    recipe = tmp_path / "recipe.json"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(recipe), ""))
    dock.menu.save_recipe.trigger()
    shown = viewer.layers["first k-means"].data

    monkeypatch.chdir(tmp_path)
    command = ["batch", "recipe.json", "data", "-r", "-o", "out", "--table", "all.csv", "--log", "run.jsonl"]
    with subprocess.Popen(
        [sys.executable, "-m", "napari_kmeans", *command],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        end = time.monotonic() + 60
        while lines_of(Path("run.jsonl")) < 5 and process.poll() is None and time.monotonic() < end:
            time.sleep(0.001)
        process.kill()
    n_before = lines_of(Path("run.jsonl"))
    assert 5 <= n_before < N_IMAGES
    assert not Path("all.csv").exists()

    assert cli.main([*command, "--skip-existing"]) == 1  # two images cannot be read
    errors = capsys.readouterr().err
    for number in (4, 8):
        assert str(images[number].relative_to(tmp_path)) in errors
    assert f"{N_IMAGES} images: " in errors
    assert "2 failed" in errors

    with Path("all.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * len(good)
    for path in good:
        relative = path.relative_to(tmp_path / "data")
        image = read_image(path)
        labels, model = napari_kmeans.segment(image, 3, smooth=1)
        labels = napari_kmeans.clean_labels(labels, min_size=12)
        stem = relative.name.partition(".")[0]
        [written] = (tmp_path / "out" / relative.parent).glob(f"{stem}-labels.*")
        found = read_image(written)
        np.testing.assert_array_equal(found.data, labels)
        of_image = [row for row in rows if row["image"] == (Path("data") / relative).as_posix()]
        counts = np.bincount(np.asarray(labels).ravel(), minlength=4)[1:]
        assert [int(row["pixels"]) for row in of_image] == counts.tolist()
        assert [float(row["center"]) for row in of_image] == pytest.approx(
            model.centers[:, 0].tolist(), rel=1e-5
        )
    np.testing.assert_array_equal(
        read_image(images[0].as_posix().replace("/data/", "/out/")[:-4] + "-labels.tif").data, shown
    )

    # The model of one image labels another.
    one, other = (str(path.relative_to(tmp_path)) for path in (good[0], good[5]))
    assert cli.main(["segment", one, "-k", "3", "-o", "one", "--save-model", "cells.json"]) == 0
    assert cli.main(["apply", "cells.json", other, "-o", "applied", "--match", "range"]) == 0
    model = napari_kmeans.KMeansModel.load("cells.json")
    [written] = Path("applied").iterdir()
    np.testing.assert_array_equal(read_image(written).data, model.predict(read_image(other), match="range"))
