"""Time and memory of napari-kmeans compared with other libraries; see ``python -m benchmarks --help``."""
