"""How the house is built, held by reading the source and by looking at what a process really imports.

`.importlinter` holds the floors; here is what it cannot see.
"""

import ast
import json
import subprocess
import sys
import tomllib
from collections import Counter
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "daytwo"
FILES = sorted(SOURCE.rglob("*.py"))
ROOMS = sorted(path.parent for path in SOURCE.glob("*/__init__.py"))

# The command, as it is declared for installation.
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DOOR = EntryPoint("daytwo", PROJECT["scripts"]["daytwo"], "console_scripts")

LONGEST_FILE = 300

# Where an import may stand inside a function, and why.
MAY_IMPORT_INSIDE = {
    "cli": "the front door pays only for the command that was asked for",
}
# A room whose `__init__.py` hands names on to users, and how it stays light.
MAY_HAND_ON = {
    "contracts": "the library for use without a project; each name is looked up when it is asked for",
    "monitoring": "likewise: watching windows of anybody's rows",
    "lifecycle": "likewise: replaying a retraining policy over anybody's losses",
}
NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc", "base", "shared"}

HEAVY = {
    "apprise",
    "dbos",
    "deltalake",
    "jinja2",
    "lightgbm",
    "numpy",
    "pandas",
    "polars",
    "scipy",
    "sklearn",
    "sqlalchemy",
    "starlette",
    "uvicorn",
}
NOT_IN_THE_SERVER = {
    "apprise",
    "click",
    "dbos",
    "deltalake",
    "lightgbm",
    "pandas",
    "polars",
    "pyarrow",
    "rich",
    "scipy",
    "sklearn",
    "sqlalchemy",
}


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).with_suffix("").parts[0]


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_inside_functions(tree: ast.Module) -> list[int]:
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [
        inner.lineno
        for function in functions
        for inner in ast.walk(function)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]


def modules_after(code: str) -> set[str]:
    """Top-level packages loaded in a fresh process once `code` has run."""
    told = "import json, sys\n" + code + "\nprint(); print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_imports_stand_at_the_top_of_a_file():
    found = [
        f"{name_of(path)}:{line}"
        for path in FILES
        if room_of(path) not in MAY_IMPORT_INSIDE
        for line in imports_inside_functions(tree_of(path))
    ]
    assert found == []


def test_no_import_is_only_for_the_type_checker():
    assert [name_of(path) for path in FILES if "TYPE_CHECKING" in path.read_text(encoding="utf-8")] == []


def test_a_file_is_one_idea():
    longer = {name_of(path): n for path in FILES if (n := len(path.read_text("utf-8").splitlines())) > LONGEST_FILE}
    assert longer == {}


def test_every_file_has_earned_a_name():
    paths = [*FILES, *(path for path in SOURCE.rglob("*") if path.is_dir())]
    assert [name_of(path) for path in paths if path.stem in NAMELESS] == []


def test_a_room_says_in_its_init_what_it_is_for_and_computes_nothing():
    for room in ROOMS:
        tree = tree_of(room / "__init__.py")
        assert ast.get_docstring(tree), f"{room.name} does not say what it is for"
        if room.name not in MAY_HAND_ON:
            assert len(tree.body) == 1, f"{room.name}/__init__.py holds more than its docstring"


def test_every_room_stands_on_a_floor_of_the_import_rules():
    rules = (ROOT / ".importlinter").read_text(encoding="utf-8")
    assert [room.name for room in ROOMS if room.name not in rules] == []


def test_test_files_have_names_of_their_own():
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.skipif(find_spec("daytwo.cli") is None, reason="the front door is not built yet")
def test_help_imports_nothing_heavy():
    code = (
        f"from {DOOR.module} import {DOOR.attr} as main\n"
        "sys.argv = ['daytwo', '--help']\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code, stop.code\n"
    )
    assert modules_after(code) & HEAVY == set()


@pytest.mark.skipif(find_spec("daytwo.serving.server") is None, reason="the server is not built yet")
@pytest.mark.parametrize("module", ["daytwo.serving.server", "daytwo.serving.__main__"])
def test_the_server_process_stays_light(module):
    assert modules_after(f"import {module}") & NOT_IN_THE_SERVER == set()


def test_a_persons_word_and_going_back_load_nothing_that_trains():
    assert modules_after("import daytwo.cli.release") & {"dbos", "lightgbm", "scipy", "sklearn"} == set()


def test_a_ledger_in_a_file_loads_no_driver_of_postgres():
    assert "psycopg" not in modules_after("import daytwo.wiring")


def test_a_room_that_hands_names_on_loads_them_only_when_they_are_asked_for():
    assert modules_after("import daytwo.contracts") & HEAVY == set()
    assert "polars" in modules_after("from daytwo.contracts import check")
