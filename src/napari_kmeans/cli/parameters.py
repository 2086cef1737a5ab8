"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

KINDS = "OME-Zarr (a folder or a URL), TIFF, PNG or JPEG"

Images = Annotated[list[str], typer.Argument(metavar="IMAGE", help=f"{KINDS}.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "-o", "--out", metavar="OUT", help="Folder, or a .tif or .ome.zarr file for a single image."
    ),
]
InImage = Annotated[
    str,
    typer.Option(metavar="NAME", help="Write the labels into the OME-Zarr image itself, as labels/NAME."),
]
Channel = Annotated[str, typer.Option(metavar="C", help="Use one channel, by its name or its index from 0.")]
Table = Annotated[bool, typer.Option("--table", help="Also write a table of the clusters as CSV.")]
Figure = Annotated[bool, typer.Option("--figure", help="Also draw image, clusters and histogram.")]
Objects = Annotated[
    bool, typer.Option("--objects", help="Also write connected parts and their measures, as TIFF and CSV.")
]
Jobs = Annotated[
    int,
    typer.Option("-j", "--jobs", metavar="N", min=1, help="Processes to use at the same time."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")]
