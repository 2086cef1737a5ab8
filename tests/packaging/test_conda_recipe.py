"""The conda-forge recipe has the requirements of the package."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
RECIPE = ROOT / "packaging" / "conda-forge" / "recipe.yaml"
NAMES = {
    "dask[array]": "dask-core",
    "fsspec[http]": "fsspec",
    "lazy-loader": "lazy_loader",
    "matplotlib": "matplotlib-base",
}


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_recipe_has_the_requirements_of_the_package(project):
    wanted = {}
    for requirement in project["dependencies"] + project["optional-dependencies"]["cli"]:
        name, least = re.fullmatch(r"([\w\[\]-]+)>=([\d.]+)", requirement).groups()
        wanted[NAMES.get(name, name)] = f">={least}"
    run = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))["requirements"]["run"]
    found = dict((*each.split(maxsplit=1), "")[:2] for each in run)
    assert found.pop("python") == ">=${{ python_min }}"
    assert found.pop("aiohttp") == found.pop("requests") == ""  # fsspec[http]
    assert found == wanted


def test_recipe_has_version_python_and_license_of_the_package(project):
    import napari_kmeans

    recipe = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    assert recipe["context"]["version"] == napari_kmeans.__version__
    assert f">={recipe['context']['python_min']}" == project["requires-python"]
    assert recipe["about"]["license"] == project["license"]
    assert recipe["about"]["summary"] == project["description"]


def test_rattler_build_renders_the_recipe():
    rattler_build = pytest.importorskip("rattler_build")
    recipe = rattler_build.Stage0Recipe.from_yaml(RECIPE.read_text(encoding="utf-8"))
    [rendered] = recipe.render(rattler_build.VariantConfig())
    assert rendered.recipe.package.name == "napari-kmeans"
