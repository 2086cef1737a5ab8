"""What the manifest offers beside the dock."""
