"""NRRD, MetaImage, NIfTI and DICOM."""

from __future__ import annotations

import numpy as np
import pytest

import napari_kmeans

SimpleITK = pytest.importorskip("SimpleITK")

VOLUME = np.random.default_rng(0).integers(-1000, 2000, (4, 20, 30)).astype(np.int16)
SPACING, ORIGIN = (0.5, 0.7, 2.0), (10.0, -20.0, 30.0)
DIRECTION = (0.0, 1.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 1.0)
KINDS = ("nrrd", "mha", "nii", "nii.gz")


def itk_image(data, **options):
    image = SimpleITK.GetImageFromArray(data, **options)
    image.SetSpacing(SPACING[: image.GetDimension()])
    image.SetOrigin(ORIGIN[: image.GetDimension()])
    if image.GetDimension() == 3:
        image.SetDirection(DIRECTION)
    return image


@pytest.mark.parametrize("kind", [*KINDS, "mhd", "nhdr"])
def test_pixels_size_and_unit_are_read(tmp_path, kind):
    SimpleITK.WriteImage(itk_image(VOLUME), str(tmp_path / f"a.{kind}"))
    image = napari_kmeans.read_image(tmp_path / f"a.{kind}")
    np.testing.assert_array_equal(image.data, VOLUME)
    assert image.axes == "ZYX"
    assert image.pixel_size == pytest.approx({"Z": 2.0, "Y": 0.7, "X": 0.5})
    assert (image.unit, image.stem) == ("mm", "a")


@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_written_in_the_same_kind_on_the_same_grid(tmp_path, kind):
    SimpleITK.WriteImage(itk_image(VOLUME), str(tmp_path / f"a.{kind}"))
    image = napari_kmeans.read_image(tmp_path / f"a.{kind}")
    labels, _ = napari_kmeans.segment(image, 3)
    napari_kmeans.write_labels(tmp_path / f"labels.{kind}", labels, image)
    source, written = (SimpleITK.ReadImage(str(tmp_path / f"{name}.{kind}")) for name in ("a", "labels"))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(written), labels)
    assert written.GetPixelID() == SimpleITK.sitkUInt8
    for name in ("GetSpacing", "GetOrigin", "GetDirection"):
        assert getattr(written, name)() == pytest.approx(getattr(source, name)())
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a.{kind}", f"labels.{kind}"]
    with pytest.raises(FileExistsError):
        napari_kmeans.write_labels(tmp_path / f"labels.{kind}", labels, image)


def test_labels_of_another_format_get_its_pixel_size(tmp_path):
    image = napari_kmeans.sample_image("cells")
    labels, _ = napari_kmeans.segment(image, 2)
    napari_kmeans.write_labels(tmp_path / "labels.nrrd", labels, image)
    written = SimpleITK.ReadImage(str(tmp_path / "labels.nrrd"))
    assert written.GetSpacing() == pytest.approx((0.0002, 0.0002, 0.0005))  # mm


def test_planes_series_and_colours_are_read(tmp_path):
    for data, axes in [
        (VOLUME[0], "YX"),
        (np.stack([VOLUME, VOLUME]), "TZYX"),
    ]:
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(data, isVector=False), str(tmp_path / "a.nrrd"))
        image = napari_kmeans.read_image(tmp_path / "a.nrrd")
        assert image.axes == axes
        np.testing.assert_array_equal(image.data, data)
    colors = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(colors, isVector=True), str(tmp_path / "b.mha"))
    image = napari_kmeans.read_image(tmp_path / "b.mha")
    assert image.axes == "YXS"
    np.testing.assert_array_equal(image.data, colors)
    vectors = np.moveaxis(VOLUME[:2], 0, -1)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(vectors, isVector=True), str(tmp_path / "c.mha"))
    image = napari_kmeans.read_image(tmp_path / "c.mha")
    assert image.axes == "CYX"
    np.testing.assert_array_equal(image.data, VOLUME[:2])


def write_series(folder, uid="1.2.3"):
    folder.mkdir(exist_ok=True)
    writer = SimpleITK.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for z in range(len(VOLUME)):
        plane = SimpleITK.GetImageFromArray(VOLUME[z])
        plane.SetSpacing(SPACING[:2])
        for tag, value in {
            "0008|0060": "CT",
            "0020|000e": uid,
            "0008|0018": f"{uid}.{z}",
            "0020|0032": f"0\\0\\{2.0 * z}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0020|0013": str(z),
        }.items():
            plane.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{uid}-{9 - z}.dcm"))  # names in another order than the planes
        writer.Execute(plane)


def test_a_dicom_series_is_read_as_a_volume(tmp_path):
    write_series(tmp_path / "ct")
    image = napari_kmeans.read_image(tmp_path / "ct")
    np.testing.assert_array_equal(image.data, VOLUME)
    assert image.axes == "ZYX"
    assert image.pixel_size == pytest.approx({"Z": 2.0, "Y": 0.7, "X": 0.5})
    plane = napari_kmeans.read_image(tmp_path / "ct" / "1.2.3-9.dcm")
    assert plane.axes == "YX"
    np.testing.assert_array_equal(plane.data, VOLUME[0])


def test_the_first_of_two_series_is_read(tmp_path):
    write_series(tmp_path / "ct")
    write_series(tmp_path / "ct", "1.2.4")
    with pytest.warns(UserWarning, match="contains 2 series; only the first is used"):
        assert napari_kmeans.read_image(tmp_path / "ct").data.shape == VOLUME.shape


def test_a_batch_reads_a_series_as_one_image_and_keeps_the_format(tmp_path):
    from napari_kmeans.batch import Outputs, find_inputs, plan

    (tmp_path / "in").mkdir()
    write_series(tmp_path / "in" / "ct")
    for kind in KINDS:
        SimpleITK.WriteImage(itk_image(VOLUME), str(tmp_path / "in" / f"{kind[:2]}x.{kind}"))
    inputs, _ = find_inputs([str(tmp_path / "in")])
    names = [job.labels.name for job in plan(inputs, Outputs(tmp_path / "out"), tree=True)]
    assert names == [
        "ct-labels.tif",
        "mhx-labels.mha",
        "nix.nii-labels.nii",
        "nix.nii.gz-labels.nii.gz",
        "nrx-labels.nrrd",
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_gives_one_clear_error(tmp_path, kind):
    (tmp_path / f"a.{kind}").write_bytes(b"no image at all" * 40)
    with pytest.raises(ValueError, match=f"a.{kind} cannot be read as an image") as caught:
        napari_kmeans.read_image(tmp_path / f"a.{kind}")
    assert "\n" not in str(caught.value)
    assert ".cxx" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("a.nii.gz", b"\x1f\x8b", "NIfTI"),
        ("a.nrrd", b"NRRD0004", "NRRD"),
        ("a.mha", b"ObjectType = Image", "MetaImage"),
        ("a.dcm", b"\0" * 128 + b"DICM", "DICOM"),
        ("scan", b"\0" * 128 + b"DICM", "DICOM"),
    ],
)
def test_the_error_names_the_extra_to_install(tmp_path, monkeypatch, name, head, kind):
    monkeypatch.setitem(__import__("sys").modules, "SimpleITK", None)
    (tmp_path / name).write_bytes(head)
    message = rf"is a {kind} file, which needs other packages: pip install 'napari-kmeans\[formats\]'"
    with pytest.raises(ValueError, match=message):
        napari_kmeans.read_image(tmp_path / name)
