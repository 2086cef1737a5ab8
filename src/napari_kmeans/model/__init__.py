"""The recipe, the model that a fit returns, its file, and the segmentation of an image with them."""
