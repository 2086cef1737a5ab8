from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_kmeans.io.image_file import ImageFile, Level, Store, Url, location, stem


def test_layer_keywords_have_scale_units_and_axis_labels() -> None:
    stack = ImageFile(Path("a/cells.ome.tif"), np.empty(0), "TZYXS", {"Z": 2, "Y": 0.5, "X": 0.5}, "um")
    assert stack.layer_keywords() == {
        "name": "cells",
        "rgb": True,
        "scale": (1.0, 2, 0.5, 0.5),
        "units": ("pixel", "um", "um", "um"),
        "axis_labels": ("t", "z", "y", "x"),
    }
    assert "units" not in ImageFile(Path("x.png"), np.empty(0), "YX").layer_keywords()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a/b.zarr", Path("a/b.zarr")),
        (r"C:\data\b.zarr", Path(r"C:\data\b.zarr")),
        ("file:///a/b.zarr", Path("/a/b.zarr")),
        ("s3://bucket/b.ome.zarr/?x=1", Url("s3://bucket/b.ome.zarr/?x=1")),
        ("simplecache::https://host/b.zarr", Url("simplecache::https://host/b.zarr")),
    ],
)
def test_urls_are_distinguished_from_paths(text: str, expected: Path | Url) -> None:
    assert location(text) == expected
    assert type(location(text)) is type(expected)


@pytest.mark.parametrize("name", ["cells.tif", "cells.ome.tif", "a/cells.OME.zarr", "cells"])
def test_the_stem_has_no_extensions(name: str) -> None:
    assert stem(Path(name)) == "cells"
    assert stem(location(f"s3://bucket/{name}/?x=1")) == "cells"


def test_axes_decide_what_is_a_colour_or_a_channel() -> None:
    color = ImageFile(Path("x.png"), np.empty((4, 5, 3)), "YXS")
    assert (color.is_color, color.channel_axis, color.spatial_axes) == (True, 2, "YX")
    channels = ImageFile(Path("x.tif"), np.empty((2, 3, 4, 5)), "TCYX")
    assert (channels.is_color, channels.channel_axis, channels.spatial_axes) == (False, 1, "TYX")
    gray = ImageFile(Path("x.png"), np.empty((4, 5)), "YX")
    assert (gray.channel_axis, gray.is_lazy) == (None, False)


def test_channels_are_chosen_by_name_or_index() -> None:
    data = np.arange(24).reshape(3, 2, 4)
    levels = (Level((3, 2, 4), (1.0, 0.5, 0.5), (0.0,) * 3),)
    store = Store(Path("x.zarr"), "0.5", tuple({"name": name} for name in "cyx"), levels)
    image = ImageFile(
        Path("x.zarr"), data, "CYX", coarser=[data[:, ::2]], channel_names=("a", "b", "b"), store=store
    )
    one = image.channel("a")
    assert np.array_equal(one.data, data[0])
    assert np.array_equal(one.coarser[0], data[0, ::2])
    assert (one.axes, one.channel_names) == ("YX", ())
    assert one.store is not None
    assert one.store.levels[0] == Level((2, 4), (0.5, 0.5), (0.0, 0.0))
    assert [axis["name"] for axis in one.store.axes] == ["y", "x"]
    assert np.array_equal(image.channel("2").data, data[2])
    for wrong, message in (("b", "several channels 'b'"), ("3", "no channel '3'"), ("c", "no channel 'c'")):
        with pytest.raises(ValueError, match=message):
            image.channel(wrong)
    with pytest.raises(ValueError, match="it has no channels"):
        one.channel("0")
