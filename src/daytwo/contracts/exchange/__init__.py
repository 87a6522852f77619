"""Contracts from and for other tools.

adopt.py              what taking over has in common (adopt_gx.py, adopt_pandera.py; documents.py: their files)
export_gx.py          a Great Expectations suite
export_json_schema.py JSON Schema for the rows of a request
export_odcs.py        the Open Data Contract Standard (export_sql.py: rules as queries)
"""
