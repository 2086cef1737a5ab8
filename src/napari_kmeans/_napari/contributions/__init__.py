"""Sample images, the writer and the `view` command."""
