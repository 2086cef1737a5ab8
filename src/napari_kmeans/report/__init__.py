"""What is shown of a result: tables, figures, histograms, colours."""
