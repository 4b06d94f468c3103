"""A piece of SQL in the target's words, with what is known of its value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from tailrace.conversion.expressions.kinds import Comparison
from tailrace.conversion.translation import Remark
from tailrace.schema import Kind, Type


@dataclass(frozen=True, slots=True)
class Piece:
    """
    Attributes:
        sql: in the target's dialect.
        kind: of the value at the source; None: NULL itself. A comparison is a boolean, whatever the source says.
        made: of the value in the target.
        type: with size and labels, where they are known.
        atom: needs no parentheses, wherever it stands.
        nullable: it may be NULL.
        constant: a literal's text; None: no literal.
        quoted: the literal is a text at the source (what it is for depends on what stands beside it).
        compared: how the source compares it, if it is text.
        by_code: whether the source sorts it by the letters' numbers.
        padded: blanks at its end are there in the target, and do not count at the source (CHAR).
        steady: the same at every time, in every session.
        other: the current time as a moment, where this is a time without zone; or the other way round.
        said: remarks that go with this form of it.
        charset: of a MySQL column; "" unknown or elsewhere.
        plain_column: it is a column, and nothing else.
        collation: of MySQL's column that it is made of; "" of none, or of several.
        zeros: it is a number before which the source writes zeros, where it is put into a text (ZEROFILL).
        rooted: it has a column's collation; a text without one is compared by the session's.
    """

    sql: str
    kind: Kind | None
    made: Kind | None
    type: Type | None = None
    atom: bool = True
    nullable: bool = True
    constant: str | None = None
    quoted: bool = False
    compared: Comparison = Comparison.EXACT
    by_code: bool = True
    padded: bool = False
    steady: bool = True
    other: Piece | None = None
    said: tuple[Remark, ...] = ()
    charset: str = ""
    plain_column: bool = False
    collation: str = ""
    rooted: bool = False
    zeros: bool = False

    @property
    def wrapped(self) -> str:
        return self.sql if self.atom else f"({self.sql})"

    @property
    def number(self) -> int | None:
        """Of an integer literal."""
        text = self.constant if self.constant is not None and not self.quoted else ""
        digits = text[1:] if text.startswith("-") else text
        return int(text) if digits.isascii() and digits.isdigit() else None

    def become(self, sql: str, atom: bool = True) -> Piece:
        """The same value, written otherwise."""
        return replace(self, sql=sql, atom=atom, constant=None, plain_column=False, other=None, said=())


def of(
    sql: str, kind: Kind, *parts: Piece, made: Kind | None = None, atom: bool = True, nullable: bool | None = None
) -> Piece:
    """A value that is computed from others."""
    return Piece(
        sql,
        kind,
        made or kind,
        atom=atom,
        nullable=any(part.nullable for part in parts) if nullable is None else nullable,
        steady=all(part.steady for part in parts),
        compared=loosest(*parts),
        by_code=all(part.by_code for part in parts if part.kind is Kind.TEXT),
        rooted=any(part.rooted for part in parts if part.kind in (Kind.TEXT, Kind.ENUM, Kind.SET)),
        collation=only(piece.collation for piece in parts if piece.rooted),
    )


def only(collations: Iterable[str]) -> str:
    """The one that all have; "" where there are none or several."""
    found = set(collations)
    return found.pop() if len(found) == 1 else ""


def loosest(*parts: Piece) -> Comparison:
    order = list(Comparison)
    return max((part.compared for part in parts), key=order.index, default=Comparison.EXACT)
