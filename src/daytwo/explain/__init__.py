"""Why this answer: exact contributions against one named reference row, and their words.

`trees.py` reads a model, `shapley.py` computes, `reasons.py` speaks.
"""
