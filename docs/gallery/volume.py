# %% [markdown]
# # Cells in a volume
#
# This synthetic stack contains sixty cells with bright nuclei, some of which touch, and shot noise. It is
# segmented as a whole, with the same clusters in every plane. Planes are 2.5 times as far apart as pixels;
# with `spacing`, volumes are in cubic micrometres.

# %%
import numpy as np
from scipy.special import expit

import napari_kmeans

rng = np.random.default_rng(0)
z, y, x = np.ogrid[:32, :128, :128]
volume = np.full((32, 128, 128), 400.0)
for _ in range(60):
    center, radius = rng.uniform((0, 0, 0), volume.shape), rng.uniform(9, 15)
    distance = np.sqrt((2.5 * (z - center[0])) ** 2 + (y - center[1]) ** 2 + (x - center[2]) ** 2)
    volume = np.maximum(volume, 400 + 1500 * expit(3 * (radius - distance)))
    volume = np.maximum(volume, 400 + 5500 * expit(3 * (0.45 * radius - distance)))
image = rng.poisson(volume).astype(np.uint16)

labels, model = napari_kmeans.segment(image, 3)
nuclei, table = napari_kmeans.split_into_objects(labels, 3, spacing=(0.5, 0.2, 0.2))
print(f"{nuclei.max()} nuclei, median volume {np.median(table['area']):.1f} µm³")

# %%
import matplotlib.pyplot as plt

figure, rows = plt.subplots(2, 3, figsize=(9, 6), layout="constrained")
for plane, (before, after) in zip((8, 16, 24), rows.T, strict=True):
    before.imshow(image[plane], cmap="gray", vmin=image.min(), vmax=image.max())
    after.imshow(labels[plane], cmap="viridis", vmin=1, vmax=3, interpolation="nearest")
