from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.report.palette import distinct_colors


class Balanced(HTMLParser):
    """Parser that fails on a tag that is not closed."""

    def __init__(self, text):
        super().__init__()
        self.open = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def hexadecimal(n_clusters):
    return ["#" + "".join(f"{round(255 * c):02x}" for c in rgb[:3]) for rgb in distinct_colors(n_clusters)]


def test_notebooks_show_centres_shares_colours_and_a_histogram(picture):
    model = napari_kmeans.fit(picture("coins"), 3).with_names(["<table>", "shade", "coin"])
    html = model._repr_html_()
    Balanced(html)
    for text in ("48.76", "106.2", "172.5", "3 clusters by gray", "88.7 % of the variance", "exact optimum"):
        assert text in html
    assert "&lt;table&gt;" in html
    assert "<table></td>" not in html
    for row, color in enumerate(hexadecimal(3)):
        assert html.count(f'style="background:{color}"') == 1  # the swatch
        assert f'<path fill="{color}"' in html  # its bars
        assert f"{100 * model.table['share'][row]:.1f} %" in html


def test_bars_of_the_histogram_have_the_height_of_their_counts():
    model = napari_kmeans.fit(np.repeat([0, 10], [30, 10]).astype(np.uint8), 2)
    tops = [float(y) for y in re.findall(r"M[\d.]+ 72V([\d.]+)H", model._repr_html_())]
    assert tops == [0.0, 48.0]  # a third as high


def test_text_takes_the_colour_of_the_notebook(picture):
    html = napari_kmeans.fit(picture("coins"), 3)._repr_html_()
    style = re.search("<style>(.*)</style>", html, re.DOTALL)[1]
    assert not re.search(r"#[0-9a-f]{3}|white[^-]|black", style)
    assert "fill-opacity" not in html  # no cluster is background
    assert (
        'fill="currentColor" fill-opacity'
        in napari_kmeans.fit(picture("coins"), 3).with_background([1])._repr_html_()
    )


def test_tables_of_many_clusters_or_features_are_shortened(picture):
    many = napari_kmeans.fit(picture("coins"), 40)._repr_html_()
    assert many.count("<tr>") == 17
    assert "and 24 more" in many
    bands = np.random.default_rng(0).normal(size=(30, 30, 9))
    html = napari_kmeans.fit(bands, 2, features="channels", channel_axis=-1)._repr_html_()
    Balanced(html)
    assert html.count("<th>") == 3 + 4 + 1 + 2  # swatch, label, bar; four features; …; pixels, share
    assert "<svg" not in html


def test_a_loaded_model_has_no_histogram(picture, tmp_path):
    model = napari_kmeans.fit(picture("coins"), 3)
    model.save(tmp_path / "m.json")
    assert "<svg" in model._repr_html_()
    loaded = napari_kmeans.KMeansModel.load(tmp_path / "m.json")._repr_html_()
    assert "<svg" not in loaded
    assert "106.2" in loaded


def test_repr_is_one_short_line(picture):
    model = napari_kmeans.fit(picture("coins"), 3)
    assert repr(model) == (
        "KMeansModel(n_clusters=3, features='gray', centers=[48.76, 106.2, 172.5], explained_variance=0.8873)"
    )
    assert len(repr(napari_kmeans.fit(picture("coins"), 200))) < 200
    colors = napari_kmeans.fit(picture("astronaut"), 2, features="rgb", channel_axis=-1)
    assert "centers=[(42.9, 29.0, 30.5), (" in repr(colors) or "centers=[(" in repr(colors)
    stack = napari_kmeans.fit(np.stack([picture("coins")] * 2), 2, per_axis=0)
    assert repr(stack) == "KMeansStack(2 models along axis 0, features='gray')"


def test_table_is_a_data_frame_with_the_rows_of_the_csv(picture):
    pandas = pytest.importorskip("pandas")
    model = napari_kmeans.fit(picture("coins"), 4).merged([[2, 3]]).with_background([1])
    table = model.table
    assert isinstance(table, pandas.DataFrame)
    assert table["index"].tolist() == [2, 4]
    assert table["pixels"].sum() == model.counts[1:].sum()


def test_table_without_pandas_is_a_dict(picture, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    table = napari_kmeans.fit(picture("coins"), 2).table
    assert type(table) is dict
    assert table["index"] == [1, 2]
