"""`python -m daytwo.serving.worker --config FILE.json`: one process that answers, alone or one of several.

`__main__.py` becomes it, or `workers/supervisor.py` starts it with an order that says which of the workers it is.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from daytwo.core.errors import DaytwoError
from daytwo.serving.config import read_config
from daytwo.serving.server import run
from daytwo.serving.workers.order import read_order


def main() -> int:
    """Serve, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m daytwo.serving.worker", description="Serve in one process.")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--attached", action="store_true")
    parser.add_argument("--ready-words", default="")
    parser.add_argument("--order", default="")
    asked = parser.parse_args()
    try:
        order = read_order(asked.order) if asked.order else None
        run(read_config(asked.config), attached=asked.attached, ready_words=asked.ready_words, order=order)
    except DaytwoError as err:
        sys.stderr.write(f"daytwo: {err}\n")
        return err.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
