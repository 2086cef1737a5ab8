"""Between napari's layers and the engine."""
