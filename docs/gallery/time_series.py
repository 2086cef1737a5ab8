# %% [markdown]
# # A time series that bleaches
#
# The fluorescence of these synthetic cells fades to a third over four frames. A single model of the whole
# series uses the same threshold in every frame, so the cells shrink from frame to frame and are missing in
# the last one. `per_axis=0` finds clusters for each frame separately.

# %%
import numpy as np
from scipy.ndimage import gaussian_filter

import napari_kmeans

rng = np.random.default_rng(3)
spots = np.zeros((160, 160))
spots[tuple(rng.integers(15, 145, (2, 25)))] = 1
cells = np.clip(gaussian_filter(spots, 6) * 260, 0, 1)
fading = np.array([1, 0.7, 0.5, 0.33])[:, np.newaxis, np.newaxis]
image = rng.poisson(fading * (20 + 200 * cells)).astype(np.uint16)

together, _ = napari_kmeans.segment(image, 2, smooth=(0, 1, 1))
labels, models = napari_kmeans.segment(image, 2, smooth=(0, 1, 1), per_axis=0)
for frame in range(len(image)):
    print(
        f"frame {frame}: {(together[frame] == 2).mean():.1%} together, {(labels[frame] == 2).mean():.1%} each"
    )

# %%
import matplotlib.pyplot as plt

figure, rows = plt.subplots(3, 4, figsize=(9, 6.8), layout="constrained")
for frame, (before, middle, after) in enumerate(rows.T):
    before.imshow(image[frame], cmap="gray", vmax=image.max())
    middle.imshow(together[frame], cmap="viridis", vmin=1, vmax=2, interpolation="nearest")
    after.imshow(labels[frame], cmap="viridis", vmin=1, vmax=2, interpolation="nearest")
