from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import napari_kmeans


def python(code: str) -> str:
    """Run code in a new interpreter and return its output."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_package_imports_nothing_heavy():
    heavy = {"napari", "qtpy", "PyQt6", "PySide6", "sklearn", "skimage", "scipy", "dask", "magicgui"}
    code = f"import sys, napari_kmeans; print({heavy} & set(sys.modules))"
    assert python(code).strip() == "set()"


def test_reading_a_file_and_printing_a_model_import_neither_pandas_nor_xarray(tmp_path):
    code = (
        "import sys, numpy, napari_kmeans\n"
        f"path = {str(tmp_path / 'a.tif')!r}\n"
        "napari_kmeans.write_labels(path, numpy.eye(4, dtype='uint8'))\n"
        "labels, model = napari_kmeans.segment(napari_kmeans.read_image(path), 2)\n"
        "model._repr_html_(), repr(model)\n"
        "print({'napari', 'qtpy', 'pandas', 'xarray', 'SimpleITK', 'bioio'} & set(sys.modules))"
    )
    assert python(code).strip() == "set()"


def test_fitting_imports_neither_qt_nor_scikit_learn():
    code = (
        "import sys, numpy, napari_kmeans\n"
        "model = napari_kmeans.fit(numpy.arange(12.0), 3)\n"
        "model.predict(numpy.arange(12.0))\n"
        "print({'napari', 'qtpy', 'sklearn', 'skimage'} & set(sys.modules))"
    )
    assert python(code).strip() == "set()"


def test_functions_are_not_hidden_by_modules():
    code = (
        "import napari_kmeans.pipeline, numpy\n"
        "labels, model = napari_kmeans.segment(numpy.arange(6), 2)\n"
        "print(labels.tolist())"
    )
    assert python(code).strip() == "[1, 1, 1, 2, 2, 2]"


def test_all_public_names_can_be_imported():
    assert set(napari_kmeans.__all__) <= set(dir(napari_kmeans))
    for name in napari_kmeans.__all__:
        assert getattr(napari_kmeans, name).__name__ == name
    with pytest.raises(AttributeError, match=r"no attribute 'cluster'|attribute cluster"):
        _ = napari_kmeans.cluster


FIT = {
    "n_clusters": 3,
    "features": "gray",
    "channel_axis": None,
    "mask": None,
    "per_axis": None,
    "solver": "auto",
    "random_state": 0,
    "illumination": None,
    "smooth": 0,
    "coherence": 0,
    "exclude": (),
    "clean_up": napari_kmeans.CleanUp(),
    "weights": "pixels",
    "progress": None,
}


FIT_ONLY = ("n_clusters", "per_axis", "weights", "solver", "random_state", "clean_up")


@pytest.mark.parametrize(
    ("function", "by_position", "defaults"),
    [
        ("fit", ["image", "n_clusters"], FIT),
        ("segment", ["image", "n_clusters"], FIT),
        (
            "suggest_n_clusters",
            ["image", "k_max"],
            {"k_max": 12, "method": "marriott", **{name: FIT[name] for name in FIT if name not in FIT_ONLY}},
        ),
    ],
)
def test_signatures_show_every_keyword_with_its_default(function, by_position, defaults):
    parameters = inspect.signature(getattr(napari_kmeans, function)).parameters
    positional = [name for name, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional == by_position
    assert {name: p.default for name, p in parameters.items() if p.default is not p.empty} == defaults


def test_predict_has_the_same_signature_for_models_and_stacks():
    for kind in (napari_kmeans.KMeansModel, napari_kmeans.KMeansStack):
        parameters = inspect.signature(kind.predict).parameters
        assert list(parameters) == ["self", "image", "channel_axis", "mask", "match", "progress"]
        assert parameters["match"].kind is inspect.Parameter.KEYWORD_ONLY
        assert parameters["progress"].kind is inspect.Parameter.KEYWORD_ONLY


@pytest.mark.parametrize(
    "name",
    [
        *("fit", "segment", "suggest_n_clusters", "KMeansModel", "KMeansStack", "Suggestion"),
        *("clean_labels", "split_into_objects", "Channels", "Texture", "CleanUp", "Recipe"),
        *("ImageFile", "ImageKMeans", "read_image", "sample_image", "write_labels"),
    ],
)
def test_all_public_names_are_documented(name):
    assert len(inspect.getdoc(getattr(napari_kmeans, name))) > 100
