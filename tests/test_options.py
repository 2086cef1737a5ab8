from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

from napari_kmeans import Channels, Recipe, Texture
from napari_kmeans.labels.clean_up import CleanUp
from napari_kmeans.options import (
    Option,
    check_number,
    check_random_state,
    is_integer,
    is_number,
    option,
    options_of,
)


@dataclass(frozen=True)
class Owner:
    width: float = option(2.0, "Width of a thing.", label="Width", minimum=0, maximum=10, unit="length")
    plain: int = 3
    kind: str = option("a", "Kind of a thing.")


def test_options_are_fields_with_details():
    assert Owner() == Owner(width=2.0, plain=3, kind="a")
    found = list(options_of(Owner))
    assert [(name, default) for name, default, _ in found] == [("width", 2.0), ("kind", "a")]
    width = found[0][2]
    assert (width.help, width.label, width.minimum, width.maximum) == ("Width of a thing.", "Width", 0, 10)
    assert width.unit == "length"
    assert found[1][2].maximum == math.inf
    assert next(options_of(Owner(width=5)))[1] == 2.0


def test_bools_strings_and_complex_numbers_are_not_numbers():
    integers, floats = (3, np.uint8(3)), (2.5, math.nan, np.float16(2))
    others = (True, np.True_, "3", None, 1j, np.complex64(1), [3], np.array(3))
    assert [is_integer(value) for value in (*integers, *floats, *others)] == [True] * 2 + [False] * 11
    assert [is_number(value) for value in (*integers, *floats, *others)] == [True] * 5 + [False] * 8


@pytest.mark.parametrize("value", [0, 10, 2.5, np.float32(3), np.int16(4)])
def test_numbers_in_range_are_returned_as_floats(value):
    found = check_number("width", value, Option("", minimum=0, maximum=10))
    assert type(found) is float
    assert found == value


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (True, TypeError, "width must be a number, not True"),
        ("3", TypeError, "width must be a number, not '3'"),
        (None, TypeError, "width must be a number, not None"),
        (-1, ValueError, "width=-1 must be 0 to 10"),
        (11, ValueError, "width=11 must be 0 to 10"),
        (math.nan, ValueError, "width=nan must be 0 to 10"),
    ],
)
def test_other_values_are_rejected(value, error, message):
    with pytest.raises(error, match=message):
        check_number("width", value, Option("", minimum=0, maximum=10))


def test_a_range_without_a_maximum_excludes_infinity():
    with pytest.raises(ValueError, match="size=-2 must be 0 or more, and finite"):
        check_number("size", -2, Option("", minimum=0))
    with pytest.raises(ValueError, match="size=inf must be 0 or more, and finite"):
        check_number("size", math.inf, Option("", minimum=0))
    assert check_number("size", -2) == -2


def test_a_seed_is_an_integer_of_32_bits():
    check_random_state(np.uint32(0xFFFFFFFF))
    with pytest.raises(TypeError, match="random_state must be an int, not None"):
        check_random_state(None)
    for value in (-1, 1 << 32):
        with pytest.raises(ValueError, match=f"random_state={value} must be 0 to 4294967295"):
            check_random_state(value)


@pytest.mark.parametrize("owner", [Recipe, Channels, Texture, CleanUp])
def test_every_option_has_a_sentence_of_help(owner):
    found = list(options_of(owner))
    assert found
    for name, default, details in found:
        assert details.help.endswith("."), name
        assert details.unit in ("", "length", "size")
        assert default == getattr(owner(), name)
        if isinstance(default, int | float):
            assert details.minimum <= default <= details.maximum
