from __future__ import annotations

from pathlib import Path

import numba
import numpy as np
import pytest
from numba.core import caching, config

from napari_kmeans.compiled import kernel

# numba 0.61 calls them private.
IN_TREE, USER_WIDE = (
    getattr(caching, name, None) or getattr(caching, f"_{name}")
    for name in ("InTreeCacheLocator", "UserWideCacheLocator")
)

pytestmark = pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")


def total(values):
    result = 0.0
    for i in range(values.size):
        result += values[i]
    return result


@pytest.fixture
def not_writable(monkeypatch):
    """The folder of the module cannot be written."""

    def refuse(self):
        raise OSError("read-only file system")

    monkeypatch.setattr(IN_TREE, "ensure_cache_path", refuse)


def test_machine_code_is_kept_beside_the_module():
    assert Path(kernel(total).stats.cache_path).parent == Path(__file__).parent


def test_or_in_the_folder_of_the_user(not_writable, monkeypatch, tmp_path):
    monkeypatch.setattr(USER_WIDE, "get_cache_path", lambda self: str(tmp_path))
    compiled = kernel(total)
    assert compiled(np.arange(4.0)) == 6
    assert compiled.stats.cache_path == str(tmp_path)
    assert any(tmp_path.glob("*.nbc"))
    again = kernel(total)
    again(np.arange(4.0))
    assert sum(again.stats.cache_hits.values()) == 1


def test_where_nothing_can_be_written_it_is_compiled_again(not_writable, monkeypatch):
    def refuse(self):
        raise OSError("read-only file system")

    monkeypatch.setattr(USER_WIDE, "ensure_cache_path", refuse)
    with pytest.raises(RuntimeError):
        numba.njit(cache=True)(total)
    assert kernel(total)(np.arange(4.0)) == 6


def test_options_reach_the_compiler():
    divide = kernel(error_model="numpy")(lambda a, b: a / b)
    assert divide(1.0, 0.0) == np.inf


def test_the_interpreter_is_not_held():
    assert kernel(total).targetoptions["nogil"]
