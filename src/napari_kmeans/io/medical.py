"""NRRD, MetaImage, NIfTI and DICOM, read and written by SimpleITK, an optional dependency."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ..blocks.arrays import in_memory
from .atomic import replacing
from .image_file import MICROMETERS, ImageFile, MedicalGrid, Unsupported

# Extensions of labels by the extension of their image. For separate headers and pixels, the labels are a
# single file.
_LABEL_SUFFIXES = {
    ".nii.gz": ".nii.gz",
    ".nii": ".nii",
    ".nrrd": ".nrrd",
    ".nhdr": ".nrrd",
    ".mha": ".mha",
    ".mhd": ".mha",
}

SUFFIXES = (*_LABEL_SUFFIXES, ".dcm")
"""Extensions of files that are read."""

_WRITERS = {".nii.gz": "NiftiImageIO", ".nii": "NiftiImageIO", ".nrrd": "NrrdImageIO", ".mha": "MetaImageIO"}

_DICOM = (128, b"DICM")  # position of the signature, and the signature


def suffix_of(path: Path) -> str:
    """Return the extension of a file that this module reads, in lower case; empty for others."""
    name = path.name.lower()
    return next((suffix for suffix in SUFFIXES if name.endswith(suffix)), "")


def label_suffix(path: Path) -> str:
    """Return the extension of the labels of an image; empty if labels cannot be written in its format."""
    return _LABEL_SUFFIXES.get(suffix_of(path), "")


def is_readable(path: Path, head: bytes) -> bool:
    """Return whether a file has one of these formats.

    Parameters
    ----------
    path : Path
    head : bytes
        Its first bytes.
    """
    return bool(suffix_of(path)) or is_dicom(head)


def is_dicom(head: bytes) -> bool:
    """Return whether a file that begins with these bytes is a DICOM file."""
    begin, signature = _DICOM
    return head[begin:].startswith(signature)


def has_series(folder: Path) -> bool:
    """Return whether a folder contains DICOM files."""
    begin, signature = _DICOM
    for path in folder.iterdir():
        if path.is_file() and path.suffix.lower() in (".dcm", ".ima", ""):
            with path.open("rb") as file:
                if file.read(begin + len(signature))[begin:] == signature:
                    return True
    return False


def read(path: Path) -> ImageFile:
    """Read a file, or the DICOM series in a folder.

    Lengths are in mm, as these formats specify. A single slice has no depth axis.

    Warns
    -----
    UserWarning
        If a folder contains several series; the first is used.
    """
    import SimpleITK

    # ITK would print its warnings; its errors are still raised.
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        image = _read_series(path) if path.is_dir() else SimpleITK.ReadImage(str(path))
    except RuntimeError as error:
        raise ValueError(_last_line(error)) from None
    data = SimpleITK.GetArrayFromImage(image)
    spacing, origin = image.GetSpacing(), image.GetOrigin()
    n_axes = image.GetDimension()
    if not 2 <= n_axes <= 4:
        raise Unsupported(f"has {n_axes} dimensions; 2 to 4 are supported")
    if data.dtype.kind not in "buif":
        raise Unsupported(f"has pixels of type {data.dtype}; integers and floats are supported")
    axes = "TZYX"[-n_axes:]
    grid: MedicalGrid | None = MedicalGrid(spacing, origin, image.GetDirection())
    if n_axes == 3 and data.shape[0] == 1 and suffix_of(path) not in _LABEL_SUFFIXES:
        data, axes, grid = data[0], "YX", None  # a picture in a DICOM file
    size = dict(zip(reversed(axes), spacing, strict=False))
    if image.GetNumberOfComponentsPerPixel() > 1:
        is_color = image.GetNumberOfComponentsPerPixel() in (3, 4) and data.dtype.kind == "u"
        axes += "S"
        if not is_color:
            data, axes = np.moveaxis(data, -1, len(axes) - 3), f"{axes[:-3]}CYX"
    time_unit = "s" if "T" in axes else ""
    return ImageFile(path, data, axes, size, "mm", time_unit, grid=grid)


def _read_series(folder: Path) -> Any:
    """Read the first DICOM series of a folder as a volume."""
    import SimpleITK

    series = SimpleITK.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    if not series:
        raise Unsupported("contains no DICOM series")
    if len(series) > 1:
        warnings.warn(
            f"{folder} contains {len(series)} series; only the first is used", UserWarning, stacklevel=4
        )
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder), series[0]))
    return reader.Execute()


def write(path: Path, labels: Any, image: ImageFile, *, overwrite: bool = False) -> None:
    """Write labels as NRRD, MetaImage or NIfTI, on the grid of their image.

    Parameters and errors are those of `tiff_labels.write`.
    """
    import SimpleITK

    labels = np.asarray(in_memory(labels))
    if labels.dtype == bool:
        labels = labels.astype(np.uint8)
    written = SimpleITK.GetImageFromArray(np.ascontiguousarray(labels), isVector=False)
    grid, n_axes = image.grid, labels.ndim
    if grid is not None and len(grid.spacing) == n_axes:
        written.SetSpacing(grid.spacing)
        written.SetOrigin(grid.origin)
        written.SetDirection(grid.direction)
    else:
        written.SetSpacing(_spacing(image, n_axes))
    with replacing(path, overwrite=overwrite) as partial:
        # The extension decides the format, but a partial file has another extension.
        named = partial.with_name(f"{partial.name}{label_suffix(path)}")
        try:
            _save(written, named, label_suffix(path))
            named.replace(partial)
        finally:
            named.unlink(missing_ok=True)


def _save(image: Any, path: Path, suffix: str) -> None:
    """Write a SimpleITK image in the format of an extension."""
    import SimpleITK

    writer = SimpleITK.ImageFileWriter()
    writer.SetFileName(str(path))
    writer.SetImageIO(_WRITERS[suffix])
    writer.SetUseCompression(True)
    try:
        writer.Execute(image)
    except RuntimeError as error:
        raise OSError(_last_line(error)) from None


def _spacing(image: ImageFile, n_axes: int) -> list[float]:
    """Return the pixel size of an image of another format in mm, beginning with the fastest axis."""
    to_mm = MICROMETERS[image.unit] / MICROMETERS["mm"] if image.unit in MICROMETERS else 1.0
    axes = image.spatial_axes[-n_axes:]
    return [image.pixel_size.get(axis, 1.0) * (1.0 if axis == "T" else to_mm) for axis in reversed(axes)]


def _last_line(error: Exception) -> str:
    """Return the reason in an ITK error, whose first lines are locations in the source of ITK."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return re.sub(r"^.*ERROR: |^\S+\(0x[0-9a-f]+\): ", "", lines[-1]).strip() if lines else "unknown error"
