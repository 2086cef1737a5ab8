"""Image files of all supported formats: OME-Zarr, TIFF, PNG, JPEG, and more with optional packages."""

from __future__ import annotations

import os
import stat
import warnings
from pathlib import Path

from . import medical, microscopy, ome_zarr, tiff
from .image_file import ImageFile, Location, Unsupported, Url, location

# Pillow's modes that must be converted to gray, RGB or RGBA with at least 8 bits per sample.
_CONVERTED = {"LA": "RGBA", "La": "RGBA", "PA": "RGBA", "P": "RGB", "RGBX": "RGB", "RGBa": "RGBA"}
_CONVERTED |= dict.fromkeys(("CMYK", "YCbCr", "LAB", "HSV"), "RGB")

_HEAD_BYTES = 132  # enough to recognize the format of a file

# Signatures of unsupported formats: position, signature and name.
_OTHER_FORMATS = {
    (0, b"\x89HDF\r\n\x1a\n"): "HDF5",
    (0, b"\x1f\x8b"): "gzip",
}

_FORMATS = {
    ".nii": "NIfTI", ".nii.gz": "NIfTI", ".nrrd": "NRRD", ".nhdr": "NRRD", ".mha": "MetaImage",
    ".mhd": "MetaImage", ".dcm": "DICOM", ".czi": "CZI", ".nd2": "ND2", ".lif": "LIF",
}  # fmt: skip
"""Formats that optional packages read, by extension."""

_EXTRA = "formats"  # the extra that installs these packages
_EXTRA_PACKAGES = ("SimpleITK", "bioio_czi", "bioio_nd2", "bioio_lif")

_SPECIAL_FILES = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def read_image(at: str | os.PathLike[str], *, series: int | None = None, axes: str = "") -> ImageFile:
    """Read an image file: OME-Zarr, TIFF (also multi-page, ImageJ or OME), PNG or JPEG.

    With ``pip install 'napari-kmeans[formats]'``, also read NRRD, MetaImage (MHA, MHD), NIfTI, DICOM (a file,
    or the folder of a series), CZI, ND2 and LIF.

    OME-Zarr images and large TIFF files are only opened; their pixels are read on demand. Palettes become
    colours, gray with alpha becomes RGBA, white-is-zero is inverted, and pictures are turned upright
    according to their EXIF orientation. Whether a TIFF contains colours depends on its tags, not its shape.

    Parameters
    ----------
    at : str or path
        A file, or the folder or URL of an OME-Zarr image.
    series : int, optional
        Index from 0 of the image to read, if a TIFF, CZI, ND2 or LIF file contains several. By default the
        first image is read, with a warning.
    axes : str, optional
        Letters of the axes, such as ``"TZYX"``, for files with wrong axes in their metadata: T time, Z depth,
        C channel, Y row, X column, S colour sample.

    Returns
    -------
    ImageFile
        Pixels, axes, pixel size, unit and names of the channels. `segment`, `fit` and `predict` accept it
        directly.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If it is empty, damaged or not supported.

    Warns
    -----
    UserWarning
        If only part of the file is used.
    """
    at = location(at) if type(at) is str else at if isinstance(at, Url) else Path(at)
    head = _read_head(at) if isinstance(at, Path) and not at.is_dir() else b""
    try:
        image = _read(at, head, series, axes)
    except Exception as error:  # decoders raise exceptions of any type
        raise ValueError(f"{at} {_reason(error, at, head)}") from _cause(error)
    if not image.data.size:
        raise ValueError(f"{at} contains no pixels")
    if head.startswith(b"\x89PNG") and head[24] == 16 and head[25] in (2, 4, 6):
        warnings.warn(f"{at} has 16 bits per colour sample; only 8 are used", UserWarning, stacklevel=2)
    return image


def _read(at: Location, head: bytes, series: int | None, axes: str) -> ImageFile:
    """Read an image with the reader for its format."""
    path = Path(at)
    kind = microscopy.kind_of(path, head) if head else ""
    if head.startswith(tiff.MAGIC) and not kind and not medical.is_readable(path, head):
        return tiff.read(path, series, axes)
    if series and not kind:
        raise Unsupported(f"contains a single image, so there is no series {series}")
    image = microscopy.read(path, kind, series) if kind else _read_single(at, head)
    return image.with_axes(axes) if axes else image


