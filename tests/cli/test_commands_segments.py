"""Illumination, coherence, stains and confidence on the command line: the labels are those of Python."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skimage import data

import napari_kmeans

pytest.importorskip("typer")
tifffile = pytest.importorskip("tifffile")

from napari_kmeans.cli import app as cli


@pytest.fixture
def coins(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    image = data.coins()[::2, ::2]
    tifffile.imwrite("coins.tif", image)
    return image


def read(name: str) -> np.ndarray:
    return tifffile.imread(Path("out") / name)


@pytest.mark.parametrize(
    "options",
    [
        {"illumination": "additive"},
        {"illumination": "multiplicative"},
        {"coherence": 1.5},
        {"illumination": "additive", "coherence": 1.0},
    ],
)
def test_labels_equal_those_of_python(coins, options):
    arguments = [f"--{name}={value}" for name, value in options.items()]
    assert cli.main(["segment", "coins.tif", "-k", "3", "-o", "out", *arguments]) == 0
    expected, _ = napari_kmeans.segment(coins, 3, **options)
    np.testing.assert_array_equal(read("coins-labels.tif"), expected)


def test_a_saved_model_gives_the_same_labels(coins):
    asked = ["-k", "2", "--illumination", "additive", "--coherence", "1", "-o", "out"]
    assert cli.main(["segment", "coins.tif", *asked, "--save-model", "m.json"]) == 0
    first = read("coins-labels.tif")
    assert cli.main(["apply", "m.json", "coins.tif", "-o", "out", "--overwrite"]) == 0
    np.testing.assert_array_equal(read("coins-labels.tif"), first)


@pytest.mark.parametrize("options", [{}, {"illumination": "additive"}, {"coherence": 1.0}])
def test_the_confidence_equals_that_of_python(coins, options):
    arguments = [f"--{name}={value}" for name, value in options.items()]
    asked = ["segment", "coins.tif", "-k", "3", "-o", "out", "--confidence", "--save-model", "m.json"]
    assert cli.main([*asked, *arguments]) == 0
    expected = napari_kmeans.fit(coins, 3, **options).confidence(coins)
    with tifffile.TiffFile(Path("out") / "coins-confidence.tif") as file:
        assert file.series[0].dtype == np.float32
        np.testing.assert_array_equal(file.asarray(), expected)
    Path("out/coins-confidence.tif").unlink()
    assert cli.main(["apply", "m.json", "coins.tif", "-o", "out", "--confidence", "--overwrite"]) == 0
    np.testing.assert_array_equal(read("coins-confidence.tif"), expected)


def test_an_unknown_kind_of_illumination_is_wrong_usage(coins, capsys):
    assert cli.main(["segment", "coins.tif", "-k", "2", "-o", "out", "--illumination", "strange"]) == 2
    assert "additive" in capsys.readouterr().err


def test_the_gap_statistic_chooses_the_number_of_clusters(coins, capsys):
    assert cli.main(["segment", "coins.tif", "-k", "gap", "-o", "out"]) == 0
    expected = napari_kmeans.suggest_n_clusters(coins, method="gap").n_clusters
    assert f"k = {expected}" in capsys.readouterr().out
    assert read("coins-labels.tif").max() == expected
