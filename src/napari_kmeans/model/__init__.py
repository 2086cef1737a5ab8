"""Recipes, fitted models, their files, and the segmentation of images with them."""
