from __future__ import annotations

from pathlib import Path, PurePath

import pytest

from napari_kmeans.batch.inputs import find_inputs, matches, read_file_list
from napari_kmeans.io.image_file import Url


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("data/b.png", "data/a.tif", "data/notes.txt", "data/deep/er/c.JPG", "data/deep/.hidden.tif"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


def found(*names: str, **options: object) -> list[tuple[str, str]]:
    inputs, _ = find_inputs(names, **options)  # type: ignore[arg-type]
    return [(Path(each.image).as_posix(), each.folder.as_posix()) for each in inputs]


def test_folders_are_searched(tree: Path) -> None:
    assert found("data") == [("data/a.tif", "."), ("data/b.png", ".")]
    assert found("data", recursive=True) == [
        ("data/a.tif", "."),
        ("data/b.png", "."),
        ("data/deep/er/c.JPG", "deep/er"),
    ]


def test_links_to_a_folder_above_and_to_themselves_are_not_followed(tree: Path) -> None:
    try:
        (tree / "data" / "deep" / "up").symlink_to("..", target_is_directory=True)
        (tree / "data" / "itself").symlink_to("itself")
        (tree / "other").symlink_to("data/deep", target_is_directory=True)
    except OSError:
        pytest.skip("links are not allowed")
    images = [("data/a.tif", "."), ("data/b.png", "."), ("data/deep/er/c.JPG", "deep/er")]
    assert found("data", recursive=True) == images
    assert found("data/**/*.[pJ]*", "data/**/*.tif") == [*images[1:], images[0]]
    assert found("other", recursive=True) == [
        ("other/er/c.JPG", "er"),
        ("other/up/a.tif", "up"),
        ("other/up/b.png", "up"),
    ]


def test_patterns_keep_the_tree_below_their_fixed_part(tree: Path) -> None:
    assert found("data/**/*.[Jj]*") == [("data/deep/er/c.JPG", "deep/er")]
    assert found("dat?/*.png") == [("data/b.png", "data")]
    assert find_inputs(["data/*.gif", "data/deep"]) == ([], ["data/*.gif", "data/deep"])


def test_patterns_are_replaced_by_files_as_in_a_shell(tree: Path) -> None:
    (tree / "odd[1].tif").write_bytes(b"")
    names = ["data/*.*", "*.gif", "odd[1].tif", "s3://bucket/x*.zarr", "data/**/*.JPG"]
    assert [Path(name).as_posix() for name in matches(names)[:3]] == [
        "data/a.tif",
        "data/b.png",
        "data/notes.txt",
    ]
    assert matches(names)[3:-1] == ["*.gif", "odd[1].tif", "s3://bucket/x*.zarr"]
    assert Path(matches(names)[-1]).as_posix() == "data/deep/er/c.JPG"


def test_files_and_urls_need_not_exist(tree: Path) -> None:
    inputs, empty = find_inputs(["absent.tif", "s3://bucket/x.zarr"])
    assert [each.image for each in inputs] == [Path("absent.tif"), Url("s3://bucket/x.zarr")]
    assert [each.folder for each in inputs] == [PurePath(), PurePath()]
    assert empty == []


def test_the_output_folder_is_not_searched(tree: Path) -> None:
    (tree / "data" / "out").mkdir()
    (tree / "data" / "out" / "a-labels.tif").write_bytes(b"")
    out = tree / "data" / "out"
    assert ("data/out/a-labels.tif", "out") in found("data", recursive=True)
    assert len(found("data", recursive=True, out=out)) == 3
    assert len(found("data", recursive=True, out=tree / "data")) == 4  # the folder itself is searched
    assert len(found("data", recursive=True, out=tree)) == 4
    assert found("data/**/*.tif", out=out) == [("data/a.tif", ".")]


def test_plates_and_wells_contain_many_images(tree: Path) -> None:
    zarr = pytest.importorskip("zarr")
    plate = zarr.open_group(tree / "data" / "plate.zarr", mode="w")
    plate.attrs["ome"] = {"version": "0.5", "plate": {"wells": [{"path": "A/1"}, {"path": "B/2"}]}}
    for well, n_images in (("A/1", 2), ("B/2", 1)):
        images = [{"path": str(number)} for number in range(n_images)]
        plate.create_group(well).attrs["ome"] = {"version": "0.5", "well": {"images": images}}
    expected = [
        ("data/plate.zarr/A/1/0", "plate.zarr/A/1"),
        ("data/plate.zarr/A/1/1", "plate.zarr/A/1"),
        ("data/plate.zarr/B/2/0", "plate.zarr/B/2"),
    ]
    assert found("data/plate.zarr") == expected
    assert found("data")[2:] == expected
    assert found("data/plate.zarr/A/1") == [("data/plate.zarr/A/1/0", "1"), ("data/plate.zarr/A/1/1", "1")]


def test_a_file_list_ignores_comments() -> None:
    assert read_file_list(["# mine\n", "a b.tif \n", "\n", "c.tif"]) == ["a b.tif", "c.tif"]
