from __future__ import annotations

import csv
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

import napari_kmeans

pytest.importorskip("typer")
tifffile = pytest.importorskip("tifffile")

from PIL import Image

from napari_kmeans.cli import app as cli
from napari_kmeans.cli.recipe_options import FEATURE_NAMES

GRAY = np.random.default_rng(0).integers(0, 256, (40, 50), dtype=np.uint8)
RGB = np.dstack([GRAY, GRAY[::-1], 255 - GRAY])

Result = tuple[int, str, str]
Run = Callable[..., Result]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line in an empty folder: (exit status, standard output, error output)."""
    monkeypatch.chdir(tmp_path)

    def command(*args: object) -> Result:
        status = cli.main([str(arg) for arg in args])
        out, err = capsys.readouterr()
        return status, out, err

    return command


@pytest.fixture
def gray(tmp_path: Path) -> Path:
    path = tmp_path / "gray.png"
    Image.fromarray(GRAY).save(path)
    return path


def program(*args: object, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "napari_kmeans", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# segment


def test_segment_writes_the_labels_of_the_library(run: Run, tmp_path: Path, gray: Path) -> None:
    Image.fromarray(RGB).save(tmp_path / "colour.jpg", quality=95)
    deep = GRAY.astype(np.uint16) * 200
    tifffile.imwrite(
        tmp_path / "deep.ome.tif",
        np.stack([deep, deep[::-1]]),
        photometric="minisblack",
        metadata={"axes": "ZYX"},
    )
    Image.fromarray(RGB).quantize(16).save(tmp_path / "palette.png")
    status, out, err = run("segment", gray, "colour.jpg", "deep.ome.tif", "palette.png", "-k", 3, "-o", "a/b")
    assert (status, err) == (0, "")
    folder = tmp_path / "a" / "b"
    assert names(folder) == ["colour-labels.tif", "deep-labels.tif", "gray-labels.tif", "palette-labels.tif"]
    lines = out.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith(f"{Path('a/b/gray-labels.tif')}: k = 3, ")
    for name, image, axis in [
        ("gray", GRAY, None),
        ("colour", np.asarray(Image.open(tmp_path / "colour.jpg")), 2),
        ("deep", np.stack([deep, deep[::-1]]), None),
        ("palette", np.asarray(Image.open(tmp_path / "palette.png").convert("RGB")), 2),
    ]:
        expected, _ = napari_kmeans.segment(image, 3, channel_axis=axis)
        labels = tifffile.imread(folder / f"{name}-labels.tif")
        assert labels.dtype == np.uint8
        np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize(
    ("options", "keywords"),
    [
        (["-k", "auto"], {"n_clusters": "auto"}),
        (["-k", "4", "--features", "gray601"], {"n_clusters": 4, "features": "gray601"}),
        (["-k", "4", "--solver", "lloyd"], {"n_clusters": 4, "solver": "lloyd"}),
    ],
)
def test_options_give_the_same_result_as_the_library(
    run: Run, tmp_path: Path, options: list[str], keywords: dict[str, Any]
) -> None:
    Image.fromarray(RGB).save(tmp_path / "x.png")
    status, out, _ = run("segment", "x.png", *options, "-o", "out.tif")
    expected, model = napari_kmeans.segment(RGB, channel_axis=2, **keywords)
    assert status == 0
    assert f"k = {model.n_clusters}," in out
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif"), expected)


def test_the_pixel_size_is_kept(run: Run, tmp_path: Path) -> None:
    stack = np.stack([GRAY, GRAY])
    metadata = {"axes": "ZYX", "unit": "micron", "spacing": 2.5}
    tifffile.imwrite(tmp_path / "x.tif", stack, imagej=True, resolution=(4, 4), metadata=metadata)
    assert run("segment", "x.tif", "-k", 2, "-o", ".")[0] == 0
    with tifffile.TiffFile(tmp_path / "x-labels.tif") as file:
        assert file.series[0].axes == "ZYX"
        assert file.imagej_metadata["spacing"] == 2.5
        assert file.imagej_metadata["unit"] == "um"
        assert file.pages[0].tags["XResolution"].value == (4, 1)


def test_a_broken_file_does_not_stop_the_others(run: Run, tmp_path: Path, gray: Path) -> None:
    (tmp_path / "broken.png").write_bytes(gray.read_bytes()[:-500])
    tifffile.imwrite(tmp_path / "channels.tif", np.stack([GRAY] * 3), imagej=True, metadata={"axes": "CYX"})
    status, out, err = run("segment", "broken.png", "channels.tif", "absent.tif", gray, "-k", 3, "-o", "out")
    assert status == 1
    assert names(tmp_path / "out") == ["gray-labels.tif"]
    assert len(out.splitlines()) == 1
    lines = err.splitlines()
    assert lines[0].startswith("napari-kmeans: broken.png cannot be read as an image (")
    assert lines[1].startswith("napari-kmeans: channels.tif: it has 3 channels that are not colours")
    assert lines[2] == "napari-kmeans: absent.tif: No such file or directory"
    assert lines[3:] == ["napari-kmeans: 3 of 4 images failed: broken.png, channels.tif, absent.tif"]


def test_fewer_values_than_clusters_give_a_one_line_warning(run: Run, tmp_path: Path) -> None:
    Image.fromarray(GRAY > 100).save(tmp_path / "two.png")
    status, out, err = run("segment", "two.png", "-k", 5, "-o", "out")
    assert status == 0
    assert "k = 2," in out
    [line] = err.splitlines()
    assert line.startswith("napari-kmeans: warning: two.png: the image has only 2 distinct values")


def test_files_are_only_overwritten_on_request(run: Run, tmp_path: Path, gray: Path) -> None:
    arguments = ("segment", gray, "-o", "x.tif", "--table", "--save-model", "m.json")
    assert run(*arguments, "-k", 2)[0] == 0
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    assert sorted(before) == [
        "gray-clusters.csv",
        "gray-clusters.csv-metadata.json",
        "gray.png",
        "m.json",
        "x.tif",
    ]
    status, out, err = run(*arguments, "-k", 4)
    assert (status, out) == (1, "")
    assert err == (
        f"napari-kmeans: x.tif, an output for {gray}, already exists; use --overwrite to replace it, or "
        "--skip-existing to keep it\n"
    )
    (tmp_path / "x.tif").unlink()
    status, _, err = run(*arguments, "-k", 4)
    assert status == 1
    assert f"gray-clusters.csv, an output for {gray}, already exists" in err
    assert not (tmp_path / "x.tif").exists()
    assert run(*arguments, "-k", 4, "--overwrite")[0] == 0
    assert names(tmp_path) == sorted(before)
    assert all((tmp_path / name).read_bytes() != before[name] for name in before if name != "gray.png")


def test_a_table_and_a_model_can_be_written(run: Run, tmp_path: Path, gray: Path) -> None:
    status, out, _ = run("segment", gray, "-k", 3, "-o", "out", "--table", "--save-model", "models/m.json")
    assert status == 0
    assert out.splitlines()[1:] == [str(Path("out/gray-clusters.csv")), str(Path("models/m.json"))]
    assert (tmp_path / "out" / "gray-clusters.csv").read_text().startswith("index,name,center,pixels,share")
    model = napari_kmeans.KMeansModel.load(tmp_path / "models" / "m.json")
    np.testing.assert_array_equal(model.centers, napari_kmeans.fit(GRAY, 3).centers)
    assert model.confirmation == ""


@pytest.mark.parametrize("together", [(), ("--together",)])
def test_scikit_learn_confirms_the_optimum_on_request(
    run: Run, gray: Path, together: tuple[str, ...]
) -> None:
    status, *_ = run("segment", gray, "-k", 3, "-o", "out", "--save-model", "m.json", "--confirm", *together)
    assert status == 0
    assert napari_kmeans.KMeansModel.load("m.json").confirmation == "confirmed"


@pytest.mark.parametrize("features", ["gray", "lab"])
def test_a_figure_can_be_drawn(run: Run, tmp_path: Path, features: str) -> None:
    Image.fromarray(RGB).save(tmp_path / "rgb.png")
    arguments = ("segment", "rgb.png", "-k", 3, "--features", features, "-o", "out", "--figure")
    status, out, err = run(*arguments)
    assert (status, err) == (0, "")
    assert out.splitlines()[1:] == [str(Path("out/rgb-figure.png"))]
    with Image.open(tmp_path / "out" / "rgb-figure.png") as picture:
        width, height = picture.size
    assert width > 2 * height > 1000
    (tmp_path / "out" / "rgb-labels.tif").unlink()
    status, _, err = run(*arguments)
    assert (status, names(tmp_path / "out")) == (1, ["rgb-figure.png"])
    assert "rgb-figure.png, an output for rgb.png, already exists" in err


# apply


def test_apply_labels_with_the_clusters_of_a_model(run: Run, tmp_path: Path, gray: Path) -> None:
    Image.fromarray(RGB).save(tmp_path / "rgb.png")
    model = napari_kmeans.fit(RGB, 3, channel_axis=2)
    model.save(tmp_path / "m.json")
    # The channel axis is that of the file, not that of the model.
    status, out, err = run("apply", "m.json", gray, "rgb.png", "-o", "out")
    assert status == 0
    assert err == (
        f"napari-kmeans: warning: {gray}: the image differs from the one that the model was fitted to: gray values "
        "instead of colours. The labels may be wrong; --match range scales the model to the image, "
        "--match refit fits it again\n"
    )
    assert len(out.splitlines()) == 2
    labels = tifffile.imread(tmp_path / "out" / "rgb-labels.tif")
    np.testing.assert_array_equal(labels, model.predict(RGB))
    labels = tifffile.imread(tmp_path / "out" / "gray-labels.tif")
    with pytest.warns(UserWarning, match="1 channel instead of 3 channels"):
        np.testing.assert_array_equal(labels, model.predict(GRAY[..., np.newaxis]))
    status, out, err = run("apply", "m.json", gray, "-o", "out")
    assert (status, out) == (1, "")
    assert "already exists" in err


@pytest.mark.parametrize("content", [None, b"hello", b'{"format": "something else"}'])
def test_apply_rejects_files_that_are_not_a_model(
    run: Run, tmp_path: Path, gray: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "m.json").write_bytes(content)
    status, out, err = run("apply", "m.json", gray, "-o", "out")
    assert (status, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert "m.json" in err
    assert not (tmp_path / "out").exists()


# Clean-up and objects


@pytest.fixture
def blobs(tmp_path: Path) -> np.ndarray:
    """A time series of planes with a pixel size, in a file."""
    noise = np.random.default_rng(1).normal(size=(2, 3, 40, 50))
    image = (ndimage.gaussian_filter(noise, (0, 0.5, 1, 1)) * 400 + 1000).astype(np.uint16)
    metadata = {"axes": "TZYX", "unit": "um", "spacing": 2.0}
    tifffile.imwrite(tmp_path / "blobs.tif", image, imagej=True, resolution=(2, 2), metadata=metadata)
    return image


def csv_columns(path: Path) -> dict[str, list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


@pytest.mark.parametrize("physical", [False, True])
def test_labels_are_cleaned_and_split_into_objects(
    run: Run, tmp_path: Path, blobs: np.ndarray, physical: bool
) -> None:
    options = ["--majority", 1.2, "--min-size", 10, "--fill-holes", 15, "--objects", "--table"]
    options += ["--physical"] if physical else []
    status, out, err = run("segment", "blobs.tif", "-k", 3, "-o", "out", *options)
    assert (status, err) == (0, "")
    files = ["blobs-labels.tif", "blobs-clusters.csv", "blobs-objects.tif", "blobs-objects.csv"]
    assert [Path(line.partition(": ")[0]).name for line in out.splitlines()] == files
    labels, _ = napari_kmeans.segment(blobs, 3)
    spacing = (2, 0.5, 0.5) if physical else None
    cleaned = napari_kmeans.clean_labels(
        labels, majority=1.2, min_size=10, fill_holes=15, spacing=spacing, per_axis=0
    )
    assert not np.array_equal(cleaned, labels)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out" / files[0]), cleaned)
    clusters = csv_columns(tmp_path / "out" / files[1])
    assert list(map(int, clusters["pixels"])) == np.bincount(cleaned.ravel())[1:].tolist()
    assert sum(map(float, clusters["share"])) == pytest.approx(1)
    objects, table = napari_kmeans.split_into_objects(
        cleaned, intensity_image=blobs, spacing=spacing, per_axis=0
    )
    with tifffile.TiffFile(tmp_path / "out" / files[2]) as file:
        assert (file.series[0].axes, file.series[0].dtype) == ("TZYX", np.uint16)
        assert file.imagej_metadata["max"] == objects.max()
        np.testing.assert_array_equal(file.asarray(), objects)
    written = csv_columns(tmp_path / "out" / files[3])
    assert written.pop("unit", None) == (["um"] * objects.max() if physical else None)
    assert {name: list(map(float, values)) for name, values in written.items()} == table


def test_physical_sizes_need_a_pixel_size(run: Run, gray: Path) -> None:
    status, _, err = run("segment", gray, "-k", 3, "-o", "out", "--min-size", 5, "--physical")
    assert status == 1
    assert err == f"napari-kmeans: {gray}: its pixel size is unknown, but --physical needs it\n"


def test_each_channel_of_a_colour_image_is_measured(run: Run, tmp_path: Path) -> None:
    Image.fromarray(RGB).save(tmp_path / "rgb.png")
    assert run("segment", "rgb.png", "-k", 2, "-o", "out", "--min-size", 5, "--objects")[0] == 0
    table = csv_columns(tmp_path / "out" / "rgb-objects.csv")
    objects = tifffile.imread(tmp_path / "out" / "rgb-objects.tif")
    assert float(table["intensity_max-2"][0]) == RGB[..., 2][objects == 1].max()


def test_background_of_a_model_takes_part_in_the_clean_up(run: Run, tmp_path: Path) -> None:
    image = np.full((20, 20), 10, dtype=np.float32)
    image[5:15, 5:15] = 100
    image[9, 9] = 10  # a hole
    image[2, 2] = 100  # a speck
    image[12, 12] = np.nan
    tifffile.imwrite(tmp_path / "x.tif", image)
    napari_kmeans.fit(image, 2).with_background([1]).save(tmp_path / "m.json")
    status, _, err = run("apply", "m.json", "x.tif", "-o", "out", "--min-size", 3, "--objects")
    assert (status, err) == (0, "")
    expected = np.zeros((20, 20), dtype=np.uint8)
    expected[5:15, 5:15] = 2
    expected[12, 12] = 0
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out" / "x-labels.tif"), expected)
    assert csv_columns(tmp_path / "out" / "x-objects.csv")["num_pixels"] == ["99"]


# Usage


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("cluster", "No such command 'cluster'"),
        ("segment gray.png -o out", "Missing option '-k'"),
        ("segment gray.png -k 3", "Invalid value for -o: an output is needed: a folder"),
        ("segment -k 3 -o out", "Missing argument"),
        ("segment gray.png -k 0 -o out", "'0' must be 1 to 255, auto or gap"),
        ("segment gray.png -k many -o out", "'many' must be 1 to 255, auto or gap"),
        ("segment gray.png -k 3 -o out --features hue", "'hue' must be one of gray, gray601"),
        (
            "segment gray.png -k 3 -o out --solver magic",
            "--solver: solver='magic' must be one of 'auto', 'exact', 'lloyd'",
        ),
        (
            "segment gray.png -k 3 -o out --table t.xlsx",
            "Invalid value for --table: t.xlsx must end in .csv or .parquet",
        ),
        (
            "segment gray.png -k 3 -o out --figure jpg",
            "Invalid value for --figure: 'jpg' must be one of png, svg, pdf",
        ),
        ("segment gray.png -k 3 -o out.png", "out.png must be a folder, a .tif file"),
        ("segment gray.png -k 3 -o gray.png --overwrite", "gray.png must be a folder, a .tif file"),
        ("segment gray.png other.png -k 3 -o out.tif", "out.tif is a single file, but there are 2 images"),
        (
            "segment gray.png other.png -k 3 -o out --save-model m.json",
            "Invalid value for --save-model: m.json can store only one model, but there are 2 images; fit one model to "
            "all of them by --together",
        ),
        ("segment gray.png sub/gray.tif -k 3 -o out --overwrite", "would replace an output for gray.png"),
        ("segment gray.png gray.png -k 3 -o out", "would replace an output for gray.png"),
        ("segment gray.tif -k 3 -o ./gray.tif --overwrite", "would replace the image gray.tif"),
        ("segment a.png ./a-labels.tif -k 3 -o . --overwrite", "would replace the image a-labels.tif"),
        ("segment gray.png -k 3 -o x.tif --save-model x.tif", "would replace an output for gray.png"),
        ("segment gray.png -k 3 -o out --majority -1", "--majority"),
        ("segment gray.png -k 3 -o out --min-size inf", "min_size=inf must be 0 or more, and finite"),
        ("segment gray.png -k 3 -o gray-objects.tif --objects", "would replace an output for gray.png"),
        ("apply m.json gray.png sub/gray.tif -o out", "would replace an output for gray.png"),
        ("view -k 1", "Invalid value for -k: '1' must be 2 to 255"),
        ("view -k 256", "'256' must be 2 to 255"),
        ("view -k many", "'many' must be 2 to 255"),
        ("view --sample moon", "'moon' must be one of coins, "),
        ("view gray.png --sample coins", "give an image or a sample, not both"),
        ("view gray.png --screenshot x.tif", "x.tif must end in .png"),
    ],
)
def test_wrong_usage_gives_one_line(
    run: Run, tmp_path: Path, gray: Path, arguments: str, complaint: str
) -> None:
    status, out, err = run(*arguments.split())
    assert (status, out) == (2, "")
    [line] = err.splitlines()
    assert line.startswith("napari-kmeans: ")
    assert complaint in line
    assert names(tmp_path) == ["gray.png"]


def test_help_and_version_are_printed(run: Run) -> None:
    assert run("--version") == (0, f"napari-kmeans {napari_kmeans.__version__}\n", "")
    status, out, _ = run("segment", "--help")
    assert status == 0
    assert "--save-model" in out
    assert run("segment", "-h") == (0, out, "")
    _, text, _ = run("--help")
    assert run("-h") == (0, text, "")
    assert run() == (2, text, "")


# The program as a whole


def test_program_without_a_terminal_writes_plain_lines(tmp_path: Path, gray: Path) -> None:
    # Forced colours, too, which rich regards as a terminal.
    done = program(
        "segment", gray, "x.png", "-k", 3, "-o", "out", cwd=tmp_path, env={**os.environ, "FORCE_COLOR": "1"}
    )
    assert done.returncode == 1
    assert "\x1b" not in done.stdout + done.stderr
    assert "\r" not in done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
def test_progress_is_shown_on_a_terminal(tmp_path: Path, gray: Path) -> None:
    import pty

    screen, terminal = pty.openpty()
    command = [sys.executable, "-m", "napari_kmeans", "segment", str(gray), "-k", "3", "-o", str(tmp_path)]
    environment = {**os.environ, "TERM": "xterm"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=terminal, env=environment) as process:
        os.close(terminal)
        seen = b""
        while True:
            try:
                piece = os.read(screen, 4096)
            except OSError:  # raised on Linux when the other end is closed
                break
            if not piece:
                break
            seen += piece
        assert process.stdout is not None
        assert b"\x1b" not in process.stdout.read()
    os.close(screen)
    assert process.returncode == 0
    assert b"gray.png: reading" in seen


def test_interrupted_writing_leaves_nothing(
    run: Run, tmp_path: Path, gray: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(path: Path, *_: object, **__: object) -> None:
        path.write_bytes(b"half of it")
        raise KeyboardInterrupt

    monkeypatch.setattr(tifffile, "imwrite", interrupted)
    status, out, err = run("segment", gray, "-k", 3, "-o", "out")
    assert (status, out, err.strip()) == (130, "", "napari-kmeans: stopped")
    assert names(tmp_path / "out") == []


_ENDLESS = """
import sys, time
from napari_kmeans.batch import task
from napari_kmeans.cli import main
def read_image(at, **options):
    print("reading", flush=True)
    time.sleep(60)
