"""Reports of results: tables, figures, histograms and colours."""
