"""Recordings in files, so that they can be compared again."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from tests.conformance.debezium.event import Event
from tests.conformance.debezium.recording import Recording


def write(recording: Recording, path: Path) -> None:
    """All of it, as JSON."""
    path.write_text(json.dumps(asdict(recording), ensure_ascii=False, indent=1))


def read(path: Path) -> Recording:
    """What `write` wrote."""
    raw = json.loads(path.read_text())
    ours, theirs = ([Event(**event) for event in raw.pop(side)] for side in ("ours", "theirs"))
    return Recording(ours, theirs, **raw)
