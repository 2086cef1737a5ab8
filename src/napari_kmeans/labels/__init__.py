"""Label images: clean-up, regions, objects."""
