"""What a durable flow is to the rest of the house: named steps that are not done again, whoever is killed.

A flow is a plain function of a `Run` and its arguments. Work goes into `run.step(name, work)`: once a step has
returned, its result is kept and the work is not done again; a step that was cut short is done again, so what it does
to the world carries the run's id as idempotency key. A flow never waits: what waits (an approval, a canary's time)
is state in the ledger that the next tick looks at, so a thousand waiting releases cost nothing and outlive upgrades.
Time enters a flow only as an argument. `dbos.py` runs flows durably; `InlineRunner` here is the twin without memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

# JSON values only: results and arguments are kept as JSON text, never as pickles.
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
T = TypeVar("T", bound=Json)


class Run(Protocol):
    """One execution of a flow."""

    @property
    def id(self) -> str:
        """The flow's id: the idempotency key of everything it does."""
        ...

    def step(self, name: str, work: Callable[[], T]) -> T:
        """Do `work` and keep its result, or return the result that was kept."""
        ...


Flow = Callable[[Run, dict[str, Json]], Json]


class Runner(Protocol):
    """Runs flows by name."""

    def leads(self) -> bool:
        """Whether what is due is this worker's to do now; of several workers of a project one leads."""
        ...

    def run(self, flow: str, run_id: str, arguments: dict[str, Json]) -> Json:
        """Run the flow to its end and return its result; the same `run_id` again returns the first result.

        What the flow raised is raised here; a run that failed is done anew when it is asked for again, since a full
        disk or a wrong setting may have been mended.
        """
        ...


class InlineRun:
    """A run that remembers its steps in memory only."""

    def __init__(self, run_id: str) -> None:
        self._id = run_id
        self._results: dict[str, Json] = {}

    @property
    def id(self) -> str:
        """The flow's id."""
        return self._id

    def step(self, name: str, work: Callable[[], T]) -> T:
        """Do the work; a name twice in one run is a programmer's bug."""
        if name in self._results:
            raise ValueError(f"step {name!r} stands twice in {self._id}")
        result = work()
        self._results[name] = result
        return result


class InlineRunner:
    """Runs flows in this process without keeping anything on disk: for tests."""

    def __init__(self, flows: Mapping[str, Flow]) -> None:
        self._flows = flows
        self._done: dict[str, Json] = {}

    def leads(self) -> bool:
        """There is nobody else."""
        return True

    def run(self, flow: str, run_id: str, arguments: dict[str, Json]) -> Json:
        """Run once per id."""
        if run_id not in self._done:
            self._done[run_id] = self._flows[flow](InlineRun(run_id), arguments)
        return self._done[run_id]
