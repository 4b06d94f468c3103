"""How far each sink has consumed the embedded stream: `DIR/NAME`, a small JSON file per sink.

A cursor only holds retention; where a sink stands is in its target. A sink without one has consumed nothing. One that
the stream cannot serve any more holds nothing: what it lacks is gone, and the others must not wait for it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from tailrace.errors import UnreachableError


@dataclass(frozen=True, slots=True)
class Cursors:
    """The cursor files of one stream."""

    path: Path

    def read(self, consumer: str, stream_id: str) -> int | None:
        """The offset before which this consumer needs nothing; 0 where it is not known, or is another stream's; None
        where the consumer cannot be served."""
        try:
            record = orjson.loads((self.path / _file_name(consumer)).read_bytes())
            if record["stream_id"] != stream_id:
                return 0
            return int(record["next_offset"]) if record.get("served", True) else None
        except (FileNotFoundError, NotADirectoryError, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return 0
        except OSError as error:
            raise UnreachableError(f"cannot be read: {error.strerror}", where=str(self.path)) from None

    def write(self, consumer: str, stream_id: str, next_offset: int) -> None:
        self._write(consumer, {"stream_id": stream_id, "next_offset": next_offset})

    def refuse(self, consumer: str, stream_id: str) -> None:
        """This consumer cannot be served, until its next `write`."""
        self._write(consumer, {"stream_id": stream_id, "next_offset": 0, "served": False})

    def _write(self, consumer: str, record: dict[str, Any]) -> None:
        target = self.path / _file_name(consumer)
        partial = target.with_name(target.name + "~")
        try:
            self.path.mkdir(mode=0o700, exist_ok=True)
            with open(partial, "wb") as file:
                file.write(orjson.dumps(record))
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, target)
        except OSError as error:
            raise UnreachableError(f"cannot be written: {error.strerror}", where=str(target)) from None

    def lowest(self, consumers: tuple[str, ...], stream_id: str) -> tuple[int | None, list[str]]:
        """The least offset that all have reached, and who stands there; None without consumers that can be served."""
        found = {consumer: self.read(consumer, stream_id) for consumer in consumers}
        offsets = {consumer: offset for consumer, offset in found.items() if offset is not None}
        if not offsets:
            return None, []
        least = min(offsets.values())
        return least, [consumer for consumer, offset in offsets.items() if offset == least]

    def remove(self) -> None:
        with suppress(FileNotFoundError):
            for entry in os.scandir(self.path):
                os.unlink(entry.path)
            os.rmdir(self.path)


def _file_name(consumer: str) -> str:
    return quote(consumer, safe="")