def _read_single(at: Location, head: bytes) -> ImageFile:
    """Read a file that holds one image."""
    if not head:
        return medical.read(at) if isinstance(at, Path) and is_series(at) else ome_zarr.read(at)
    path = Path(at)
    is_medical = medical.is_readable(path, head)
    if head.startswith(tiff.MAGIC):
        try:
            return tiff.read(path)
        except Exception:  # decoders raise exceptions of any type
            if not is_medical:  # a DICOM file may begin like a TIFF, or even be a TIFF as well
                raise
    return (medical.read if is_medical else _read_picture)(path)


def _read_head(path: Path) -> bytes:
    """Read the first bytes of a file.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
    ValueError
        If it is empty, or not a regular file: reading from a named pipe could block forever.
    """
    kind = stat.S_IFMT(path.stat().st_mode)
    if kind != stat.S_IFREG:
        raise ValueError(
            f"{path} is {_SPECIAL_FILES.get(kind, 'not a file')}; only regular files and folders can be read"
        )
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        raise ValueError(f"{path} is empty")
    return head


def _reason(error: Exception, at: Location, head: bytes) -> str:
    """Return why a file cannot be read, as a sentence without its subject."""
    if isinstance(error, ModuleNotFoundError) and error.name in _EXTRA_PACKAGES:
        kind = medical.suffix_of(Path(at)) or microscopy.kind_of(Path(at), head) or ".dcm"
        return (
            f"is a {_FORMATS[kind]} file, which needs other packages: pip install 'napari-kmeans[{_EXTRA}]'"
        )
    for (begin, signature), name in _OTHER_FORMATS.items():
        if head[begin:].startswith(signature) and not medical.suffix_of(Path(at)):  # NIfTI may be gzipped
            return f"is a {name} file, which is not supported; convert it to OME-Zarr or TIFF"
    if isinstance(error, Unsupported):
        return str(error)
    if isinstance(error, MemoryError):
        return "needs more memory than is available"
    if isinstance(error, ModuleNotFoundError):
        return f"cannot be read without {error.name}: pip install 'napari-kmeans[cli]'"
    message = " ".join(str(error).split()) or type(error).__name__
    name = "a DICOM file" if medical.is_dicom(head) else "an image"
    return f"cannot be read as {name} ({message})"


def _cause(error: Exception) -> Exception | None:
    """Return the exception to chain: only those of decoders add information."""
    return None if isinstance(error, Unsupported | MemoryError | ModuleNotFoundError) else error


SUFFIXES = (
    ".tif", ".tiff", ".btf", ".lsm", ".stk", ".svs", ".ndpi", ".scn",
    ".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp",
    *_FORMATS,
)  # fmt: skip
"""Extensions of image files, for searching a folder."""


def label_suffix(at: Location) -> str:
    """Return the extension for labels that are written in the format of their image, or as TIFF."""
    if is_store(at):
        return ".ome.zarr"
    return (medical.label_suffix(at) if isinstance(at, Path) else "") or ".tif"


def is_series(at: Path) -> bool:
    """Return whether a folder contains a DICOM series, which is read as one image."""
    return at.is_dir() and not is_store(at) and medical.has_series(at)


def is_store(at: Location) -> bool:
    """Return whether a location is read as OME-Zarr."""
    return isinstance(at, Url) or at.suffix.lower() == ".zarr" or ome_zarr.is_store(at)


def _read_picture(path: Path) -> ImageFile:
    """Read PNG, JPEG and other formats that Pillow supports."""
    import imageio.v3 as iio
    from PIL import Image

    try:
        # Pillow refuses pictures above 179 megapixels to prevent attacks; these are chosen by the user.
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            file = iio.imopen(path, "r", plugin="pillow")
        except OSError:
            raise Unsupported(
                "is not a supported image: OME-Zarr, TIFF, PNG, JPEG, BMP, GIF or WebP"
            ) from None
        with file:
            info = file.metadata(index=0, exclude_applied=False)
            mode = _CONVERTED.get(info["mode"])
            if "transparency" in info and info["mode"] in ("1", "L", "P", "RGB"):
                mode = "RGBA"
            data = file.read(index=0, mode=mode, rotate=True)
            n_images = file.properties(index=...).n_images or 1
    finally:
        Image.MAX_IMAGE_PIXELS = limit
    if n_images > 1:
        warnings.warn(f"{path} contains {n_images} images; only the first is used", UserWarning, stacklevel=3)
    return ImageFile(path, data, "YX" if data.ndim == 2 else "YXS")
