from __future__ import annotations

import threading
import warnings

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.user_warning import collected_warnings, warn_user


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


def test_warnings_collected_in_a_thread_leave_other_threads_alone():
    entered, go_on = threading.Event(), threading.Event()
    messages = []

    def work():
        with collected_warnings() as collected:
            entered.set()
            go_on.wait(10)
            napari_kmeans.segment(np.ones((3, 4)), 2)
        messages.extend(collected)

    thread = threading.Thread(target=work)
    thread.start()
    assert entered.wait(10)
    filters = warnings.filters[:]
    with pytest.warns(UserWarning, match="only 1 distinct value"):
        napari_kmeans.segment(np.ones((3, 4)), 2)
    go_on.set()
    thread.join()
    assert warnings.filters == filters
    assert messages == ["the image has only 1 distinct value, so there is 1 cluster instead of 2"]
    with pytest.warns(UserWarning, match="look here"):
        warn_user("look here")
