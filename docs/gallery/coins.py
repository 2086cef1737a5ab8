# %% [markdown]
# # Coins under uneven illumination
#
# The light comes from the top left, where the background is as bright as some of the coins, so two clusters
# of gray values split the background. `illumination="additive"` fits a smooth field together with the
# clusters and removes it. `clean_up` then removes specks and fills holes, and `split_into_objects`
# counts the coins.

# %%
from skimage.data import coins

import napari_kmeans

image = coins()
labels, model = napari_kmeans.segment(
    image,
    2,
    illumination="additive",
    clean_up=napari_kmeans.CleanUp(min_size=150, fill_holes=150),
)
objects, table = napari_kmeans.split_into_objects(labels, 2)
print(f"{objects.max()} coins, {min(table['area']):.0f} to {max(table['area']):.0f} pixels")

# %%
import matplotlib.pyplot as plt

figure, (before, after) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
before.imshow(image, cmap="gray")
after.imshow(labels, cmap="viridis", interpolation="nearest")
