"""Weighted points that stand for the pixels of an image."""
