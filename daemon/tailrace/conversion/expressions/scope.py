"""What names in a piece of SQL stand for: columns of tables in sight, under the names that the target gives them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from tailrace.conversion.catalog import Column, Dialect, ObjectName
from tailrace.conversion.expressions import quoting
from tailrace.conversion.expressions.kinds import comparison, ordered_by_code, stored
from tailrace.conversion.expressions.piece import Piece
from tailrace.conversion.expressions.refusal import RefusalError
from tailrace.schema import Kind


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, view or query that columns are of.

    Attributes:
        alias: by which the query calls it, as the source writes it; "" where columns stand alone.
        columns: by the source's name, in order: the target's name, and the value.
        key: columns of the primary key; empty where there is none.
        schema: that it is of, for columns that are qualified by it.
    """

    alias: str
    columns: Mapping[str, Piece]
    key: tuple[str, ...] = ()
    schema: str = ""


def plain(name: str, dialect: Dialect) -> str:
    """A name as it is compared with another one."""
    return name if dialect is Dialect.POSTGRESQL else name.lower()


def spelled(node: exp.Expr, dialect: Dialect) -> str:
    """A name as the source's catalog has it: PostgreSQL folds what is not quoted to lower case."""
    quoted = bool(node.args.get("quoted"))
    return node.name.lower() if dialect is Dialect.POSTGRESQL and not quoted else node.name


def column_piece(
    column: Column, source: Dialect, target: Dialect, sql: str, given: str = "", nullable: bool | None = None
) -> Piece:
    """A column of a table of the source, as the target has it."""
    made = stored(column.type, source, target, given)
    kind = column.type.kind
    if made is Kind.BOOLEAN and kind is Kind.INTEGER:
        kind = Kind.BOOLEAN
    pads = source in (Dialect.POSTGRESQL, Dialect.ORACLE) and kind is Kind.TEXT and column.type.fixed
    return Piece(
        sql,
        kind,
        made,
        column.type,
        nullable=column.nullable if nullable is None else nullable,
        compared=comparison(column, source),
        by_code=kind not in (Kind.TEXT, Kind.ENUM) or ordered_by_code(column, source),
        padded=pads,
        charset=column.charset,
        plain_column=True,
        rooted=True,
        collation=column.collation if kind in (Kind.TEXT, Kind.ENUM, Kind.SET) else "",
        zeros="zerofill" in column.type.name.lower(),
    )


@dataclass(slots=True)
class Scope:
    """
    Attributes:
        relations: of this query; the outer query's are in `outer`.
        found: nodes of columns, and what they are called in the target (for rewriting in place).
    """

    dialect: Dialect
    target: Dialect
    relations: list[Relation] = field(default_factory=list)
    outer: Scope | None = None
    outputs: dict[str, Piece] = field(default_factory=dict)

    def column(self, node: exp.Column) -> Piece:
        """
        Raises:
            RefusalError: it is not known, or not which one it is.
        """
        if node.args.get("join_mark"):
            raise RefusalError("outer-join-mark", "an outer join written as (+)", "write it as LEFT JOIN … ON")
        wanted = spelled(node.this, self.dialect)
        table = spelled(node.args["table"], self.dialect) if node.args.get("table") else ""
        schema = spelled(node.args["db"], self.dialect) if node.args.get("db") else ""
        found = list(self._among(wanted, table, schema))
        if len(found) > 1:
            raise RefusalError("ambiguous-column", f"column {wanted} is in more than one table")
        if found:
            return found[0]
        output = self.output(node) if not table else None
        if output is not None:
            return output
        if self.outer:
            return self.outer.column(node)
        where = f"{table}.{wanted}" if table else wanted
        raise RefusalError("unknown-column", f"there is no column {where} that is known here")

    def has(self, name: str) -> bool:
        """Whether any column in sight is called so in the target, in whatever case."""
        near = any(plain(key, Dialect.SQLITE) == name for relation in self.relations for key in relation.columns)
        return near or (self.outer is not None and self.outer.has(name))

    def output(self, node: exp.Column) -> Piece | None:
        """A column that the query gives, by its name there."""
        key = plain(spelled(node.this, self.dialect), self.dialect)
        return next((piece for name, piece in self.outputs.items() if plain(name, self.dialect) == key), None)

    def _among(self, wanted: str, table: str, schema: str) -> Iterable[Piece]:
        key = plain(wanted, self.dialect)
        for relation in self.relations:
            if table and plain(table, self.dialect) != plain(relation.alias, self.dialect):
                continue
            if schema and plain(schema, self.dialect) != plain(relation.schema, self.dialect):
                continue
            for name, piece in relation.columns.items():
                if name == wanted or plain(name, self.dialect) == key:
                    yield piece
                    break


def of_table(
    columns: Mapping[str, Column],
    source: Dialect,
    target: Dialect,
    names: Mapping[str, str],
    types: Mapping[str, str],
    prefix: str = "",
    nullable: bool | None = None,
) -> dict[str, Piece]:
    """Columns by the source's name.

    Args:
        names: the target's by the source's; a column that is not in it is not in the target (all are, if it is empty).
        prefix: to stand before each, with a dot.
    """
    pieces = {}
    for name, column in columns.items():
        made = names.get(name) if names else name
        if made is None:
            continue
        sql = made if made == "VALUE" and not names else quoting.identifier(made, target)
        pieces[name] = column_piece(
            column, source, target, f"{prefix}.{sql}" if prefix else sql, types.get(name, ""), nullable
        )
    return pieces


def renamed(table: ObjectName | None, columns: Mapping[str, Column], names: Mapping[str, str]) -> bool:
    """Whether any column has another name in the target, or none."""
    return bool(names) and any(names.get(name) != name for name in columns)
