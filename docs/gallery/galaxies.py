# %% [markdown]
# # Rare bright spots: galaxies
#
# Few pixels of the Hubble Deep Field belong to a galaxy, so they contribute little to the inertia. Two
# clusters separate only the brightest cores from the sky. With five clusters, the darkest two are sky and
# are set to background; the others are galaxies.

# %%
from skimage.data import hubble_deep_field

import napari_kmeans

image = hubble_deep_field()[:500, :500]
two, _ = napari_kmeans.segment(image, 2, channel_axis=-1, smooth=1)
model = napari_kmeans.fit(image, 5, channel_axis=-1, smooth=1).with_background([1, 2])
labels = model.predict(image)
objects, table = napari_kmeans.split_into_objects((labels > 0).astype("uint8"), 1)
bright, _ = napari_kmeans.split_into_objects(two, 2)
print(f"{bright.max()} objects with two clusters, {objects.max()} with five")

# %%
import matplotlib.pyplot as plt

figure, (before, after) = plt.subplots(1, 2, figsize=(9, 4.5), layout="constrained")
before.imshow(image)
after.imshow(labels, cmap="magma", interpolation="nearest")
