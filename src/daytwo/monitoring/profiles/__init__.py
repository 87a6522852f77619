"""What a window looks like, in counts that add up: `bins`, `profile`, and `distances` between profiles."""
