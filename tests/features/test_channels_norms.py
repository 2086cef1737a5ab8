from __future__ import annotations

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.blocks import loop
from napari_kmeans.features import Channels
from napari_kmeans.model.model import KMeansModel

NORMS = {
    "l1": lambda x: np.abs(x).sum(axis=-1, keepdims=True),
    "l2": lambda x: np.sqrt((x * x).sum(axis=-1, keepdims=True)),
    "max": lambda x: np.abs(x).max(axis=-1, keepdims=True),
}


def spectra():
    """Two kinds of spectra, side by side, whose brightness varies a hundredfold."""
    rng = np.random.default_rng(0)
    shape = np.where(np.arange(40)[:, np.newaxis, np.newaxis] < 20, [4.0, 1, 1, 2, 1], [1.0, 1, 3, 1, 2])
    return shape * rng.uniform(1, 100, (40, 30, 1)) + rng.normal(0, 0.05, (40, 30, 5))


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64, np.int64])
def test_each_pixel_is_divided_by_its_norm(norm, dtype):
    image = spectra().astype(dtype)
    values, include = Channels(normalize=norm).transform(image, 5)
    assert values.dtype == Channels(normalize=norm).value_format(dtype, 5).dtype
    wide = image.astype(np.float64)
    np.testing.assert_allclose(values, wide / NORMS[norm](wide), rtol=1e-6)
    assert include.all()


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n_channels", [3, 5])
def test_spectra_are_distinguished_by_their_shape(norm, n_channels):
    image = spectra()[..., :n_channels]
    truth = np.repeat([0, 1], 20)[:, np.newaxis].repeat(30, axis=1)
    shape, plain = (
        napari_kmeans.segment(image, 2, features=Channels(normalize=each), channel_axis=-1)[0] > 1
        for each in (norm, None)
    )
    assert abs(np.mean(shape == truth) - 0.5) > 0.49
    assert abs(np.mean(plain == truth) - 0.5) < 0.25


@pytest.mark.parametrize("norm", NORMS)
def test_pixels_without_a_norm_are_excluded(norm):
    image = spectra()
    image[0, 0] = 0
    image[1, 1, 2], image[2, 2, 3], image[3, 3, 0] = np.nan, np.inf, -np.inf
    labels, model = napari_kmeans.segment(image, 2, features=Channels(normalize=norm), channel_axis=-1)
    assert np.argwhere(labels == 0).tolist() == [[0, 0], [1, 1], [2, 2], [3, 3]]
    assert model.counts.sum() == labels.size - 4


@pytest.mark.parametrize("magnitude", [1e-200, 1e200])
@pytest.mark.parametrize("norm", NORMS)
def test_norms_neither_overflow_nor_underflow(norm, magnitude):
    values, _ = Channels(normalize=norm).transform(spectra() * magnitude, 5)
    expected, _ = Channels(normalize=norm).transform(spectra(), 5)
    np.testing.assert_allclose(values, expected, rtol=1e-12)


@pytest.mark.parametrize("norm", NORMS)
def test_no_bit_depends_on_blocks_or_layout(monkeypatch, norm):
    image = spectra().astype(np.float32)
    labels, model = napari_kmeans.segment(image, 3, features=Channels(normalize=norm), channel_axis=-1)
    monkeypatch.setattr(loop, "BLOCK_PIXELS", 91)
    monkeypatch.setattr(loop, "_MIN_PIXELS", 91)
    moved = np.asfortranarray(np.moveaxis(image, -1, 0))
    tiled, same = napari_kmeans.segment(moved, 3, features=Channels(normalize=norm), channel_axis=0)
    assert np.array_equal(labels, tiled)
    assert np.array_equal(model.centers, same.centers)


def test_a_model_file_keeps_the_norm():
    image = spectra()
    labels, model = napari_kmeans.segment(image, 2, features=Channels(normalize="l1"), channel_axis=-1)
    loaded = KMeansModel.from_json(model.to_json())
    assert loaded.recipe.features == Channels(normalize="l1")
    assert np.array_equal(loaded.predict(image), labels)


def test_unknown_norms_and_single_channels_are_rejected():
    with pytest.raises(ValueError, match="normalize='l3' must be one of None, 'l1', 'l2', 'max'"):
        Channels(normalize="l3")
    with pytest.raises(ValueError, match="channel_axis has 1 channel, but normalize='l2' needs at least 2"):
        napari_kmeans.fit(np.ones((1, 5, 6)), 2, features=Channels(normalize="l2"), channel_axis=0)


def test_the_command_line_has_the_option(tmp_path):
    typer_testing = pytest.importorskip("typer.testing")
    tifffile = pytest.importorskip("tifffile")
    from napari_kmeans.cli.app import app

    path = tmp_path / "spectra.tif"
    tifffile.imwrite(path, np.moveaxis(spectra(), -1, 0).astype(np.float32), metadata={"axes": "CYX"})
    arguments = ["segment", str(path), "-k", "2", "-o", str(tmp_path), "--features", "channels"]
    runner = typer_testing.CliRunner()
    model = tmp_path / "m.json"
    result = runner.invoke(app, [*arguments, "--normalize", "l1", "--save-model", str(model)])
    assert result.exit_code == 0, result.output
    assert KMeansModel.load(model).recipe.features == Channels(normalize="l1")
    assert runner.invoke(app, [*arguments, "--normalize", "l7", "--overwrite"]).exit_code == 2
