"""The state of each image in the dock, and the work done for it."""
