from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from napari_kmeans.batch.inputs import Input
from napari_kmeans.batch.plan import Outputs, plan
from napari_kmeans.io.image_file import Location, Url


def inputs(images: list[Location]) -> list[Input]:
    return [Input(image) for image in images]


def test_files_are_named_after_their_images(tmp_path: Path) -> None:
    images = [tmp_path / "a.png", tmp_path / "b.ome.tif", Url("s3://bucket/c.ome.zarr")]
    jobs = plan(inputs(images), Outputs(tmp_path / "out", table=True, figure="png", objects=True))
    out = tmp_path / "out"
    assert [job.labels for job in jobs] == [
        out / "a-labels.tif",
        out / "b-labels.tif",
        out / "c-labels.ome.zarr",
    ]
    assert jobs[0].outputs[1:] == [
        out / "a-clusters.csv",
        out / "a-figure.png",
        out / "a-objects.tif",
        out / "a-objects.csv",
    ]
    [job] = plan(inputs(images[:1]), Outputs(tmp_path / "x.ome.zarr", model=tmp_path / "m.json"))
    assert job.outputs == [tmp_path / "x.ome.zarr", tmp_path / "m.json"]


@pytest.mark.parametrize(
    ("images", "out", "options", "message"),
    [
        (["a.tif"], None, {}, "an output is needed"),
        (["a.tif", "b.tif"], "x.tif", {}, "x.tif is a single file, but there are 2 images"),
        (["a.tif", "b.tif"], "out", {"model": Path("m.json")}, "m.json can store only one model"),
        (["a.tif"], "x.png", {}, "x.png must be a folder, a .tif file"),
        (["a.tif"], "a.tif", {}, "would replace the image"),
        (
            ["a.tif", "sub/a.png"],
            "out",
            {},
            r"would replace an output for .*a\.tif; napari-kmeans batch gives them different names$",
        ),
        (["a.tif"], "x.tif", {"model": "x.tif"}, r"would replace an output for .*a\.tif$"),
        (["a.tif"], "x.tif", {"in_image": "k"}, "x.tif must be a folder"),
        (["a.tif"], None, {"in_image": "../k"}, "must be a name of letters and digits"),
    ],
)
def test_plans_that_would_lose_something_are_rejected(
    tmp_path: Path, images: list[str], out: str | None, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        plan(
            inputs([tmp_path / image for image in images]),
            Outputs(
                None if out is None else tmp_path / out,
                **{name: tmp_path / value if name == "model" else value for name, value in options.items()},
            ),
        )


def test_outputs_that_exist_are_found_even_if_they_are_broken_links(tmp_path: Path) -> None:
    [job] = plan(inputs([tmp_path / "a.png"]), Outputs(tmp_path / "out", table=True, figure="png"))
    assert job.existing() == []
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a-figure.png").write_bytes(b"")
    (tmp_path / "out" / "a-labels.tif").symlink_to("nowhere")
    assert job.existing() == [tmp_path / "out" / "a-labels.tif", tmp_path / "out" / "a-figure.png"]
