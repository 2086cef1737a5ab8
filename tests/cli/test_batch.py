"""``napari-kmeans batch``."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import napari_kmeans

pytest.importorskip("typer")
tifffile = pytest.importorskip("tifffile")

from PIL import Image

from napari_kmeans.cli import app as cli

Run = Callable[..., tuple[int, str, str]]

GRAY = np.random.default_rng(0).integers(0, 200, (40, 50), dtype=np.uint8)
RECIPE = napari_kmeans.Recipe.of(3, smooth=1, clean_up=napari_kmeans.CleanUp(majority=1))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line in a folder with a recipe and a tree of images: (exit status, output, errors)."""
    monkeypatch.chdir(tmp_path)
    RECIPE.save("recipe.json")
    for number, name in enumerate(("data/a.tif", "data/b.png", "data/deep/a.tif", "data/deep/er/c.jpg")):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        image = np.roll(GRAY, number, axis=0)
        (tifffile.imwrite if name.endswith("tif") else lambda at, im: Image.fromarray(im).save(at))(
            name, image
        )
    Path("data/notes.txt").write_text("not an image")

    def command(*args: object) -> tuple[int, str, str]:
        status = cli.main([str(arg) for arg in args])
        out, err = capsys.readouterr()
        return status, out, err

    return command


def outputs(folder: str) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())


def test_a_tree_of_images_is_kept(run: Run) -> None:
    status, out, err = run("batch", "recipe.json", "data", "-o", "out", "--recursive")
    assert status == 0
    names = ["a-labels.tif", "b-labels.tif", "deep/a-labels.tif", "deep/er/c-labels.tif"]
    assert outputs("out") == names
    assert len(out.splitlines()) == 4
    [summary] = err.splitlines()
    assert summary.startswith("napari-kmeans: 4 images: 4 done, in ")
    for name, source in zip(
        names, ("data/a.tif", "data/b.png", "data/deep/a.tif", "data/deep/er/c.jpg"), strict=True
    ):
        image = tifffile.imread(source) if source.endswith("tif") else np.asarray(Image.open(source))
        expected, _ = napari_kmeans.segment(image, 3, smooth=1, clean_up=RECIPE.clean_up)
        np.testing.assert_array_equal(tifffile.imread(f"out/{name}"), expected)


def test_names_that_clash_are_resolved(run: Run) -> None:
    Image.fromarray(GRAY).save("data/a.png")
    status, _, _ = run("batch", "recipe.json", "data/a.tif", "data/deep/a.tif", "data/a.png", "-o", "out")
    assert status == 0
    assert outputs("out") == ["a.png-labels.tif", "a.tif-labels.tif", "deep/a-labels.tif"]


def test_results_beside_the_images_are_not_segmented(run: Run) -> None:
    for _ in range(2):
        status, out, _ = run(
            "batch", "recipe.json", "data", "-o", "data", "--objects", "--figure", "--overwrite"
        )
        assert status == 0
        assert len(out.splitlines()) == 8
    assert outputs("data")[:6] == [
        "a-figure.png",
        "a-labels.tif",
        "a-objects.csv",
        "a-objects.csv-metadata.json",
        "a-objects.tif",
        "a.tif",
    ]


def test_earlier_results_in_a_subfolder_are_not_segmented(run: Run) -> None:
    assert run("batch", "recipe.json", "data", "-o", "data/first", "--recursive", "--figure")[0] == 0
    drawn_by_hand = Path("data/deep/mask-labels.tif")
    tifffile.imwrite(drawn_by_hand, GRAY)
    assert run("batch", "recipe.json", "data", "-o", "second", "--recursive")[0] == 0
    assert outputs("second") == [
        "a-labels.tif",
        "b-labels.tif",
        "deep/a-labels.tif",
        "deep/er/c-labels.tif",
        "deep/mask-labels-labels.tif",
    ]


