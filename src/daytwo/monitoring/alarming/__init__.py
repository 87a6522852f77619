"""Alarms that keep a budget.

`alarm` judges one number per channel and block (`listeners`, `betting`, `neighbours`); `channels`, `leftovers` and
`strangers` make the numbers, `filtering` those of known `faults` from `traits` and `cells`, and `blocks` the blocks.
`bursts` and `silence` have tests of their own.
"""
