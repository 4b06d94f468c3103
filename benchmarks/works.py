"""What the sources are made to do. The rows are made by the server itself, in SQL.

Every table has the columns id, n, name and amount among its own; an update gives `n` a new value. The checksum is over
these four and does not depend on the order of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from tests.servers import Database

CHECKED = ("id", "n", "name", "amount")
TRANSACTION_ROWS = 1_000
MARKER = "marker"
"""A table that no work changes: an event of it tells that a contender is reading."""

_MYSQL_COLUMNS = (
    "n INT, name VARCHAR(64), address VARCHAR(200), amount DECIMAL(12,2), at DATETIME(6), flag TINYINT(1),"
    " doc TEXT, rate DOUBLE, kind ENUM('a','b','c')"
)
_POSTGRES_COLUMNS = (
    "n int, name varchar(64), address varchar(200), amount numeric(12,2), at timestamp(6), flag boolean,"
    " doc text, rate double precision, kind {table}_kind"
)
_NAMES = "id, n, name, address, amount, at, flag, doc, rate, kind"
_MYSQL_VALUES = (
    "i + 1, i, CONCAT('name ', i), REPEAT('street ', 12), i * 1.25, '2024-02-29 12:34:56.123456', i % 2,"
    " REPEAT('0123456789', 10), i / 3, ELT(1 + i % 3, 'a', 'b', 'c')"
)
_POSTGRES_VALUES = (
    "i + 1, i, 'name ' || i, repeat('street ', 12), i * 1.25, '2024-02-29 12:34:56.123456'::timestamp, i % 2 = 0,"
    " repeat('0123456789', 10), i / 3.0, (ARRAY['a','b','c'])[1 + i % 3]::{table}_kind"
)
# The wide table's other 90 columns, by turns: definition and value, for MySQL and for PostgreSQL.
_WIDE = (
    (("INT", "i + {k}"), ("int", "i + {k}")),
    (("VARCHAR(40)", "CONCAT('value {k} ', i)"), ("varchar(40)", "'value {k} ' || i")),
    (("DECIMAL(14,4)", "i * 1.0625"), ("numeric(14,4)", "i * 1.0625")),
    (("BIGINT", "i * 1000003"), ("bigint", "i * 1000003::bigint")),
    (("DOUBLE", "i / 7"), ("double precision", "i / 7.0")),
    (("DATE", "'2024-02-29'"), ("date", "'2024-02-29'::date")),
)
_DIGITS = " UNION ALL ".join(f"SELECT {n} AS i" for n in range(10))
_THOUSAND = f"SELECT a.i + b.i * 10 + c.i * 100 AS i FROM ({_DIGITS}) a, ({_DIGITS}) b, ({_DIGITS}) c"


def is_mysql(database: Database) -> bool:
    """Of MySQL's family."""
    return database.server.login.scheme == "mysql"


@dataclass(frozen=True)
class Work:
    """Tables, and `rows` events on them.

    Attributes:
        rows: as many events `change` makes.
    """

    rows: int
    name: ClassVar[str]
    default_rows: ClassVar[int]
    tables: ClassVar[tuple[str, ...]] = ("bench_01",)
    title: ClassVar[str]

    def create(self, database: Database) -> None:
        """The tables, with the rows that are there before."""
        database.execute(f"CREATE TABLE {MARKER} (id BIGINT PRIMARY KEY)")
        for table in self.tables:
            create_table(database, table, self.wide())

    def wide(self) -> int:
        """How many columns the tables have besides the ten."""
        return 0

    def change(self, database: Database) -> None:
        """Makes the events."""
        raise NotImplementedError


class Bulk(Work):
    name = "bulk"
    default_rows = 1_000_000
    title = "10 columns, transactions of 1,000 rows"

    def change(self, database: Database) -> None:
        connection = quick(database)
        with connection.cursor() as cursor:
            for first in range(0, self.rows, TRANSACTION_ROWS):
                count = min(TRANSACTION_ROWS, self.rows - first)
                cursor.execute(insert(database, self.tables[0], first, count, self.wide()))


class Wide(Bulk):
    name = "wide"
    default_rows = 100_000
    title = "100 columns, transactions of 1,000 rows"

    def wide(self) -> int:
        return 90


class Huge(Work):
    name = "huge"
    default_rows = 1_000_000
    title = "10 columns, one transaction"

    def change(self, database: Database) -> None:
        with database.transaction() as cursor:
            for first in range(0, self.rows, TRANSACTION_ROWS):
                count = min(TRANSACTION_ROWS, self.rows - first)
                cursor.execute(insert(database, self.tables[0], first, count))


class Tables(Work):
    name = "tables"
    default_rows = 200_000
    tables = tuple(f"bench_{number:02}" for number in range(1, 21))
    title = "20 tables of 10 columns, interleaved: 10 rows in each, 200 in a transaction"
    _EACH = 10

    def change(self, database: Database) -> None:
        connection = quick(database, autocommit=False)
        with connection.cursor() as cursor:
            made = 0
            while made < self.rows:
                for table in self.tables:
                    count = min(self._EACH, self.rows - made)
                    if count:
                        cursor.execute(insert(database, table, made, count))
                    made += count
                connection.commit()


