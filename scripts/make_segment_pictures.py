"""Make the pictures of *When clusters are not segments*, as the last step of ``make pictures``."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from PIL import Image
from skimage import data

import napari_kmeans
from napari_kmeans.report.palette import distinct_colors

IMAGES = Path(__file__).parent.parent / "docs" / "images"
COLORS = ListedColormap(distinct_colors(3))
TITLES = {"light": "#222222", "dark": "#dddddd"}


def show(name: str, image: np.ndarray, results: dict[str, np.ndarray]) -> None:
    """Write an image and the clusters of several recipes side by side, for both themes of the site."""
    n_panels, height = 1 + len(results), 3.4 * image.shape[0] / image.shape[1] + 0.3
    for theme, color in TITLES.items():
        figure, axes = plt.subplots(1, n_panels, figsize=(3.4 * n_panels, height))
        figure.patch.set_alpha(0)
        axes[0].imshow(image, cmap="gray")
        axes[0].set_title("image", fontsize=10, color=color)
        for axis, (title, labels) in zip(axes[1:], results.items(), strict=True):
            axis.imshow(labels, cmap=COLORS, vmin=1, vmax=3, interpolation="nearest")
            axis.set_title(title, fontsize=10, color=color)
        for axis in axes:
            axis.axis("off")
        figure.tight_layout()
        buffer = io.BytesIO()
        figure.savefig(buffer, dpi=90)
        plt.close(figure)
        with Image.open(buffer) as picture:
            few_colors = picture.quantize(20, method=Image.Quantize.FASTOCTREE).convert("RGBA")
        few_colors.save(IMAGES / f"segments-{name}-{theme}.webp", lossless=True, method=6)


def main() -> None:
    """Make all pictures."""
    for name, image in (("coins", data.coins()), ("page", data.page())):
        plain, _ = napari_kmeans.segment(image, 2)
        corrected, _ = napari_kmeans.segment(image, 2, illumination="additive")
        show(name, image, {"k = 2": plain, 'k = 2, illumination="additive"': corrected})
    truth = data.binary_blobs(256, volume_fraction=0.4, rng=0)
    noisy = np.where(truth, 140.0, 90.0) + np.random.default_rng(0).normal(0, 40, truth.shape)
    plain, _ = napari_kmeans.segment(noisy, 2)
    coherent, _ = napari_kmeans.segment(noisy, 2, coherence=1)
    show("noise", noisy, {"k = 2": plain, "k = 2, coherence=1": coherent})
    for labels in (plain, coherent):
        print(f"noise: {np.mean((labels == 2) == truth):.3f} of the pixels are right")


if __name__ == "__main__":
    main()
