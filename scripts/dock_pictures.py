"""Make the pictures of README and docs with the real program, by using the controls of the dock.

``make pictures`` runs it on a virtual screen that is large enough for all pictures. Names, or the beginnings of names,
select pictures: ``make pictures ARGS="window dock-coins"``. A picture that hardly differs from the existing one is not
written again. ``--check`` writes no picture and fails if one differs or is missing.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

# Set before napari is imported, so that the user's settings are neither read nor changed.
os.environ["NAPARI_CONFIG"] = ""

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "images"
WINDOW = 1040, 680
CANVAS_AND_DOCK = 760, 620
NARROW = 300, 600
DIFFERS = 3  # exit status of a process that takes pictures
LABEL = 3, 9  # size of a label in a picture that is reduced to an eighth
TOLERANCE = 4.0  # gray values; mean difference of the area that differs most
SAMPLES_SHOWN = {"coins": 4, "tissue": 4, "cells": 3}


class Studio:
    """A napari window with the dock in it."""

    def __init__(self) -> None:
        import napari

        self.viewer = napari.Viewer(title="napari", show=False)
        self.viewer.window.resize(*WINDOW)
        self.viewer.window._qt_window.show()
        self.frame, self.dock = self.viewer.window.add_plugin_dock_widget(
            "napari-kmeans", "K-means segmentation"
        )

    def wait(self) -> None:
        """Wait until the dock has finished and everything is drawn."""
        from napari_kmeans._napari.contributions.waiting import process_events, wait_until

        wait_until(lambda: self.dock.is_idle)
        process_events()

    def begin(self, sample: str, n_clusters: int, theme: str = "dark") -> None:
        """Show only a sample image and its clusters."""
        from napari.layers import Layer

        from napari_kmeans._napari.contributions.sample_data import SAMPLES

        dock = self.dock
        dock.illumination.value = "none"
        for action in (dock.menu.side_by_side, dock.menu.outline, dock.menu.log_counts):
            action.setChecked(False)
        dock.tabs.setCurrentIndex(0)
        self.viewer.layers.clear()
        self.viewer.theme = theme
        self.wait()  # napari must draw the canvas without the old layers before new ones are added
        for data in SAMPLES[sample]():
            self.viewer.add_layer(Layer.create(*data))
        self.wait()
        self.viewer.reset_view()
        dock.n_clusters.value = n_clusters
        dock.segment.native.click()
        self.wait()

    def dock_at(self, width: int, height: int) -> Any:
        """Return a picture of the dock alone, in this size."""
        least = self.frame.minimumSize()
        self.frame.setFloating(True)
        self.wait()
        content = self.frame.widget()
        content.setFixedSize(width, height)
        self.wait()
        picture = content.grab()
        content.setMinimumSize(0, 0)
        content.setMaximumSize(16_777_215, 16_777_215)
        self.frame.setMinimumSize(least)  # the frame keeps the fixed size of its contents
        self.frame.setFloating(False)
        return picture

    def window(self, whole: bool = False) -> Any:
        """Return a picture of the canvas and the dock, or of the whole window."""
        window = self.viewer.window
        for part in (window._qt_viewer.dockLayerControls, window._qt_viewer.dockLayerList):
            part.setVisible(whole)
        self.wait()  # parts that are not removed yet limit the size of the window
        window.resize(*(WINDOW if whole else CANVAS_AND_DOCK))
        self.wait()
        self.viewer.reset_view()
        self.wait()
        return window._qt_window.grab()


# Contents of each picture


def dock_of(studio: Studio, sample: str, theme: str) -> Any:
    """Show the dock with the histogram of a sample."""
    studio.begin(sample, SAMPLES_SHOWN[sample], theme)
    if sample == "cells":
        studio.dock.where.value = 0  # each z
        studio.dock.menu.log_counts.setChecked(True)
        studio.wait()
    return studio.dock_at(*NARROW)


def window(studio: Studio, theme: str = "dark") -> Any:
    """Show the whole window, with the uneven illumination of the coins removed."""
    studio.begin("coins", 2, theme)
    studio.dock.view.prepare.button.setChecked(True)
    studio.dock.illumination.value = "additive"
    picture = studio.window(whole=True)
    studio.dock.view.prepare.button.setChecked(False)
    return picture


def moved(studio: Studio, theme: str) -> list[Any]:
    """Return the frames of an animation: 2 to 6 clusters, then the illumination is removed for 2 clusters."""
    studio.begin("coins", 2, theme)
    frames = [studio.window()]
    for n_clusters in (3, 4, 5, 6, 2):
        studio.dock.n_clusters.value = n_clusters
        frames.append(studio.window())
    studio.dock.view.prepare.button.setChecked(True)
    studio.dock.illumination.value = "additive"
    frames.append(studio.window())
    studio.dock.view.prepare.button.setChecked(False)
    return frames


def choose_k(studio: Studio, theme: str) -> Any:
    """Show the curve and the suggestion."""
    studio.begin("cells", 4, theme)
    studio.dock.tabs.setCurrentIndex(1)
    return studio.dock_at(*NARROW)


def adjusted(studio: Studio, theme: str = "dark") -> Any:
    """Show a border after the user has typed its value."""
    studio.begin("coins", 4, theme)
    border = studio.dock.border
    border.which.setCurrentIndex(1)
    border.value.setValue(100)
    return studio.dock_at(*NARROW)


def edited(studio: Studio, theme: str = "dark") -> Any:
    """Show two clusters merged and named, and another one as background."""
    studio.begin("tissue", 4, theme)
    table = studio.dock.table
    for row, name in enumerate(("nuclei and stain", "pale stain", "stroma", "glass")):
        table.item(row, 1).setText(name)
    studio.wait()
    table.action_requested.emit("merge", [2, 3])
    studio.wait()
    table.action_requested.emit("background", [4])
    studio.wait()
    return studio.dock_at(*NARROW)


def highlighted(studio: Studio, theme: str = "dark") -> Any:
    """Show the cluster of a selected row highlighted."""
    studio.begin("coins", 4, theme)
    studio.dock.table.selectRow(3)
    return studio.window()


def side_by_side(studio: Studio, theme: str = "dark") -> Any:
    """Show the original and the clusters side by side."""
    studio.begin("tissue", 4, theme)
    studio.dock.menu.side_by_side.setChecked(True)
    return studio.window()


def outline(studio: Studio, theme: str = "dark") -> Any:
    """Show borders instead of areas."""
    studio.begin("cells", 3, theme)
    studio.dock.menu.outline.setChecked(True)
    return studio.window()


def stack(studio: Studio, theme: str = "dark") -> Any:
    """Show a volume whose planes are clustered separately."""
    studio.begin("cells", 3, theme)
    studio.dock.where.value = 0  # each z
    studio.dock.menu.log_counts.setChecked(True)
    return studio.window()


def gallery_tissue(studio: Studio, theme: str = "dark") -> Any:
    """Show nuclei, background and two merged browns, clustered by Lab."""
    studio.begin("tissue", 4, theme)
    studio.dock.features.value = "lab"
    studio.wait()
    table = studio.dock.table
    for row, name in enumerate(("stain", "pale stain", "nuclei", "background")):
        table.item(row, 1).setText(name)
        studio.wait()
    table.action_requested.emit("merge", [1, 2])
    studio.wait()
    return studio.window()


def cleaned(studio: Studio, theme: str = "dark") -> Any:
    """Show sections of the dock open and in use."""
    studio.begin("coins", 2, theme)
    dock = studio.dock
    dock.majority.value = 2
    dock.min_size.value = 150
    dock.fill_holes.value = 150
    sections = (dock.view.where, dock.view.clean_up)
    for section in sections:
        section.button.setChecked(True)
    studio.wait()
    picture = studio.dock_at(300, 880)
    for section in sections:
        section.button.setChecked(False)
    for control in (dock.majority, dock.min_size, dock.fill_holes):
        control.value = 0
    return picture


def estimate(studio: Studio, theme: str = "dark") -> Any:
    """Show a pyramid that is not in memory."""
    import dask.array as da
    import numpy as np
    from skimage.data import camera

    studio.begin("coins", 4, theme)
    studio.viewer.layers.clear()
    studio.wait()
    large = da.tile(da.from_array(np.asarray(camera()), chunks=512), (16, 16))
    levels = [large, large[::4, ::4].rechunk(512), large[::16, ::16].rechunk(512)]
    studio.viewer.add_image(levels, multiscale=True, name="slide", contrast_limits=(0, 255))
    studio.wait()
    studio.viewer.reset_view()
    studio.dock.n_clusters.value = 4
    return studio.window()


def menu(studio: Studio, theme: str = "dark") -> Any:
    """Show the menu of the three dots."""
    studio.begin("coins", 4, theme)
    studio.dock.menu.popup(studio.frame.mapToGlobal(studio.frame.rect().center()))
    studio.wait()
    picture = studio.dock.menu.grab()
    studio.dock.menu.close()
    return picture


def figure(studio: Studio) -> Any:
    """Return the figure that the command line draws, without a window."""
    import tempfile

    from PIL import Image
    from qtpy.QtCore import Qt
    from qtpy.QtGui import QPixmap
    from skimage.data import coins

    from napari_kmeans.cli import app as cli

    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder, "coins.png")
        Image.fromarray(coins()).save(image)
        cli.main(["segment", str(image), "-k", "3", "-o", folder, "--figure"])
        return QPixmap(str(image.with_name("coins-figure.png"))).scaledToWidth(
            900, Qt.TransformationMode.SmoothTransformation
        )


THEMED: dict[str, Callable[..., Any]] = {
    "window": window,
    "window-highlighted": highlighted,
    "window-outline": outline,
    "window-side-by-side": side_by_side,
    "window-stack": stack,
    "window-estimate": estimate,
    "gallery-tissue": gallery_tissue,
    "cleaned": cleaned,
    "adjusted": adjusted,
    "edited": edited,
    "menu": menu,
}
PICTURES: dict[str, Callable[[Studio], Any]] = {"figure": figure, **THEMED}
PICTURES |= {f"{name}-light": partial(take_one, theme="light") for name, take_one in THEMED.items()}
for _theme in ("dark", "light"):
    PICTURES |= {
        f"moved-{_theme}": partial(moved, theme=_theme),
        f"choose-k-{_theme}": partial(choose_k, theme=_theme),
    }
    PICTURES |= {
        f"dock-{sample}-{_theme}-narrow": partial(dock_of, sample=sample, theme=_theme)
        for sample in SAMPLES_SHOWN
    }
SCALES = {1: "", 2: "-2x"}
OF_README = "window-2x"  # PNG, because package indexes and the napari hub may not show WebP
ONCE = (
    "figure",
    "gallery",
    "window-estimate",
    "window-highlighted",
    "window-side-by-side",
    "moved",
)  # large pictures with little text, which keeps the repository small


def few_colors(pixmap: Any) -> Any:
    """Return a picture with at most 256 colours: the most common ones unchanged, the others by median cut."""
    import numpy as np
    from PIL import Image
    from qtpy.QtCore import QBuffer, QIODevice

    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.ReadWrite)
    pixmap.save(buffer, "PNG")
    image = Image.open(io.BytesIO(bytes(buffer.data()))).convert("RGB")
    pixels = np.asarray(image).reshape(-1, 3)
    colors, which, counts = np.unique(pixels, axis=0, return_inverse=True, return_counts=True)
    common = np.argsort(-counts, kind="stable")
    palette, others = colors[common[:128]].astype(int), colors[common[128:]]
    if others.size:
        cut = Image.fromarray(others[np.newaxis]).quantize(128, method=Image.Quantize.MEDIANCUT)
        palette = np.concatenate([palette, np.reshape(cut.getpalette(), (-1, 3))])
    # Pillow's own search for the nearest colour is approximate and would tint areas.
    distance = sum((colors[:, c, np.newaxis] - palette[:, c]) ** 2 for c in range(3))
    nearest = distance.argmin(axis=1).astype(np.uint8)
    few = Image.fromarray(nearest[which].reshape(image.height, image.width), "P")
    few.putpalette(palette.astype(np.uint8).tobytes())
    return few


def difference(pictures: Sequence[Any], path: Path) -> float:
    """Return the largest local difference from the existing frames; infinity if sizes or numbers differ.

    A mean over all pixels would hide a changed label.
    """
    import numpy as np
    from PIL import Image, ImageSequence
    from scipy.ndimage import uniform_filter

    if not path.exists():
        return float("inf")
    differs = 0.0
    with Image.open(path) as last:
        if last.size != pictures[0].size or getattr(last, "n_frames", 1) != len(pictures):
            return float("inf")
        size = (-(-last.width // 8), -(-last.height // 8))
        for frames in zip(pictures, ImageSequence.Iterator(last), strict=True):
            small = [np.asarray(each.convert("RGB").resize(size), dtype=float) for each in frames]
            gray = np.abs(small[0] - small[1]).mean(axis=-1)
            differs = max(differs, float(uniform_filter(gray, LABEL).max()))
    return differs


def save(pictures: Sequence[Any], path: Path) -> None:
    """Write a lossless picture, or an animation that shows its last frame longer."""
    if path.suffix == ".png":
        pictures[0].save(path, optimize=True)
    elif len(pictures) == 1:
        pictures[0].convert("RGB").save(path, lossless=True, quality=100, method=6)
    else:
        durations = [900] * (len(pictures) - 1) + [2500]
        frames = [picture.convert("RGB") for picture in pictures]
        frames[0].save(
            path, save_all=True, append_images=frames[1:], duration=durations, loop=0, quality=70, method=6
        )


def take(wanted: Sequence[str], scale: int, check: bool) -> bool:
    """Take pictures in this process at its Qt scale; return whether all match the existing ones."""
    studio = Studio()
    same = True
    try:
        for name in wanted:
            taken = PICTURES[name](studio)
            pictures = [few_colors(each) for each in (taken if isinstance(taken, list) else [taken])]
            file = f"{name}{SCALES[scale]}"
            picture, path = pictures[0], FOLDER / f"{file}.{'png' if file == OF_README else 'webp'}"
            differs = difference(pictures, path)
            if differs > TOLERANCE:
                same = False
                if not check:
                    save(pictures, path)
            kept = "as before" if differs <= TOLERANCE else "differs" if check else "written"
            print(f"{path.name}: {picture.width} × {picture.height}, {kept} ({differs:.1f})", flush=True)
    finally:
        studio.viewer.close()
    return same


def main(arguments: Sequence[str]) -> int:
    """Take pictures at every scale, with a separate process for each scale."""
    check = "--check" in arguments
    arguments = [argument for argument in arguments if argument != "--check"]
    if scale := os.environ.get("PICTURES_AT_SCALE"):
        return 0 if take(arguments, int(scale), check) or not check else DIFFERS
    wanted = [name for name in PICTURES if not arguments or name.startswith(tuple(arguments))]
    if not wanted:
        print(f"names begin with none of {', '.join(arguments)}: {', '.join(PICTURES)}", file=sys.stderr)
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    same = True
    for scale in SCALES:
        if scale > 1:
            wanted = [name for name in wanted if not name.startswith(ONCE)]
        environment = {**os.environ, "QT_SCALE_FACTOR": str(scale), "PICTURES_AT_SCALE": str(scale)}
        if wanted:
            flags = ["--check"] if check else []
            done = subprocess.run([sys.executable, __file__, *wanted, *flags], env=environment)
            if done.returncode not in (0, DIFFERS):
                return done.returncode
            same = same and done.returncode == 0
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
