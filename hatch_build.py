"""Compiles the tree engine, its reasons and the reader of rows into the wheel, where there is a C compiler.

Without one, or where compiling fails, daytwo is built all the same: LightGBM's own library scores, numpy works reasons
out, and rows are read in Python. Nothing is downloaded. `CC` names another compiler; `DAYTWO_COMPILE=0` makes the wheel
for every machine, without any of them.
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

# Each becomes the library `_NAME.so` beside it.
_SOURCES = tuple(Path("src/daytwo", name) for name in ("scoring/trees.c", "scoring/shapley.c", "contracts/rows.c"))
# For any processor of the architecture; without -ffp-contract=off a sum could differ from LightGBM's in its last bit.
_FLAGS = ("-std=c11", "-O3", "-ffp-contract=off", "-fPIC", "-shared", "-fvisibility=hidden")


class NativeHook(BuildHookInterface):  # type: ignore[type-arg]
    """Puts the libraries into a wheel, or beside their sources for an editable install."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, if there is a compiler; only then is the wheel one for this platform."""
        root = Path(self.root)
        self._scratch = tempfile.TemporaryDirectory(dir=root if version == "editable" else None)
        for source in _SOURCES:
            library = source.with_name(f"_{source.stem}.so")
            made = Path(self._scratch.name) / library.name
            if said := compiled(root / source, made):
                self.app.display_warning(f"daytwo is built without {source.name}, and slower ways stand in: {said}")
            elif version == "editable":
                made.replace(root / library)  # at once, for processes that use the one before
            else:
                build_data["force_include"][str(made)] = str(library.relative_to("src"))
                build_data["pure_python"] = False
                platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
                build_data["tag"] = f"py3-none-{platform}"

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
