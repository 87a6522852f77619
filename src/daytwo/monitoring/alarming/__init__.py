"""Alarms that keep a budget.

`alarm` judges one number per channel and block (`listeners`, `betting`, `neighbours`); the numbers are made by `channels`,
`leftovers` and `strangers` of `blocks`. `bursts` of bad rows and `silence` of a source have tests of their own.
"""