def test_patterns_and_file_lists_name_images(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("batch", "recipe.json", "data/**/*.tif", "-o", "out")[0] == 0
    assert outputs("out") == ["a-labels.tif", "deep/a-labels.tif"]
    Path("list.txt").write_text("# images\ndata/b.png\n\n")
    assert run("batch", "recipe.json", "-o", "listed", "--file-list", "list.txt")[0] == 0
    assert outputs("listed") == ["b-labels.tif"]
    monkeypatch.setattr(sys, "stdin", io.StringIO("data/b.png\n"))
    assert run("batch", "recipe.json", "data/a.tif", "-o", "both", "--file-list", "-")[0] == 0
    assert outputs("both") == ["a-labels.tif", "b-labels.tif"]


def test_folders_without_images_are_reported(run: Run) -> None:
    Path("empty").mkdir()
    status, out, err = run("batch", "recipe.json", "empty", "data", "-o", "out")
    assert (status, len(out.splitlines())) == (1, 2)
    assert (
        err.splitlines()[0]
        == "napari-kmeans: empty contains no images; use --recursive to search its subfolders"
    )
    assert run("batch", "recipe.json", "empty", "-r", "-o", "out") == (
        1,
        "",
        "napari-kmeans: empty contains no images\n",
    )


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [("nosuch/*.tif", ": there is no folder nosuch"), ("data/*.gif", ""), ("*.gif", "")],
)
def test_patterns_without_images_are_reported(run: Run, pattern: str, reason: str) -> None:
    err = f"napari-kmeans: {pattern} matches no images{reason}\n"
    assert run("batch", "recipe.json", pattern, "-o", "out") == (1, "", err)


def test_failures_are_in_the_summary(run: Run) -> None:
    Path("data/broken.tif").write_bytes(b"II*\0")
    status, out, err = run("batch", "recipe.json", "data", "-o", "out")
    assert (status, len(out.splitlines())) == (1, 2)
    assert err.splitlines()[-2] == "napari-kmeans: 1 of 3 images failed: data/broken.tif"
    assert "3 images: 2 done, 1 failed, in " in err.splitlines()[-1]


def test_skipped_images_are_reported(run: Run) -> None:
    arguments = ("batch", "recipe.json", "data", "-o", "out", "--figure", "--skip-existing")
    assert run(*arguments[:2], "data/a.tif", *arguments[3:])[0] == 0
    status, out, err = run(*arguments)
    skipped, written, figure = out.splitlines()
    assert (status, skipped) == (0, f"{Path('out/a-labels.tif')}: skipped")
    assert written.startswith(f"{Path('out/b-labels.tif')}: k = 3, ")
    assert figure == str(Path("out/b-figure.png"))
    assert err.startswith("napari-kmeans: 2 images: 1 done, 1 skipped, in ")


def test_existing_outputs_are_not_counted_as_failures(run: Run) -> None:
    assert run("batch", "recipe.json", "data", "-o", "out")[0] == 0
    Path("data/broken.tif").write_bytes(b"II*\0")
    status, out, err = run("batch", "recipe.json", "data", "-o", "out")
    assert (status, out) == (1, "")
    *_, first, second, last = err.splitlines()
    assert first == "napari-kmeans: outputs of 2 of 3 images already exist and were not replaced"
    assert second == "napari-kmeans: 1 of 3 images failed: data/broken.tif"
    assert last.startswith("napari-kmeans: 3 images: 2 not replaced, 1 failed, in ")


@pytest.mark.parametrize(
    "content", ["", '{"format": "napari-kmeans recipe", "version": 1, "smooth": "much"}']
)
def test_a_recipe_that_cannot_be_read_gives_a_one_line_error(run: Run, content: str) -> None:
    Path("r.json").write_text(content)
    status, out, err = run("batch", "r.json", "data", "-o", "out")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("napari-kmeans: r.json is not a napari-kmeans recipe: ")
    assert ("smooth" in err) == bool(content)


def test_a_model_given_instead_of_a_recipe_gives_an_error_with_the_right_command(run: Run) -> None:
    napari_kmeans.fit(GRAY, 3).save("m.json")
    status, out, err = run("batch", "m.json", "data", "-o", "out")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert err.endswith("not 'napari-kmeans recipe'; use napari-kmeans apply\n")
    status, out, err = run("apply", "recipe.json", "data/a.tif", "-o", "out")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert err.endswith("not 'napari-kmeans model'; use napari-kmeans batch\n")


