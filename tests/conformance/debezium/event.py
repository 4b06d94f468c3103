"""An event as either of the two delivered it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    """One record of a topic.

    Attributes:
        topic: without the pipeline's own prefix.
        table: the table's own name; of a tombstone that of the delete before it.
        value: None for a tombstone.
    """

    topic: str
    table: str
    key: dict[str, Any] | None
    value: dict[str, Any] | None

    @property
    def op(self) -> str:
        return "tombstone" if self.value is None else str(self.value["op"])

    @property
    def before(self) -> dict[str, Any] | None:
        row: dict[str, Any] | None = (self.value or {}).get("before")
        return row

    @property
    def after(self) -> dict[str, Any] | None:
        row: dict[str, Any] | None = (self.value or {}).get("after")
        return row

    @property
    def source(self) -> dict[str, Any]:
        members: dict[str, Any] = (self.value or {}).get("source", {})
        return members

    @property
    def short(self) -> str:
        if self.value is None:
            return f"tombstone of {self.key}"
        return f"{self.op} of {self.key}: {self.before} to {self.after}"


def read(lines: Iterable[dict[str, Any]], prefix: str) -> Iterator[Event]:
    """Events from lines with topic, key and value, as both print them.

    Args:
        prefix: what the topics begin with, its dot included.
    """
    table_of: dict[str, str] = {}
    for line in lines:
        topic = str(line["topic"]).removeprefix(prefix)
        value = line["value"]
        if value is not None:
            table_of[topic] = str(value["source"]["table"])
        yield Event(topic, table_of[topic], line["key"], value)
