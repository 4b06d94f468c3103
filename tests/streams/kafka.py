"""What tests of the Kafka stream have in common."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tailrace_kafka.cluster
import tailrace_kafka.producing
import tailrace_kafka.reader
import tailrace_kafka.writer
from tailrace.errors import TailraceError
from tests.servers import unique_name
from tests.streams import DEADLINE, Event, Pipeline

USERS = "users"


def make_pipeline(bootstrap: str, folder: Path, **properties: Any) -> Pipeline:
    name = unique_name("shop").replace("_", "-")
    table = {"connector": "kafka", "kafka": {"bootstrap.servers": bootstrap, **properties}}
    return Pipeline(name, folder, table, sinks=("one",))


def values(events: list[Event]) -> list[bytes | None]:
    return [event.value for event in events]


def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at the topics at each turn."""
    for module in (tailrace_kafka.writer, tailrace_kafka.reader):
        monkeypatch.setattr(module, "_TOPICS_SECONDS", 0.0)


def failing(action: Callable[[], object], kind: type[TailraceError]) -> TailraceError:
    """The error with which this ends, sooner or later."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        try:
            action()
        except kind as error:
            return error
    raise AssertionError(f"no {kind.__name__} within {DEADLINE:g} s")
