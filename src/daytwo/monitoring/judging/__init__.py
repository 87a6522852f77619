"""The judgement of one window: `judge` gathers, `harm` weighs, `causes` and `units` explain,
`drift_findings` puts it in words."""
