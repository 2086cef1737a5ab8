"""Labels of a session in a file, written here without a worker."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

import napari_kmeans
from napari_kmeans._napari.layers.image_layer import resolutions_of
from napari_kmeans._napari.layers.layer_recipe import LayerRecipe
from napari_kmeans._napari.session.export import export_labels
from napari_kmeans._napari.session.measurements import measure
from napari_kmeans.labels.clean_up import CleanUp
from napari_kmeans.model.recipe import Recipe
from napari_kmeans.report.palette import distinct_colors


def export(session, path, *, before_writing=lambda: None, overwrite=False):
    found = resolutions_of(session.image, session.settings)
    place = session.place
    part = found.finest if place is None else found.finest.at(*place)
    session.set_measured(found, place, measure(part, found.recipe, 12))
    request, measured = session.request, session.measured
    before_writing()
    export_labels(request, found, measured, path, distinct_colors(3), "", overwrite, None)


@pytest.mark.parametrize("per_axis", [None, 0])
def test_a_file_has_the_labels_of_the_request(session_of, volume, tmp_path, per_axis):
    settings = LayerRecipe(Recipe(n_clusters=3, clean_up=CleanUp(min_size=5)), per_axis=per_axis)
    session = session_of(volume, settings)

    def change():
        session.choose_k(7)
        session.choose_recipe(clean_up=CleanUp())

    export(session, tmp_path / "labels.tif", before_writing=change)
    plain = napari_kmeans.segment(volume, 3, per_axis=per_axis)[0]
    expected = napari_kmeans.clean_labels(plain, min_size=5, per_axis=per_axis)
    assert (expected != plain).any()
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "labels.tif"), expected)


def test_background_takes_part_in_clean_up_and_is_0_in_the_file(session_of, gray, tmp_path):
    session = session_of(gray, LayerRecipe(Recipe(n_clusters=3, clean_up=CleanUp(min_size=9))))
    session.edit(background=(1,))
    export(session, tmp_path / "labels.tif")
    expected = napari_kmeans.clean_labels(napari_kmeans.segment(gray, 3)[0], min_size=9)
    expected[expected == 1] = 0
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "labels.tif"), expected)


def test_an_existing_file_stays_unless_it_may_be_replaced(session_of, gray, tmp_path):
    path = tmp_path / "labels.tif"
    path.write_bytes(b"mine")
    with pytest.raises(OSError, match="exists"):
        export(session_of(gray), path)
    assert path.read_bytes() == b"mine"
    export(session_of(gray), path, overwrite=True)
    np.testing.assert_array_equal(tifffile.imread(path), napari_kmeans.segment(gray, 3)[0])
