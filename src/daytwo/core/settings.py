"""`daytwo.toml` as one frozen value: every key, its meaning and its default.

Strict: an unknown key is an error that names the nearest one. `settings_file.py` next door reads and writes the
file and the environment; here is only what a setting means.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from daytwo.core.schema import Task

Count = Annotated[int, msgspec.Meta(ge=1)]
Whole = Annotated[int, msgspec.Meta(ge=0)]
Amount = Annotated[float, msgspec.Meta(ge=0)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
# What may answer for the model, besides a number and an expression over the row.
FALLBACKS = ("base_rate", "previous", "refuse")
# A model that is Python code, by the digest of its files.
CodeDigest = Annotated[str, msgspec.Meta(pattern="^sha256:[0-9a-f]{64}$")]
# Port 0 asks for any that is free.
Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of `daytwo.toml`."""


class ModelSettings(_Section, frozen=True, kw_only=True):
    """[model]: what is predicted, about whom, for whom."""

    name: str
    purpose: str = ""
    task: Task = Task.BINARY
    target: str
    time: str = ""
    subject: str = ""
    key: str = ""
    owner: str = ""


class DataSettings(_Section, frozen=True, kw_only=True):
    """[data]: where rows come from, who owns them, which columns are not inputs, and which are personal.

    `pseudonym_key` is a secret reference, `env:NAME` or `file:PATH`; empty has one made in the project's state. What
    was answered, labelled and kept aside longer than `retention_days` ago is removed; 0 keeps it for ever.
    """

    source: str = ""
    owner: str = ""
    exclude: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()
    pseudonym_key: str = ""
    retention_days: Whole = 400


class ValueSettings(_Section, frozen=True, kw_only=True):
    """[value]: what a decision brings, in money: a number or an expression over the row.

    `error_cost` is the price of one unit of absolute error of a regression.
    """

    currency: str = "USD"
    true_positive: str | float = 1.0
    false_positive: str | float = -1.0
    false_negative: str | float = 0.0
    true_negative: str | float = 0.0
    error_cost: str | float = 1.0


class MonitorSettings(_Section, frozen=True, kw_only=True):
    """[monitor]: how long a window is, how many false alarms are bearable, how late labels come."""

    window: str = "7d"
    false_alarms: str = "1 per quarter"
    label_delay: str = "2d"


class RetrainSettings(_Section, frozen=True, kw_only=True):
    """[retrain]: when a new version is made (`core/retraining.py`), and of what.

    `switch_cost` is in money; `windows` are training spans to try; a version trained longer than `stale_after` ago is
    replaced whatever the policy says, empty for no such limit. `budget` is money in 30 days for training, approvals
    and switches, 0 for no limit; `owner` hears when it stands in the way, empty for the model's.
    """

    policy: str = "marginal"
    owner: str = ""
    budget: Amount = 0.0
    stale_after: str = ""
    switch_cost: Amount = 400.0
    every: Count = 1
    windows: tuple[str, ...] = ("all", "90d")


class TrainSettings(_Section, frozen=True, kw_only=True):
    """[train]: what counts how much while a model learns, and how long to look for a better recipe.

    `weight` names the column that says how much a row counts, empty for all alike. `class_weight` is how many negative
    rows one positive counts for, or `balanced` where both classes are to count alike; empty for one.
    Up to `trials` recipes are tried, for up to `minutes`; 0 sets no such end, and where both are 0 none is tried.
    `prefer` says which variant within the margin is taken.
    """

    weight: str = ""
    class_weight: Literal["", "balanced"] | Positive = ""
    trials: Whole = 0
    minutes: Amount = 0.0
    prefer: Literal["cheapest", "readable"] = "cheapest"


class GateSettings(_Section, frozen=True, kw_only=True):
    """[gate]: what a candidate must hold. `margin` is the bearable loss of the metric, in its own unit.

    Groups of the `sensitive` columns may differ by `max_gap`. One harmed column may move the mean answer by
    `max_jump`, in probability or in widths of a regression's range; `max_shift` is the share of the reasons' weight
    that may move to other columns. An empty `max_age` sets no limit to the age of the newest labelled row.
    """

    metric: str = "roc_auc"
    margin: Amount = 0.005
    max_p99_ms: Positive = 20.0
    slices: tuple[str, ...] = ()
    test_windows: Count = 4
    sensitive: tuple[str, ...] = ()
    max_gap: Positive = 0.1
    max_jump: Share = 0.75
    max_shift: Share = 0.5
    max_rejected: Share = 0.5
    fewest_rows: Count = 200
    max_age: str = ""
    max_memory_mb: Positive = 1024.0


class ReleaseSettings(_Section, frozen=True, kw_only=True):
    """[release]: how many approvals, for how many days they hold, and by which steps traffic moves over.

    `holdout` is the share of subjects whom no version acts on: the control group by which its effect is measured.
    `freeze` are times in which nothing new is put before more people (`core/freezes.py`).
    """

    approvers: Whole = 1
    approval_days: Count = 14
    steps: tuple[str, ...] = ("shadow 2d", "canary 5% 1d", "canary 25% 1d")
    holdout: Share = 0.0
    freeze: tuple[str, ...] = ()


class PlanSettings(_Section, frozen=True, kw_only=True):
    """[plan]: without which nothing goes live: the figure to move, money per 30 days, the day of the next review."""

    kpi: str = ""
    budget: Amount = 0.0
    review_by: str = ""


