"""Rows come in: `ingest` in durable steps, `judged` by the contract, written once (`intakes`), found by `pickup`."""
