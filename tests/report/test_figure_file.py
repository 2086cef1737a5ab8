from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_kmeans.io.record import KEY

pytest.importorskip("matplotlib")
Image = pytest.importorskip("PIL.Image")

from matplotlib.figure import Figure

from napari_kmeans.report.figure_file import png_of, save_figure


def test_a_png_has_the_size_the_resolution_and_the_record(tmp_path: Path) -> None:
    figure = Figure(figsize=(3, 2), dpi=120)
    figure.add_axes((0, 0, 1, 1)).imshow(np.zeros((4, 6)), cmap="gray", aspect="auto")
    save_figure(tmp_path / "x.png", figure, "größe {}")
    with Image.open(tmp_path / "x.png") as found:
        assert found.size == (360, 240)
        assert found.mode == "RGB"
        assert found.info["dpi"] == pytest.approx((120, 120), abs=0.1)
        assert found.text[KEY] == "größe {}"
    assert png_of(figure).startswith(b"\x89PNG")
    with pytest.raises(FileExistsError):
        save_figure(tmp_path / "x.png", figure)


@pytest.mark.parametrize("kind", ["svg", "pdf"])
def test_vector_formats_are_written(tmp_path: Path, kind: str) -> None:
    save_figure(tmp_path / f"x.{kind}", Figure(), "made")
    content = (tmp_path / f"x.{kind}").read_bytes()
    assert content.startswith({"svg": b"<?xml", "pdf": b"%PDF"}[kind])
    assert b"made" in content
