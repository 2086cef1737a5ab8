"""Connection between napari layers and the engine."""
