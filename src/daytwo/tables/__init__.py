"""Versions of data: append once, read as of a version. `tables.py` is the port, `delta.py` keeps them on disk."""
