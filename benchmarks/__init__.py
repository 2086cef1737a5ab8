"""Time and memory of napari-kmeans beside other libraries; ``python -m benchmarks --help``."""
