"""A model's life as durable steps: gate, approve, shadow, canary, promote, watch, retrain."""
