# %% [markdown]
# # Phases of a microstructure
#
# This synthetic micrograph shows an alloy with two phases and pores, with detector noise. The area fraction
# of each phase is the share of its cluster. The true fractions are known, so you can see the effect of the
# noise: without coherence, the measured fractions are wrong.

# %%
import numpy as np
from scipy.ndimage import gaussian_filter

import napari_kmeans

rng = np.random.default_rng(0)
grains = gaussian_filter(rng.normal(size=(256, 256)), 5, mode="wrap")
pores = gaussian_filter(rng.normal(size=(256, 256)), 3, mode="wrap")
truth = np.where(grains > np.quantile(grains, 0.65), 3, 2)
truth[pores > np.quantile(pores, 0.93)] = 1
image = np.array([0, 60, 130, 180])[truth] + rng.normal(0, 25, truth.shape)
image = np.clip(image, 0, 255).astype(np.uint8)

plain, _ = napari_kmeans.segment(image, 3)
labels, model = napari_kmeans.segment(image, 3, coherence=1)
for name, found in ("truth", truth), ("plain", plain), ("coherence=1", labels):
    print(f"{name:12}", (np.bincount(found.ravel())[1:] / image.size).round(3))

# %%
import matplotlib.pyplot as plt

figure, (before, middle, after) = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
before.imshow(image, cmap="gray")
middle.imshow(plain, cmap="viridis", interpolation="nearest")
after.imshow(labels, cmap="viridis", interpolation="nearest")
