"""The judgement of one window against a `reference`: `judge` gathers, `harm` weighs, `causes` and `units` explain."""
