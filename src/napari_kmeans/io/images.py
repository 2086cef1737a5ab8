"""Image files of any kind: OME-Zarr, TIFF, PNG and JPEG."""

from __future__ import annotations

import warnings
from pathlib import Path

from . import ome_zarr, tiff
from .image_file import ImageFile, Location, Unsupported, Url

# Pillow's modes that need another one to be gray, RGB or RGBA with at least 8 bits a sample.
_CONVERTED = {"LA": "RGBA", "La": "RGBA", "PA": "RGBA", "P": "RGB", "RGBX": "RGB", "RGBa": "RGBA"}
_CONVERTED |= dict.fromkeys(("CMYK", "YCbCr", "LAB", "HSV"), "RGB")


def read_image(at: Location) -> ImageFile:
    """Read an OME-Zarr image, TIFF (also multi-page, of ImageJ or OME), PNG or JPEG file.

    OME-Zarr and large TIFF are only opened; their pixels are read when they are asked for. Palettes become
    colours, gray with alpha becomes RGBA, and white-is-zero is turned over; whether a TIFF holds colours is
    told by its tags, never by its size.

    Parameters
    ----------
    at : Path or Url
        A file, or the folder or address of an OME-Zarr image.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If it is empty, damaged, or of a kind that is not supported.

    Warns
    -----
    UserWarning
        If only a part of what is in the file can be had.
    """
    if not isinstance(at, Url):
        at = Path(at)
    head = b""
    if isinstance(at, Path) and not at.is_dir():
        with at.open("rb") as file:
            head = file.read(26)
        if not head:
            raise ValueError(f"{at} is empty")
    try:
        if not head:
            image = ome_zarr.read(at)
        else:
            image = (tiff.read if head.startswith(tiff.MAGIC) else _read_picture)(Path(at))
    except Unsupported as error:
        raise ValueError(f"{at} {error}") from None
    except MemoryError:
        raise ValueError(f"{at} needs more memory than there is") from None
    except ModuleNotFoundError as error:
        raise ValueError(f"{at} needs {error.name} to be read: pip install 'napari-kmeans[cli]'") from None
    except Exception as error:  # decoders raise anything at all on what they cannot read
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{at} cannot be read as an image ({reason})") from error
    if not image.data.size:
        raise ValueError(f"{at} holds no pixel")
    if head.startswith(b"\x89PNG") and head[24] == 16 and head[25] in (2, 4, 6):
        warnings.warn(f"{at} has 16 bits a colour sample, of which 8 are used", UserWarning, stacklevel=2)
    return image


def is_store(at: Location) -> bool:
    """Whether something is read as OME-Zarr."""
    return isinstance(at, Url) or at.suffix.lower() == ".zarr" or ome_zarr.is_store(at)


def _read_picture(path: Path) -> ImageFile:
    """Read PNG, JPEG and what else Pillow knows."""
    import imageio.v3 as iio
    from PIL import Image

    try:
        # Pillow takes pictures above 179 megapixels for an attack; these are chosen by who runs this.
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            file = iio.imopen(path, "r", plugin="pillow")
        except OSError:
            raise Unsupported("is no image of a known kind: OME-Zarr, TIFF, PNG or JPEG") from None
        with file:
            info = file.metadata(index=0, exclude_applied=False)
            mode = _CONVERTED.get(info["mode"])
            if "transparency" in info and info["mode"] in ("1", "L", "P", "RGB"):
                mode = "RGBA"
            data = file.read(index=0, mode=mode)
            frames = file.properties(index=...).n_images or 1
    finally:
        Image.MAX_IMAGE_PIXELS = limit
    if frames > 1:
        warnings.warn(
            f"{path} holds {frames} pictures, of which the first is used", UserWarning, stacklevel=3
        )
    return ImageFile(path, data, "YX" if data.ndim == 2 else "YXS")