class Single(Work):
    name = "single"
    default_rows = 200_000
    title = "transactions of a single updated row of 10 columns, full images"

    @property
    def there(self) -> int:
        """Rows to update, in turn."""
        return min(self.rows, 10_000)

    def create(self, database: Database) -> None:
        super().create(database)
        for first in range(0, self.there, TRANSACTION_ROWS):
            count = min(TRANSACTION_ROWS, self.there - first)
            database.execute(insert(database, self.tables[0], first, count))
        if is_mysql(database):
            # Each statement of a procedure commits by itself.
            database.execute(
                "CREATE PROCEDURE single (number INT) BEGIN DECLARE i INT DEFAULT 0; WHILE i < number DO"
                f" UPDATE bench_01 SET n = 1000000 + i, rate = i / 7 WHERE id = 1 + i MOD {self.there};"
                " SET i = i + 1; END WHILE; END"
            )
        else:
            database.execute(
                "CREATE PROCEDURE single (number int) LANGUAGE plpgsql AS $$ BEGIN FOR i IN 0..number - 1 LOOP"
                f" UPDATE bench_01 SET n = 1000000 + i, rate = i / 7.0 WHERE id = 1 + i % {self.there};"
                " COMMIT; END LOOP; END $$"
            )

    def change(self, database: Database) -> None:
        with quick(database).cursor() as cursor:
            cursor.execute(f"CALL single({self.rows})")


class Mixed(Work):
    """For sinks: half of the events insert, half update rows that are there."""

    name = "mixed"
    default_rows = 1_000_000
    title = "10 columns, transactions of 1,000 rows, half of them updates of the rows 10,000 before"
    _BEHIND = 10_000

    def change(self, database: Database) -> None:
        inserts = self.rows // 2
        with quick(database).cursor() as cursor:
            for first in range(0, inserts + self._BEHIND, TRANSACTION_ROWS):
                if first < inserts:
                    count = min(TRANSACTION_ROWS, inserts - first)
                    cursor.execute(insert(database, self.tables[0], first, count))
                earlier = first - self._BEHIND
                if 0 <= earlier < inserts:
                    cursor.execute(
                        "UPDATE bench_01 SET n = n + 1000000"
                        f" WHERE id > {earlier} AND id <= {min(earlier + TRANSACTION_ROWS, inserts)}"
                    )


class Loaded(Tables):
    """For the full load: rows that are there."""

    name = "load"
    default_rows = 2_000_000
    title = "20 tables of 10 columns, rows that are there"

    def change(self, database: Database) -> None:
        each = self.rows // len(self.tables)
        with quick(database).cursor() as cursor:
            for table in self.tables:
                for first in range(0, each, TRANSACTION_ROWS):
                    cursor.execute(insert(database, table, first, min(TRANSACTION_ROWS, each - first)))
                cursor.execute(f"ANALYZE {'TABLE ' if is_mysql(database) else ''}{table}")


WORKS: dict[str, type[Work]] = {work.name: work for work in (Bulk, Single, Wide, Tables, Huge)}


def quick(database: Database, autocommit: bool = True) -> Any:
    """A connection whose commits do not wait for the disk."""
    connection = database.connect(autocommit=True)
    if not is_mysql(database):
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")
    if is_mysql(database):
        connection.autocommit(autocommit)
    else:
        connection.autocommit = autocommit
    return connection


def create_table(database: Database, table: str, wide: int = 0) -> None:
    """One table of the ten columns and `wide` more; PostgreSQL's logs full images."""
    more = "".join(f", c{k} {_WIDE[k % len(_WIDE)][0 if is_mysql(database) else 1][0]}" for k in range(wide))
    if is_mysql(database):
        database.execute(
            f"CREATE TABLE {table} (id BIGINT PRIMARY KEY, {_MYSQL_COLUMNS}{more}) DEFAULT CHARSET utf8mb4"
        )
        return
    database.script(
        f"CREATE TYPE {table}_kind AS ENUM ('a','b','c')",
        f"CREATE TABLE {table} (id bigint PRIMARY KEY, {_POSTGRES_COLUMNS.format(table=table)}{more})",
        f"ALTER TABLE {table} REPLICA IDENTITY FULL",
    )


def insert(database: Database, table: str, first: int, count: int, wide: int = 0) -> str:
    """The statement that inserts `count` rows, at most 1,000, numbered from `first`."""
    columns = "".join(f", c{k}" for k in range(wide))
    more = "".join(f", {_WIDE[k % len(_WIDE)][0 if is_mysql(database) else 1][1].format(k=k)}" for k in range(wide))
    if is_mysql(database):
        numbers = f"SELECT {first} + i AS i FROM ({_THOUSAND}) thousand WHERE i < {count}"
        values = _MYSQL_VALUES
    else:
        numbers = f"SELECT i FROM generate_series({first}, {first + count - 1}) i"
        values = _POSTGRES_VALUES.format(table=table)
    return f"INSERT INTO {table} ({_NAMES}{columns}) SELECT {values}{more} FROM ({numbers}) t"


def checksum(database: Database, tables: tuple[str, ...]) -> tuple[int, int]:
    """Number of rows and sum of their digests, computed by the server."""
    text = f"CONCAT_WS('|', {', '.join(CHECKED)})"
    if is_mysql(database):
        part = f"CAST(CONV(LEFT(SHA2({text}, 256), 8), 16, 10) AS UNSIGNED)"
    else:
        part = f"('x' || left(encode(sha256(convert_to({text}, 'UTF8')), 'hex'), 8))::bit(32)::bigint"
    rows = digest = 0
    for table in tables:
        [(count, total)] = database.query(f"SELECT COUNT(*), COALESCE(SUM({part}), 0) FROM {table}")
        rows, digest = rows + int(count), digest + int(total)
    return rows, digest
