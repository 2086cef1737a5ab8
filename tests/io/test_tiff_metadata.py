"""Names, sizes and map coordinates of TIFF files."""

from __future__ import annotations

import numpy as np
import pytest

import napari_kmeans

tifffile = pytest.importorskip("tifffile")

GRAY = np.arange(600, dtype=np.uint8).reshape(20, 30)
SERIES = np.stack([GRAY, GRAY[::-1], 255 - GRAY])


def tiff(folder, data, **options):
    tifffile.imwrite(folder / "image.tif", data, **options)
    return napari_kmeans.read_image(folder / "image.tif")


class TestNames:
    def test_channels_of_an_ome_tiff(self, tmp_path):
        names = {"axes": "CYX", "Channel": {"Name": ["DAPI", "GFP", "RFP"]}}
        image = tiff(tmp_path, SERIES, ome=True, photometric="minisblack", metadata=names)
        assert image.channel_names == ("DAPI", "GFP", "RFP")
        np.testing.assert_array_equal(image.channel("GFP").data, SERIES[1])

    def test_a_single_channel_of_an_ome_tiff(self, tmp_path):
        image = tiff(tmp_path, SERIES, ome=True, photometric="minisblack", metadata={"axes": "TYX"})
        assert image.channel_names == image.time_names == ()

    def test_time_of_an_ome_tiff(self, tmp_path):
        metadata = {"axes": "TYX", "TimeIncrement": 2.5, "TimeIncrementUnit": "min"}
        image = tiff(tmp_path, SERIES, ome=True, photometric="minisblack", metadata=metadata)
        assert image.pixel_size == {"T": 2.5}
        assert image.time_unit == "min"
        assert image.time_names == ()

    def test_uneven_times_of_an_ome_tiff(self, tmp_path):
        planes = {"DeltaT": [0, 10, 40.5], "DeltaTUnit": ["s"] * 3}
        metadata = {"axes": "TYX", "Plane": planes}
        image = tiff(tmp_path, SERIES, ome=True, photometric="minisblack", metadata=metadata)
        assert image.time_names == ("0 s", "10 s", "40.5 s")

    def test_channels_and_time_steps_of_imagej(self, tmp_path):
        labels = ["DAPI", "GFP", "RFP"]
        image = tiff(tmp_path, SERIES, imagej=True, metadata={"axes": "CYX", "Labels": labels})
        assert image.channel_names == tuple(labels)
        assert image.time_names == ()
        image = tiff(
            tmp_path, SERIES, imagej=True, metadata={"axes": "TYX", "Labels": labels, "finterval": 30.0}
        )
        assert image.time_names == tuple(labels)
        assert image.channel_names == ()
        assert (image.pixel_size["T"], image.time_unit) == (30.0, "s")

    def test_labels_of_planes_that_name_neither_axis(self, tmp_path):
        data = np.stack([SERIES, SERIES])
        labels = [f"t{t} c{c}" for t in range(2) for c in range(3)]
        image = tiff(tmp_path, data, imagej=True, metadata={"axes": "TCYX", "Labels": labels})
        assert image.channel_names == image.time_names == ()
        image = tiff(tmp_path, data, imagej=True, metadata={"axes": "TCYX", "Labels": ["a", "b", "c"] * 2})
        assert image.channel_names == ("a", "b", "c")

    def test_labels_keep_the_names_of_time_steps(self, tmp_path):
        metadata = {"axes": "TYX", "Labels": ["before", "during", "after"], "finterval": 30.0}
        image = tiff(tmp_path, SERIES, imagej=True, metadata=metadata)
        labels, _ = napari_kmeans.segment(image, 2)
        napari_kmeans.write_labels(tmp_path / "labels.tif", labels, image)
        back = napari_kmeans.read_image(tmp_path / "labels.tif")
        assert back.time_names == ("before", "during", "after")
        assert back.pixel_size["T"] == 30


