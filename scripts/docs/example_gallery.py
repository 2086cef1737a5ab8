"""Run the examples of the gallery, and make a page, a picture and a notebook from each.

An example is a script in docs/gallery in the percent format: cells begin with ``# %%``, and text is in cells that begin
with ``# %% [markdown]``. The last cell draws ``figure``.
"""

from __future__ import annotations

import io
import json
import re
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "gallery"


@dataclass(frozen=True)
class Example:
    """Script of an example, split into its parts."""

    path: Path
    title: str
    text: str
    cells: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of the files that are made from the example."""
        return self.path.stem

    @classmethod
    def read(cls, path: Path) -> Example:
        """Read a script, whose first cell is text that begins with the title."""
        _, first, *cells = re.split(r"^# %%", path.read_text(encoding="utf-8"), flags=re.M)
        marker, _, text = first.partition("\n")
        title, _, text = re.sub(r"^# ?", "", text, flags=re.M).strip().partition("\n")
        if marker.strip() != "[markdown]" or not title.startswith("# "):
            raise ValueError(f"{path}: the first cell must be text that begins with a title")
        return cls(path, title[2:], text.strip(), tuple(cell.strip() for cell in cells))

    def run(self) -> tuple[str, dict[str, Any]]:
        """Run all cells in one namespace; return what they print, and the namespace."""
        import matplotlib

        matplotlib.use("agg")
        namespace: dict[str, Any] = {"__name__": "__main__"}
        with redirect_stdout(io.StringIO()) as printed:
            exec(compile(self.path.read_text(encoding="utf-8"), str(self.path), "exec"), namespace)
        return printed.getvalue(), namespace


def examples() -> list[Example]:
    """Return all examples, in the order of their names."""
    return [Example.read(path) for path in sorted(FOLDER.glob("*.py"))]


def picture(namespace: dict[str, Any]) -> bytes:
    """Return the figure of an example as PNG, without axes and background, so that it fits both themes."""
    import matplotlib.pyplot as plt
    from PIL import Image

    figure = namespace["figure"]
    for axes in figure.axes:
        axes.set_axis_off()
    raw, small = io.BytesIO(), io.BytesIO()
    figure.savefig(raw, format="png", dpi=110, transparent=True)
    plt.close(figure)
    Image.open(raw).quantize(256, method=Image.Quantize.FASTOCTREE).save(small, "PNG", optimize=True)
    return small.getvalue()


def notebook(example: Example) -> str:
    """Return an example as a Jupyter notebook without outputs."""
    text = [("markdown", f"# {example.title}\n\n{example.text}")]
    code = [("code", cell) for cell in example.cells]
    cells = []
    for number, (kind, source) in enumerate(text + code):
        cell: dict[str, Any] = {"cell_type": kind, "id": str(number), "metadata": {}, "source": source}
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        cells.append(cell)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    content = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def page(example: Example, printed: str) -> str:
    """Return the page of an example."""
    name, (*work, drawing) = example.name, example.cells
    parts = [
        f"# {example.title}",
        example.text,
        f"![{example.title}: before and after]({name}.png)",
        *(f"```python\n{cell}\n```" for cell in work),
        f"Output:\n\n```text\n{printed.strip()}\n```",
        '??? note "Code for the picture"\n\n' + _indented(f"```python\n{drawing}\n```"),
        f"Download: [{name}.py]({name}.py){{ download }} · [{name}.ipynb]({name}.ipynb){{ download }}",
    ]
    return "\n\n".join(parts) + "\n"


def _indented(text: str) -> str:
    return re.sub(r"^(?=.)", "    ", text, flags=re.M)


def overview(all_examples: list[Example]) -> str:
    """Return the start page of the gallery."""
    cards = [
        f"-   [![]({each.name}.png)]({each.name}.md)\n\n    [{each.title}]({each.name}.md)"
        for each in all_examples
    ]
    return (
        "# Gallery\n\n"
        "Each example was run when this site was built. The images are generated in the example or included in scikit-image, "
        "scikit-learn or Matplotlib, so nothing is downloaded.\n\n"
        '<div class="grid cards gallery" markdown>\n\n' + "\n\n".join(cards) + "\n\n</div>\n"
    )
