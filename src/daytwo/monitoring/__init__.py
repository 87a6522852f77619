"""Profiles, drift, alarms, estimated and realised performance: pure statistics."""
