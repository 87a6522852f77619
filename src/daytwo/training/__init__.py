"""Make candidates: fit, calibrate, evaluate, make lighter, and write down where they came from."""
