# %% [markdown]
# # Tissue by colour
#
# The brown stain and the blue nuclei are about equally dark, so gray values do not distinguish them. In the
# Lab colour space, the four clusters are two shades of brown, blue and background. The two browns are
# merged; the other labels stay the same.

# %%
from skimage.data import immunohistochemistry

import napari_kmeans

image = immunohistochemistry()
model = napari_kmeans.fit(image, 4, features="lab", channel_axis=-1)
model = model.merged([[1, 2]]).with_names(["stain", "pale stain", "nuclei", "background"])
labels = model.predict(image)
for name, center in zip(model.feature_names, model.centers[2], strict=True):
    print(f"nuclei: {name} = {center:.1f}")

# %%
import matplotlib.pyplot as plt
from matplotlib.colors import ListedColormap

colors = ListedColormap(["saddlebrown", "saddlebrown", "slateblue", "whitesmoke"])
figure, (before, after) = plt.subplots(1, 2, figsize=(9, 4.5), layout="constrained")
before.imshow(image)
after.imshow(labels, cmap=colors, vmin=1, vmax=4, interpolation="nearest")
