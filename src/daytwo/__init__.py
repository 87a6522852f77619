"""daytwo: what happens to a machine-learning model after it goes live.

Rooms, floors and flows are drawn in `docs/architecture.md`. Nothing is imported here, so that each door
(the command line, the server, a library user) pays only for what it uses.
"""

__version__ = "0.1.0"
