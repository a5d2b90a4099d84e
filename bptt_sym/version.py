"""The version, in one place for the package, its outputs and its build."""

__version__ = "0.1.0"

MADE_BY = f"Made by bptt-sym {__version__}"
"""Stands in every file the program writes, at the place that ``made_by`` knows for its format."""
