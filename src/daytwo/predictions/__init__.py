"""What was predicted, for whom it was right: `record`, `journal`, `segments`, `ship`, `columns`, `labels`."""
