"""The example of `docs/reasons.md`: a project of flights takes its settings, and says the sentences that it shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from daytwo.core.settings_file import load_settings
from daytwo.demo.flights import history, load_year
from daytwo.explain.wording import Wording
from daytwo.registry.bundle import BundleStore
from daytwo.scoring.model import Model

DOOR = "from daytwo.cli.main import main; main()"
DOCUMENT = (Path(__file__).parents[2] / "docs" / "reasons.md").read_text(encoding="utf-8")
EXAMPLE = re.search(r"```toml\n\[reasons\]\n(.*?)```", DOCUMENT, re.DOTALL)
SHOWN = re.search(r"^    From (the typical .*?) at [\d.]+% to .*:\n((?:      .*\n)+)", DOCUMENT, re.MULTILINE)
ASKED = ("--target", "late", "--time", "scheduled_departure", "--key", "flight_id", "--name", "late", "--owner", "ops")


def say(*words, may_refuse=False):
    command = [sys.executable, "-c", DOOR, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode <= may_refuse, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """What a reader makes, of every sixth flight."""
    folder = tmp_path_factory.mktemp("reasons")
    history(load_year()).gather_every(6).write_parquet(folder / "history.parquet")
    say("init", folder / "history.parquet", *ASKED, "--into", folder / "late")
    settings = folder / "late" / "daytwo.toml"
    before, _, after = settings.read_text(encoding="utf-8").partition("[reasons]\n")
    settings.write_text(f"{before}[reasons]\n{EXAMPLE[1]}{after[after.index(chr(10) + '[') :]}", encoding="utf-8")
    say("ingest", "-C", settings.parent)
    say("train", "-C", settings.parent, may_refuse=True)  # a gate may say no of so few rows; the version is there
    return settings.parent


def test_the_sentences_that_are_shown_are_said(project):
    assert "3 phrases, 2 groups, compared within each carrier" in say("doctor", "-C", project)
    store = project / ".daytwo" / "bundles"
    (digest,) = (one.name for one in store.iterdir() if not one.name.startswith("."))
    wording = Wording(load_settings(project, {}).settings.reasons)
    model = Model.load(BundleStore(store).get(digest), wording=wording)
    said, compared = set(), set()
    for row in history(load_year()).filter(pl.col("carrier") == "MQ").tail(150).to_dicts():
        row |= {"scheduled_departure": row["scheduled_departure"].isoformat()}
        features, _ = model.decoder.check(row)
        compared.add(model.compared_with(features)[0])
        found = model.explain(features, row, k=40)
        assert sum(one.effect for one in found) == pytest.approx(
            model.score(features) - model.compared_with(features)[1], abs=1e-9
        )
        said |= {shape(one.words) for one in found}
    assert compared == {SHOWN[1]}
    shown = [line.strip() for line in SHOWN[2].splitlines()]
    assert len(shown) == 5
    assert {shape(line) for line in shown if not line.startswith(("the weather", "how the route"))} <= said
    assert {"the weather", "how the route went before"} <= {line.partition(" (")[0] for line in said}


def shape(words):
    """Return a sentence without its figures."""
    return re.sub(r"[+-]?\d[\d.,:]*", "#", words)
