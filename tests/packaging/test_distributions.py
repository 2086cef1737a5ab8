"""Wheel and source distribution: contents and metadata."""

from __future__ import annotations

import email
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

pytestmark = pytest.mark.thorough


REPOSITORY = {"GITHUB_SERVER_URL": "https://git.example", "GITHUB_REPOSITORY": "a/b"}


def build(source: Path, target: Path, *kinds: str, repository: bool = True) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in REPOSITORY}
    if repository and source == ROOT:  # pip builds a wheel of a source distribution without a repository
        environment |= REPOSITORY
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(target), *kinds]
    subprocess.run(command, cwd=source, env=environment, check=True, capture_output=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    pytest.importorskip("hatchling")
    target = tmp_path_factory.mktemp("dist")
    build(ROOT, target, "-t", "sdist", "-t", "wheel")
    return target


@pytest.fixture(scope="module")
def wheel(folder) -> Path:
    [found] = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def sdist(folder) -> Path:
    [found] = folder.glob("*.tar.gz")
    return found


def metadata(wheel: Path) -> email.message.Message:
    with zipfile.ZipFile(wheel) as opened:
        [name] = [name for name in opened.namelist() if name.endswith(".dist-info/METADATA")]
        return email.message_from_bytes(opened.read(name))


def test_wheel_has_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as opened:
        names = opened.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"napari_kmeans"}
    sources = {p.relative_to(ROOT / "src").as_posix() for p in (ROOT / "src").rglob("*.py")}
    assert sources <= set(names)
    assert {"napari_kmeans/napari.yaml", "napari_kmeans/py.typed", "napari_kmeans/__init__.pyi"} <= set(names)
    assert not [
        n for n in names if n.endswith((".png", ".gif", ".nbc", ".nbi", ".pyc")) or "test" in n.lower()
    ]
    assert wheel.stat().st_size < 1_000_000


def test_sdist_builds_the_same_wheel_elsewhere(sdist, wheel, tmp_path):
    with tarfile.open(sdist) as opened:
        names = opened.getnames()
        opened.extractall(tmp_path, filter="data")
    assert not [name for name in names if "/tests/" in name or name.endswith((".png", ".gif"))]
    assert sdist.stat().st_size < 1_000_000
    [source] = tmp_path.iterdir()
    build(source, tmp_path / "dist", "-t", "wheel")
    [again] = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(again) as first, zipfile.ZipFile(wheel) as second:
        assert sorted(first.namelist()) == sorted(second.namelist())
    assert metadata(again).as_string() == metadata(wheel).as_string()


def test_sdist_of_a_clone_without_a_remote_builds(tmp_path, monkeypatch):
    pytest.importorskip("hatchling")
    monkeypatch.setenv("GIT_DIR", str(tmp_path))  # without a repository there is no address
    build(ROOT, tmp_path / "dist", "-t", "sdist", repository=False)
    with tarfile.open(next((tmp_path / "dist").glob("*.tar.gz"))) as opened:
        opened.extractall(tmp_path / "source", filter="data")
    [source] = (tmp_path / "source").iterdir()
    build(source, tmp_path / "dist", "-t", "wheel", repository=False)
    found = metadata(next((tmp_path / "dist").glob("*.whl")))
    assert not found.get_all("Project-URL")
    assert found.get_payload().startswith("# napari-kmeans")


def test_metadata_has_addresses_and_a_readme_with_absolute_links(wheel):
    found = metadata(wheel)
    urls = dict(line.split(", ", 1) for line in found.get_all("Project-URL"))
    assert urls["Source"] == "https://git.example/a/b"
    assert set(urls) == {"Source", "Documentation", "Issues", "Changelog"}
    assert "https://git.example/a/b/raw/HEAD/docs/images/" in found.get_payload()
    assert "](docs/" not in found.get_payload()
    assert found["License-Expression"] == "BSD-3-Clause"


def test_twine_accepts_wheel_and_sdist(wheel, sdist):
    pytest.importorskip("twine")
    command = [sys.executable, "-m", "twine", "check", "--strict", str(wheel), str(sdist)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_citation_and_codemeta_have_the_version_of_the_package():
    import napari_kmeans

    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {napari_kmeans.__version__}\n" in citation
    codemeta = json.loads((ROOT / "codemeta.json").read_text(encoding="utf-8"))
    assert codemeta["version"] == napari_kmeans.__version__
    for field in ("name", "description"):
        assert codemeta[field] in citation