class ServeSettings(_Section, frozen=True, kw_only=True):
    """[serve]: where the server listens, what it bears, and what answers where the model cannot.

    `token` is a secret reference, `env:NAME` or `file:PATH`. `fallback` is one of `FALLBACKS`, a number, or an
    expression over the columns of the row that kept the contract. More than `max_queue` requests, or more than can be
    answered in `max_wait_ms`, are refused. `unrecorded` says what becomes of answers while the disk is full.
    With a `certificate` and its `private_key`, PEM files seen from the project's folder, the server speaks TLS;
    `behind_proxy` says that a proxy in front does. A `host` that can be reached from outside needs one of the two.
    `trust` names the Python code that may run as a model, `python` the interpreter for it, empty for our own.
    `engine` is `lightgbm` where only that library may score its models, not our own engine for trees.
    """

    host: str = "127.0.0.1"
    port: Port = 8080
    workers: Whole = 1
    max_queue: Count = 512
    max_wait_ms: Positive = 100.0
    max_body_mb: Positive = 8.0
    max_rows: Count = 10_000
    token: str = ""
    certificate: str = ""
    private_key: str = ""
    behind_proxy: bool = False
    fallback: str | float = "base_rate"
    unrecorded: Literal["refuse", "serve"] = "refuse"
    trust: tuple[CodeDigest, ...] = ()
    python: str = ""
    python_deadline_s: Positive = 5.0
    engine: Literal["auto", "lightgbm"] = "auto"


class ReasonsSettings(_Section, frozen=True, kw_only=True):
    """[reasons]: what reasons compare with, in whose words they are, and which columns a suggested change may touch.

    `fixed`, `only_up` and `only_down` bind changes; all other columns may change either way, within the contract. `row`
    is what a row is called. `typical_of` says whose typical row reasons compare with: that of "all" rows, or of the
    "negatives", where the outcome did not come true; with a `segment`, a category, each of its levels has its own.
    `names`, `phrases`, `units`, `formats` and `values` are by column, `groups` name columns that are told as one.
    """

    fixed: tuple[str, ...] = ()
    only_up: tuple[str, ...] = ()
    only_down: tuple[str, ...] = ()
    row: str = "row"
    segment: str = ""
    typical_of: Literal["all", "negatives"] = "all"
    names: dict[str, str] = {}
    phrases: dict[str, str] = {}
    units: dict[str, str] = {}
    formats: dict[str, Literal["whole", "percent", "hours", "minutes", "hhmm"]] = {}
    values: dict[str, dict[str, str]] = {}
    groups: dict[str, tuple[str, ...]] = {}


class CostSettings(_Section, frozen=True, kw_only=True):
    """[cost]: prices, in the currency of [value]."""

    core_hour: Amount = 0.05
    person_hour: Amount = 80.0
    approval_minutes: Amount = 15.0


class AlertSettings(_Section, frozen=True, kw_only=True):
    """[alerts]: where findings go: a secret reference to an Apprise URL; empty keeps them in the ledger only."""

    default: str = ""


class ExpectSettings(_Section, frozen=True, kw_only=True):
    """[[ci.expect]]: what a change to one column must do to the answer: leave it as it is, raise it, or lower it.

    `change` is read by `core/changes.py`. An answer may go wrong by `tolerance`, in its own unit; `holds` is the share
    of rows for which the expectation must hold; with `at_least` the answers must move that far on average.
    """

    column: str
    change: str
    expect: Literal["same", "up", "down"]
    name: str = ""
    tolerance: Amount = 0.0
    holds: Share = 1.0
    at_least: Amount = 0.0


class CiSettings(_Section, frozen=True, kw_only=True):
    """[ci]: what `daytwo ci` tries a project on: `rows` as [data] source names them, and the newest `sample` of them.

    `rejected` is the share of them that the contract may reject.
    """

    rows: str = ""
    sample: Count = 20_000
    rejected: Share = 0.01
    expect: tuple[ExpectSettings, ...] = ()


class ConsoleSettings(_Section, frozen=True, kw_only=True):
    """[console]: where the web pages are."""

    port: Port = 8081


class ProjectSettings(_Section, frozen=True, kw_only=True):
    """[project]: where records are kept, and what several workers of one project share.

    `ledger` is the URL of a Postgres database, or `env:NAME` or `file:PATH` of one, which may then hold a password;
    empty for a file in `.daytwo`. `state` is the folder of tables and versions that all workers see, empty for
    `.daytwo`. A worker that has been silent for `dead_after` is taken for dead, and its flows are taken over.
    """

    ledger: str = ""
    state: str = ""
    dead_after: str = "30s"


class Settings(_Section, frozen=True, kw_only=True):
    """Everything a person can set about one project."""

    model: ModelSettings
    data: DataSettings = DataSettings()
    value: ValueSettings = ValueSettings()
    monitor: MonitorSettings = MonitorSettings()
    retrain: RetrainSettings = RetrainSettings()
    train: TrainSettings = TrainSettings()
    gate: GateSettings = GateSettings()
    release: ReleaseSettings = ReleaseSettings()
    plan: PlanSettings = PlanSettings()
    serve: ServeSettings = ServeSettings()
    reasons: ReasonsSettings = ReasonsSettings()
    cost: CostSettings = CostSettings()
    alerts: AlertSettings = AlertSettings()
    ci: CiSettings = CiSettings()
    console: ConsoleSettings = ConsoleSettings()
    project: ProjectSettings = ProjectSettings()
    seed: Whole = 20130401
