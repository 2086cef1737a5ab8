from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.batch import Task, fit_together
from napari_kmeans.batch import together as module

tifffile = pytest.importorskip("tifffile")


def stage(name: str):
    return lambda share: None


def write_images(folder: Path, dtype: str, n: int) -> list[Path]:
    rng = np.random.default_rng(7)
    paths = []
    for number in range(n):
        shape = (24 + number, 31)
        values = rng.gamma(2 + number % 3, 20, shape)
        tifffile.imwrite(folder / f"{number}.tif", values.clip(0, 255).astype(dtype))
        paths.append(folder / f"{number}.tif")
    return paths


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_together_equals_one_fit_of_the_concatenated_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str
) -> None:
    """The results are equal bit for bit, in five orders, and when images do not fit in memory."""
    paths = write_images(tmp_path, dtype, 20)
    together = np.concatenate([tifffile.imread(path).ravel() for path in paths])
    expected = napari_kmeans.fit(together, 4)
    orders = [np.random.default_rng(seed).permutation(20) for seed in range(5)]
    for held, order in zip([1 << 30] * 3 + [0, 10_000], orders, strict=True):
        monkeypatch.setattr(module, "HELD_BYTES", held)
        pooled = fit_together(Task(napari_kmeans.Recipe.of(4)), [paths[i] for i in order], stage)
        model = pooled.task.model
        assert model is not None
        assert model.centers.tobytes() == expected.centers.tobytes()
        assert model.thresholds.tobytes() == expected.thresholds.tobytes()
        assert model.inertia == expected.inertia
        assert model.counts.tolist() == expected.counts.tolist()
        assert pooled.failed == {}


def test_auto_suggests_one_number_for_all_images(tmp_path: Path) -> None:
    paths = write_images(tmp_path, "uint8", 5)
    together = np.concatenate([tifffile.imread(path).ravel() for path in paths])
    model = fit_together(Task(napari_kmeans.Recipe.of("auto")), paths, stage).task.model
    assert model is not None
    assert model.n_clusters == napari_kmeans.suggest_n_clusters(together).n_clusters


def test_unreadable_images_are_named_and_the_others_must_have_the_same_type(tmp_path: Path) -> None:
    paths = write_images(tmp_path, "uint8", 2)
    broken = tmp_path / "broken.tif"
    broken.write_bytes(b"")
    task = Task(napari_kmeans.Recipe.of(3))
    pooled = fit_together(task, [broken, *paths], stage)
    assert pooled.failed == {broken: f"{broken} is empty"}
    assert pooled.task.together["images"] == 2
    tifffile.imwrite(tmp_path / "deep.tif", np.zeros((4, 5), np.uint16))
    with pytest.raises(
        ValueError, match=r"deep\.tif has dtype uint16 and no channels, and .*0\.tif has dtype uint8"
    ):
        fit_together(task, [*paths, tmp_path / "deep.tif"], stage)
    with pytest.raises(ValueError, match="none of the images can be read"):
        fit_together(task, [broken], stage)


def test_the_pixel_size_of_the_images_is_kept(tmp_path: Path) -> None:
    paths = []
    for number in range(2):
        paths.append(tmp_path / f"{number}.tif")
        image = np.arange(20, dtype=np.uint8).reshape(4, 5)
        tifffile.imwrite(paths[-1], image, imagej=True, resolution=(4, 2), metadata={"unit": "um"})
    model = fit_together(Task(napari_kmeans.Recipe.of(2)), paths, stage).task.model
    assert model is not None
    assert model.fitted_to is not None
    assert (model.fitted_to.pixel_size, model.fitted_to.unit) == ((0.5, 0.25), "um")
