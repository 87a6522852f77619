"""A project tried out before a change is merged: its data, a training, its gates, and how the model must behave."""
