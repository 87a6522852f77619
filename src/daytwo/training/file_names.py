"""What the files of a bundle that monitoring needs are called. Apart from `bundle_files.py`, which makes them."""

from __future__ import annotations

REFERENCE_FILE, ESTIMATOR_FILE, ESTIMATOR_TREES = "reference.json", "estimator.json", "estimator.txt"
SLICES_FILE = "slices.msgpack"
