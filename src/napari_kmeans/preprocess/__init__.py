"""What is done to an image before its features are computed."""
