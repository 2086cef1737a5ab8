# %% [markdown]
# # Vessels of the retina
#
# Blood absorbs green light, so vessels are darkest in the green channel. A mask excludes the black
# surroundings, and the uneven illumination of the fundus is removed. The darkest of three clusters contains
# the vessels and also the macula, which is equally dark, because k-means uses values, not shapes. Connected
# regions of fewer than 400 pixels are merged into their neighbours.

# %%
from skimage.data import retina
from skimage.morphology import disk, erosion

import napari_kmeans

image = retina()[::2, ::2]
inside = erosion(image.max(axis=-1) > 30, disk(9))
labels, model = napari_kmeans.segment(
    image,
    3,
    features="green",
    channel_axis=-1,
    mask=inside,
    illumination="multiplicative",
    smooth=1,
    clean_up=napari_kmeans.CleanUp(min_size=400),
)
print(f"The darkest cluster covers {(labels == 1).sum() / inside.sum():.0%} of the fundus.")

# %%
import matplotlib.pyplot as plt
import numpy as np

figure, (before, after) = plt.subplots(1, 2, figsize=(9, 4.5), layout="constrained")
before.imshow(image)
after.imshow(np.ma.masked_equal(labels, 0), cmap="magma", interpolation="nearest")
