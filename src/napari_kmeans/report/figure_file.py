"""Figures in PNG, SVG and PDF files, with a record of how they were made."""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO, Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..io.atomic import replacing
from ..io.record import KEY


def save_figure(path: Path, figure: Figure, record: str = "", *, overwrite: bool = False) -> None:
    """Write a figure as PNG, SVG or PDF; the same figure always gives the same bytes.

    Raises
    ------
    FileExistsError
        Without `overwrite`, if the file exists.
    OSError
        If the file cannot be written; no partial file remains.
    """
    kind = path.suffix.lower().removeprefix(".")
    # Without a salt, identifiers in SVG are random. Stronger compression takes longer than drawing.
    with (
        matplotlib.rc_context({"svg.hashsalt": "napari-kmeans", "pdf.compression": 1}),
        replacing(path, overwrite=overwrite) as partial,
        partial.open("wb") as file,
    ):
        if kind == "png":
            _write_png(file, figure, record)
        else:
            metadata = {
                "svg": {"Date": None, "Description": record or None},
                "pdf": {"CreationDate": None, "Subject": record or None},
            }[kind]
            figure.savefig(file, format=kind, metadata=metadata)


def _write_png(file: IO[bytes], figure: Figure, record: str = "") -> None:
    """Write a figure without transparency, compressed quickly: files are 2 % larger, in a third of the time."""
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    details = PngInfo()
    if record:
        details.add_text(KEY, record)
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
    picture.save(file, "png", compress_level=1, dpi=(figure.dpi, figure.dpi), pnginfo=details)


def png_of(figure: Figure) -> bytes:
    """Return a figure as the content of a PNG file."""
    content = io.BytesIO()
    _write_png(content, figure)
    return content.getvalue()
