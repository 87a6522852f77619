"""From a row of features to a calibrated score and what to do about it.

`model.py` puts the parts together; `engine.py` is the port of what scores, and `engines.py` chooses one for a bundle.
"""
