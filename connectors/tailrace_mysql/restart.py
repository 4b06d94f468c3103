"""Where a re-read of the log begins: the text in `Position.restart`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson

from tailrace.sequence import binlog_mark

#: Where a file's first event begins, behind four bytes of signature.
FIRST_POSITION = 4
#: The last place that a server can be asked for, whose commands and functions have 32 bits for it. Files may be longer:
#: a transaction is never split.
LAST_ASKED = 0xFFFFFFFF
_NUMBER = re.compile(r"\.(\d+)$")


@dataclass(frozen=True, slots=True)
class Restart:
    """A place between two transactions.

    Attributes:
        file, pos: of the binlog of the server that the position's identity names.
        gtid: everything that was read, as MySQL's set or MariaDB's position; "" without GTIDs.
        created: when that file was begun, by its first event (seconds since 1970); 0 unknown. A file of the same name
            with another time is another log: it was reset.
        held: where the earliest transaction begins that is prepared by XA, was not decided before this place, and
            matters: reading begins there, and passes over what is done. None: there is none.
        blind: it is not known which transactions were prepared by XA when capture began.
    """

    file: str
    pos: int
    gtid: str = ""
    created: int = 0
    held: Restart | None = None
    blind: bool = False

    @property
    def begin(self) -> Restart:
        """Where reading begins."""
        return self.held or self

    @property
    def mark(self) -> str:
        return binlog_mark(file_number(self.file), self.pos)

    def __str__(self) -> str:
        return f"{self.file}:{self.pos}" + (f" gtid {self.gtid}" if self.gtid else "")

    def to_text(self) -> str:
        record = _place(self)
        if self.held is not None:
            record["held"] = _place(self.held)
        if self.blind:
            record["blind"] = True
        return orjson.dumps(record).decode()

    @classmethod
    def from_text(cls, text: str) -> Restart:
        raw = orjson.loads(text)
        held = raw.pop("held", None)
        return cls(**raw, held=None if held is None else cls(**held))


def _place(restart: Restart) -> dict[str, Any]:
    return {"file": restart.file, "pos": restart.pos, "gtid": restart.gtid, "created": restart.created}


def file_number(file: str) -> int:
    """The number at the end of a binlog file's name; it has six digits or more."""
    match = _NUMBER.search(file)
    if match is None:
        raise ValueError(f"{file!r} is no binlog file's name")
    return int(match[1])
