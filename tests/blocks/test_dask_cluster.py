"""A Dask cluster of two processes gives the same results, and failures give one clear error."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import dask.array as da
import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.blocks import dask_cluster as cluster
from napari_kmeans.blocks import loop
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.blocks.progress import Cancelled
from napari_kmeans.summary.summarize import summarize

distributed = pytest.importorskip("distributed")

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.timeout(120),
    # Sockets and event loops of clusters that were killed are closed by the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def local_cluster():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", processes=True
    ) as local:
        yield local


@pytest.fixture
def client(local_cluster):
    local_cluster.scale(2)
    with distributed.Client(local_cluster) as client:
        client.wait_for_workers(2)
        yield client


def image_of(dtype):
    rng = np.random.default_rng(3)
    image = rng.choice([20.0, 90.0, 200.0], size=(200, 300)) + rng.normal(0, 9, (200, 300))
    return np.clip(image, 0, 255).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_results_equal_those_of_numpy_arrays(client, dtype):
    image, mask = image_of(dtype), image_of("uint8") != 20
    labels, model = napari_kmeans.segment(image, 4, mask=mask)
    lazy, other = napari_kmeans.segment(da.from_array(image, chunks=(64, 90)), 4, mask=mask)
    assert other.to_json() == model.to_json()
    assert np.array_equal(lazy.compute(), labels)


def test_colors_are_read_on_the_workers(client):
    colors = np.stack([image_of("uint8")] * 3, axis=-1)
    expected = napari_kmeans.fit(colors, 3, channel_axis=-1)
    found = napari_kmeans.fit(da.from_array(colors, chunks=(64, 90, 3)), 3, channel_axis=-1)
    assert found.to_json() == expected.to_json()


@pytest.mark.parametrize("features", ["rgb", "lab", "channels", "texture"])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_results_for_several_features_equal_those_of_numpy_arrays(client, features, dtype):
    colors = np.random.default_rng(0).random((90, 120, 3))
    colors = (colors * 255).astype(dtype) if dtype == "uint8" else colors.astype(dtype)
    kwargs = {"features": features, "channel_axis": -1, "smooth": 1}
    labels, model = napari_kmeans.segment(colors, 3, **kwargs)
    lazy, other = napari_kmeans.segment(da.from_array(colors, chunks=(40, 50, 3)), 3, **kwargs)
    assert other.to_json() == model.to_json()
    assert np.array_equal(lazy.compute(), labels)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_pooled_model_is_that_of_the_concatenated_pixels(client, dtype):
    images = [image_of(dtype)[i * 7 :, : 200 + 5 * i] for i in range(6)]
    expected = napari_kmeans.fit(np.concatenate([image.ravel() for image in images]), 4)
    rng = np.random.default_rng(0)
    for order in [range(6), range(6)[::-1], *(rng.permutation(6) for _ in range(3))]:
        lazy = [da.from_array(images[i], chunks=(64, 90)) for i in order]
        assert napari_kmeans.fit(lazy, 4).to_json() == expected.to_json()


@pytest.mark.parametrize("kind", ["additive", "multiplicative"])
def test_an_illumination_field_is_fitted_and_removed_on_the_workers(client, kind):
    image = image_of("float32") + np.linspace(0, 90, 300, dtype=np.float32) + 30
    image[:9] = np.nan
    mask = np.ones(image.shape, dtype=bool)
    mask[:, :40] = False
    labels, model = napari_kmeans.segment(image, 3, illumination=kind, mask=mask)
    lazy, other = napari_kmeans.segment(
        da.from_array(image, chunks=(64, 90)), 3, illumination=kind, mask=mask
    )
    assert other.to_json() == model.to_json()
    assert np.array_equal(lazy.compute(), labels)


def test_the_samples_of_a_large_image_are_drawn_on_the_workers(client):
    image = np.tile(image_of("uint8"), (3, 4)) // 2 + np.linspace(0, 90, 1200).astype(np.uint8)
    expected = napari_kmeans.fit(image, 3, illumination="additive")
    found = napari_kmeans.fit(da.from_array(image, chunks=(170, 500)), 3, illumination="additive")
    assert found.to_json() == expected.to_json()


def test_coherence_is_rejected_for_lazy_images(client):
    with pytest.raises(ValueError, match=r"this image is lazy; pass numpy.asarray.* by majority"):
        napari_kmeans.fit(da.from_array(image_of("uint8"), chunks=64), 3, coherence=1)


def test_persisted_arrays_stay_on_the_cluster(client):
    image = image_of("uint8")
    kept = da.from_array(image, chunks=64).persist()
    assert napari_kmeans.fit(kept, 3).to_json() == napari_kmeans.fit(image, 3).to_json()


def test_images_in_memory_are_not_sent_to_the_cluster(client, monkeypatch):
    monkeypatch.setattr(cluster, "run", None)
    assert napari_kmeans.fit(image_of("uint8"), 3).n_clusters == 3


def test_use_scheduler_leaves_the_default_client_alone(local_cluster):
    image = image_of("uint8")
    lazy = da.from_array(image, chunks=64)
    with cluster.use_scheduler(local_cluster.scheduler_address):
        assert cluster.current_client() is not None
        with pytest.raises(ValueError, match="No global client found"):
            distributed.get_client()
        found = napari_kmeans.fit(lazy, 3)
    assert cluster.current_client() is None
    assert found.to_json() == napari_kmeans.fit(image, 3).to_json()


def test_a_missing_scheduler_gives_a_clear_error(monkeypatch):
    monkeypatch.setattr(cluster, "_TIMEOUT", 1)
    with pytest.raises(OSError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):  # noqa: SIM117
        with cluster.use_scheduler("tcp://127.0.0.1:9"):
            pass


def test_cancelling_leaves_nothing_on_the_cluster(client):
    lazy = da.from_array(image_of("uint8"), chunks=(5, 300))
    done = []

    def cancel(share):
        done.append(share)
        raise Cancelled

    with pytest.raises(Cancelled):
        summarize(Pixels.of(lazy), cancel)
    assert len(done) == 1
    while client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)):
        time.sleep(0.01)  # until it times out
    assert napari_kmeans.fit(lazy, 3).counts.sum() == lazy.size


def test_blocks_of_a_lost_worker_are_computed_again(client):
    image = image_of("uint8")
    lazy = da.from_array(image, chunks=(5, 300))
    killed = []

    def kill(share):
        if not killed:
            killed.append(next(iter(client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)

    summary = summarize(Pixels.of(lazy), kill)
    assert killed
    assert np.array_equal(summary.counts, summarize(Pixels.of(image)).counts)


def test_a_lost_scheduler_gives_a_clear_error(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "BLOCK_PIXELS", 600)  # far more blocks than are computed at a time
    file = tmp_path / "scheduler.json"
    start = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard", "--port", "0"]
    scheduler = subprocess.Popen([*start, "--scheduler-file", str(file)], stderr=subprocess.DEVNULL)
    worker = None
    try:
        while not file.exists() or not file.read_text().strip():
            time.sleep(0.05)
        start = [sys.executable, "-m", "distributed.cli.dask_worker", "--no-dashboard", "--no-nanny"]
        worker = subprocess.Popen([*start, "--scheduler-file", str(file)], stderr=subprocess.DEVNULL)
        address = json.loads(file.read_text())["address"]
        lazy = da.from_array(image_of("uint8"), chunks=(2, 300))

        def kill(share):
            scheduler.kill()
            scheduler.wait()

        with pytest.raises(OSError, match="connection to the Dask scheduler"), cluster.use_scheduler(address):
            summarize(Pixels.of(lazy), kill)
    finally:
        for process in (scheduler, worker):
            if process is not None:
                process.kill()
                process.wait()


def test_the_command_line_uses_a_scheduler_by_its_address(local_cluster, tmp_path, monkeypatch, capsys):
    cli = pytest.importorskip("napari_kmeans.cli.app", exc_type=SystemExit)
    label_images = pytest.importorskip("napari_kmeans.io.label_images")
    pytest.importorskip("ome_zarr")
    image = image_of("uint8")
    label_images.export(tmp_path / "image.ome.zarr", da.from_array(image, chunks=64))
    ran, run = [], cluster.run
    monkeypatch.setattr(cluster, "run", lambda *args: (ran.append(args[0]), run(*args))[1])
    where = [str(tmp_path / "image.ome.zarr"), "-k", "3", "-o", str(tmp_path / "out.tif")]
    assert cli.main(["segment", *where, "--scheduler", local_cluster.scheduler_address]) == 0
    assert ran
    tifffile = pytest.importorskip("tifffile")
    assert np.array_equal(tifffile.imread(tmp_path / "out.tif"), napari_kmeans.segment(image, 3)[0])
    monkeypatch.setattr(cluster, "_TIMEOUT", 1)
    assert cli.main(["segment", *where, "--overwrite", "--scheduler", "tcp://127.0.0.1:9"]) == 1
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in capsys.readouterr().err
