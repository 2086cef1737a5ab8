# %% [markdown]
# # An unstained cell
#
# In a quantitative phase image nothing is stained, and the gray value is the optical thickness. The halo
# around the cell is darker than the background, so the three clusters are halo, background and cell.
# Gaussian smoothing (`smooth=2`, in pixels) makes the borders smooth, and clean-up removes specks.

# %%
from skimage.data import cell

import napari_kmeans

image = cell()
labels, model = napari_kmeans.segment(image, 3, smooth=2, clean_up=napari_kmeans.CleanUp(min_size=400))
model = model.with_names(["halo", "background", "cell"])
print(f"The cell has {(labels == 3).sum()} pixels.")
print("centres:", model.centers.ravel().round(1))

# %%
import matplotlib.pyplot as plt

figure, (before, after) = plt.subplots(1, 2, figsize=(9, 5.6), layout="constrained")
before.imshow(image, cmap="gray")
after.imshow(labels, cmap="viridis", interpolation="nearest")
