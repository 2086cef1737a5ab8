"""RGB pictures in figures, scaled and compressed in a fraction of Matplotlib's time."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.transforms import IdentityTransform
from numpy.typing import NDArray
from PIL import Image


class FastImage(AxesImage):
    """An RGB picture, scaled by Pillow, and compressed quickly in SVG and PDF."""

    def make_image(self, renderer: Any, magnification: float = 1.0, unsampled: bool = False) -> Any:
        """Return the picture at the resolution of the renderer; see `AxesImage.make_image`."""
        shown = (*self.axes.get_xlim(), *self.axes.get_ylim())
        if unsampled or shown != tuple(self.get_extent()):  # the user has zoomed
            return super().make_image(renderer, magnification, unsampled)
        box = self.get_window_extent(renderer)
        # Whole pixels, as Matplotlib rounds them.
        left, right = (int(np.floor(at * magnification + 0.5)) for at in (box.x0, box.x1))
        low, high = (int(np.ceil(at * magnification - 0.5)) for at in (box.y0, box.y1))
        picture = np.asarray(self.get_array())
        scaled = _scaled(Image.fromarray(picture), max(right - left, 1), max(high - low, 1))
        pixels = np.array(scaled.transpose(Image.Transpose.FLIP_TOP_BOTTOM).convert("RGBA"))
        return pixels, box.x0, box.y0, IdentityTransform()  # the first row is at the bottom

    def draw(self, renderer: Any) -> None:
        """Draw the picture."""
        if hasattr(renderer, "writer") and self.get_visible():  # only RendererSVG has it, even when wrapped
            self._write_svg(renderer)
        else:
            _compress_quickly(getattr(renderer, "file", None))
            super().draw(renderer)

    def _write_svg(self, renderer: Any) -> None:
        """Write the picture like Matplotlib, but compress it in a third of the time."""
        magnification = renderer.get_image_magnification()
        pixels, x, y, _ = self.make_image(renderer, magnification)
        height, width = (n / magnification for n in pixels.shape[:2])
        content = io.BytesIO()
        Image.fromarray(pixels[::-1, :, :3]).save(content, format="png", compress_level=1)
        link = f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode('ascii')}"
        place = {"x": x, "y": renderer.height - y - height, "width": width, "height": height}
        attributes = {name: f"{value:.6f}" for name, value in place.items()}
        renderer.writer.element("image", attrib={**attributes, "xlink:href": link})


def show_picture(
    axes: Axes, picture: NDArray[np.uint8], extent: tuple[float, float, float, float], aspect: float
) -> None:
    """Show an RGB picture as ``imshow`` does, and hide the axes."""
    axes.set_aspect(aspect)
    image = FastImage(axes, extent=extent)
    image.set_data(picture)
    axes.add_image(image)
    image.set_extent(extent)
    axes.set_axis_off()


class _QuickPng:
    """Picture whose `save` method always uses fast compression."""

    def __init__(self, picture: Image.Image) -> None:
        self._picture = picture

    def save(self, file: Any, **options: Any) -> None:
        """Save the picture, as `PIL.Image.Image.save` does."""
        self._picture.save(file, **options, compress_level=1)


def _compress_quickly(file: Any) -> None:
    """Make a PDF file compress its pictures in a third of the time; Matplotlib has no option for this.

    Parameters
    ----------
    file : matplotlib.backends.backend_pdf.PdfFile, or None
        Matplotlib versions without the private method that is replaced here compress as usual.
    """
    method = getattr(file, "_writePng", None)
    if method is not None and "_writePng" not in vars(file):
        file._writePng = lambda picture: method(_QuickPng(picture))


def _scaled(picture: Image.Image, width: int, height: int) -> Image.Image:
    """Resize a picture: average pixels to make it smaller, and repeat them to make it larger."""
    smaller = width < picture.width or height < picture.height
    return picture.resize((width, height), Image.Resampling.BOX if smaller else Image.Resampling.NEAREST)
