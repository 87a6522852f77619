"""Versions of models by digest (`bundle.py`), where traffic goes (`route.py`), and the aliases in the ledger."""
