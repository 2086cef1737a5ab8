"""Image files of whatever kind: pictures, TIFF and OME-Zarr in; label images out."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks.loop import Progress
from ..model.model import KMeansModel
from ..model.stack import KMeansStack
from ..report.palette import distinct_colors
from ..report.tables import cluster_table
from . import ome_zarr as ngff
from . import ome_zarr_labels as ngff_labels
from . import tiff
from .image_file import ImageFile, Location, Store, Unsupported, Url

_ORDER = "TCZYX"
_LETTERS = {letter.lower(): letter for letter in _ORDER} | {"time": "T", "channel": "C"}

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
            image = ngff.read(at)
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
    return isinstance(at, Url) or at.suffix.lower() == ".zarr" or ngff.is_store(at)


def is_ngff_path(path: Path) -> bool:
    """Whether labels of this path are OME-Zarr: by its extension, or because it lies in an image."""
    if path.suffix.lower() in tiff.SUFFIXES:
        return False
    return path.suffix.lower() == ".zarr" or ngff_labels.host_of(path) is not None


def write_labels(
    path: Path,
    labels: Any,
    image: ImageFile,
    *,
    model: KMeansModel | KMeansStack | None = None,
    colors: Mapping[int, Sequence[float]] | None = None,
    properties: Sequence[Mapping[str, Any]] | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> None:
    """Write the labels of an image, as OME-Zarr or as TIFF; see `ngff_labels.write` and `tiff.write`.

    Parameters
    ----------
    path : Path
        In a folder that exists. OME-Zarr for ``….zarr`` and for ``labels/NAME`` in an OME-Zarr image.
    labels : integer array
        NumPy or dask; its axes are the image's `spatial_axes`.
    image : ImageFile
        Where axes, pixel size and unit are taken from.
    model : KMeansModel or KMeansStack, optional
        What made the labels; OME-Zarr keeps it.
    colors : mapping of int to (4,) floats, optional
        RGBA of labels, 0 to 1, for OME-Zarr; if not given, colours of the clusters that can be told apart.
    properties : sequence of mappings, optional
        What is known of labels, each with a ``"label-value"``, for OME-Zarr; if not given, names, centres and
        sizes of the clusters.
    overwrite : bool
        Replace what is there.
    progress : callable, optional
        Called with the share done, 0 to 1; what it raises ends the work.

    Raises
    ------
    FileExistsError
        Without `overwrite`, if there is a file already.
    OSError
        If it cannot be written; nothing is left then.
    ValueError
        If the format cannot hold such labels, or so many.
    """
    if not is_ngff_path(path):
        tiff.write(path, labels, image, overwrite=overwrite, progress=progress)
        return

    def known(counts: NDArray[np.int64] | None) -> ngff_labels.Known:
        if model is None:
            return ngff_labels.Known(colors or {}, properties or ())
        return ngff_labels.Known(
            _colors(model) if colors is None else colors,
            _properties(model, counts) if properties is None else properties,
            model.to_json(),
        )

    ngff_labels.write(path, labels, image, known=known, overwrite=overwrite, progress=progress)


def export(
    path: Path,
    labels: Any,
    *,
    axis_labels: Sequence[str] = (),
    scale: Sequence[float] = (),
    translate: Sequence[float] = (),
    units: Sequence[Any] = (),
    source: Location | None = None,
    model: KMeansModel | KMeansStack | None = None,
    colors: Mapping[int, Sequence[float]] | None = None,
    properties: Sequence[Mapping[str, Any]] | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> None:
    """Write labels that are in no file yet, such as those of a napari layer.

    Parameters
    ----------
    path : Path
        ``….ome.zarr``, ``….tif``, or ``labels/NAME`` in the OME-Zarr image that the labels belong to.
    labels : integer array
        NumPy, dask, or what can be cut like them.
    axis_labels : sequence of str, optional
        Names of axes; t, z, y and x are known, otherwise they are taken to be the last of these.
    scale, translate : sequences of float, optional
        Distance of pixels along each axis, and where the first lies.
    units : sequence, optional
        Of both, by name or as napari has them, such as "micrometer"; "pixel" and "" if not known.
    source : Path or Url, optional
        Of the image, if it lies in an OME-Zarr: its labels get the same levels, unless they have been scaled
        or moved since.
    model, colors, properties, overwrite, progress
        As for `write_labels`.

    Raises
    ------
    FileExistsError, OSError
        As for `write_labels`.
    ValueError
        If the format cannot hold such labels.
    """
    if labels.ndim > len(_ORDER):
        raise ValueError(
            f"labels have {labels.ndim} dimensions; at most time, channel, z, y and x can be written"
        )
    letters = _letters(axis_labels, labels.ndim)
    size = dict(zip(letters, map(float, scale if len(scale) else [1.0] * labels.ndim), strict=True))
    origin = dict(zip(letters, map(float, translate if len(translate) else [0.0] * labels.ndim), strict=True))
    named = {
        letter: ngff.UNITS.get(str(unit), str(unit)) for letter, unit in zip(letters, units, strict=False)
    }
    order = sorted(range(labels.ndim), key=lambda axis: _ORDER.index(letters[axis]))
    if order != list(range(labels.ndim)):
        labels = np.transpose(labels, order)
        letters = "".join(letters[axis] for axis in order)
    spatial = {named.get(letter, "pixel") for letter in letters if letter in "ZYX"} - {"pixel", ""}
    image = ImageFile(
        path,
        labels,
        letters,
        pixel_size=size if units or any(length != 1 for length in size.values()) else {},
        unit=spatial.pop() if len(spatial) == 1 else "",
        time_unit=named.get("T", "").replace("pixel", ""),
        origin=origin,
        store=_store(
            path, source, labels.shape, *([along[letter] for letter in letters] for along in (size, origin))
        ),
    )
    write_labels(
        path,
        labels,
        image,
        model=model,
        colors=colors,
        properties=properties,
        overwrite=overwrite,
        progress=progress,
    )


def _letters(names: Sequence[str], ndim: int) -> str:
    """One letter an axis, by its name if all have one that is known."""
    letters = "".join(_LETTERS.get(str(name).lower(), "?") for name in names)
    if len(letters) == ndim == len(set(letters) - {"?"}) and {"Y", "X"} <= set(letters):
        return letters
    return {1: "X", 2: "YX", 3: "ZYX", 4: "TZYX"}.get(ndim, _ORDER[-ndim:])


def _store(
    path: Path,
    source: Location | None,
    shape: tuple[int, ...],
    scale: Sequence[float],
    translation: Sequence[float],
) -> Store | None:
    """How the image describes itself that labels belong to, if it lies in an OME-Zarr, and as they do."""
    host = ngff_labels.host_of(path)
    place = host or source
    try:
        image = None if place is None else ngff.read(place)
    except (OSError, ValueError):
        return None
    if image is None:
        return None
    store = image.store
    assert store is not None
    if "C" in image.axes:
        store = store.without(image.axes.index("C"))
    full = store.levels[0]
    # Whoever has moved or scaled the layer meant it.
    as_there = np.allclose(full.scale, scale) and np.allclose(full.translation, translation)
    return store if full.shape == shape and (as_there or host is not None) else None


def _colors(model: KMeansModel | KMeansStack) -> dict[int, Sequence[float]]:
    """Colours of the labels that a model gives."""
    if isinstance(model, KMeansStack):
        return dict(enumerate(distinct_colors(max(each.n_clusters for each in model)).tolist(), start=1))
    colors = distinct_colors(model.n_clusters).tolist()
    return {label: colors[label - 1] for label in cluster_table(model)["index"]}


def _properties(model: KMeansModel | KMeansStack, counts: NDArray[np.int64] | None) -> list[dict[str, Any]]:
    """What is known of the clusters; of those of a stack it is another thing at each position.

    The model may have been fitted to another image, and labels may have been cleaned up since: how many there
    are of each is counted.
    """
    if isinstance(model, KMeansStack):
        return []
    table = cluster_table(model)
    if counts is not None:
        pixels = [int(counts[label - 1]) for label in table["index"]]
        if pixels != table["pixels"]:
            total = max(1, int(counts.sum()))
            table |= {"pixels": pixels, "share": [n / total for n in pixels]}
    table = {"label-value": table.pop("index"), **table}
    rows = (dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True))
    return [{name: value for name, value in row.items() if value == value} for row in rows]  # no NaN in JSON


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
