"""From a summary to clusters: exact, by scikit-learn, or by search."""
