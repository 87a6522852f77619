"""The document checker finds what it promises to find, and nothing in a sound document."""

import click

from check_docs import Command, anchors, broken_links, documents, read_commands, wrong_commands

TREE = Command(
    frozenset({"--help"}),
    {
        "serve": Command(frozenset({"--help", "--port"}), {}),
        "quarantine": Command(frozenset(), {"list": Command(frozenset(), {})}),
    },
)


def complaints(text: str) -> list[str]:
    return list(wrong_commands(text, TREE, {"demo", "test"}))


def test_a_link_to_nothing_is_named(tmp_path):
    document = tmp_path / "a.md"
    (tmp_path / "b.md").write_text("# One `two`\n")
    text = "[x](c.md) [web](https://example.org/c.md) ![p](b.md) `[code](c.md)`\n```\n[block](c.md)\n```\n"
    # b.md exists but lies outside the project, which is a complaint of its own.
    assert list(broken_links(document, text)) == [
        "the link c.md leads nowhere",
        "the link b.md leaves the project",
    ]


def test_headings_become_the_anchors_that_a_browser_makes():
    assert anchors("# One `two`: three!\n## A b\n## A b\n```\n# no\n```\n") == {"one-two-three", "a-b", "a-b-1"}


def test_a_heading_that_is_not_there_is_named():
    here = documents()[0].with_name("not-written.md")
    assert next(broken_links(here, "[a](README.md#no-such-heading)")).startswith("the link README.md#no-such-heading")


def test_unknown_commands_options_and_targets_are_named():
    text = "Use `daytwo serv`, `daytwo serve --prt 1`, `daytwo quarantine drop x` or `make dmo`.\n"
    assert complaints(text) == [
        "daytwo has no command serv (in: daytwo serv)",
        "daytwo serve has no option --prt (in: daytwo serve --prt 1)",
        "daytwo quarantine has no command drop (in: daytwo quarantine drop x)",
        "the Makefile has no target dmo (in: make dmo)",
    ]


def test_what_exists_passes():
    text = (
        "`daytwo --help`, `daytwo COMMAND`, `daytwo.toml`, `src/daytwo/core`, `make`\n\n"
        "    daytwo serve --port 80  # daytwo nothing\n\n```\nmake demo && daytwo quarantine list\n```\n"
        "Prose says make merry and daytwo sings.\n"
    )
    assert complaints(text) == []


def test_commands_are_read_from_the_command_line_itself():
    @click.group()
    def door() -> None: ...

    @door.command()
    @click.option("--port", "-p")
    def serve(port: str) -> None: ...

    assert read_commands(door) == Command(
        frozenset({"--help"}), {"serve": Command(frozenset({"--help", "--port", "-p"}), {})}
    )
