"""Reads PostgreSQL's system catalogs: tables, their identities, their columns and types."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tailrace_postgres.connection import Connection
from tailrace_postgres.types import TypeEntry

#: From here on pgoutput can carry stored generated columns, and must for REPLICA IDENTITY FULL.
PUBLISHES_GENERATED = 180000
#: A table of less than this is read in one chunk or few, and its rows need not be estimated.
_SMALL_BYTES = 1 << 20
#: What has a lower OID came with the server.
_FIRST_OWN_OID = 16384


@dataclass(frozen=True, slots=True)
class CatalogTable:
    """A table, or a partitioned table with all its partitions.

    Attributes:
        kind: relkind: r table, p partitioned table.
        identity: REPLICA IDENTITY: d default, n nothing, f full, i index.
        primary: attnums of the primary key's columns in index order; empty without one, or with a deferrable one,
            which identifies no row while a transaction is under way.
        indexed: attnums of the REPLICA IDENTITY USING INDEX, if there is one.
        ancestors: OIDs of the partitioned tables above it.
        leaves: (identity, whether there is an index for it) of each leaf partition; of the table itself otherwise.
        unlogged: its changes are in no log.
        virtual: it has virtual generated columns (PostgreSQL 18), which no publication can carry.
        readable: our role may SELECT from it.
        rows: estimated.
    """

    oid: int
    schema: str
    name: str
    kind: str
    identity: str
    primary: tuple[int, ...] = ()
    indexed: tuple[int, ...] = ()
    ancestors: tuple[int, ...] = ()
    leaves: tuple[tuple[str, bool], ...] = ()
    unlogged: bool = False
    virtual: bool = False
    readable: bool = True
    rows: int = 0

    @property
    def key(self) -> tuple[int, ...]:
        """The columns that identify a row in events."""
        if self.identity == "i" and self.indexed:
            return self.indexed
        return self.primary

    @property
    def identifiable(self) -> bool:
        """Whether updates and deletes may be published: PostgreSQL refuses them to the application otherwise."""
        return bool(self.leaves) and all(identity == "f" or indexed for identity, indexed in self.leaves)

    @property
    def consistent(self) -> bool:
        """A partitioned table is logged by its partitions' identities and described by its own: they must agree."""
        if self.kind != "p":
            return True
        return all((identity == "f") == (self.identity == "f") for identity, _ in self.leaves)


@dataclass(frozen=True, slots=True)
class CatalogColumn:
    """A column as it is now.

    Attributes:
        missing: text of the value that rows older than the column have (ADD COLUMN … DEFAULT); None is NULL.
        torn: that value differs between the partitions.
        defaulted: it or its domain has a default, or it is an identity column or generated.
        age: transactions since its catalog row was written last.
    """

    number: int
    name: str
    type_oid: int
    modifier: int
    nullable: bool
    generated: bool
    missing: str | None
    torn: bool
    defaulted: bool
    age: int


@dataclass(frozen=True, slots=True)
class CatalogColumns:
    """A table's columns.

    Attributes:
        live: those that a log carries, in the order of their numbers.
        storage: changes whenever the table's rows were written anew (a rewrite, VACUUM FULL, TRUNCATE).
        hidden: numbers of the generated columns that no log carries.
    """

    table: CatalogTable
    live: tuple[CatalogColumn, ...]
    storage: str
    hidden: tuple[int, ...] = ()


def _tree(root: str) -> str:
    """A subquery: the OIDs of a table and, of a partitioned one, of all below it.

    `pg_partition_tree` locks what it finds: a partition that somebody has locked for long would hold capture up.
    """
    return f"""(
       WITH RECURSIVE tree(oid) AS (
            SELECT {root} UNION ALL
            SELECT i.inhrelid FROM tree JOIN pg_class p ON p.oid = tree.oid AND p.relkind = 'p'
              JOIN pg_inherits i ON i.inhparent = p.oid AND NOT i.inhdetachpending)
       SELECT oid FROM tree)"""


_TABLES = f"""
SELECT c.oid, n.nspname, c.relname, c.relkind, c.relreplident,
       coalesce(i.keys, '{{}}'), coalesce(r.keys, '{{}}'),
       coalesce((SELECT array_agg(relid::oid::int8) FROM pg_partition_ancestors(c.oid) WHERE relid <> c.oid), '{{}}'),
       coalesce(leaf.identities, '{{}}'), c.relpersistence = 'u',
       EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attgenerated = 'v'),
       has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE'), coalesce(leaf.rows, 0)::int8
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN LATERAL (
       SELECT (indkey::int2[])[0:indnkeyatts - 1]::int4[] AS keys FROM pg_index
        WHERE indrelid = c.oid AND indisprimary AND indimmediate) i ON true
  LEFT JOIN LATERAL (
       SELECT (indkey::int2[])[0:indnkeyatts - 1]::int4[] AS keys FROM pg_index
        WHERE indrelid = c.oid AND indisreplident) r ON true
  LEFT JOIN LATERAL (
       SELECT array_agg(l.relreplident::text || CASE WHEN EXISTS (
                  SELECT FROM pg_index x WHERE x.indrelid = l.oid AND x.indimmediate AND x.indisvalid
                     AND (l.relreplident = 'd' AND x.indisprimary OR l.relreplident = 'i' AND x.indisreplident)
              ) THEN '+' ELSE '-' END) AS identities,
              sum(greatest(l.reltuples, 0)) AS rows
         FROM {_tree("c.oid")} part JOIN pg_class l ON l.oid = part.oid AND l.relkind <> 'p') leaf ON true
 WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
   AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
"""

