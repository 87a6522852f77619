"""`python -m daytwo.serving --config FILE.json`: one server process, as `daytwo serve` and `daytwo up` start it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from daytwo.core.errors import DaytwoError
from daytwo.serving.config import read_config
from daytwo.serving.server import run


def main() -> int:
    """Serve, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m daytwo.serving", description="Serve predictions over HTTP.")
    parser.add_argument("--config", type=Path, required=True, help="JSON file with the server's settings")
    parser.add_argument(
        "--attached", action="store_true", help="stop when stdin closes, as it does when the parent dies"
    )
    parser.add_argument("--ready-words", default="", help="what to print when it can answer, in place of JSON")
    arguments = parser.parse_args()
    try:
        run(read_config(arguments.config), attached=arguments.attached, ready_words=arguments.ready_words)
    except DaytwoError as err:
        sys.stderr.write(f"daytwo: {err}\n")
        return err.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