task.read_image = read_image
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
def test_ctrl_c_stops_the_program(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _ENDLESS, "segment", "x.png", "-k", "3", "-o", str(tmp_path / "out")]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Processes that a shell starts in the background ignore SIGINT; restore the default.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reading\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.strip()) == (130, "", "napari-kmeans: stopped")
    assert names(tmp_path) == []


def test_without_typer_the_error_names_what_to_install() -> None:
    code = "import sys; sys.modules['typer'] = None; import napari_kmeans.cli.app"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "napari-kmeans: the command line needs typer: pip install 'napari-kmeans[cli]'\n"


# view


class Screen:
    """Windows that would have been opened and commands that would have been started."""

    def __init__(self) -> None:
        self.views: list[dict[str, Any]] = []
        self.commands: list[list[str]] = []

    def view(self, **keywords: Any) -> None:
        self.views.append(keywords)

    def execvp(self, file: str, command: list[str]) -> int:
        assert file == command[0]
        self.commands.append(command)
        return 0


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """Replace windows by records of their arguments; a test can remove the screen."""
    fake = Screen()
    module = ModuleType("napari_kmeans._napari.contributions.view_command")
    module.view = fake.view  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(os, "execvp", fake.execvp)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("DISPLAY", ":99")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    return fake


@pytest.fixture
def no_screen(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> Screen:
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv(cli._UNDER_XVFB, raising=False)
    # The tested code sets a variable in this copy, which is discarded afterwards.
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    return screen


def test_view_opens_a_file(run: Run, screen: Screen, gray: Path) -> None:
    assert run("view", gray, "-k", 4, "--screenshot", "new/out.png") == (0, "", "")
    assert Path("new").is_dir()
    [keywords] = screen.views
    image = keywords.pop("image")
    np.testing.assert_array_equal(image.data, GRAY)
    assert image.layer_keywords()["name"] == "gray"
    assert keywords == {
        "sample": None,
        "n_clusters": 4,
        "illumination": None,
        "screenshot": Path("new/out.png"),
    }


def test_view_of_another_image_of_a_file_with_other_axes(run: Run, screen: Screen, tmp_path: Path) -> None:
    path = tmp_path / "two.tif"
    with tifffile.TiffWriter(path) as writer:
        for number in range(2):
            writer.write(
                np.full((3, 8, 9), number, np.uint8), metadata={"axes": "ZYX"}, photometric="minisblack"
            )
    assert run("view", path, "--series", 1, "--axes", "tyx") == (0, "", "")
    image = screen.views[0]["image"]
    assert (image.axes, image.data.shape) == ("TYX", (3, 8, 9))
    assert np.all(np.asarray(image.data) == 1)
    assert "must contain Y and X" in run("view", path, "--axes", "zz")[2]


def test_view_opens_a_sample_or_an_empty_viewer(run: Run, screen: Screen) -> None:
    assert run("view", "--sample", "coins") == (0, "", "")
    assert run("view") == (0, "", "")
    nothing = {"image": None, "sample": None, "n_clusters": None, "illumination": None, "screenshot": None}
    assert screen.views == [{**nothing, "sample": "coins"}, nothing]


def test_view_rejects_a_broken_file(run: Run, screen: Screen, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"hello")
    status, _, err = run("view", "broken.png")
    assert (status, screen.views) == (1, [])
    assert (
        err
        == "napari-kmeans: broken.png is not a supported image: OME-Zarr, TIFF, PNG, JPEG, BMP, GIF or WebP\n"
    )


@pytest.mark.parametrize(
    "error", [ImportError("No Qt bindings could be found\nmore of it"), RuntimeError("late")]
)
def test_errors_of_view_are_one_line(run: Run, screen: Screen, error: Exception) -> None:
    def fail(**_: object) -> None:
        raise error

    sys.modules["napari_kmeans._napari.contributions.view_command"].view = fail  # type: ignore[attr-defined]
    status, _, err = run("view")
    assert status == 1
    [line] = err.splitlines()
    assert str(error).splitlines()[0] in line
    assert ("napari-kmeans[all]" in line) == isinstance(error, ImportError)


def test_view_without_napari_names_what_to_install_before_anything_else(
    run: Run, no_screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "napari" else find(name))
    status, _, err = run("view", "--sample", "coins")
    assert status == 1
    assert (
        err == "napari-kmeans: view needs napari, which is not installed: pip install 'napari-kmeans[all]'\n"
    )


def test_view_without_a_screen_gives_one_error(run: Run, no_screen: Screen) -> None:
    status, _, err = run("view", "--sample", "coins")
    assert status == 1
    assert len(err.splitlines()) == 1
    assert "no display" in err
    assert "--screenshot" in err
    assert (no_screen.views, no_screen.commands) == ([], [])


def test_view_names_a_missing_file_before_a_missing_screen(run: Run, no_screen: Screen) -> None:
    for screenshot in ((), ("--screenshot", "x.png")):
        expected = (1, "", "napari-kmeans: nosuch.tif: No such file or directory\n")
        assert run("view", "nosuch.tif", *screenshot) == expected
    assert no_screen.commands == []


def test_view_restarts_under_xvfb(run: Run, no_screen: Screen) -> None:
    Path("-my.png").write_bytes(b"")
    run("view", "-k", 3, "--screenshot", "out.png", "--", "-my.png")
    [command] = no_screen.commands
    assert command[:4] == ["xvfb-run", "-a", "-s", "-screen 0 1400x900x24"]
    assert command[4:7] == [sys.executable, "-m", "napari_kmeans"]
    assert command[7:] == ["view", "--screenshot", "out.png", "-k", "3", "--", "-my.png"]
    assert os.environ[cli._UNDER_XVFB] == "1"
    # Under xvfb, a missing screen is an error.
    status, _, err = run("view", "--screenshot", "out.png")
    assert (status, len(no_screen.commands)) == (1, 1)
    assert "install the packages xvfb and xauth" in err


def test_screenshot_without_xvfb_names_the_packages_to_install(
    run: Run, no_screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    status, _, err = run("view", "--sample", "coins", "--screenshot", "out.png")
    assert (status, no_screen.commands) == (1, [])
    [line] = err.splitlines()
    assert "install the packages xvfb and xauth" in line


@pytest.mark.thorough
@pytest.mark.skipif(
    not sys.platform.startswith("linux")
    or not shutil.which("xvfb-run")
    or not importlib.util.find_spec("napari"),
    reason="needs xvfb-run and napari",
)
def test_screenshot_of_the_real_window(tmp_path: Path) -> None:
    environment = {
        name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")
    }
    environment["NAPARI_CONFIG"] = str(tmp_path / "settings.yaml")
    picture = tmp_path / "window.png"
    done = program("view", "--sample", "coins", "-k", 3, "--screenshot", picture, env=environment)
    assert done.returncode == 0, done.stderr
    with Image.open(picture) as image:
        assert image.width > 600
        assert len(image.convert("RGB").getcolors(1 << 24)) > 100


# Beyond gray


@pytest.fixture
def colored(tmp_path: Path) -> np.ndarray:
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    image[:5] = 0
    Image.fromarray(image).save(tmp_path / "colors.png")
    return image


@pytest.fixture
def fluorescence(tmp_path: Path) -> np.ndarray:
    image = np.random.default_rng(0).gamma(2, 300, (2, 60, 50)).astype(np.uint16)
    metadata = {"axes": "CYX", "unit": "um"}
    tifffile.imwrite(tmp_path / "fluo.tif", image, imagej=True, resolution=(2, 4), metadata=metadata)
    return image


def test_every_feature_space_segments_colours(run: Run, colored: np.ndarray) -> None:
    for features in FEATURE_NAMES:
        status, _, err = run("segment", "colors.png", "-k", 3, "-o", features, "--features", features)
        assert (status, err) == (0, "")
        expected = napari_kmeans.segment(colored, 3, features=features, channel_axis=-1)[0]
        assert np.array_equal(tifffile.imread(f"{features}/colors-labels.tif"), expected)


def test_options_of_feature_spaces_reach_the_model(run: Run, fluorescence: np.ndarray) -> None:
    options = ["--features", "channels", "--no-standardize", "--exclude", "7", "--exclude", "saturated"]
    options += ["--smooth", "1", "--physical"]
    status, _, err = run("segment", "fluo.tif", "-k", 3, "-o", "out", "--save-model", "m.json", *options)
    assert (status, err) == (0, "")
    expected, model = napari_kmeans.segment(
        fluorescence,
        3,
        features=napari_kmeans.Channels(standardize=False),
        channel_axis=0,
        exclude=(7, "saturated"),
        smooth=(4, 2),  # 1 µm; pixels are 0.25 µm high and 0.5 µm wide
    )
    assert np.array_equal(tifffile.imread("out/fluo-labels.tif"), expected)
    assert napari_kmeans.KMeansModel.load("m.json").extractor == model.extractor
    assert run("apply", "m.json", "fluo.tif", "-o", "again")[0] == 0
    assert np.array_equal(tifffile.imread("again/fluo-labels.tif"), expected)


def test_time_is_not_smoothed(run: Run, blobs: np.ndarray) -> None:
    assert run("segment", "blobs.tif", "-k", 3, "-o", "out", "--smooth", 2)[0] == 0
    expected = napari_kmeans.segment(blobs, 3, smooth=(0, 2, 2, 2))[0]
    assert np.array_equal(tifffile.imread("out/blobs-labels.tif"), expected)


def test_options_of_texture_give_the_same_result_as_the_library(run: Run, gray: Path) -> None:
    options = ["--features", "texture", "--sigma", "1,2", "--window", 3]
    assert run("segment", gray, "-k", 2, "-o", "out", *options)[0] == 0
    expected = napari_kmeans.segment(GRAY, 2, features=napari_kmeans.Texture(sigma=(1, 2), window=3))[0]
    assert np.array_equal(tifffile.imread("out/gray-labels.tif"), expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--features", "rgb", "--sigma", "1,2"], "sigma is an option of features='texture', not of 'rgb'"),
        (["--features", "texture", "--sigma", "1"], "must be two numbers"),
        (["--features", "texture", "--sigma", "a,b"], "'a' must be a number"),
        (["--exclude", "black"], "'black' must be a number or saturated"),
        (["--smooth", "-1"], "'--smooth'"),
        (["--smooth", "nan"], "'--smooth': nan must be 0 to 1000"),
        (["--smooth", "inf"], "'--smooth': inf must be 0 to 1000"),
        (["--min-size", "nan"], "'--min-size': nan must be 0 or more"),
        (["--exclude", "nan"], "napari-kmeans: exclude=nan is unnecessary: non-finite values are"),
    ],
)
def test_invalid_options_are_wrong_usage(run: Run, gray: Path, options: list, message: str) -> None:
    status, _, err = run("segment", gray, "-k", 2, "-o", "out", *options)
    assert status == 2
    assert message in err
    assert err.count("\n") == 1


def test_unsupported_images_give_one_line(run: Run, gray: Path) -> None:
    for options, message in (
        (
            ["--features", "lab"],
            "image has no colours, but features='lab' needs 3 (RGB) or 4 (RGBA) channels; in",
        ),
        (["--smooth", 1, "--physical"], "its pixel size is unknown"),
        (["--features", "texture", "--solver", "exact"], "needs a single feature"),
    ):
        status, _, err = run("segment", gray, "-k", 2, "-o", "out", *options)
        assert status == 1
        assert message in err
        assert err.count("\n") == 1
