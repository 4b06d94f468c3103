"""How much is written to a source's tables: by the server's own counters, or by the pipeline that runs.

What is known of a target's cost depends on it; a conversion does not.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from tailrace import connectors
from tailrace.config import Pipeline
from tailrace.conversion.catalog import ObjectName
from tailrace.conversion.statistics import Changes, Statistics, average_rates, rates
from tailrace.conversion.target import SchemaTarget
from tailrace.errors import TailraceError
from tailrace.http.client import ask
from tailrace.logs import logger

log = logger()


@runtime_checkable
class Measured(Protocol):
    """A target that wants to know."""

    def measured(self, statistics: Statistics, rates: Mapping[ObjectName, Changes], told: str) -> None:
        """Before the conversion.

        Args:
            rates: changes a second.
            told: where they come from, for a person.
        """
        ...


@dataclass(slots=True)
class Measuring:
    """Asks the source once, when the first target wants it.

    Args:
        pipeline: None: there is no source, but a script.
        seconds: how long changes are counted; 0: what the server has counted since it began is taken.
    """

    pipeline: Pipeline | None
    seconds: float = 0.0
    _found: tuple[Statistics, Mapping[ObjectName, Changes], str] | None = None

    def tell(self, target: SchemaTarget) -> None:
        """A source that cannot be asked, or that has no statistics, is told of in the log and changes nothing."""
        if not isinstance(target, Measured):
            return
        if self._found is None:
            self._found = (Statistics(), {}, "")
            if self.pipeline is not None:
                try:
                    self._found = measure(self.pipeline, self.seconds)
                except TailraceError as error:
                    log.warning("the source's statistics cannot be read", error=str(error))
        target.measured(*self._found)


def measure(pipeline: Pipeline, seconds: float) -> tuple[Statistics, Mapping[ObjectName, Changes], str]:
    """Statistics, changes a second by the source's names, and where these come from.

    Raises:
        UnreachableError, RefusedError: of the source.
    """
    read = connectors.find_source(pipeline.source.connector).statistics
    if read is None:
        return Statistics(), {}, ""
    before = pipeline.made(read, pipeline.source)
    for note in before.notes:
        log.warning("the source's statistics are not whole", reason=note)
    if not seconds:
        days = (before.seconds or 0.0) / 86400
        return before, average_rates(before), f"by the server's counters of {days:,.1f} days"
    events, started = _events(pipeline), time.monotonic()
    time.sleep(seconds)
    after, passed = pipeline.made(read, pipeline.source), time.monotonic() - started
    counted = rates(before, after, passed)
    # A server that counts nothing by table: of changes that the pipeline captures it is not known what they are.
    for table, number in _events(pipeline).items():
        schema, _, name = table.partition(".")
        if table in events and number >= events[table]:
            counted.setdefault(ObjectName(schema, name), Changes(updates=(number - events[table]) / passed))
    return after, counted, f"measured in {passed:,.0f} s"


def _events(pipeline: Pipeline) -> dict[str, int]:
    """Events that capture has handed on, by table; nothing where the pipeline does not run."""
    try:
        status = ask(pipeline.state_dir, pipeline.name, "/status")
    except TailraceError:
        return {}
    found = {}
    for table in status.get("tables", ()):
        captured = table.get("workers", {}).get("capture")
        if captured is not None and table.get("state") == "streaming":
            found[str(table["name"])] = int(captured["events"])
    return found
