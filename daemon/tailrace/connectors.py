"""Finds connectors by entry point; a built-in one looks exactly like a third party's.

An entry point names a `SourceConnector`, `StreamConnector` or `SinkConnector`. The module that holds it imports no
driver library: those come with `create`, so that reading a pipeline file needs none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from tailrace.errors import ConfigError

if TYPE_CHECKING:  # every process of a pipeline imports this module, and few convert a schema
    from tailrace.conversion.catalog import Catalog
    from tailrace.conversion.statistics import Statistics
    from tailrace.conversion.target import SchemaTarget
    from tailrace.sink import Sink
    from tailrace.source import Source
    from tailrace.stream import Stream


def _unknown() -> None:
    return None


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Context:
    """What a connector knows of its pipeline.

    Attributes:
        pipeline: the pipeline's name; prefixes topics, slots, tables.
        mode: "full-load", "cdc" or "full-load-and-cdc".
        state_dir: the pipeline's folder; exists when a connector is created by a worker.
        topic: template of an event topic's name, with {name}, {schema}, {table}.
        tables: the file's `[[tables]]` entries, as validated models.
        memory: bytes that a worker may use for buffers.
        sinks: names of the file's sinks: the stream keeps what one of them has not consumed.
        retention: asks the stream how long it keeps events (`Stream.retention`); for `check`.
        begun: asks the stream whether capture has stored a position, so that a start is no first one; for `check`.
        instance: random name of the daemon's run, by which a stream tells its writers from another daemon's; the same
            after a restart of a worker, "" outside of a run.
        conversion: files of a person's conversion rules, absolute: the types that they give columns hold for sinks.
        indexes: when targets get the source's secondary indexes: "after" a table's load, "before" it, or "none".
    """

    pipeline: str
    mode: str
    state_dir: Path
    topic: str = "{name}.{schema}.{table}"
    tables: tuple[Any, ...] = ()
    memory: int = 256 << 20
    sinks: tuple[str, ...] = ()
    retention: Callable[[], float | None] = field(default=_unknown, compare=False)
    begun: Callable[[], bool] = field(default=_never, compare=False)
    instance: str = ""
    indexes: str = "after"
    conversion: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceConnector:
    """`config` validates the `[source]` table (it has the keys `connector`, `url`, `tables`, `exclude` at least).

    Attributes:
        catalog: reads all that the source's database, or its selected schemas, have, for `tailrace schema`; None: it
            cannot be read.
        statistics: asks the server for sizes, the spread of values, and how much is written; None: it cannot be asked.
    """

    config: type[BaseModel]
    create: Callable[[Any, Context], Source]
    catalog: Callable[[Any, Context], Catalog] | None = None
    statistics: Callable[[Any, Context], Statistics] | None = None


@dataclass(frozen=True, slots=True)
class StreamConnector:
    """`config` validates the `[stream]` table."""

    config: type[BaseModel]
    create: Callable[[Any, Context], Stream]


@dataclass(frozen=True, slots=True)
class SinkConnector:
    """`config` validates one `[[sinks]]` table (it has the keys `name`, `connector`, `tables` at least).

    Attributes:
        schema: for `tailrace schema`; None: there is no conversion towards this system. It connects only when asked
            for something that needs a server.
    """

    config: type[BaseModel]
    create: Callable[[Any, Context], Sink]
    schema: Callable[[Any, Context], SchemaTarget] | None = None


_GROUPS: dict[str, type] = {
    "tailrace.sources": SourceConnector,
    "tailrace.streams": StreamConnector,
    "tailrace.sinks": SinkConnector,
}


@cache
def _entries(group: str) -> Collection[EntryPoint]:
    """All of one group. Once in a process: each look goes through every installed package."""
    return entry_points(group=group)


def names(group: str) -> list[str]:
    """The names of all installed connectors of one entry point group."""
    return sorted({entry.name for entry in _entries(group)})


def _find(group: str, name: str) -> Any:
    for entry in _entries(group):
        if entry.name != name:
            continue
        connector = entry.load()
        if not isinstance(connector, _GROUPS[group]):
            raise ConfigError(
                f"connector {name!r} is no {_GROUPS[group].__name__}",
                where=entry.value,
                fix="ask the author of that package",
            )
        return connector
    raise ConfigError(f"there is no connector {name!r}", fix=f"choose one of: {', '.join(names(group))}")


def find_source(name: str) -> SourceConnector:
    connector: SourceConnector = _find("tailrace.sources", name)
    return connector


def find_stream(name: str) -> StreamConnector:
    connector: StreamConnector = _find("tailrace.streams", name)
    return connector


def find_sink(name: str) -> SinkConnector:
    connector: SinkConnector = _find("tailrace.sinks", name)
    return connector


def missing_library(connector: str, library: str) -> ConfigError:
    """The error for a connector whose driver is not installed."""
    return ConfigError(
        f"the {connector} connector needs the Python package {library}",
        fix=f"pip install 'tailrace[{connector}]'",
    )
