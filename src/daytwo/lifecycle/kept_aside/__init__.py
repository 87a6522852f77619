"""Rows in quarantine: what is there, why (`likely_cause`), how it is mended, and how it is sent again."""
