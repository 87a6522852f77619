"""The checks that other environments run are no tests of this one."""

from __future__ import annotations

collect_ignore_glob = ["*_checks.py", "record_*.py"]
