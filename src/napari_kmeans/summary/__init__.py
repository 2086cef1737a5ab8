"""Weighted points that represent the pixels of an image."""
