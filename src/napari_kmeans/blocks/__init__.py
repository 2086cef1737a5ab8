"""An image read block by block: boxes, the loop over pixels, threads, Dask clusters."""
