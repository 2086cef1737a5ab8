from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.core import caching, config

from napari_kmeans.compiled import kernel

BOTH_FORMS = """
import sys, warnings
import numpy as np
import napari_kmeans
from napari_kmeans import Channels, CleanUp, Texture, compiled

compiled.INTERPRETED_ELEMENTS = compiled.INTERPRETED_SECONDS = float(sys.argv[1])
warnings.simplefilter("ignore")
wave = np.add.outer(np.arange(11) % 4, np.arange(13) % 5) + np.random.default_rng(0).normal(size=(11, 13))
wave = (wave - wave.min()) / np.ptp(wave)


def show(image, n_clusters=3, **kwargs):
    labels, model = napari_kmeans.segment(image, n_clusters, **kwargs)
    print(kwargs, image.dtype, labels.tolist(), model.centers.tolist(), model.inertia)


for dtype in "u1 i2 u4 i8 f2 f4 f8".split():
    span = 1 if dtype[0] == "f" else np.iinfo(dtype).max / 2
    image = (wave * span).astype(dtype)
    rgb = np.stack([image, image[::-1], image[:, ::-1]], axis=-1)
    for kwargs in (
        {},
        {"n_clusters": 9},
        {"illumination": "additive"},
        {"coherence": 1},
        {"smooth": 1},
        {"exclude": 0},
        {"clean_up": CleanUp(majority=1, min_size=3, fill_holes=2)},
        {"features": Texture(sigma=(0.5, 1))},
    ):
        show(image, **kwargs)
    for features in ("channels", Channels(normalize="l2")):
        show(rgb, features=features, channel_axis=-1)
    if dtype in ("u1", "f4"):
        for features in ("gray", "rgb", "lab", "eosin"):
            show(rgb, features=features, channel_axis=-1)
print("numba" in sys.modules)
"""

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
    """Make the folder of the module read-only for numba."""

    def refuse(self):
        raise OSError("read-only file system")

    monkeypatch.setattr(IN_TREE, "ensure_cache_path", refuse)


def test_machine_code_is_cached_beside_the_module():
    assert Path(kernel(total).compiled.stats.cache_path).parent == Path(__file__).parent


def test_machine_code_is_cached_in_the_user_folder_if_the_package_is_read_only(
    not_writable, monkeypatch, tmp_path
):
    monkeypatch.setattr(USER_WIDE, "get_cache_path", lambda self: str(tmp_path))
    compiled = kernel(total).compiled
    assert compiled(np.arange(4.0)) == 6
    assert compiled.stats.cache_path == str(tmp_path)
    assert any(tmp_path.glob("*.nbc"))
    again = kernel(total).compiled
    again(np.arange(4.0))
    assert sum(again.stats.cache_hits.values()) == 1


def test_without_a_writable_folder_kernels_are_compiled_again(not_writable, monkeypatch):
    def refuse(self):
        raise OSError("read-only file system")

    monkeypatch.setattr(USER_WIDE, "ensure_cache_path", refuse)
    with pytest.raises(RuntimeError):
        numba.njit(cache=True)(total)
    assert kernel(total).compiled(np.arange(4.0)) == 6


def test_options_reach_the_compiler():
    divide = kernel(error_model="numpy")(lambda a, b: a / b)
    assert divide(1.0, 0.0) == np.inf


def test_kernels_release_the_gil():
    assert kernel(total).compiled.targetoptions["nogil"]


def run(code, *args):
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_first_small_images_of_a_process_need_no_numba():
    code = (
        "import sys, numpy as np, napari_kmeans\n"
        "image = np.arange(256, dtype=np.uint8).reshape(1, 256).repeat(256, axis=0)\n"
        "for _ in range(int(sys.argv[1])):\n"
        "    print(napari_kmeans.segment(image, 2)[0][0].tolist(), 'numba' in sys.modules)"
    )
    labels, shown = [1] * 128 + [2] * 128, run(code, "40")
    assert shown[0] == f"{labels} False"
    assert shown[-1] == f"{labels} True"


def test_a_large_image_imports_numba_at_once():
    code = (
        "import sys, numpy as np, napari_kmeans\n"
        "napari_kmeans.segment(np.zeros((1300, 1300), dtype=np.uint8), 1)\n"
        "print('numba' in sys.modules, napari_kmeans.compiled._seconds)"
    )
    assert run(code) == ["True 0.0"]


@pytest.mark.thorough
def test_results_are_the_same_with_and_without_compilation():
    in_python, compiled = run(BOTH_FORMS, "inf"), run(BOTH_FORMS, "0")
    assert (in_python.pop(), compiled.pop()) == ("False", "True")
    assert in_python == compiled


@kernel
def doubled(value):
    return 2 * value


@kernel
def doubled_all(values, out):
    for i in range(values.size):
        out[i] = doubled(values[i])


@pytest.mark.parametrize("form", ["compiled", "interpreted"])
def test_compiled_kernels_call_compiled_ones_and_python_kernels_python_ones(form):
    out = np.empty(3)
    function = getattr(doubled_all, form)
    function(np.arange(3.0), out)
    assert out.tolist() == [0, 2, 4]
    called = getattr(function, "py_func", function).__globals__["doubled"]
    assert called is getattr(doubled, form)
