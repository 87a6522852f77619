"""A trial as Markdown, for a pull request: what failed first, then everything. Pure.

What stands in a cell is data: a pipe, a bracket or an `@` in it must neither break the table, nor make a link or a
mention.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from daytwo.lifecycle.checking.check import Check, Standing, Trial

_SIGNS = {Standing.PASSED: "yes", Standing.NOTED: "note", Standing.FAILED: "**no**"}
_GROUPS = {
    "data": "Data",
    "train": "Training",
    "gate": "Gates",
    "expect": "Behaviour",
    "test": "Tests of the project",
    "project": "Project",
}
_ACTIVE = re.compile(r"([\\`*_\[\]<>|#~!])")


def markdown(trial: Trial) -> str:
    """Return the report.

    Examples
    --------
    >>> print(markdown(Trial("trips", 10, "nobody", (Check("data", "rows", Standing.PASSED, "all kept"),))))
    ## daytwo: trips passes
    <BLANKLINE>
    1 passed, 0 failed, on 10 rows, against nobody.
    <BLANKLINE>
    ### Data
    <BLANKLINE>
    | | check | because | where |
    | --- | --- | --- | --- |
    | yes | rows | all kept |  |
    <BLANKLINE>
    """
    return "\n".join(_lines(trial)) + "\n"


def _lines(trial: Trial) -> Iterator[str]:
    verdict = "passes" if trial.passed else "does not pass"
    yield f"## daytwo: {plain(trial.model)} {verdict}"
    yield ""
    counted = trial.headline.partition(": ")[2] if ": " not in trial.model else trial.headline
    yield f"{plain(counted)}, on {trial.rows:,} rows, against {plain(trial.against)}."
    failed = [check for check in trial.checks if check.failed]
    if failed:
        yield ""
        for check in failed:
            yield f"- **{plain(check.name)}** ({_GROUPS.get(check.group, check.group)}): {plain(check.words)}"
    for group in dict.fromkeys(check.group for check in trial.checks):
        yield ""
        yield f"### {_GROUPS.get(group, plain(group))}"
        yield ""
        yield "| | check | because | where |"
        yield "| --- | --- | --- | --- |"
        for check in trial.checks:
            if check.group == group:
                yield _row(check)
    if trial.figures:
        yield ""
        yield "### Figures of the candidate"
        yield ""
        yield "| figure | value |"
        yield "| --- | --- |"
        for name, value in sorted(trial.figures.items()):
            yield f"| {plain(name)} | {value:.6g} |"
    if trial.digest:
        yield ""
        yield f"Candidate `{trial.digest[:12]}`; it was thrown away after the trial."


def _row(check: Check) -> str:
    where = "" if check.place is None else plain(str(check.place))
    return f"| {_SIGNS[check.standing]} | {plain(check.name)} | {plain(check.words)} | {where} |"


def plain(text: str) -> str:
    r"""Return text that Markdown shows as it is, in one line, and that mentions nobody.

    Examples
    --------
    >>> plain("a|b @ops")
    'a\\|b @\u200bops'
    """
    return _ACTIVE.sub(r"\\\1", " ".join(text.split())).replace("@", "@\u200b")
