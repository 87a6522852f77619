"""The first version is begun when there is something to learn from, and not twice from the same."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import msgspec
import polars as pl
import pytest

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.toml_text import to_toml
from daytwo.core.schema import Kind
from daytwo.lifecycle.first import make_first_version, next_release_id
from daytwo.lifecycle.releases import Release, State
from daytwo.lifecycle.rows import DATASET
from daytwo.registry.route import Route

NOW = datetime(2013, 4, 1, tzinfo=UTC)
CONTRACT = Contract("t", 1, "", (Column("wind", Kind.NUMBER), Column("late", Kind.NUMBER, Role.TARGET)))


class Trainer:
    """A runner whose releases end as told."""

    def __init__(self, system, state):
        self.system, self.state, self.begun = system, state, []

    def run(self, flow, run_id, arguments):
        assert flow == "release"
        self.begun.append(run_id)
        self.system.releases.put(Release(run_id, self.state, str(arguments["reason"]), "daytwo", NOW, NOW))
        return {}


@pytest.fixture
def project(system):
    system.contract_path.write_text(to_toml(CONTRACT))
    return system


def add_rows(system, batch):
    system.tables.append(DATASET, pl.DataFrame({"wind": [1.0], "late": [0.0]}), batch=batch)


def test_nothing_begins_without_rows(project):
    assert make_first_version(project, Trainer(project, State.WAITING), NOW) == []


def test_one_begins_with_the_first_rows_and_then_people_are_waited_for(project):
    add_rows(project, "one")
    trainer = Trainer(project, State.WAITING)
    assert [event.kind for event in make_first_version(project, trainer, NOW)] == ["waiting"]
    add_rows(project, "two")
    assert make_first_version(project, trainer, NOW) == []
    assert trainer.begun == ["release-1"]
    assert next_release_id(project) == "release-2"


def test_what_was_refused_is_tried_again_when_rows_contract_or_settings_change(project):
    add_rows(project, "one")
    trainer = Trainer(project, State.REFUSED)
    assert make_first_version(project, trainer, NOW)
    assert make_first_version(project, trainer, NOW) == []
    add_rows(project, "two")
    assert make_first_version(project, trainer, NOW)
    assert make_first_version(project, trainer, NOW) == []
    project.contract_path.write_text(to_toml(dataclasses.replace(CONTRACT, version=2)))
    assert make_first_version(project, trainer, NOW)
    assert make_first_version(project, trainer, NOW) == []
    other = dataclasses.replace(project, settings=msgspec.structs.replace(project.settings, seed=7))
    assert make_first_version(other, trainer, NOW)
    assert trainer.begun == ["release-1", "release-2", "release-3", "release-4"]


def test_one_that_was_cut_short_goes_on_under_its_id(project):
    add_rows(project, "one")
    project.releases.put(Release("release-1", State.TRAINING, "cut short", "daytwo", NOW, NOW))
    trainer = Trainer(project, State.WAITING)
    assert make_first_version(project, trainer, NOW)
    assert trainer.begun == ["release-1"]


def test_nothing_begins_once_something_is_live(project):
    add_rows(project, "one")
    project.registry.change_route(Route(1, "a" * 64), cause="c", at=NOW, by="x", reason="y")
    assert make_first_version(project, Trainer(project, State.WAITING), NOW) == []
