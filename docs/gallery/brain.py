# %% [markdown]
# # A slice of the head
#
# This magnetic resonance image ships with Matplotlib. The four clusters are air and three intensities of
# tissue; without tissue priors, k-means cannot identify the tissues. `coherence=1` adds a cost for
# neighbours with different labels, which removes speckles without blurring edges.

# %%
import numpy as np
from matplotlib.cbook import get_sample_data

import napari_kmeans

with get_sample_data("s1045.ima.gz") as file:
    image = np.frombuffer(file.read(), np.uint16).reshape(256, 256)
labels, model = napari_kmeans.segment(image, 4, coherence=1)
print("share of each cluster:", (model.counts / image.size).round(2))

# %%
import matplotlib.pyplot as plt

figure, (before, after) = plt.subplots(1, 2, figsize=(9, 4.5), layout="constrained")
before.imshow(image, cmap="gray")
after.imshow(labels, cmap="viridis", interpolation="nearest")
