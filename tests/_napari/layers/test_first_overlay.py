from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import os
os.environ["NAPARI_CONFIG"] = ""
import numpy as np
from napari_kmeans._napari.layers.cluster_colors import label_colormap
from napari_kmeans._napari.layers.compilation import compilation
from napari_kmeans._napari.layers.first_overlay import compile_label_dictionaries
from napari_kmeans.report.palette import distinct_colors

compile_label_dictionaries()
events = []
from numba.core import event

class Listener(event.Listener):
    def on_start(self, event):
        events.append(str(event.data["dispatcher"].py_func.__module__))

    def on_end(self, event):
        pass

event.register("numba:compile", Listener())
for n in (5, 255):
    label_colormap(distinct_colors(n)).map(np.arange(256, dtype=np.uint8))
assert "numba.typed.typeddict" not in events, events
"""


def test_the_colours_of_the_first_overlay_need_no_further_dictionaries():
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
