"""The demo: a real year of flights, replayed day by day through everything daytwo does."""
