"""`[source] start`: where a first start of mode `cdc` begins to read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tailrace.config.problems import refusal

NOW = "now"
_POSITION = "position:"
_TIMESTAMP = "timestamp:"
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: What the key's text looks like, for editors.
PATTERN = rf"^({NOW}|{_POSITION}.+|{_TIMESTAMP}.+)$"
EXAMPLES = [NOW, "position:…", "timestamp:2026-11-26T12:00:00Z"]


@dataclass(frozen=True, slots=True)
class StartAt:
    """A place in the log that has been written already.

    Attributes:
        text: as the file has it.
        position: in the source's own words; "" where a time is given.
        micros: microseconds since 1970; 0 where a position is given.
    """

    text: str
    position: str = ""
    micros: int = 0

    @property
    def moment(self) -> str:
        """The time, for a message."""
        return moment_text(self.micros)


def parse_start(text: str) -> StartAt | None:
    """None: now.

    Raises:
        PydanticCustomError: it is none of the forms.
    """
    if text == NOW:
        return None
    if text.startswith(_POSITION) and (position := text.removeprefix(_POSITION).strip()):
        return StartAt(text, position=position)
    if text.startswith(_TIMESTAMP):
        return StartAt(text, micros=_micros(text.removeprefix(_TIMESTAMP).strip()))
    forms = " or ".join(f'"{form}"' for form in (NOW, f"{_POSITION}…", f"{_TIMESTAMP}…"))
    raise refusal(f"must be {forms}", f'write for example start = "{EXAMPLES[-1]}"')


def moment_text(micros: int) -> str:
    """Microseconds since 1970 as RFC 3339, in UTC."""
    return (_EPOCH + timedelta(microseconds=micros)).isoformat().replace("+00:00", "Z")


def _micros(text: str) -> int:
    fix = f'write for example start = "{EXAMPLES[-1]}"'
    if not _RFC_3339.fullmatch(text):
        raise refusal(f"{text!r} is no time with date and zone (RFC 3339)", fix)
    try:
        moment = datetime.fromisoformat(text.upper())
        return (moment - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        raise refusal(f"there is no time {text!r}", fix) from None
