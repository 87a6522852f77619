"""Traces for OpenTelemetry, where its own environment variables ask for them; nothing of it is needed or loaded here.

asked.py     whether, and where to
spans.py     what a span is, and how a collector reads it
exporter.py  sent in batches by a thread of its own
traced.py    one span a request
"""
