"""Every public name has a docstring in NumPy style: parameters, results and errors."""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import re
import textwrap
from itertools import pairwise

import pytest

import napari_kmeans

SECTIONS = "Parameters|Returns|Yields|Raises|Warns|Attributes|Notes|References|Examples"
DELEGATES = r"(those of|as for|see) `[\w.]+`"


def members_of(cls):
    """Yield the public methods and properties of a class and of its bases in this package."""
    for base in cls.__mro__:
        if base.__module__.startswith("napari_kmeans"):
            for name, member in vars(base).items():
                if not name.startswith("_"):
                    yield name, member


def public_callables():
    for name in napari_kmeans.__all__:
        thing = getattr(napari_kmeans, name)
        if inspect.isfunction(thing):
            yield name, thing
        else:
            for member, value in dict(members_of(thing)).items():
                function = value.__func__ if isinstance(value, classmethod | staticmethod) else value
                if inspect.isfunction(function):
                    yield f"{name}.{member}", function


def public_properties():
    for name in napari_kmeans.__all__:
        thing = getattr(napari_kmeans, name)
        for member, value in members_of(thing) if inspect.isclass(thing) else ():
            if isinstance(value, property | functools.cached_property):
                yield f"{name}.{member}", value


def classes():
    return [name for name in napari_kmeans.__all__ if inspect.isclass(getattr(napari_kmeans, name))]


def documentation(qualified, function):
    """Return the docstring with that of the overridden method, whose parameters and errors are the same."""
    texts = [inspect.getdoc(function) or ""]
    owner, _, method = qualified.rpartition(".")
    for base in getattr(napari_kmeans, owner).__mro__ if owner else ():
        if (other := vars(base).get(method)) is not None:
            texts.append(inspect.getdoc(getattr(other, "__func__", other)) or "")
    return texts


def section(text, title):
    """Return the lines of a section, or None if there is no such section."""
    found = re.search(rf"^{title}\n-+\n(.*?)(?=^(?:{SECTIONS})\n-+\n|\Z)", text, re.M | re.S)
    return found and found[1]


def names_in(text, title):
    """Return the names that a section describes: "a : int" and "a, b" at the beginning of a line."""
    heads = re.findall(r"^(\S[^:\n]*)(?: : .*)?$", section(text, title) or "", re.M)
    return {name.strip().lstrip("*") for head in heads for name in head.split(",")}


@pytest.mark.parametrize("name", napari_kmeans.__all__)
def test_public_names_have_a_summary_and_more(name):
    text = inspect.getdoc(getattr(napari_kmeans, name))
    assert len(text) > 100
    assert text.split("\n\n")[0].endswith(".")


@pytest.mark.parametrize(("name", "function"), [pytest.param(*x, id=x[0]) for x in public_callables()])
def test_parameters_and_results_of_functions_are_described(name, function):
    texts = documentation(name, function)
    assert texts[0].split("\n")[0].endswith("."), "the first line is a sentence"
    if any(re.search(DELEGATES, text) for text in texts):
        return
    signature = inspect.signature(function)
    described = set().union(*(names_in(text, "Parameters") for text in texts))
    assert set(signature.parameters) - {"self", "cls"} <= described
    if signature.return_annotation not in (None, "None", inspect.Signature.empty):
        # The first line may describe the result of a property-like method.
        assert any(section(text, "Returns") for text in texts) or len(signature.parameters) <= 1


@pytest.mark.parametrize(("name", "function"), [pytest.param(*x, id=x[0]) for x in public_callables()])
def test_errors_of_functions_are_described(name, function):
    tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function))))
    raises = any(isinstance(node, ast.Raise) for node in ast.walk(tree)) or any(
        isinstance(node, ast.Call) and re.match(r"_?check_|(\w+\.)?errors_about", ast.unparse(node.func))
        for node in ast.walk(tree)
    )
    texts = documentation(name, function)
    if raises and not any(re.search(DELEGATES, text) for text in texts):
        assert any(section(text, "Raises") for text in texts)


@pytest.mark.parametrize(("name", "value"), [pytest.param(*x, id=x[0]) for x in public_properties()])
def test_properties_are_described_by_a_noun(name, value):
    first = inspect.getdoc(value).split("\n\n")[0]
    assert first.endswith(".")
    assert not re.match(r"(Return|Get|Give)s? ", first)


@pytest.mark.parametrize("name", classes())
def test_fields_of_classes_are_described(name):
    cls = getattr(napari_kmeans, name)
    described = set()
    for base in cls.__mro__[:-1]:
        text = inspect.getdoc(base) or ""
        described |= names_in(text, "Parameters") | names_in(text, "Attributes")
        if not base.__module__.startswith("napari_kmeans"):
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0].body
        for field, following in pairwise(body):
            if isinstance(field, ast.AnnAssign) and isinstance(
                getattr(following, "value", None), ast.Constant
            ):
                described.add(field.target.id)
    fields = {field.name for field in dataclasses.fields(cls)} if dataclasses.is_dataclass(cls) else set()
    assert {field for field in fields if not field.startswith("_")} <= described
