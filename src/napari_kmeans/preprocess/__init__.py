"""Preprocessing of an image before its features are computed."""
