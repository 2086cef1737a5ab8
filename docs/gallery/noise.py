# %% [markdown]
# # Shapes in strong noise
#
# The noise is almost as large as the contrast, so clusters without coherence are speckled. `coherence=1`
# adds a cost for every pair of neighbours with different labels, in units of the noise, and finds the labels
# that minimise the sum of these costs and the inertia.

# %%
import numpy as np
from skimage.data import binary_blobs

import napari_kmeans

truth = binary_blobs(256, volume_fraction=0.4, rng=0)
image = np.where(truth, 140, 90) + np.random.default_rng(0).normal(0, 40, truth.shape)
plain, _ = napari_kmeans.segment(image, 2)
labels, model = napari_kmeans.segment(image, 2, coherence=1)
print(f"right without coherence: {((plain == 2) == truth).mean():.1%}")
print(f"right with coherence:    {((labels == 2) == truth).mean():.1%}")

# %%
import matplotlib.pyplot as plt

figure, (before, middle, after) = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
before.imshow(image, cmap="gray")
middle.imshow(plain, cmap="viridis", interpolation="nearest")
after.imshow(labels, cmap="viridis", interpolation="nearest")
