"""What a candidate must show: pure `gates` over `evidence`, sure at every look (`sequential`)."""
