"""One case: a table with rows, rows changed, the statement, rows changed again; and what must come of it."""

from __future__ import annotations

from dataclasses import dataclass

#: The table is gone at the source, and its rows stay in the target.
GONE = "gone"
#: The log has not what the statement made of the rows: documented, said in our own log, and shown by `verify`.
WARNED = "warned"

#: One step of a case; the statements of a tuple follow each other at once.
Step = str | tuple[str, ...]

CREATE = (
    "CREATE TABLE {t} (id INT PRIMARY KEY, a INT, b VARCHAR(20))",
    "INSERT INTO {t} VALUES (1, 1, 'one'), (2, 2, 'two'), (3, 3, 'three'), (4, NULL, 'four')",
)
BEFORE = ("UPDATE {t} SET a = 10 WHERE id = 1", "DELETE FROM {t} WHERE id = 3", "INSERT INTO {t} VALUES (5, 5, 'five')")
AFTER = ("UPDATE {t} SET id = id + 100 WHERE id = 1", "DELETE FROM {t} WHERE id = 2", "INSERT INTO {t} (id) VALUES (6)")


@dataclass(frozen=True)
class Case:
    """In statements, `{t}` is the case's table, `{u}` and `{v}` further ones, `{d}` the database, `{n}` a number.

    Attributes:
        statements: step by step; where tailrace streams meanwhile, it catches up between two steps.
        expected: "" where the target must equal the source, else words of the reason for which the table is suspended,
            or GONE, or WARNED.
        others: the same of `{u}` and `{v}`, by letter; a table that is not named is not looked at.
        backlog, backlog_others: `expected` and `others` where all statements stand in the log before it is read on;
            None: the same.
        stops: words of the error with which the table's sink stops; where `expected` is stated too, it may as well be
            suspended, by which comes first.
        servers: kinds to which the case belongs; none: all of its engine.
        refused: the server refuses the last statement.
    """

    name: str
    statements: tuple[Step, ...]
    expected: str = ""
    create: tuple[str, ...] = CREATE
    before: tuple[str, ...] = BEFORE
    after: tuple[Step, ...] = AFTER
    others: tuple[tuple[str, str], ...] = ()
    backlog: str | None = None
    backlog_others: tuple[tuple[str, str], ...] | None = None
    stops: str = ""
    servers: tuple[str, ...] = ()
    refused: bool = False

    def outcomes(self, live: bool) -> dict[str, str]:
        """What is expected, by the letter of the table."""
        own = self.expected if live or self.backlog is None else self.backlog
        others = self.others if live or self.backlog_others is None else self.backlog_others
        return {"t": own, **dict(others)}
