"""What data must look like, what breaks it, and why: one contract, compiled for requests and for tables.

contract.py    what a contract says (column.py: of one column; words.py: in plain words; sorts.py, limits.py: if sound)
toml.py        as a text that its owner edits
decoder.py     compiled for one row (judge.py: one value; rules.py: row rules)
columnar.py    compiled for a table (typed.py: reading a column; ieee.py: numbers that compare as floats)
encoder.py     checked values as float32 features
labels.py      outcomes as numbers
times.py       values as moments in time (moments.py: whole columns)
propose.py     a contract from rows (ranges.py: how far numbers may go; leaks.py: columns that look like the answer)
"""
