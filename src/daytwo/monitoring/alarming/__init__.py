"""Alarms that keep a budget.

`alarm` judges one number per channel and block (`betting`, `channels`, `signed`, `neighbours`, `blocks`); `bursts` of
bad rows and `silence` of a source have tests of their own.
"""
