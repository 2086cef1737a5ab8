"""The state of each image in the dock, and the background jobs for it."""
