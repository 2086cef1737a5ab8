# %% [markdown]
# # How much brown stain?
#
# This image shows immunohistochemistry of the colon. `features="dab"` separates the brown stain (DAB) from
# the blue one (Ruifrok and Johnston, 2001), and clusters the pixels by the amount of brown stain. This is one
# value per pixel, so the result is exact. Label 1 is the palest cluster and label 3 the most strongly stained
# one.

# %%
from skimage.data import immunohistochemistry

import napari_kmeans

image = immunohistochemistry()
labels, model = napari_kmeans.segment(image, 3, features="dab", channel_axis=-1)
share = model.counts / model.counts.sum()
print(f"strongly stained: {share[2]:.1%} of the pixels, weakly stained: {share[1]:.1%}")

# %%
import matplotlib.pyplot as plt

figure, (before, after) = plt.subplots(1, 2, figsize=(9, 4.5), layout="constrained")
before.imshow(image)
after.imshow(labels, cmap="YlOrBr", interpolation="nearest")
