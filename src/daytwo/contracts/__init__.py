"""What data must look like, what breaks it, and why: one contract, compiled for requests and for tables.

contract.py    what a contract says (column.py: of one column; relations.py: between rows; batch.py: of a whole batch)
action.py      what a broken rule does, and one failure (words.py: in plain words; sorts.py, limits.py: if it is sound)
repairs.py     how a wrong value may be mended
toml.py        read from the text that its owner edits (toml_text.py: written)
decoder.py     compiled for one row (judge.py: one value; rules.py: row rules)
columnar.py    compiled for a table (typed.py: reading a column; ieee.py: numbers that compare as floats)
encoder.py     checked values as float32 features
labels.py      outcomes as numbers
times.py       values as moments in time (moments.py: whole columns; event_times.py: when each row happened)
propose.py     a contract from rows (ranges.py: how far numbers may go; leaks.py: columns that look like the answer)
"""
