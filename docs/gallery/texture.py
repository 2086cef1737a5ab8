# %% [markdown]
# # Brick, grass and gravel by texture
#
# The gray values of the three materials overlap, so clusters of gray values are hardly better than chance:
# their adjusted Rand index with the truth is near 0, and that of a perfect match is 1. `features="texture"`
# uses the surroundings of each pixel and reaches a much higher index. Texture boundaries are no sharper than
# the averaging window.

# %%
import numpy as np
from skimage.data import brick, grass, gravel
from sklearn.metrics import adjusted_rand_score

import napari_kmeans

image = np.hstack([brick()[:256, :256], grass()[:256, :256], gravel()[:256, :256]])
truth = np.repeat([1, 2, 3], 256) * np.ones((256, 1), int)

by_gray, _ = napari_kmeans.segment(image, 3)
labels, model = napari_kmeans.segment(image, 3, features="texture")
print(f"gray values: {adjusted_rand_score(truth.ravel(), by_gray.ravel()):.2f}")
print(f"texture:     {adjusted_rand_score(truth.ravel(), labels.ravel()):.2f}")

# %%
import matplotlib.pyplot as plt

figure, (before, middle, after) = plt.subplots(3, 1, figsize=(7, 7), layout="constrained")
before.imshow(image, cmap="gray")
middle.imshow(by_gray, cmap="viridis", interpolation="nearest")
after.imshow(labels, cmap="viridis", interpolation="nearest")