class TestInstruments:
    def test_fei_pixel_size_is_read(self, tmp_path):
        text = b"[Scan]\r\nPixelWidth=5e-009\r\nPixelHeight=6e-009\r\n"
        image = tiff(tmp_path, GRAY, photometric="minisblack", extratags=[(34682, 7, len(text), text, True)])
        assert image.pixel_size == pytest.approx({"X": 0.005, "Y": 0.006})
        assert image.unit == "um"

    @pytest.mark.parametrize(("unit", "factor"), [("nm", 1e-3), ("µm", 1.0), ("pm", 1e-6)])
    def test_zeiss_sem_pixel_size_is_read(self, tmp_path, unit, factor):
        text = f"0\r\n0\r\n0\r\n1e-9\r\nAP_IMAGE_PIXEL_SIZE\r\nImage Pixel Size = 11.2 {unit}\r\n".encode(
            "cp1252"
        )
        image = tiff(tmp_path, GRAY, photometric="minisblack", extratags=[(34118, 7, len(text), text, True)])
        assert image.pixel_size == pytest.approx({"X": 11.2 * factor, "Y": 11.2 * factor})
        assert image.unit == "um"

    def test_aperio_pixel_size_is_read(self, tmp_path):
        text = "Aperio Image Library v1.0|AppMag = 20|MPP = 0.4990"
        image = tiff(tmp_path, GRAY, photometric="minisblack", tile=(16, 16), description=text, metadata=None)
        assert image.pixel_size == {"Y": 0.499, "X": 0.499}
        assert image.unit == "um"

    def test_a_size_that_is_not_a_number_is_ignored(self, tmp_path):
        text = b"[Scan]\r\nPixelWidth=?\r\n"
        image = tiff(tmp_path, GRAY, photometric="minisblack", extratags=[(34682, 7, len(text), text, True)])
        assert image.pixel_size == {}


KEYS = (1, 1, 0, 4, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633, 3076, 0, 1, 9001)  # UTM 33N, metres


def geotiff(folder, data, keys=KEYS, nodata="0", **options):
    tags = [
        (33550, 12, 3, (10.0, 10.0, 0.0), True),
        (33922, 12, 6, (0.0, 0.0, 0.0, 500_000.0, 4_200_000.0, 0.0), True),
        (34735, 3, len(keys), keys, True),
        (34737, 2, 0, "WGS 84 / UTM zone 33N|", True),
        (42113, 2, 0, nodata, True),
    ]
    return tiff(folder, data, photometric="minisblack", extratags=tags, **options)


class TestGeoTiff:
    def test_labels_keep_the_map_coordinates_of_the_image(self, tmp_path):
        data = np.where(GRAY < 40, 7, GRAY)
        image = geotiff(tmp_path, data, nodata="7")
        assert image.pixel_size == {"Y": 10.0, "X": 10.0}
        assert image.unit == "m"
        labels, model = napari_kmeans.segment(image, 2)
        np.testing.assert_array_equal(labels == 0, data == 7)
        assert model.recipe.exclude == (7,)
        napari_kmeans.write_labels(tmp_path / "labels.tif", labels, image)
        with (
            tifffile.TiffFile(tmp_path / "image.tif") as source,
            tifffile.TiffFile(tmp_path / "labels.tif") as out,
        ):
            assert out.geotiff_metadata == source.geotiff_metadata
            assert out.geotiff_metadata["ProjectedCSTypeGeoKey"] == 32633
            assert out.pages.first.nodata == 0
        assert napari_kmeans.read_image(tmp_path / "labels.tif").nodata == 0

    def test_a_channel_keeps_the_map_coordinates(self, tmp_path):
        image = geotiff(tmp_path, np.moveaxis(SERIES, 0, -1), planarconfig="contig").channel("1")
        napari_kmeans.write_labels(tmp_path / "labels.tif", np.ones((20, 30), np.uint8), image)
        with tifffile.TiffFile(tmp_path / "labels.tif") as out:
            assert out.geotiff_metadata["ModelPixelScale"] == [10.0, 10.0, 0.0]

    def test_degrees_are_not_a_pixel_size(self, tmp_path):
        keys = (1, 1, 0, 2, 1024, 0, 1, 2, 2048, 0, 1, 4326)
        image = geotiff(tmp_path, GRAY, keys)
        assert image.pixel_size == {}
        assert len(image.geo_tags) == 4

    def test_files_without_map_coordinates_give_labels_without_them(self, tmp_path):
        image = tiff(tmp_path, GRAY)
        napari_kmeans.write_labels(tmp_path / "labels.tif", GRAY, image)
        with tifffile.TiffFile(tmp_path / "labels.tif") as out:
            assert out.geotiff_metadata is None
            assert 42113 not in out.pages.first.tags
