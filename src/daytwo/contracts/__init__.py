"""What data must look like, what breaks it, and why: one contract, compiled for requests and for tables."""
