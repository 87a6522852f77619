"""The words all rooms share: errors, findings, clock, digests, durations, expressions, schema, settings."""
