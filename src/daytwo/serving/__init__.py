"""Answers requests: `server` runs it, `protocol` reads HTTP, `handlers` answer, `predict` does the work."""