def test_a_recipe_can_have_a_custom_stain(run: Run) -> None:
    image = np.dstack([GRAY, GRAY[::-1], 255 - GRAY])
    Image.fromarray(image).save("rgb.png")
    text = '{"format": "napari-kmeans recipe", "version": 1, "n_clusters": 3, "features": %s}'
    Path("r.json").write_text(text % '"stain"')
    status, _, err = run("batch", "r.json", "rgb.png", "-o", "out")
    assert (status, err.count("\n")) == (1, 1)
    assert "features 'stain' needs a vector, the colour of the stain" in err
    Path("r.json").write_text(text % '{"name": "stain", "vector": [0.3, 0.8, 0.5]}')
    assert run("batch", "r.json", "rgb.png", "-o", "out")[0] == 0
    expected = napari_kmeans.segment(
        image, 3, features=napari_kmeans.Stain((0.3, 0.8, 0.5)), channel_axis=-1
    )[0]
    np.testing.assert_array_equal(tifffile.imread("out/rgb-labels.tif"), expected)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("recipe.json -o out", "give images, folders or a --file-list"),
        ("data -o out", "data is a folder; give a recipe first"),
        ("recipe.json data", "an output is needed"),
        ("recipe.json --file-list absent.txt -o out", "absent.txt cannot be read: No such file or directory"),
        ("recipe.json --file-list data/b.png -o out", "data/b.png cannot be read: it is not a text file"),
    ],
)
def test_wrong_usage_gives_one_line(run: Run, arguments: str, complaint: str) -> None:
    status, out, err = run("batch", *arguments.split())
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert complaint in err


def test_axes_and_series_are_chosen_recorded_and_used_again(run: Run) -> None:
    volume = np.random.default_rng(1).integers(0, 200, (3, 20, 30), dtype=np.uint8)
    with tifffile.TiffWriter("two.tif") as tiff:
        tiff.write(GRAY, photometric="minisblack")
        tiff.write(volume, photometric="minisblack", metadata={"axes": "QYX"})
    arguments = ("two.tif", "-o", "out", "--series", 1, "--axes", "cyx", "--channel", 2)
    status, _, err = run("segment", *arguments, "-k", 3)
    assert (status, err) == (0, "")
    expected = napari_kmeans.segment(volume[2], 3)[0]
    np.testing.assert_array_equal(tifffile.imread("out/two-labels.tif"), expected)
    _, out, _ = run("show", "out/two-labels.tif")
    assert "series:    1" in out
    assert "axes:      CYX" in out
    assert run("batch", "--recipe-from", "out/two-labels.tif", "-o", "again")[0] == 0
    assert Path("again/two-labels.tif").read_bytes() == Path("out/two-labels.tif").read_bytes()


@pytest.mark.parametrize("axes", ["ZX", "YYX", "QYX"])
def test_impossible_axes_are_wrong_usage(run: Run, axes: str) -> None:
    status, _, err = run("batch", "recipe.json", "data", "-o", "out", "--axes", axes)
    assert status == 2
    assert "--axes" in err
    assert not Path("out").exists()


def test_the_recipe_is_not_the_log_and_the_sheet_of_an_earlier_run_is_no_image(run: Run) -> None:
    status, _, err = run("batch", "recipe.json", "data", "-o", "out", "--log", "./recipe.json")
    assert (status, "--log: recipe.json is an input or another output" in err) == (2, True)
    sheet = Path("data/sheet.png").absolute()
    for options in ([], ["--overwrite"]):
        status, out, _ = run("batch", "recipe.json", "data", "-o", "out", "--contact-sheet", sheet, *options)
        assert status == 0
        assert "sheet-labels" not in out


def test_a_contact_sheet_shows_all_images(run: Run) -> None:
    pytest.importorskip("matplotlib")
    arguments = ("batch", "recipe.json", "data", "-r", "-o", "out", "--contact-sheet", "data/sheet.png")
    status, out, _ = run(*arguments)
    assert status == 0
    assert out.splitlines()[-1] == str(Path("data/sheet.png"))
    first = Path("data/sheet.png").read_bytes()
    assert run(*arguments)[0] == 2  # the sheet exists
    # The sheet is in the folder of the images, but is not segmented.
    assert run(*arguments, "--skip-existing")[0] == 0
    assert Path("data/sheet.png").read_bytes() == first
