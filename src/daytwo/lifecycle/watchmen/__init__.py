"""Who watches the watchers: `beats` says which monitor is silent or late.

`drill` proves on a copy that an alert arrives; `budget` says what the alarm may spend, and what it takes for it;
`acknowledgement` takes a change as the new normal.
"""
