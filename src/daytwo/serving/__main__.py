"""`python -m daytwo.serving --config FILE.json`: the server, as `daytwo serve` and `daytwo up` start it.

With one worker this process becomes it (`worker.py`); with several it stays small and keeps them running
(`workers/supervisor.py`).
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from daytwo.core.errors import DaytwoError
from daytwo.serving.config import read_config, token_digest
from daytwo.serving.transport.tls import Certificate
from daytwo.serving.workers.cores import worker_count
from daytwo.serving.workers.supervisor import run_workers


def main() -> int:  # noqa: RET503 (it becomes the worker)
    """Serve, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m daytwo.serving", description="Serve predictions over HTTP.")
    parser.add_argument("--config", type=Path, required=True, help="JSON file with the server's settings")
    parser.add_argument(
        "--attached", action="store_true", help="stop when stdin closes, as it does when the parent dies"
    )
    parser.add_argument("--ready-words", default="", help="what to print when it can answer, in place of JSON")
    asked = parser.parse_args()
    try:
        config = read_config(asked.config)
        token_digest(config.token)  # every worker would say that it leads nowhere
        if config.certificate:
            Certificate(config.certificate, config.private_key)
        count = worker_count(config.workers)
        if count > 1:
            return run_workers(config, asked.config, count, attached=asked.attached, ready_words=asked.ready_words)
    except DaytwoError as err:
        sys.stderr.write(f"daytwo: {err}\n")
        return err.exit_code
    command = [sys.executable, "-m", "daytwo.serving.worker", *sys.argv[1:]]
    os.execv(sys.executable, command)  # noqa: S606 (our own interpreter, no word of a user's)


if __name__ == "__main__":
    sys.exit(main())
