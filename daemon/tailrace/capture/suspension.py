"""Since when changes of a suspended table are missing: its lag counts from there, also after a restart.

A suspension's entry in the state store (`table:{topic}`) is made by the source, which knows when it met the reason.
Capture may have been behind then, so that the changes which go missing are older: the entry gets `missing_since` beside
`since`, in seconds since 1970. A table that the source refuses anew at every start has no such entry, because it is
captured as soon as somebody mends it; for those `refused:{topic}` keeps the time.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import datetime

import orjson

from tailrace.capture.load import suspended_topics
from tailrace.position import table_key
from tailrace.report import now_text
from tailrace.source import SourceTable

_REFUSED_PREFIX = "refused:"


def date(state: dict[str, bytes], lag_seconds: float | None) -> None:
    """Completes the entries of tables that a batch suspends, before it is published."""
    for topic in suspended_topics(state):
        key = table_key(topic)
        entry = orjson.loads(state[key])
        entry["missing_since"] = min(time.time(), _seconds(entry.get("since", ""))) - (lag_seconds or 0.0)
        state[key] = orjson.dumps(entry)


def refusals(tables: Iterable[SourceTable], state: Mapping[str, bytes]) -> dict[str, bytes | None]:
    """The entries to store for tables that the source refuses, and the state says nothing of; None: not any more."""
    entries: dict[str, bytes | None] = {}
    suspended = suspended_topics(state)
    for table in tables:
        key = _REFUSED_PREFIX + table.topic
        refused = table.state == "suspended" and table.topic not in suspended
        if refused and key not in state:
            entries[key] = now_text().encode()
        elif not refused and key in state:
            entries[key] = None
    return entries


def refused_since(topic: str, state: Mapping[str, bytes]) -> str:
    """RFC 3339; "" where the source did not refuse it before."""
    return state.get(_REFUSED_PREFIX + topic, b"").decode()


def missing_since(entry: Mapping[str, object]) -> float:
    """From a suspension's entry, or one like it with `since` alone; now where it has neither."""
    known = entry.get("missing_since")
    return float(known) if isinstance(known, int | float) else _seconds(str(entry.get("since", "")))


def _seconds(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return time.time()
