# %% [markdown]
# # A page in the shadow
#
# On this photographed page, the shadow at the lower right is darker than the ink at the upper left, so no
# single threshold separates ink from paper. After the illumination is removed, two clusters separate them.

# %%
from skimage.data import page

import napari_kmeans

image = page()
labels, model = napari_kmeans.segment(image, 2, illumination="additive")
print(f"The illumination explains {model.illumination.explained_variance:.0%} of the variance.")
print(f"{model.counts[0] / image.size:.0%} of the page is ink.")

# %%
import matplotlib.pyplot as plt

figure, (before, after) = plt.subplots(1, 2, figsize=(9, 2.4), layout="constrained")
before.imshow(image, cmap="gray")
after.imshow(labels, cmap="gray", interpolation="nearest")