_NAMED_TABLES = f"{_TABLES} AND c.oid = ANY($1)"

# A partitioned table has no rows: what they got is kept with its partitions, whose columns may stand in another order.
_COLUMNS = f"""
SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, NOT a.attnotnull, a.attgenerated, a.attisdropped,
       coalesce(old.missing, '{{}}'),
       a.atthasdef OR a.attidentity <> '' OR EXISTS (
           SELECT FROM pg_type t WHERE t.oid = a.atttypid AND t.typtype = 'd' AND t.typdefault IS NOT NULL),
       age(a.xmin)
  FROM pg_attribute a
  LEFT JOIN LATERAL (
       SELECT array_agg(DISTINCT (l.attmissingval::text::text[])[1]) AS missing FROM pg_attribute l
        WHERE l.atthasmissing AND l.attname = a.attname
          AND l.attrelid IN {_tree("a.attrelid")}) old ON true
 WHERE a.attrelid = ANY($1) AND a.attnum > 0 ORDER BY a.attrelid, a.attnum
"""

# Of a partitioned table: of all partitions.
_STORAGE = f"""
SELECT root, (SELECT coalesce(string_agg(pg_relation_filenode(part.oid)::text, ',' ORDER BY part.oid), '')
                FROM {_tree("root")} part)
  FROM unnest($1) root
"""

_SIZE = f"SELECT coalesce(sum(pg_relation_size(part.oid)), 0)::int8 FROM {_tree('$1')} part"

_LEAVES = f"""
SELECT root, l.oid, n.nspname, l.relname FROM unnest(%s::oid[]) root
  LEFT JOIN LATERAL {_tree("root")} part ON true
  LEFT JOIN pg_class l ON l.oid = part.oid AND l.relkind = 'r' LEFT JOIN pg_namespace n ON n.oid = l.relnamespace
"""


