"""Will it hold, and at what cost: latency and CPU time of one call (`latency.py`)."""
