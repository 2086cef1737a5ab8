from __future__ import annotations

import warnings

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.user_warning import warn_user


def test_the_warning_names_the_caller_outside_the_package():
    with pytest.warns(UserWarning, match="look here") as caught:
        warn_user("look here")
    assert caught[0].filename == __file__


def test_a_warning_from_deep_in_the_package_names_the_caller():
    with pytest.warns(UserWarning, match="only 1 distinct value") as caught:
        napari_kmeans.segment(np.ones((3, 4)), 2)
    assert [warning.filename for warning in caught] == [__file__]
    line = caught[0].lineno
    with pytest.warns(UserWarning, match="only 1 distinct value") as caught:
        napari_kmeans.segment(np.ones((3, 4)), 2)
    assert caught[0].lineno == line + 4


def test_without_a_caller_outside_it_is_still_a_warning():
    code = compile("warn_user('alone')", "napari_kmeans/inside.py", "exec")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        exec(code, {"__name__": "napari_kmeans.inside", "warn_user": warn_user})
    assert [str(warning.message) for warning in caught] == ["alone"]
