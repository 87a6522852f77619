"""Compiles the tree engine (`src/daytwo/scoring/trees.c`) into the wheel, where there is a C compiler.

Without one, or where compiling fails, daytwo is built all the same and scores with LightGBM's own library. Nothing is
downloaded. `CC` names another compiler; `DAYTWO_COMPILE=0` makes the wheel for every machine, without the engine.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_SOURCE = Path("src/daytwo/scoring/trees.c")
_LIBRARY = "_trees.so"
# For any processor of the architecture; without -ffp-contract=off a sum could differ from LightGBM's in its last bit.
_FLAGS = ("-std=c11", "-O3", "-ffp-contract=off", "-fPIC", "-shared", "-fvisibility=hidden")


class TreeEngineHook(BuildHookInterface):  # type: ignore[type-arg]
    """Puts the library into a wheel, or beside its source for an editable install."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, if there is a compiler; only then is the wheel one for this platform."""
        root = Path(self.root)
        self._scratch = tempfile.TemporaryDirectory(dir=(root / _SOURCE).parent if version == "editable" else None)
        made = Path(self._scratch.name) / _LIBRARY
        if said := compiled(root / _SOURCE, made):
            self.app.display_warning(f"daytwo is built without its tree engine, and LightGBM's will score: {said}")
            return
        if version == "editable":
            made.replace(root / _SOURCE.with_name(_LIBRARY))  # at once, for processes that use the one before
            return
        build_data["force_include"][str(made)] = f"daytwo/scoring/{_LIBRARY}"
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Take what was compiled away again: the wheel holds it."""
        self._scratch.cleanup()


def compiled(source: Path, target: Path) -> str:
    """Compile `source` to the shared library `target`; return why that is not possible, empty if it was."""
    if os.environ.get("DAYTWO_COMPILE") == "0":
        return "DAYTWO_COMPILE is 0"
    named = shlex.split(os.environ.get("CC", ""))
    commands = [named] if named else [["cc"], ["gcc"], ["clang"]]
    command = next((one for one in commands if shutil.which(one[0])), None)
    if command is None:
        return f"no C compiler is on the path ({', '.join(one[0] for one in commands)})"
    try:
        subprocess.run(
            [*command, *_FLAGS, "-o", str(target), str(source), "-lm"], check=True, capture_output=True, timeout=300
        )
    except subprocess.CalledProcessError as err:
        return f"{command[0]} failed: {err.stderr.decode(errors='replace').strip()[-500:]}"
    except (OSError, subprocess.TimeoutExpired) as err:
        return f"{command[0]} failed: {err}"
    return ""
