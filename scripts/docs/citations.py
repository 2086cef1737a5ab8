"""Griffe extension that converts the citations of docstrings from reStructuredText to Markdown."""

from __future__ import annotations

import re
from typing import Any

import griffe


class Citations(griffe.Extension):
    """Write ``[1]_`` as ``[1]``, and the entries ``.. [1]`` of References as a numbered list."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Convert the docstring of an object, if it has one."""
        if obj.docstring is not None:
            text = re.sub(r"^( *)\.\. \[(\d+)\] ", r"\1\2. ", obj.docstring.value, flags=re.M)
            obj.docstring.value = re.sub(r"\[(\d+)\]_", r"[\1]", text)
