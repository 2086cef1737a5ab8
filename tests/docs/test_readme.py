"""README as package indexes and napari's hub show it: rendered from the package's metadata, with absolute links."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SOMEWHERE = {"GITHUB_SERVER_URL": "https://git.example", "GITHUB_REPOSITORY": "a/b"}

spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
hatch_build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(hatch_build)


def links(html):
    return re.findall(r'(?:href|src)="([^"]+)"', html)


def test_every_link_and_picture_is_absolute_and_rendered():
    markdown = pytest.importorskip("readme_renderer.markdown")
    html = markdown.render(hatch_build.readme(ROOT, SOMEWHERE))
    assert html is not None
    found = [link for link in links(html) if not link.startswith("#")]
    assert len(found) > 10
    assert all(link.startswith("https://") for link in found)
    ours = [link for link in found if link.startswith("https://git.example/a/b/")]
    for link in ours:
        kind, ref, path = link.removeprefix("https://git.example/a/b/").split("/", 2)
        assert kind == ("raw" if path.endswith(".png") else "blob")
        assert ref == "HEAD"
        assert (ROOT / path.partition("#")[0]).exists(), link
    assert any("/raw/HEAD/docs/images/" in link for link in ours)
    assert html.count("<pre") >= 4
    assert "<img" in html


def test_links_name_the_tag_that_is_released():
    tag = {**SOMEWHERE, "GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": "v9.9.9"}
    assert "https://git.example/a/b/blob/v9.9.9/CHANGELOG.md" in hatch_build.readme(ROOT, tag)


def test_links_stay_relative_without_a_repository(tmp_path):
    (tmp_path / "README.md").write_text("[x](docs/x.md)")
    assert hatch_build.readme(tmp_path, {}) == "[x](docs/x.md)"


def test_anchors_addresses_and_mail_are_left_alone():
    text = '[a](#x) [b](https://c.d/e.png) [m](mailto:x@y.z) <img src="p.svg"> [d](e/f.md#g)'
    assert hatch_build.absolute_links(text, "https://h/r", "v1") == (
        '[a](#x) [b](https://c.d/e.png) [m](mailto:x@y.z) <img src="https://h/r/raw/v1/p.svg"> [d](https://h/r/blob/v1/e/f.md#g)'
    )


@pytest.mark.parametrize(
    ("remote", "url"),
    [
        ("git@host.org:a/b.git", "https://host.org/a/b"),
        ("https://host.org/a/b.git", "https://host.org/a/b"),
        ("https://user:secret@host.org/a/b", "https://host.org/a/b"),
        ("ssh://git@host.org:22/a/b.git", "https://host.org/a/b"),
        ("/srv/git/b.git", None),
        ("../b", None),
    ],
)
def test_address_is_taken_from_the_remote(remote, url, tmp_path):
    import subprocess

    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    subprocess.run(["git", "-C", tmp_path, "remote", "add", "origin", remote], check=True)
    assert hatch_build.repository_url(tmp_path, {}) == url


def test_first_picture_is_on_the_first_screen():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.partition("![")[0].splitlines()) < 15
