"""Reading of image files, and writing of label images."""
