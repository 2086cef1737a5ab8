# %% [markdown]
# # Computed tomography of a phantom
#
# The Shepp-Logan phantom is measured from 90 directions with noise, and reconstructed by filtered back
# projection. Inside the field of view, the four clusters are air and ventricles, brain, the edge of the
# skull, and the skull. `coherence=1` removes the noise. The structures in the brain differ from it by about
# a tenth of the value of the skull, too little to get clusters of their own.

# %%
import numpy as np
from skimage.data import shepp_logan_phantom
from skimage.transform import iradon, radon, rescale

import napari_kmeans

angles = np.linspace(0, 180, 90, endpoint=False)
rays = radon(rescale(shepp_logan_phantom(), 0.5), angles)
rays += np.random.default_rng(0).normal(0, 0.5, rays.shape)
image = iradon(rays, angles).astype(np.float32)

inside = np.hypot(*np.ogrid[-1 : 1 : image.shape[0] * 1j, -1 : 1 : image.shape[1] * 1j]) < 1
labels, model = napari_kmeans.segment(image, 4, mask=inside, coherence=1)
print("centres:", model.centers.ravel().round(2))

# %%
import matplotlib.pyplot as plt

figure, (before, after) = plt.subplots(1, 2, figsize=(9, 4.5), layout="constrained")
before.imshow(np.where(inside, image, np.nan), cmap="gray")
after.imshow(np.ma.masked_equal(labels, 0), cmap="viridis", interpolation="nearest")
