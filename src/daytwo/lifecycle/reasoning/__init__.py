"""What helps to understand one prediction beside its reasons: what would turn it, and what became of others like it."""
