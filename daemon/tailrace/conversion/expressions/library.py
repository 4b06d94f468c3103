"""What a query can read: tables and views of the source's catalog, under the names that the target gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tailrace.conversion.catalog import Catalog, Dialect, ObjectName, View
from tailrace.conversion.expressions import quoting
from tailrace.conversion.expressions.kinds import type_of
from tailrace.conversion.expressions.piece import Piece
from tailrace.conversion.expressions.refusal import RefusalError
from tailrace.conversion.expressions.scope import Relation, of_table, plain
from tailrace.conversion.names import Names
from tailrace.conversion.outcome import Complexity


@dataclass(slots=True)
class Library:
    """
    Attributes:
        types: the target's column types, by the source's names of tables and columns.
        read: gives a view's columns, by translating its query.
        found: views that were read; None: one that is being read.
    """

    catalog: Catalog
    target: Dialect
    names: Names
    types: Mapping[ObjectName, Mapping[str, str]]
    read: Callable[[View], Mapping[str, Piece]]
    found: dict[ObjectName, Mapping[str, Piece] | None] = field(default_factory=dict)

    def look_up(self, schema: str, name: str, alias: str, nullable: bool) -> tuple[str, Relation]:
        """The target's name of a table or view as FROM has it, and its columns under an alias.

        Args:
            schema: "" where the query names none.
            alias: the source's word by which columns are qualified.
            nullable: an outer join may leave its row out.

        Raises:
            RefusalError: there is none, or it is not converted.
        """
        known = self._object(schema or self.catalog.default_schema, name)
        made = self.names.objects.get(known)
        if made is None:
            raise RefusalError(
                "missing-object", f"{known} is not converted", "convert it too, or write this anew", Complexity.MEDIUM
            )
        written = quoting.qualified(made, self.target)
        if made.name != alias:
            written += f" AS {quoting.identifier(alias, self.target)}"
        prefix = quoting.identifier(alias, self.target)
        table = self.catalog.table(known)
        own = self.names.columns.get(known, {})
        if table is None:
            columns = self._of_view(known, prefix, own)
            return written, Relation(alias, _nullable(columns, nullable), schema=known.schema)
        columns = of_table(
            {column.name: column for column in table.columns},
            self.catalog.dialect,
            self.target,
            own,
            self.types.get(known, {}),
            prefix,
        )
        key = table.primary_key.columns if table.primary_key else ()
        return written, Relation(alias, _nullable(columns, nullable), key, known.schema)

    def _object(self, schema: str, name: str) -> ObjectName:
        dialect = self.catalog.dialect
        wanted = (plain(schema, dialect), plain(name, dialect))
        things = [*(table.name for table in self.catalog.tables), *(view.name for view in self.catalog.views)]
        for thing in things:
            if (plain(thing.schema, dialect), plain(thing.name, dialect)) == wanted:
                return thing
        alike = [thing for thing in things if plain(thing.name, dialect) == wanted[1]]
        if len(alike) == 1 and (not schema or not alike[0].schema or schema == self.catalog.default_schema):
            return alike[0]
        where = f"{schema}.{name}" if schema else name
        raise RefusalError("missing-object", f"{where} is no table or view that is known", complexity=Complexity.MEDIUM)

    def _of_view(self, name: ObjectName, prefix: str, own: Mapping[str, str]) -> dict[str, Piece]:
        if name not in self.found:
            self.found[name] = None
            view = next(view for view in self.catalog.views if view.name == name)
            self.found[name] = self.read(view)
        columns = self.found[name]
        if columns is None:
            raise RefusalError("missing-object", f"view {name} reads itself")
        return {
            column: replace(
                piece.become(f"{prefix}.{quoting.identifier(own.get(column, column), self.target)}"), plain_column=True
            )
            for column, piece in columns.items()
        }


def _nullable(columns: Mapping[str, Piece], nullable: bool) -> dict[str, Piece]:
    if not nullable:
        return dict(columns)
    return {name: replace(piece, nullable=True) for name, piece in columns.items()}


def argument(name: str, sql_type: str, source: Dialect, target: Dialect, sql: str) -> Piece:
    """A function's argument as a value."""
    type_ = type_of(sql_type, source)
    return Piece(sql, type_.kind, type_of(sql_type, source).kind, type_, charset="utf8mb4", rooted=True)
