"""Findings become alerts that somebody owns: opened once, repeated quietly, sent out, acknowledged, closed."""
