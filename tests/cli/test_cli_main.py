"""The front door itself: every command says what it does, with an example, and answers machines."""

import os
import subprocess
import sys

import click
import pytest

from daytwo.cli.main import COMMANDS, daytwo


def every_command(command=daytwo, path=()):
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    if not command.list_commands(context):  # a group that so far works by itself
        yield path, command
    for name in command.list_commands(context):
        yield from every_command(command.get_command(context, name), (*path, name))


EVERY = dict(every_command())


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_command_has_words_an_example_that_is_one_of_its_own_and_json(path):
    command = EVERY[path]
    options = {option for parameter in command.params for option in parameter.opts}
    assert command.epilog
    assert command.epilog.startswith("Example: ")
    assert f"daytwo {' '.join(path)}" in command.epilog or path[0] == "train"
    assert {word.split("=")[0] for word in command.epilog.split() if word.startswith("--")} <= options
    assert command.help
    assert "--json" in options


def test_the_list_of_commands_is_complete_and_each_can_be_loaded():
    context = click.Context(daytwo)
    assert {path[0] for path in EVERY} == set(COMMANDS)
    assert all(daytwo.get_command(context, name) is not None for name in COMMANDS)


def test_help_lists_every_command(fresh):
    said = fresh("--help")
    assert said.code == 0
    assert all(f"  {name} " in said.out for name in COMMANDS)


def test_a_mistyped_command_names_the_nearest(fresh):
    said = fresh("statsu")
    assert said.code == 2
    assert "status" in said.err
    assert "Traceback" not in said.err


def test_wrong_use_is_told_by_the_command(daytwo):
    said = daytwo("approve", "release-1")
    assert said.code == 2
    assert "--as" in said.err


LEAN = "import sys; sys.modules |= dict.fromkeys(('sklearn', 'pandas', 'matplotlib')); "
DOOR = LEAN + "from daytwo.cli.main import main; sys.argv[0] = 'daytwo'; main()"


@pytest.mark.parametrize("words", [("--help",), ("status", "--help"), ("status",), ("status", "--json"), ("front",)])
def test_where_nobody_reads_the_answer_it_ends_quietly_as_other_commands_do(live_project, words):
    """A pipe whose reader has gone before the first word is what `daytwo status | head -1` may meet at any word."""
    place = () if "--help" in words else ("-C", live_project)
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-c", DOOR, *words, *place]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False, timeout=100)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")
