"""Image files in, label images out."""
