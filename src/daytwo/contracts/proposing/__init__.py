"""A contract proposed from rows, each rule with its evidence and proved on a part that was held out.

propose.py        the whole draft
columns.py        one column: kind, role, missing share, range (ranges.py)
texts.py          a text column: levels (levels.py; mistyped.py: those that are typing errors), pattern (patterns.py)
keys.py           columns that name a row, and what only grows
dependencies.py   columns that others decide (agreement.py: how far; coded.py: values as small numbers)
arithmetic.py     sums, products and orders between the numbers of a row
repeated.py       how many rows of a batch may repeat another
bins.py           categories that are bins of a number
spreads.py        how values are spread; volumes.py: how many rows come, how fresh
held_out.py       the rows that rules are proved on
leaks.py          columns that look like the answer
"""
