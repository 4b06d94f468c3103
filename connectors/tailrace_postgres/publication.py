"""The publications: exactly the captured tables, never FOR ALL TABLES.

A table whose updates cannot be identified must not be published with updates and deletes, or PostgreSQL refuses them to
the application. Tables captured for inserts only are therefore in a publication of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tailrace.errors import LogGoneError, RefusedError
from tailrace_postgres.catalog import PUBLISHES_GENERATED
from tailrace_postgres.connection import Connection, identifier
from tailrace_postgres.lsn import parse_lsn
from tailrace_postgres.selection import Selected

#: Who creates a publication needs it, and must own the tables besides.
GRANT_CREATE = "GRANT CREATE ON DATABASE … TO the source's user"
#: From here on pgoutput passes over a publication that was not there at a change, and says so in the server's log.
PASSES_OVER_MISSING = 180000
_SUFFIX = "_inserts"
_ALL_CHANGES = ("insert", "update", "delete", "truncate")
_INSERTS = ("insert", "truncate")


@dataclass(frozen=True, slots=True)
class Member:
    """A table in a publication.

    Attributes:
        oid: of its membership: another one, once it was taken out and added again.
        sql: the table's name in SQL.
    """

    oid: int
    sql: str


@dataclass(frozen=True, slots=True)
class Published:
    """A publication as it is.

    Attributes:
        oid: another one's, once it was dropped and created again.
        everything: FOR ALL TABLES, or TABLES IN SCHEMA.
        partial: a member has a row filter or a column list.
        settings: publish, and the options that we give.
        members: by the table's OID.
    """

    oid: int
    everything: bool
    partial: bool
    settings: tuple[tuple[str, ...], bool, bool]
    members: dict[int, Member]


@dataclass(slots=True)
class Publications:
    """Both publications of a pipeline.

    Both are made at the first start, and every session asks for both: pgoutput looks a publication up as of the change
    that it sends, when a table may still have been in the other one; and up to PostgreSQL 17 it fails for a change that
    is older than a publication, so that a later one would come too late.

    Attributes:
        name: of the one for all changes; the other has a suffix.
    """

    connection: Connection
    name: str

    @property
    def inserts_name(self) -> str:
        return self.name + _SUFFIX

    @property
    def pass_over_missing(self) -> bool:
        """Whether a session may ask for a publication that is younger than changes it still has to read."""
        return self.connection.version >= PASSES_OVER_MISSING

    def present(self) -> dict[str, Published]:
        """Those that there are, by name."""
        names = [self.name, self.inserts_name]
        generated = "p.pubgencols <> 'n'" if self._generated else "false"
        rows = self.connection.query(
            "SELECT p.pubname, p.oid,"
            " p.puballtables OR EXISTS (SELECT FROM pg_publication_namespace WHERE pnpubid = p.oid),"
            f" p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate, p.pubviaroot, {generated}"
            " FROM pg_publication p WHERE p.pubname = ANY(%s::name[])",
            [names],
            doing="reading publications",
        )
        members = self.connection.query(
            "SELECT p.pubname, r.prqual IS NOT NULL OR r.prattrs IS NOT NULL,"
            " r.oid, c.oid, n.nspname, c.relname, c.relkind"
            " FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid JOIN pg_class c ON c.oid = r.prrelid"
            " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE p.pubname = ANY(%s::name[])",
            [names],
            doing="reading publications",
        )
        result = {}
        for name, oid, everything, inserts, updates, deletes, truncates, via_root, with_generated in rows:
            own = [member for member in members if member[0] == name]
            published = zip(_ALL_CHANGES, (inserts, updates, deletes, truncates), strict=True)
            result[name] = Published(
                oid=oid,
                everything=everything,
                partial=any(member[1] for member in own),
                settings=(tuple(word for word, on in published if on), via_root, with_generated),
                members={
                    table: Member(member, ("" if kind == "p" else "ONLY ") + identifier(schema, relation))
                    for _, _, member, table, schema, relation, kind in own
                },
            )
        return result

    def wanted(self, selected: Iterable[Selected]) -> dict[int, str]:
        """By its OID, the publication that each captured table is to be in."""
        return {
            table.table.oid: self.inserts_name if table.inserts_only else self.name
            for table in selected
            if table.captured
        }

    def statements(self, selected: Iterable[Selected]) -> list[str]:
        """What makes the publications hold exactly the captured tables; empty when they do.

        Raises:
            RefusedError: a publication of that name is somebody else's: it publishes more, or parts of tables.
        """
        captured = [table for table in selected if table.captured]
        present = self.present()
        result: list[str] = []
        for name, operations, tables in (
            (self.name, _ALL_CHANGES, [table for table in captured if not table.inserts_only]),
            (self.inserts_name, _INSERTS, [table for table in captured if table.inserts_only]),
        ):
            if name in present:
                result += self._alterations(name, operations, tables, present[name])
            elif tables or self.name not in present:
                members = f" FOR TABLE {', '.join(table.only for table in tables)}" if tables else ""
                result.append(f"CREATE PUBLICATION {identifier(name)}{members} WITH ({self._options(operations)})")
        # A table that changes publications must be out of the one before it is in the other, in one transaction.
        return sorted(result, key=lambda statement: " DROP TABLE " not in statement)

    def require_whole(self, present: Mapping[str, Published]) -> None:
        """Raises LogGoneError where they leave out changes that they were made for; PostgreSQL says nothing then."""
        if reason := self._narrowed(present):
            raise LogGoneError(
                f"somebody altered a publication: {reason}, and changes that were left out cannot be had from the log",
                where=self.connection.where,
            )

    def _narrowed(self, present: Mapping[str, Published]) -> str:
        for name, operations in ((self.name, _ALL_CHANGES), (self.inserts_name, _INSERTS)):
            if name not in present or not present[name].members:
                continue
            published, by_root, _ = present[name].settings
            if missing := [operation for operation in operations if operation not in published]:
                return f"publication {name} no longer publishes {', '.join(missing)}"
            if not by_root:
                return f"publication {name} no longer publishes partitions as the table above them"
        return ""

    def apply(self, statements: Sequence[str]) -> list[tuple[Any, ...]]:
        """Runs them in one transaction; the last one's rows.

        Raises:
            RefusedError: our role may not; the text has the statements for somebody who may.
        """
        try:
            return self.connection.query("; ".join(statements), doing="changing the publication")
        except RefusedError as error:
            fix = f"have the tables' owner run: {'; '.join(statements)}"
            if "permission denied for database" in error.what:
                fix = f"{GRANT_CREATE}, or have somebody who may run: {'; '.join(statements)}"
            raise RefusedError(error.what, where=error.where, fix=fix) from None

    def renew(self, table: Selected) -> int:
        """Makes a table a new member of its publication, in one transaction, and of no other.

        Returns:
            A place in the log before that transaction's commit, and before every one that follows it.

        Raises:
            RefusedError: our role may not; the text has the statements for somebody who may.
        """
        name = self.inserts_name if table.inserts_only else self.name
        add = f"ALTER PUBLICATION {identifier(name)} ADD TABLE {table.only}"
        return parse_lsn(self.apply([*self.removal(table), add, "SELECT pg_current_wal_insert_lsn()::text"])[0][0])

    def removal(self, table: Selected) -> list[str]:
        """What takes a table out."""
        return [
            f"ALTER PUBLICATION {identifier(name)} DROP TABLE {publication.members[table.table.oid].sql}"
            for name, publication in self.present().items()
            if table.table.oid in publication.members
        ]

    def only_remove(self, statements: Iterable[str]) -> bool:
        """Whether all of them take tables out and do nothing else."""
        prefixes = tuple(f"ALTER PUBLICATION {identifier(name)} DROP TABLE " for name in (self.name, self.inserts_name))
        return all(statement.startswith(prefixes) for statement in statements)

    def dropped(self, dry_run: bool) -> list[str]:
        """Drops both; returns what there was."""
        names = list(self.present())
        if names and not dry_run:
            self.connection.query(f"DROP PUBLICATION IF EXISTS {', '.join(identifier(name) for name in names)}")
        return [f"publication {name}" for name in names]

    def _alterations(
        self, name: str, operations: tuple[str, ...], tables: list[Selected], present: Published
    ) -> list[str]:
        if present.everything or present.partial:
            what = "row filters or column lists" if present.partial else "all tables or whole schemas"
            raise RefusedError(
                f"publication {name} exists and has {what}",
                where=self.connection.where,
                fix="drop it, or name another one with `publication` in [source]",
            )
        result = []
        wanted = {table.table.oid: table.only for table in tables}
        if present.settings != (operations, True, self._generated):
            result.append(f"ALTER PUBLICATION {identifier(name)} SET ({self._options(operations)})")
        if gone := [member.sql for oid, member in present.members.items() if oid not in wanted]:
            result.append(f"ALTER PUBLICATION {identifier(name)} DROP TABLE {', '.join(gone)}")
        if new := [table for oid, table in wanted.items() if oid not in present.members]:
            result.append(f"ALTER PUBLICATION {identifier(name)} ADD TABLE {', '.join(new)}")
        return result

    @property
    def _generated(self) -> bool:
        return self.connection.version >= PUBLISHES_GENERATED

    def _options(self, operations: tuple[str, ...]) -> str:
        options = f"publish = '{', '.join(operations)}', publish_via_partition_root = true"
        # Under REPLICA IDENTITY FULL an unpublished generated column would make the application's updates fail.
        return f"{options}, publish_generated_columns = stored" if self._generated else options
