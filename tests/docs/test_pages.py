"""Documentation: snippets and commands run, and targets of links exist."""

from __future__ import annotations

import re
import shlex
import subprocess
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans import KMeansModel

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
GRAY = np.random.default_rng(0).integers(0, 256, (40, 50), dtype=np.uint8)


def snippets(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S)


def with_snippets(language: str, needle: str = "") -> list[object]:
    return [
        pytest.param(page, id=page.name)
        for page in PAGES
        if any(needle in snippet for snippet in snippets(page, language))
    ]


@pytest.mark.parametrize("page", with_snippets("python"))
def test_python_snippets_of_a_page_run_one_after_the_other(page, tmp_path, monkeypatch, picture):
    monkeypatch.chdir(tmp_path)
    # Snippets run as in napari's console.
    # Snippets that draw need no window, although napari has loaded Qt.
    pytest.importorskip("matplotlib").use("agg")
    napari_layers = pytest.importorskip("napari.layers")
    viewer = SimpleNamespace(layers={"coins": napari_layers.Image(picture("coins"), name="coins")})
    namespace = {"viewer": viewer}
    for snippet in snippets(page, "python"):
        exec(compile(snippet, str(page), "exec"), namespace)


def test_comments_of_the_python_page_are_true(picture):
    import napari_kmeans

    model = napari_kmeans.segment(picture("coins"), 3)[1]
    assert model.centers.ravel().round(1).tolist() == [48.8, 106.2, 172.5]
    assert model.thresholds.round(1).tolist() == [77.5, 139.3]
    assert round(model.explained_variance, 3) == 0.887
    assert model.confirmation == "confirmed"
    suggestion = napari_kmeans.suggest_n_clusters(picture("coins"))
    assert suggestion.n_clusters == 2
    assert suggestion.reason.startswith("The values form a single group, so no number stands out; ")
    stained = napari_kmeans.fit(picture("immunohistochemistry"), 4, features="lab", channel_axis=-1)
    assert stained.feature_names == ("L*", "a*", "b*")
    assert stained.centers[2].round(1).tolist() == [67.9, 2.8, -5.4]
    channels = np.random.default_rng(0).poisson([[[40]], [[3000]]], (2, 99, 99)).astype(np.uint16)
    model = napari_kmeans.fit(channels, 3, features="channels", channel_axis=0)
    assert model.scales.round(1).tolist() == [6.4, 55.1]
    labels, _ = napari_kmeans.segment(picture("coins"), 2)
    assert napari_kmeans.split_into_objects(labels, 2)[0].max() == 154
    cleaned = napari_kmeans.clean_labels(labels, min_size=150, fill_holes=150)
    assert napari_kmeans.split_into_objects(cleaned, 2)[0].max() == 24


def make_store(path: Path) -> None:
    """An OME-Zarr image; channels.ome.zarr has two."""
    import zarr
    from ome_zarr import writer

    group = zarr.open_group(path, mode="w")
    if path.name == "channels.ome.zarr":
        writer.write_image(np.stack([GRAY, GRAY]), group, axes="cyx", scaler=None)
        omero = {"channels": [{"label": "DAPI"}, {"label": "GFP"}]}
        group.attrs["ome"] = {**group.attrs["ome"], "omero": omero}
    else:
        writer.write_image(GRAY, group, axes="yx", scaler=None)


@pytest.mark.parametrize("page", with_snippets("sh", "napari-kmeans "))
def test_commands_of_a_page_run(page, tmp_path, monkeypatch):
    cli = pytest.importorskip("napari_kmeans.cli.app", exc_type=SystemExit)
    import typer
    from PIL import Image

    lines = "\n".join(snippets(page, "sh")).splitlines()
    commands = [shlex.split(line) for line in lines if line.startswith("napari-kmeans ")]
    assert commands
    monkeypatch.chdir(tmp_path)
    words = {word for command in commands for word in command}
    images = {"a.png", "b.png"} | {word for word in words if word.endswith(".tif")}
    images |= {command[2] for command in commands if command[2].endswith(".png")}
    images = {name for name in images if not re.search(r"-(labels|figure)\.", name)}  # made by a command
    for name in {name.replace("*", letter) for name in images for letter in "ab"}:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        image = np.dstack([GRAY, GRAY.T.reshape(GRAY.shape), GRAY]) if name.startswith("slide") else GRAY
        Image.fromarray(image).save(name)
    for name in {command[2] for command in commands if command[2].endswith(".ome.zarr")}:
        make_store(Path(name))
    napari_kmeans.Recipe.of(3).save("recipe.json")
    for command in commands:
        arguments = []
        for word in command[1:]:
            arguments += sorted(map(str, Path().glob(word))) if "*" in word else [word]
        if arguments[0] == "view":  # it opens a window, so only its arguments are parsed
            view = typer.main.get_command(cli.app).commands["view"]
            view.make_context("view", arguments[1:])
        else:
            assert cli.main(arguments) == 0, command


def test_table_of_the_command_line_page_lists_every_option():
    cli = pytest.importorskip("napari_kmeans.cli.app", exc_type=SystemExit)
    import typer

    text = (ROOT / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")
    for command in typer.main.get_command(cli.app).commands.values():
        for parameter in command.params:
            assert parameter.param_type_name == "argument" or any(option in text for option in parameter.opts)


@cache
def files_of_a_clone() -> frozenset[Path]:
    """Return the files that a clone contains and their folders."""
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [ROOT / name for name in done.stdout.splitlines()]
    return frozenset([*files, *(folder for file in files for folder in file.parents)])


@pytest.mark.parametrize("page", [pytest.param(page, id=page.relative_to(ROOT).as_posix()) for page in PAGES])
def test_targets_of_links_and_pictures_of_a_page_exist(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    targets += re.findall(r'(?:src|href)="([^"]+)"', text)
    targets += re.findall(r'srcset="(\S+) 2x"', text)
    for target in targets:
        path, _, anchor = target.partition("#")
        if ":" in path:
            assert path.startswith("https://"), target
            continue
        place = (page.parent / path) if path else page
        assert place.resolve() in files_of_a_clone(), f"{target} is not in the repository"
        if anchor and place.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", place.read_text(encoding="utf-8"), re.M)
            assert anchor in {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}, target


def test_every_picture_is_used():
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    pictures = sorted((ROOT / "docs" / "images").iterdir())
    assert pictures
    assert [path.name for path in pictures if f"images/{path.name}" not in text] == []
    assert sum(path.stat().st_size for path in pictures) < 2_500_000


def test_the_api_page_shows_every_method_of_a_model_that_users_call():
    shown = re.search(
        r"napari_kmeans\.KMeansModel\n.*?members: \[(.*?)\]", (ROOT / "docs" / "api.md").read_text(), re.S
    )
    members = set(re.split(r",\s+", shown[1]))
    assert all(hasattr(KMeansModel, member) for member in members)
    pages = [*PAGES, *(ROOT / "docs" / "gallery").glob("*.py")]
    used = set(re.findall(r"\bmodel\.(\w+)\(", "".join(page.read_text(encoding="utf-8") for page in pages)))
    assert used <= members
