# %% [markdown]
# # Nuclei and membranes in two channels
#
# This synthetic fluorescence image has two channels with shot noise: nuclei in the first, fainter membranes
# in the second. `features="channels"` clusters both together and measures each channel in units of its
# standard deviation, so the faint channel counts as much as the bright one.

# %%
import numpy as np
from scipy.spatial import cKDTree
from scipy.special import expit

rng = np.random.default_rng(1)
places = np.moveaxis(np.indices((300, 300)), 0, -1)
grid = np.moveaxis(np.indices((6, 6)), 0, -1).reshape(-1, 2) * 64.0
centers = grid + rng.uniform(-14, 14, grid.shape)
distance, nearest = cKDTree(centers).query(places, k=2)
radius = rng.uniform(12, 18, len(centers))[nearest[..., 0]]
nuclei = rng.poisson(150 + 2400 * expit((radius - distance[..., 0]) / 1.5))
membranes = rng.poisson(60 + 320 * np.exp(-(((distance[..., 1] - distance[..., 0]) / 6) ** 2)))
image = np.stack([nuclei, membranes], axis=-1).astype(np.uint16)

# %%
import napari_kmeans

labels, model = napari_kmeans.segment(image, 3, features="channels", channel_axis=-1)
print("centres (nuclei, membranes):")
print(model.centers.round())

# %%
import matplotlib.pyplot as plt

both = np.dstack([membranes / membranes.max(), nuclei / nuclei.max(), membranes / membranes.max()])
figure, (before, after) = plt.subplots(1, 2, figsize=(9, 4.5), layout="constrained")
before.imshow(both)
after.imshow(labels, cmap="viridis", interpolation="nearest")
