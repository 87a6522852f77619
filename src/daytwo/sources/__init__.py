"""Where rows come from: files, Delta tables and databases, read as they are called. `files.py` is the room's door."""
