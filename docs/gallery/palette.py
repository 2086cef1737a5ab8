# %% [markdown]
# # A photograph in eight colours
#
# Each pixel gets the colour of the centre of its cluster. Eight colours are enough to recognise the
# photograph; with 64, the difference is hardly visible. All pixels are used, because every 8-bit colour is
# counted.

# %%
import numpy as np
from sklearn.datasets import load_sample_image

import napari_kmeans

image = load_sample_image("china.jpg")
labels, model = napari_kmeans.segment(image, 8, features="rgb", channel_axis=-1)
few = model.centers.round().astype(np.uint8)[labels - 1]
n_colors = len(np.unique(image.reshape(-1, 3), axis=0))
print(f"{n_colors} colours before, {len(model.centers)} after; they explain {model.explained_variance:.1%}")

# %%
import matplotlib.pyplot as plt

figure, (before, after) = plt.subplots(1, 2, figsize=(9, 3.1), layout="constrained")
before.imshow(image)
after.imshow(few)
