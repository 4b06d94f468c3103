"""The position record: where capture stands, stored by the stream in one transaction with the events (I1)."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import orjson

from tailrace.report import now_text
from tailrace.sequence import LOWEST_MARK, transaction_prefix

#: Keys of the stream's state store.
POSITION_KEY = "position"
SCHEMA_PREFIX = "schema:"
LOAD_PREFIX = "load:"
TABLE_PREFIX = "table:"
TAKE_UP_PREFIX = "take-up:"
#: The id of the request to load everything again that was followed last (`tailrace.renewal`).
RENEWED_KEY = "renewed"
#: `Position.restart` of a pipeline that reads no log (mode `full-load`).
NO_LOG = "no log"


@dataclass(frozen=True, slots=True)
class Position:
    """Where capture stands.

    Attributes:
        epoch: see `tailrace.sequence`.
        identity: the server and log that `restart` and `mark` belong to (system identifier and database, or
            server UUID); text of the source's own.
        restart: where re-reading begins, opaque to all but the source; what is acknowledged to the source.
        delivered: `tailrace_seq` of the last event in the stream; what is skipped on re-reading (I2).
        mark: how far the log is in the stream.
        commit_ts_ms: the source's time of the last transaction read; 0 unknown.
    """

    epoch: int
    identity: str
    restart: str
    delivered: str = ""
    mark: str = LOWEST_MARK
    commit_ts_ms: int = 0

    @property
    def in_transaction(self) -> bool:
        """The stream holds the beginning of a transaction, and not its end yet."""
        return self.delivered > transaction_prefix(self.epoch, self.mark)

    def to_json(self) -> bytes:
        return orjson.dumps(asdict(self))

    @classmethod
    def from_json(cls, record: bytes) -> Position:
        return cls(**orjson.loads(record))


def schema_key(topic: str, schema_id: int) -> str:
    return f"{SCHEMA_PREFIX}{topic}:{schema_id}"


def load_key(topic: str) -> str:
    return f"{LOAD_PREFIX}{topic}"


def table_key(topic: str) -> str:
    return f"{TABLE_PREFIX}{topic}"


def take_up_key(topic: str) -> str:
    """The entry of a suspended table that somebody asked to be taken up again; it stays until that is done."""
    return f"{TAKE_UP_PREFIX}{topic}"


def streaming() -> bytes:
    """The entry under `table_key` of a table that was suspended, and is captured again from now on."""
    return orjson.dumps({"state": "streaming", "since": now_text()})


def suspension(reason: str) -> bytes:
    """The entry under `table_key` of a table that is suspended now."""
    return orjson.dumps({"state": "suspended", "reason": reason, "since": now_text()})
