"""The result of a fit: clusters, what was asked for, and labels made with them."""
