"""What PostgreSQL takes from PostgreSQL as it is written: types, collations, policies, rules, constraints of its own, …

A definition is kept where each name in it means the same in the target, under the target's schemas, and where the
server is known to have what the definition takes for granted: roles, extensions, locales, a release.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from tailrace.conversion.catalog import Catalog, Dialect, ObjectKind, ObjectName, Other, Partitioning
from tailrace.conversion.expressions.chains import TOKEN, chains, in_schema
from tailrace.conversion.expressions.quoting import identifier
from tailrace.conversion.names import Names
from tailrace.conversion.target import Server

#: Kinds that PostgreSQL takes from PostgreSQL as they are; others act on the whole database, or name roles.
_KINDS = frozenset(
    {
        ObjectKind.EXTENSION,
        ObjectKind.TYPE,
        ObjectKind.PRIMARY_KEY,
        ObjectKind.UNIQUE,
        ObjectKind.CHECK,
        ObjectKind.EXCLUSION,
        ObjectKind.FOREIGN_KEY,
        ObjectKind.INDEX,
        ObjectKind.POLICY,
        ObjectKind.OTHER,
    }
)
_COLLATION = re.compile(
    r"CREATE COLLATION\b.*\(provider = (\w+), (?:locale|lc_collate) = E?'((?:[^']|'')*)'", re.DOTALL
)
_ROLES = re.compile(r"CREATE POLICY\b.*? FOR \w+ TO (.*?)(?: USING \(| WITH CHECK \(|$)", re.DOTALL)
_REASONS = {
    ObjectKind.EVENT: "it acts on all of the target's database, and only a superuser makes it",
    ObjectKind.GRANT: "roles are the server's, and those of the source may not be there",
}
#: By release, what no older one takes.
_SINCE = (
    (17, re.compile(r"^CREATE COLLATION\b.*\(provider = builtin\b")),
    (18, re.compile(r"\bWITHOUT OVERLAPS\b|\bPERIOD\b|\bNOT ENFORCED\b|\bADD CONSTRAINT \S+ NOT NULL\b")),
)
#: By release, functions that no older one has: release notes of PostgreSQL 16 to 18.
_FUNCTIONS = {
    name: release
    for release, names in (
        (16, "any_value array_sample array_shuffle date_add date_subtract erf erfc random_normal json_arrayagg"),
        (16, "json_objectagg json_array json_object pg_input_is_valid pg_input_error_info"),
        (17, "to_bin to_oct uuid_extract_timestamp uuid_extract_version xmltext unicode_assigned json_exists"),
        (17, "json_value json_query json_table json_scalar json_serialize merge_action"),
        (18, "uuidv4 uuidv7 casefold crc32 crc32c gamma lgamma array_sort array_reverse"),
    )
    for name in names.split()
}
_ANYWHERE = ("C", "POSIX", "ucs_basic")


@dataclass
class Verbatim:
    """Of one conversion between two PostgreSQL databases.

    Attributes:
        absent: objects of the source, found so far, that the target does not get; by the source's names.
        partitions: the target's names of partitions.
    """

    source: Catalog
    names: Names
    server: Server
    absent: set[ObjectName] = field(default_factory=set, init=False)
    partitions: dict[ObjectName, ObjectName] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Finds what is absent whatever becomes of the rest, and then what names it."""
        extensions = set()
        for other in self.source.others:
            if other.kind is ObjectKind.EXTENSION and not self.obstacle(other):
                extensions.add(other.name.name)
            elif other.table is None and other.name not in self.types and self.obstacle(other):
                self.absent.add(other.name)
        self.absent |= {name for name, extension in self.source.supplied.items() if extension not in extensions}
        languages = {"sql", "plpgsql", "aggregate", *extensions}
        self.absent |= {one.name for one in self.source.routines if one.language not in languages}
        texts = [(one.name, one.sql_type) for one in self.source.domains]
        texts += [(one.name, f"{one.definition}\n{one.body}") for one in self.source.routines]
        texts += [(one.name, one.query) for one in self.source.views]
        while gone := {name for name, text in texts if name not in self.absent and self.missing_in(text)}:
            self.absent |= gone

    @cached_property
    def types(self) -> Mapping[ObjectName, Other]:
        """Types and collations, under their own names, that the target gets as they are."""
        candidates = {
            other.name: other
            for other in self.source.others
            if other.table is None and (other.kind is ObjectKind.TYPE or _COLLATION.match(other.definition))
        }
        found = {name: one for name, one in candidates.items() if not self.obstacle(one)}
        lost = candidates.keys() - found.keys()
        while gone := [name for name, one in found.items() if named_in(one.definition) & lost]:
            lost |= set(gone)
            for name in gone:
                del found[name]
        return found

    def kept(self, other: Other) -> Other | str:
        """The target's; or why there is none."""
        reason = self.obstacle(other)
        if reason:
            return reason
        if other.kind is ObjectKind.EXTENSION or other.name in self.types:
            return other
        text = self.rewritten(other.definition)
        if text is None:
            return "an object that it names has another name in the target, or is not there"
        table = self.names.objects[other.table] if other.table is not None else None
        schema = table.schema if table is not None else self._schema_of(other)
        return replace(other, definition=text, table=table, name=ObjectName(schema, other.name.name), line=0)

    def obstacle(self, other: Other) -> str:
        """Why a definition cannot hold, whatever its names; "" where it can."""
        if other.kind not in _KINDS or not other.definition or other.reason:
            return other.reason or _REASONS.get(other.kind, "it is not converted")
        server = self.server
        if other.kind is ObjectKind.EXTENSION:
            missing = server.extensions is not None and other.name.name not in server.extensions
            return f"the target's server does not have the extension {other.name.name}" if missing else ""
        for release, words in _SINCE:
            if server.release < release and words.search(other.definition):
                return f"PostgreSQL has it from {release} on, and the target is not known to be that new"
        if (match := _COLLATION.match(other.definition)) is not None and server.locales is not None:
            wanted = "icu" if match[1] == "icu" else match[2]
            if wanted not in (*_ANYWHERE, *server.locales) and match[1] != "builtin":
                return f"the target's server does not have the locale {wanted}"
        if (match := _ROLES.match(other.definition)) is not None and server.roles is not None:
            roles = {chain.parts[0] for chain in chains(match[1]) if match[1] != "PUBLIC"}
            if lacking := sorted(roles - server.roles - {"public"}):
                return f"the target's server does not have the role {', '.join(lacking)}"
        if other.table is not None:
            columns = self.names.columns.get(other.table, {})
            if any(old != new for old, new in columns.items()) or self.names.altered.get(other.table):
                return "columns of its table have other names in the target, or other values"
        return ""

    def rewritten(self, sql: str) -> str | None:
        """With the target's schemas; None where what it names has another name there, or is not there."""
        unsure = False

        def change(parts: tuple[str, ...]) -> str | None:
            nonlocal unsure
            name = ObjectName(parts[0], parts[1])
            made = self.target_of(name)
            if made is None:
                unsure = unsure or name in self.absent or name in self.unselected
                return None
            unsure = unsure or made.name != name.name or self._renames_columns(name)
            return made.schema if made.schema != name.schema else None

        text = in_schema(sql, change, lambda name: identifier(name, Dialect.POSTGRESQL))
        return None if unsure else text

    def target_of(self, name: ObjectName) -> ObjectName | None:
        """Of an object, a partition, or what belongs to a table; None of what is not known, or not there."""
        if name in self.absent:
            return None
        return self.names.objects.get(name) or self.partitions.get(name) or self.members.get(name)

    @cached_property
    def members(self) -> Mapping[ObjectName, ObjectName]:
        """What else of the selected tables and views has a name in a schema: indexes, statistics, rules."""
        found = {}
        indexed = [(table.name, table.indexes) for table in self.source.tables]
        indexed += [(view.name, view.indexes) for view in self.source.views]
        for holder, indexes in indexed:
            if (made := self.names.objects.get(holder)) is not None:
                for index in indexes:
                    found[ObjectName(holder.schema, index.name)] = ObjectName(made.schema, index.name)
        for other in self.source.others:
            if other.table is not None and (made := self.names.objects.get(other.table)) is not None:
                found[other.name] = ObjectName(made.schema, other.name.name)
        return {name: made for name, made in found.items() if name not in self.names.objects}

    @cached_property
    def unselected(self) -> set[ObjectName]:
        """Of the source, and without a name in the target."""
        source = self.source
        every = {one.name for one in source.tables} | {one.name for one in source.views}
        every |= {one.name for one in source.sequences} | {one.name for one in source.routines}
        return every - self.names.objects.keys()

    @cached_property
    def roots(self) -> Mapping[ObjectName, ObjectName]:
        """Of which table each partition is."""
        return {
            part: table.name
            for table in self.source.tables
            if table.partitioning is not None
            for part in partition_names(table.name.schema, table.partitioning)
        }

    def physical(self, text: str) -> tuple[list[str], list[str]]:
        """Of statements that say how something is stored, those that hold in the target, and those that do not."""
        kept, lost = [], []
        for statement in text.split(";\n"):
            rewritten = self.rewritten(statement)
            known = True
            if match := re.search(r" SET COMPRESSION (\w+)$", statement):
                known = self.server.compressions is None or match[1] in self.server.compressions
            if rewritten is None or not known or " SET TABLESPACE " in statement:
                lost.append(statement)
            else:
                kept.append(rewritten)
        return kept, lost

    def missing_in(self, sql: str) -> str:
        """The first object that SQL names and the target does not get, or does not have yet; "" none."""
        if self.server.release and (newer := self._newer_function(sql)):
            return newer
        if not self.absent:
            return ""
        found = self.absent & named_in(sql)
        if "OPERATOR(" in sql:
            found |= {name for name in self.absent if f"OPERATOR({name.schema}.{name.name})" in sql}
        return str(min(found)) if found else ""

    def body(self, sql: str) -> str | None:
        """A program's body, in SQL or PL/pgSQL, with the target's schemas; None where that is not sure.

        What it names without a schema is found by the search_path that it is run with, there as here.
        """
        moved = {old.schema for old, new in self.names.objects.items() if old != new}
        for token in TOKEN.finditer(sql):
            text = next(filter(None, (token["string"], token["escaped"], token["dollar"])), "")
            # Statements may be put together of texts.
            if any(re.search(rf"\b{re.escape(schema)}\b", text, re.IGNORECASE) for schema in moved if schema):
                return None
        if any(len(chain.parts) == 1 and chain.parts[0] in moved for chain in chains(sql)):
            return None
        if any(
            old.name != new.name and old.name.casefold() in sql.casefold() for old, new in self.names.objects.items()
        ):
            return None
        return self.rewritten(sql)

    # ---- inside

    def _newer_function(self, sql: str) -> str:
        for chain in chains(sql):
            if chain.called and len(chain.parts) == 1 and self.server.release < _FUNCTIONS.get(chain.parts[0], 0):
                return f"{chain.parts[0]}() of PostgreSQL {_FUNCTIONS[chain.parts[0]]}"
        return ""

    def _renames_columns(self, table: ObjectName) -> bool:
        return any(old != new for old, new in self.names.columns.get(table, {}).items())

    def _schema_of(self, other: Other) -> str:
        """Of what stands by itself, or belongs to a view: that of the first thing that it names."""
        for chain in chains(other.definition):
            if len(chain.parts) > 1 and (made := self.target_of(ObjectName(*chain.parts[:2]))) is not None:
                return made.schema
        return other.name.schema


def named_in(sql: str) -> set[ObjectName]:
    return {ObjectName(*chain.parts[:2]) for chain in chains(sql) if len(chain.parts) > 1}


def partition_names(schema: str, partitioning: Partitioning) -> Iterable[ObjectName]:
    """Of all partitions, those of partitions too."""
    for partition in partitioning.partitions:
        yield ObjectName(schema, partition.name)
        if partition.within is not None:
            yield from partition_names(schema, partition.within)


def root_of(source: Catalog, name: ObjectName) -> ObjectName | None:
    """The table of which something is a partition."""
    return next(
        (
            table.name
            for table in source.tables
            if table.partitioning is not None and name in partition_names(table.name.schema, table.partitioning)
        ),
        None,
    )
