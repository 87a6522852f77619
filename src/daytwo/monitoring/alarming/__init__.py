"""Alarms that keep a budget: `alarm` on one number per channel and block (`betting`, `channels`, `signed`, `neighbours`,
`blocks`); `bursts` of bad rows and `silence` of a source."""
