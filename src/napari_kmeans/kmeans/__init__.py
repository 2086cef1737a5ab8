"""Find the clusters of a summary: exactly, with scikit-learn, or by a search."""
