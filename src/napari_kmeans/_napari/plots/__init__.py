"""Plots of the dock."""