@dataclass(slots=True)
class Catalog:
    """The catalogs through one connection; types are remembered, for they never change under an OID (labels aside)."""

    connection: Connection
    _entries: dict[int, TypeEntry] = field(default_factory=dict)
    _names: dict[tuple[int, int], str] = field(default_factory=dict)

    def tables(self) -> list[CatalogTable]:
        """Every table of the database outside the system's schemas, by name."""
        rows = self.connection.query(_TABLES + " ORDER BY n.nspname, c.relname", doing="listing tables")
        return [_table(row) for row in rows]

    def names(self, oids: Iterable[int]) -> dict[int, tuple[str, str]]:
        """Schema and name of those tables that exist."""
        rows = self.connection.query(
            "SELECT c.oid, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.oid = ANY(%s::oid[])",
            [list(oids)],
        )
        return {oid: (schema, name) for oid, schema, name in rows}

    def leaves(self, roots: Iterable[int]) -> dict[int, dict[int, tuple[str, str]]]:
        """By partitioned table: its partitions that hold rows, with schema and name."""
        rows = self.connection.query(_LEAVES, [list(roots)], doing="listing partitions")
        result: dict[int, dict[int, tuple[str, str]]] = {}
        for root, leaf, schema, name in rows:
            result.setdefault(root, {})
            if leaf is not None:
                result[root][leaf] = (schema, name)
        return result

    def children(self, parents: Iterable[int]) -> dict[int, list[str]]:
        """By table, the names of those that inherit from it and are none of these tables; partitions are no such."""
        parents = list(parents)
        rows = self.connection.query(
            "SELECT i.inhparent, n.nspname || '.' || c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE i.inhparent = ANY(%s::oid[]) AND i.inhrelid <> ALL(%s::oid[]) AND NOT c.relispartition"
            " ORDER BY 1, 2",
            [parents, parents],
            doing="listing tables that inherit",
        )
        result: dict[int, list[str]] = {}
        for parent, child in rows:
            result.setdefault(parent, []).append(child)
        return result

    def columns(self, oid: int) -> CatalogColumns | None:
        """A table with its columns; None when it was dropped."""
        return self.columns_of([oid]).get(oid)

    def columns_of(self, oids: Iterable[int]) -> dict[int, CatalogColumns]:
        """The same of many tables, by OID, with as many questions as of one."""
        wanted = [list(oids)]
        ask = self.connection.prepared
        tables = {row[0]: _table(row) for row in ask("tailrace_tables", "oid[]", _NAMED_TABLES, wanted)}
        columns: dict[int, list[tuple[Any, ...]]] = {}
        for oid, *column in ask("tailrace_columns", "oid[]", _COLUMNS, wanted):
            columns.setdefault(oid, []).append(tuple(column))
        storage = dict(ask("tailrace_storage", "oid[]", _STORAGE, wanted))
        carries = ("", "s") if self.connection.version >= PUBLISHES_GENERATED else ("",)
        return {
            oid: _columns(table, columns.get(oid, ()), storage.get(oid, ""), carries) for oid, table in tables.items()
        }

    def estimated_rows(self, oid: int, sql: str) -> int:
        """How many rows a table has, as the planner estimates it: by its pages now, and how many rows a page held when
        it was analysed last, or would hold by the columns' widths. 0 of a small table.

        The table must be locked already: `pg_relation_size` waits for whoever has locked it.

        Args:
            sql: the table's name.
        """
        if self.connection.prepared("tailrace_size", "oid", _SIZE, [oid])[0][0] < _SMALL_BYTES:
            return 0  # the planner takes an empty table for one of ten pages
        plan = self.connection.value(f"EXPLAIN (FORMAT JSON) SELECT FROM {sql}")
        return int(plan[0]["Plan"]["Plan Rows"])

    # ---- types

    def load_types(self, wanted: Iterable[tuple[int, int]]) -> None:
        """Reads these (OID, typmod) and the base types of domains among them; enums anew each time."""
        pending = {(oid, modifier) for oid, modifier in wanted if not self._lasts(oid, modifier)}
        while pending:
            oids, modifiers = zip(*pending, strict=True)
            rows = self.connection.query(
                "SELECT w.oid, w.modifier, format_type(w.oid, w.modifier), t.typtype, t.typbasetype, t.typtypmod,"
                " coalesce((SELECT array_agg(enumlabel::text ORDER BY enumsortorder) FROM pg_enum"
                " WHERE enumtypid = t.oid), '{}')"
                " FROM unnest(%s::int8[], %s::int4[]) AS w(oid, modifier) JOIN pg_type t ON t.oid = w.oid",
                [list(oids), list(modifiers)],
                doing="reading types",
            )
            pending = set()
            for oid, modifier, name, category, base, base_modifier, labels in rows:
                self._entries[oid] = TypeEntry(oid, category, base, base_modifier, tuple(labels))
                self._names[oid, modifier] = name
                if category == "d":
                    pending.add((base, base_modifier if modifier < 0 else modifier))

    def _lasts(self, oid: int, modifier: int) -> bool:
        """Whether it is known for good: the server's own types are not renamed, and get no labels."""
        return oid < _FIRST_OWN_OID and (oid, modifier) in self._names

    def entry(self, oid: int) -> TypeEntry:
        return self._entries[oid]

    def base(self, oid: int) -> int:
        """The type that a domain is made of; any other type itself."""
        while self._entries[oid].category == "d":
            oid = self._entries[oid].base
        return oid

    def name(self, oid: int, modifier: int) -> str:
        return self._names[oid, modifier]


def _table(row: tuple[Any, ...]) -> CatalogTable:
    oid, schema, name, kind, identity, primary, indexed, ancestors, leaves, unlogged, virtual, readable, rows = row
    return CatalogTable(
        oid=oid,
        schema=schema,
        name=name,
        kind=kind,
        identity=identity,
        primary=tuple(primary),
        indexed=tuple(indexed),
        ancestors=tuple(ancestors),
        leaves=tuple((text[0], text[1] == "+") for text in leaves),
        unlogged=bool(unlogged),
        virtual=bool(virtual),
        readable=bool(readable),
        rows=int(rows),
    )


def _columns(
    table: CatalogTable, rows: Sequence[tuple[Any, ...]], storage: str, carries: Collection[str]
) -> CatalogColumns:
    """`carries`: which generated columns a log carries, as attgenerated names them; "" those that are none."""
    live = tuple(
        CatalogColumn(
            number=number,
            name=name,
            type_oid=type_oid,
            modifier=modifier,
            nullable=nullable,
            generated=generated != "",
            missing=missing[0] if len(missing) == 1 else None,
            torn=len(missing) > 1,
            defaulted=defaulted,
            age=age,
        )
        for number, name, type_oid, modifier, nullable, generated, dropped, missing, defaulted, age in rows
        if not dropped and generated in carries
    )
    hidden = tuple(row[0] for row in rows if not row[6] and row[5] not in carries)
    return CatalogColumns(table, live, storage, hidden)
