"""The health of each source: what came, bursts of bad rows, silence, gaps; the `patrol` looks between windows."""
