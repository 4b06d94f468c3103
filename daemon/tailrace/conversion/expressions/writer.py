"""The walk over a tree: every node that is known here becomes a piece of the target's SQL, any other is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from sqlglot import exp

from tailrace.conversion.catalog import Dialect, ObjectName
from tailrace.conversion.expressions.piece import Piece
from tailrace.conversion.expressions.refusal import RefusalError
from tailrace.conversion.expressions.scope import Scope
from tailrace.conversion.names import Names
from tailrace.conversion.outcome import Grade
from tailrace.conversion.rules import Rules
from tailrace.conversion.translation import Remark
from tailrace.schema import Kind


@dataclass(slots=True)
class Writer:
    """
    Attributes:
        said: what is to be said of what was written.
        select: writes a query that stands within an expression; None where there may be none.
    """

    source: Dialect
    target: Dialect
    rules: Rules
    names: Names
    scope: Scope
    select: Callable[[exp.Expr], Piece] | None = None
    said: list[Remark] = field(default_factory=list)

    @property
    def like(self) -> bool:
        """Source and target are MySQL and MariaDB: texts are compared alike, since collations are kept."""
        return self.source.mysql_like and self.target.mysql_like

    def value(self, node: exp.Expr) -> Piece:
        """
        Raises:
            RefusalError: it has no translation that surely means the same.
        """
        handler, known = HANDLERS.get(type(node), (None, ()))
        if handler is None:
            words = " ".join(node.sql(dialect=None).split())
            raise RefusalError("unknown-construct", f"{type(node).__name__} is not among what is known: {words[:80]}")
        # A part that this was not written for may turn its meaning round (`negate` of IS).
        more = [name for name, part in node.args.items() if name not in known and part not in (None, False, [])]
        if more:
            raise RefusalError("unknown-construct", f"{type(node).__name__} with {', '.join(more)}")
        return handler(self, node)

    def condition(self, node: exp.Expr) -> Piece:
        """A truth value, as the target's WHERE and CHECK take it."""
        return self.truth(self.value(node))

    def truth(self, piece: Piece) -> Piece:
        if piece.made is Kind.BOOLEAN or piece.kind is None:
            return replace(piece, kind=Kind.BOOLEAN)
        if piece.number in (0, 1) and self.source.mysql_like:
            return replace(piece, sql="TRUE" if piece.number else "FALSE", kind=Kind.BOOLEAN, made=Kind.BOOLEAN)
        if piece.made in (Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT, Kind.YEAR) and piece.kind is not Kind.TEXT:
            return replace(piece.become(f"{piece.wrapped} <> 0", False), kind=Kind.BOOLEAN, made=Kind.BOOLEAN)
        raise RefusalError("truth-of-value", f"a {piece.kind} stands where a condition is wanted")

    def number(self, piece: Piece) -> Piece:
        """MySQL's truth values are numbers."""
        if piece.kind is not Kind.BOOLEAN or not self.source.mysql_like:
            return piece
        if self.target is Dialect.POSTGRESQL and piece.made is Kind.BOOLEAN:
            sql = {"TRUE": "1", "FALSE": "0"}.get(piece.sql, f"CAST({piece.sql} AS integer)")
            return replace(piece.become(sql), kind=Kind.INTEGER, made=Kind.INTEGER)
        return replace(piece, kind=Kind.INTEGER, made=Kind.INTEGER)

    def say(self, code: str, reason: str, proposal: str, grade: Grade = Grade.CHANGED) -> None:
        self.said.append(Remark(code, grade, reason, proposal))

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """Each once."""
        return tuple(dict.fromkeys(self.said))

    def apart(self, write: Callable[[], Piece]) -> tuple[Piece, tuple[Remark, ...]]:
        """A piece, and what is to be said of it if it is taken."""
        before, self.said = self.said, []
        try:
            return write(), self.remarks
        finally:
            self.said = before

    def instead(self, piece: Piece) -> Piece:
        """The other form of the current time: a moment for a time without zone, or the other way round."""
        other = piece.other
        if other is None:
            return piece
        for remark in piece.said:
            if remark in self.said:
                self.said.remove(remark)
        self.said += other.said
        return other

    def object(self, name: ObjectName, what: str) -> ObjectName:
        """What an object is called in the target.

        Raises:
            RefusalError: it is not converted.
        """
        made = self.names.objects.get(name)
        if made is None:
            raise RefusalError(
                "missing-object", f"{what} {name} is not converted", "convert it too, or write this anew"
            )
        return made

    def values(self, nodes: Sequence[exp.Expr]) -> list[Piece]:
        return [self.value(node) for node in nodes]


Handler = Callable[[Writer, exp.Expr], Piece]
#: By the node's own class, with the parts of it that are read; filled by the modules that write them.
HANDLERS: dict[type[exp.Expr], tuple[Handler, tuple[str, ...]]] = {}


def writes(*nodes: type[exp.Expr], parts: tuple[str, ...] = ("this", "expression")) -> Callable[[Handler], Handler]:
    """
    Args:
        parts: of a node, that are read; a node with any other is refused.
    """

    def keep(handler: Handler) -> Handler:
        for node in nodes:
            HANDLERS[node] = (handler, parts)
        return handler

    return keep
