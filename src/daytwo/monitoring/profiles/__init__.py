"""What a window looks like, in counts that add up: `bins`, `profile`, `distances` between profiles, and
the `reference` of a model."""
