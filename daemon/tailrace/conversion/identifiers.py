"""Names as a target takes them: its limits, its way to write them, and that no two of them are one."""

from __future__ import annotations

from collections.abc import Hashable
from hashlib import sha256

from tailrace.conversion.catalog import Dialect
from tailrace.conversion.target import Limits

_DIGEST = 8
#: https://www.postgresql.org/docs/current/ddl-system-columns.html
_SYSTEM_COLUMNS = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})
#: Dialects that fold names without quotes to upper case, or do not tell case: their names are no choice of a person.
_FOLDING = (Dialect.ORACLE, Dialect.TSQL)


def too_long(name: str, limits: Limits) -> str:
    """How long it is, against what the target takes; "" where it fits."""
    size = len(name) if limits.in_characters else len(name.encode())
    if not limits.name_length or size <= limits.name_length:
        return ""
    return f"{size} {'characters' if limits.in_characters else 'bytes'}, and the target takes {limits.name_length}"


def shortened(name: str, limits: Limits) -> str:
    """The name, or its beginning with a digest of the whole."""
    if not too_long(name, limits):
        return name
    room = limits.name_length - _DIGEST - 1
    digest = sha256(name.encode()).hexdigest()[:_DIGEST]
    if limits.in_characters:
        return f"{name[:room]}_{digest}"
    return f"{name.encode()[:room].decode(errors='ignore')}_{digest}"


def taken_letters(name: str) -> str:
    """Without what MySQL takes in no name: blanks at its end, letters past U+FFFF."""
    return "".join("_" if letter > "\uffff" else letter for letter in name.rstrip(" ")) or "_"


def system_column(name: str, target: Dialect) -> bool:
    """Every table of PostgreSQL's has a column of this name already."""
    return target is Dialect.POSTGRESQL and name in _SYSTEM_COLUMNS


def styled(name: str, source: Dialect, target: Dialect) -> str:
    """As a person of the target's system writes it.

    Oracle keeps names without quotes in upper case, and SQL Server finds a name in any case. In lower case PostgreSQL
    finds them in any case, too, where they stand without quotes.
    """
    if source is Dialect.ORACLE:
        return name if any(letter.islower() for letter in name) else name.lower()
    return name.lower() if source is Dialect.TSQL and target is Dialect.POSTGRESQL else name


def folded(name: str, target: Dialect) -> str:
    """Names of columns of which the target makes one are the same by this."""
    if target is Dialect.POSTGRESQL:
        return name
    if target.mysql_like:
        return name.casefold()
    return "".join(letter.lower() if letter.isascii() else letter for letter in name)


class Taken:
    """Names that are in use, each within a room of names (a schema's relations, a table's columns)."""

    def __init__(self, limits: Limits, target: Dialect) -> None:
        self._limits = limits
        self._target = target
        self._names: dict[tuple[Hashable, str], str] = {}

    def holder(self, room: Hashable, name: str) -> str:
        """Who has the name, or one that is the same to the target; "" nobody."""
        return self._names.get((room, self._fold(name)), "")

    def take(self, room: Hashable, name: str, holder: str) -> None:
        self._names[room, self._fold(name)] = holder

    def free(self, room: Hashable, *candidates: str, holder: str) -> str:
        """The first candidate that is free, cut to the target's length, or the last with a number; taken now."""
        if self._target.mysql_like:
            candidates = tuple(map(taken_letters, candidates))
        for name in candidates:
            short = shortened(name, self._limits)
            if not self.holder(room, short):
                self.take(room, short, holder)
                return short
        number = 1
        while self.holder(room, short := shortened(f"{candidates[-1]}_{number}", self._limits)):
            number += 1
        self.take(room, short, holder)
        return short

    def _fold(self, name: str) -> str:
        # Names of indexes and constraints are never told apart by case in MySQL and SQLite.
        return name if self._target is Dialect.POSTGRESQL else folded(name, self._target)
