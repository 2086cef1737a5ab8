"""Declaration of options: name, type, default, range, unit and one line of help, in one place.

A dataclass field made by `option` carries all of these. The command line, the dock and the model file read
them from there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, TypeGuard

import numpy as np


@dataclass(frozen=True)
class Option:
    """Details of an option besides its name and type.

    Attributes
    ----------
    help : str
        One sentence, shown by ``--help`` and as a tooltip.
    label : str
        Name in the dock.
    metavar : str
        Placeholder for its value on the command line.
    minimum, maximum : float
        Range of a number.
    unit : {"", "length", "size"}
        Whether a number is a length or an area (or volume), which may be given in pixels or in world units.
    """

    help: str
    label: str = ""
    metavar: str = ""
    minimum: float = -math.inf
    maximum: float = math.inf
    unit: str = ""


def option(default: Any, help: str, **details: Any) -> Any:
    """Declare an option as a dataclass field; `details` are those of `Option`."""
    return field(default=default, metadata={"option": Option(help, **details)})


def options_of(owner: Any) -> Iterator[tuple[str, Any, Option]]:
    """Yield name, default and details of each option of a dataclass."""
    for each in fields(owner):
        if "option" in each.metadata:
            default = each.default if each.default is not MISSING else None
            yield each.name, default, each.metadata["option"]


def is_integer(value: object) -> TypeGuard[int | np.integer[Any]]:
    """Return whether a value is a Python or NumPy integer; bool does not count."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[int | float | np.integer[Any] | np.floating[Any]]:
    """Return whether a value is a real number of Python or NumPy; bool does not count."""
    return is_integer(value) or isinstance(value, float | np.floating)


def check_number(name: str, value: object, option: Option | None = None) -> float:
    """Return a number in the range of its option.

    Raises
    ------
    TypeError
        If `value` is not a number.
    ValueError
        If it is out of range or not finite.
    """
    if not is_number(value):
        raise TypeError(f"{name} must be a number, not {value!r:.80}")
    low, high = (option.minimum, option.maximum) if option else (-math.inf, math.inf)
    if not low <= value <= high or not math.isfinite(value):
        if high == math.inf:
            raise ValueError(f"{name}={value!r} must be {low:g} or more, and finite")
        raise ValueError(f"{name}={value!r} must be {low:g} to {high:g}")
    return float(value)


def check_random_state(value: object) -> None:
    """Raise ``TypeError`` or ``ValueError`` unless a value is a seed of all random number generators."""
    if not is_integer(value):
        raise TypeError(f"random_state must be an int, not {value!r}")
    if not 0 <= value < 1 << 32:
        raise ValueError(f"random_state={value} must be 0 to 4294967295")
