"""Rows answered, recorded and told, whatever address they came by.

requests.py    what is asked (repeated_keys.py: keys that stand twice; personal.py: what is hidden of it at once)
served.py      everything that answers for one model
predicting.py  answered, recorded, counted (plain.py: rows that keep their contract; predict.py: any; advice.py: money;
               replies.py: the reply of the record; written.py: both of plain rows, as bytes)
outcomes.py    labels and feedback (outcome_requests.py: read from bytes)
fallback.py    what answers a row that the model cannot (breaker.py: when it is not even asked)
live.py        which versions answer (router.py: whom; shadow.py: who is only compared)
health.py      what is wrong, since when, and what helps
recent.py      what was recorded lately (explaining.py: why a prediction of it is what it is; suggesting.py: what would
               turn the decision)
"""
