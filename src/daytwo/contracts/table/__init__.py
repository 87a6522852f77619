"""A contract compiled for tables: whole, larger than memory, or a Parquet file that is never held in memory.

columnar.py    a table in memory (plan.py, suspects.py: which rows to look at closer; cells.py, remade.py: every cell
               named and mended; typed.py: reading a column; moments.py: times; ieee.py: numbers as floats compare)
across.py      promises between rows; whole.py: of the batch
stream.py      a table in batches (steps.py, spill.py: promises between their rows; counting.py: its report)
parquet.py     a file judged by its dictionaries and statistics
report.py      what a check came to, in counts; lines.py: what is written of a cell
"""
