from __future__ import annotations

import re

import pytest

from napari_kmeans.model import json_file

RECIPE = '{"format": "recipe", "version": 2, "k": 3}'


def test_a_written_file_can_be_read_again(tmp_path):
    json_file.write(tmp_path / "r.json", RECIPE)
    assert json_file.read(tmp_path / "r.json", "recipe", 2)["k"] == 3
    assert list(tmp_path.iterdir()) == [tmp_path / "r.json"]


def test_a_file_is_replaced(tmp_path):
    for k in ("3", "4"):
        json_file.write(tmp_path / "r.json", RECIPE.replace("3", k))
    assert json_file.read(tmp_path / "r.json", "recipe", 2)["k"] == 4


def test_a_file_far_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(json_file, "_MAX_BYTES", 1000)
    (tmp_path / "r.json").write_text(RECIPE + " " * 1000)
    with pytest.raises(ValueError, match="too large"):
        json_file.read(tmp_path / "r.json", "recipe", 2)


@pytest.mark.parametrize(
    ("content", "kind", "current", "message"),
    [
        (RECIPE, "model", 2, "its format is 'recipe', not 'model'"),
        ("[]", "model", 2, "its format is None, not 'model'"),
        (RECIPE, "recipe", 1, "its version is 2, but this program reads versions up to 1"),
        (RECIPE.replace("3", "NaN"), "recipe", 2, "NaN is not a number"),
        (" ", "recipe", 2, "it is empty"),
        ("k = 3", "recipe", 2, "it is not valid JSON (line 1, column 1)"),
    ],
)
def test_other_files_are_refused(content, kind, current, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        json_file.parse(content, kind, current)


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (lambda name, value: json_file.numbers(name, value, 1), [1, True]),
        (lambda name, value: json_file.numbers(name, value, 2), [1, 2]),
        (json_file.as_list, {}),
        (json_file.strings, ["a", 1]),
        (json_file.integers, [1, 2.0]),
    ],
)
def test_a_wrong_value_is_named(check, value):
    with pytest.raises(TypeError, match="centres"):
        check("centres", value)


def test_right_values_are_returned():
    assert json_file.numbers("centres", [[1, 2], [3, 4.5]], 2).tolist() == [[1, 2], [3, 4.5]]
    assert json_file.integers("merges", [1, 2]) == [1, 2]
    assert json_file.strings("names", ["a"]) == ["a"]
