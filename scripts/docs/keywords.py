"""Griffe extension that shows the keywords behind ``**options: Unpack[...]``."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

import griffe


class Keywords(griffe.Extension):
    """Replace ``**options`` by the keywords of the signature at run time."""

    def on_function(self, *, func: griffe.Function, **_: Any) -> None:
        """Add the keywords to a function that accepts them."""
        last = func.parameters[-1] if len(func.parameters) else None
        options = re.fullmatch(r"Unpack\[(\w+)\]", str(last.annotation)) if last else None
        if options is None:
            return
        module = importlib.import_module(func.module.path)
        types = getattr(module, options[1]).__annotations__
        signature = inspect.signature(getattr(module, func.name))
        del func.parameters[last.name]
        for parameter in signature.parameters.values():
            if parameter.name not in func.parameters:
                func.parameters.add(
                    griffe.Parameter(
                        parameter.name,
                        annotation=types[parameter.name].__forward_arg__,
                        kind=griffe.ParameterKind.keyword_only,
                        default=repr(parameter.default),
                    )
                )
