"""Text of ``--help``: options in panels, with examples, for terminals of 60 columns or more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from textwrap import dedent
from typing import Any

from typer.core import TyperCommand, TyperGroup

_WIDE = 74  # columns from which texts are beside the options, not below them
_LAST = "Options"  # panel of options without one, such as --help


class PanelCommand(TyperCommand):  # type: ignore[misc]
    """A command whose help has a panel for each purpose. Its epilog contains examples, one per line."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options, panel by panel."""
        _write_panels(self.get_params(ctx), ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples unwrapped, so that they can be pasted into a shell."""
        _write_examples(self.epilog, formatter)


class PanelGroup(TyperGroup):  # type: ignore[misc]
    """The program, whose help lists its commands."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands first, then the options."""
        self.format_commands(ctx, formatter)
        _write_panels(self.get_params(ctx), ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples."""
        _write_examples(self.epilog, formatter)


def completing(choices: Iterable[str]) -> Callable[[str], list[str]]:
    """Return the function that completes a value in a shell."""
    known = list(choices)

    def complete(incomplete: str) -> list[str]:
        return [choice for choice in known if choice.startswith(incomplete)]

    return complete


def _write_panels(parameters: Iterable[Any], ctx: Any, formatter: Any) -> None:
    """Write the help of parameters, panel by panel; those without a panel are last."""
    panels: dict[str, list[tuple[str, str]]] = {}
    for parameter in parameters:
        record = parameter.get_help_record(ctx)
        if record is None:
            continue
        is_argument = parameter.param_type_name == "argument"
        if is_argument:  # without its type in Python
            record = (record[0].partition(" <")[0], record[1])
        panel = "Arguments" if is_argument else getattr(parameter, "rich_help_panel", None) or _LAST
        panels.setdefault(panel, []).append(record)
    rest = panels.pop(_LAST, [])
    for name, rows in [*panels.items(), (_LAST, rest)]:
        if rows:
            with formatter.section(name):
                formatter.write_dl(rows, col_max=30 if formatter.width >= _WIDE else 6)


def _write_examples(lines: str | None, formatter: Any) -> None:
    """Write a section of examples, without their common indentation."""
    if not lines:
        return
    with formatter.section("Examples"):
        for line in dedent(lines).strip().splitlines():
            formatter.write(f"{'':{formatter.current_indent}}{line}\n")
