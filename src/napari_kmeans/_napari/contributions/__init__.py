"""Sample images, reader, writer and the `view` command."""
