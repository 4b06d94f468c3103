"""Column types of a MySQL or MariaDB target: what each source column becomes.

======================  ===============================================================================================
source column           target column
======================  ===============================================================================================
boolean                 TINYINT(1)
integer                 TINYINT, SMALLINT, MEDIUMINT, INT, BIGINT, [UNSIGNED], by its bits
decimal(p, s)           DECIMAL(p, s) up to 65 digits, 30 of them after the point; larger or unbounded: LONGTEXT, since
                        no DECIMAL would hold every value. NaN and Infinity are refused in a DECIMAL.
float                   FLOAT (32 bits), DOUBLE (64). NaN and Infinity are refused; -0.0 on MariaDB, which has none.
text                    VARCHAR(n) where n is known and the row's 65,535 bytes allow; CHAR(n) from MySQL (PostgreSQL's
                        keeps its trailing blanks, MySQL's does not); TINYTEXT … LONGTEXT as at a MySQL source in UTF-8
                        (in another character set LONGTEXT, because the text may grow); else LONGTEXT
bytes                   BINARY(n), VARBINARY(n), TINYBLOB … LONGBLOB as at a MySQL source; LONGBLOB from PostgreSQL
bits                    BIT(n) for a fixed n up to 64; else VARCHAR(n) or LONGTEXT of 0 and 1
date                    DATE. Zero dates and impossible days as at a MySQL source; PostgreSQL's infinity, BC and years
                        past 9999 are refused
time                    TIME(n) from MySQL, TIME(6) from PostgreSQL
timetz                  VARCHAR(32)
timestamp               DATETIME(n) from MySQL, DATETIME(6) from PostgreSQL
timestamptz             TIMESTAMP(n) from MySQL; DATETIME(6) in UTC from PostgreSQL, whose range a TIMESTAMP has not
year                    YEAR
uuid                    CHAR(36)
json                    JSON from MySQL to MySQL. Else LONGTEXT, because JSON would reorder and reformat the document;
                        on MariaDB JSON is LONGTEXT
enum, set               ENUM, SET from MySQL; VARCHAR or LONGTEXT from PostgreSQL (ALTER TYPE … ADD VALUE is in no log)
interval, other         LONGTEXT
======================  ===============================================================================================

Text is utf8mb4 with a binary collation that does not pad (utf8mb4_0900_bin, MariaDB: utf8mb4_nopad_bin), so that
keys that differ in case or in trailing blanks stay two rows. A text or bytes column in the key must fit InnoDB's
3,072 bytes of index entry: it becomes a VARCHAR or VARBINARY of what is left there, and a longer value is refused.
A table that is there already may have other character sets and collations; its key only if the source is MySQL or
MariaDB, whose keys have them too (`tailrace schema` makes it so).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tailrace.schema import Column, Kind, Type
from tailrace.sink import TargetTable
from tailrace_mysql.types import parse

MAX_KEY_BYTES = 3072
#: The server's limit is 65,535 for all but the contents of TEXT, BLOB and JSON; some is left for columns to come.
MAX_ROW_BYTES = 60_000
_BYTES_PER_CHARACTER = 4

_INTEGER_BITS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}
_INTEGERS = {bits: base for base, bits in _INTEGER_BITS.items()}
_TEXT_BYTES = {"tinytext": 255, "text": 65_535, "mediumtext": (1 << 24) - 1, "longtext": (1 << 32) - 1}
_BLOB_BYTES = {"tinyblob": 255, "blob": 65_535, "mediumblob": (1 << 24) - 1, "longblob": (1 << 32) - 1}
_FIXED_BYTES = {
    "tinyint": 1,
    "smallint": 2,
    "mediumint": 3,
    "int": 4,
    "bigint": 8,
    "float": 4,
    "double": 8,
    "date": 3,
    "time": 6,
    "datetime": 8,
    "timestamp": 7,
    "year": 1,
    "bit": 8,
    "enum": 2,
    "set": 8,
}
#: TEXT, BLOB and JSON take this of a row, whatever they hold.
_POINTER_BYTES = 12


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A column type as the server's catalog writes it.

    Attributes:
        base: in lower case, ``"varchar"``.
        size: characters, bytes, bits, digits, or fraction digits of temporal types.
        ascii: text that is ASCII only (UUIDs, digits): a quarter of the room in an index.
    """

    base: str
    size: int = 0
    scale: int = 0
    unsigned: bool = False
    labels: tuple[str, ...] = ()
    ascii: bool = False

    @property
    def textual(self) -> bool:
        return self.base in ("char", "varchar") or self.base in _TEXT_BYTES

    @property
    def binary(self) -> bool:
        return self.base in ("binary", "varbinary") or self.base in _BLOB_BYTES

    @property
    def outside_row(self) -> bool:
        """TEXT, BLOB and JSON: no place in an index, and no literal as default."""
        return self.base in _TEXT_BYTES or self.base in _BLOB_BYTES or self.base == "json"

    @property
    def bytes(self) -> int:
        """Greatest length of a text's or byte string's content."""
        if self.base in ("char", "varchar"):
            return self.size * (1 if self.ascii else _BYTES_PER_CHARACTER)
        if self.base in ("binary", "varbinary"):
            return self.size
        return _TEXT_BYTES.get(self.base) or _BLOB_BYTES.get(self.base) or 0

    @property
    def row_bytes(self) -> int:
        """What the column takes of the row at most."""
        if self.outside_row:
            return _POINTER_BYTES
        if self.base == "decimal":
            return self.size // 2 + 4
        return _FIXED_BYTES.get(self.base) or self.bytes + 2

    def sql(self, collation: str) -> str:
        """As CREATE TABLE wants it, with the collation for text."""
        base = self.base.upper()
        if self.labels:
            labels = ", ".join("'" + label.replace("'", "''") + "'" for label in self.labels)
            return f"{base}({labels}) CHARACTER SET utf8mb4 COLLATE {collation}"
        if self.textual:
            length = f"({self.size})" if self.base in ("char", "varchar") else ""
            charset = "ascii COLLATE ascii_bin" if self.ascii else f"utf8mb4 COLLATE {collation}"
            return f"{base}{length} CHARACTER SET {charset}"
        if self.base == "decimal":
            return f"DECIMAL({self.size}, {self.scale})"
        if self.base == "tinyint" and self.size == 1:
            return "TINYINT(1)"
        if self.base in ("binary", "varbinary", "bit") or (
            self.size and self.base in ("time", "datetime", "timestamp")
        ):
            return f"{base}({self.size})"
        return f"{base} UNSIGNED" if self.unsigned else base

    def holds(self, wanted: ColumnType) -> bool:
        """Whether a column of this type takes every value of the other one and prints it alike."""
        if self.base == wanted.base and not self.textual and not self.binary:
            if self.base in _INTEGER_BITS:
                return self.unsigned == wanted.unsigned
            if self.base == "decimal":
                return self.scale == wanted.scale and self.size >= wanted.size
            if self.base == "bit":
                return self.size >= wanted.size
            if self.labels:
                return set(wanted.labels) <= set(self.labels)
            return self.size == wanted.size
        if self.base in _INTEGER_BITS and wanted.base in _INTEGER_BITS:
            wider = _INTEGER_BITS[self.base] > _INTEGER_BITS[wanted.base]
            return wider and (self.unsigned == wanted.unsigned or wanted.unsigned)
        if self.textual and (wanted.textual or wanted.labels or wanted.base == "json"):
            return self._text_holds(wanted)
        if self.binary and wanted.binary:
            if self.base == "binary":
                return self == wanted  # it pads
            return self.bytes >= wanted.bytes
        return self.base == "datetime" and wanted.base == "timestamp" and self.size == wanted.size

    def _text_holds(self, wanted: ColumnType) -> bool:
        if self.base == "char" and (wanted.base != "char" or wanted.size > self.size):
            return False  # CHAR loses trailing blanks
        if self.ascii and not wanted.ascii:
            return False
        if wanted.base == "json":
            return self.base == "longtext"
        if wanted.base == "enum":
            characters = max(map(len, wanted.labels))
        elif wanted.base == "set":
            characters = sum(map(len, wanted.labels)) + len(wanted.labels) - 1
        elif wanted.base in ("char", "varchar"):
            characters = wanted.size
        else:
            return self.size >= wanted.bytes if self.base == "varchar" else self.bytes >= wanted.bytes
        if self.base in ("char", "varchar"):
            return self.size >= characters
        return self.bytes >= characters * (1 if wanted.ascii else _BYTES_PER_CHARACTER)

    def extends(self, present: ColumnType) -> bool:
        """Whether altering a column from the other type to this one leaves the values that the source's rows have."""
        if self.base == "decimal" and present.base == "decimal":
            return self.scale >= present.scale and self.size - self.scale >= present.size - present.scale
        if self.base == present.base and self.base in ("time", "datetime", "timestamp"):
            return self.size >= present.size
        if {self.base, present.base} == {"float", "double"}:
            return True  # the source has rounded, or widened, its values the same way
        if present.labels:
            return self.holds(present)  # in whatever order: ALTER TABLE goes by the labels, not by their numbers
        if self.base == "binary" or (self.base, present.base) == ("datetime", "timestamp"):
            return False  # padding would change the values, and so would another time zone than the source's session
        return self.holds(present)


def binary_collation(mariadb: bool) -> str:
    """Binary, and not padding: keys differing in case or trailing blanks are different keys."""
    return "utf8mb4_nopad_bin" if mariadb else "utf8mb4_0900_bin"


def catalog_type(text: str, character_set: str | None) -> ColumnType:
    """Reads `information_schema.COLUMNS.COLUMN_TYPE`, ``"decimal(12,2)"``, ``"int(11) unsigned"``."""
    declared = parse(text)
    size, scale = (*declared.arguments, 0, 0)[:2]
    if declared.base == "year" or (declared.base in _INTEGER_BITS and size != 1):
        size = 0  # MariaDB prints display widths; only TINYINT(1) means something
    return ColumnType(declared.base, size, scale, declared.unsigned, declared.labels, ascii=character_set == "ascii")


def source_charset(column: Column) -> str:
    """Of a text column of MySQL's or MariaDB's; utf8mb4 stands for all of Unicode's eight-bit forms."""
    try:
        return parse(column.type.name, "utf8mb4").charset
    except ValueError:
        return "utf8mb4"


def mapped(type_: Type, from_mysql: bool, mariadb: bool) -> ColumnType:
    """The target's type of a column outside the key.

    Args:
        from_mysql: the source is MySQL or MariaDB, otherwise PostgreSQL.
        mariadb: the target is MariaDB.
    """
    kind, size = type_.kind, type_.size
    name = type_.name.lower()
    word = name.partition("(")[0].partition(" ")[0]
    digits = min(size, 6) if from_mysql else 6
    if kind == Kind.BOOLEAN:
        return ColumnType("tinyint", 1)
    if kind == Kind.INTEGER:
        return ColumnType(_INTEGERS.get(size, "bigint"), unsigned=type_.unsigned)
    if kind == Kind.DECIMAL:
        # PostgreSQL's scale may be negative or exceed the precision; MySQL's may not.
        scale = max(type_.scale, 0)
        precision = max(size - min(type_.scale, 0), scale)
        exact = size > 0 and precision <= 65 and scale <= 30
        return ColumnType("decimal", precision, scale) if exact else ColumnType("longtext")
    if kind == Kind.FLOAT:
        return ColumnType("float" if size == 32 else "double")
    if kind == Kind.TEXT:
        if from_mysql and type_.fixed and 0 < size <= 255:
            return ColumnType("char", size)
        if from_mysql and word in _TEXT_BYTES:
            # Limits of the TEXT family count bytes: a text in another character set may grow in utf8mb4.
            return ColumnType("longtext" if "character set" in name else word)
        return ColumnType("varchar", size) if 0 < size <= 16_383 else ColumnType("longtext")
    if kind == Kind.BYTES:
        if from_mysql and word in _BLOB_BYTES:
            return ColumnType(word)
        if from_mysql and 0 < size <= 65_532:
            return ColumnType("binary" if type_.fixed and size <= 255 else "varbinary", size)
        return ColumnType("longblob")
    if kind == Kind.BITS:
        if 0 < size <= 64 and (from_mysql or type_.fixed):
            return ColumnType("bit", size)
        return ColumnType("varchar", size, ascii=True) if 0 < size <= 16_383 else ColumnType("longtext")
    if kind in (Kind.ENUM, Kind.SET):
        if from_mysql and type_.labels:
            return ColumnType(str(kind), labels=type_.labels)
        return ColumnType("varchar", 255) if kind == Kind.ENUM else ColumnType("longtext")
    if kind == Kind.TIMESTAMPTZ:
        return ColumnType("timestamp" if from_mysql else "datetime", digits)
    if kind == Kind.JSON:
        return ColumnType("json" if from_mysql and not mariadb else "longtext")
    return {
        Kind.DATE: ColumnType("date"),
        Kind.TIME: ColumnType("time", digits),
        Kind.TIMETZ: ColumnType("varchar", 32, ascii=True),
        Kind.TIMESTAMP: ColumnType("datetime", digits),
        Kind.YEAR: ColumnType("year"),
        Kind.UUID: ColumnType("char", 36, ascii=True),
    }.get(kind, ColumnType("longtext"))


def obstacle(type_: Type, from_postgres: bool, wanted: str, mariadb: bool) -> str:
    """Why values of a column cannot be in a type that a person wants; "" where they can."""
    try:
        given = catalog_type(wanted, None)
    except ValueError as error:
        return str(error)
    usual = mapped(type_, not from_postgres, mariadb)
    if given == usual or given.holds(usual):
        return ""
    return f"values of {type_.name} are kept in {usual.sql('…').partition(' CHARACTER SET')[0]}, which it does not hold"


def table_types(
    table: TargetTable, mariadb: bool, taken: int = 0, wanted: Mapping[str, str] | None = None
) -> dict[str, ColumnType]:
    """The types of all live columns, by name: what `mapped` says, fitted into the key's and the row's limits.

    Args:
        taken: bytes of the row that other columns of an existing table use.
        wanted: by a person, by the columns' names.
    """
    from_mysql = table.source.schema is None
    types = {column.name: mapped(column.type, from_mysql, mariadb) for column in table.columns}
    types.update((name, catalog_type(text, None)) for name, text in (wanted or {}).items())
    types.update(_key_types(table.key, types))
    total = taken + sum(type_.row_bytes for type_ in types.values())
    names = [column.name for column in table.columns if not column.key]
    for name in sorted(names, key=lambda name: -types[name].row_bytes):
        if total <= MAX_ROW_BYTES or types[name].row_bytes <= _POINTER_BYTES:
            break
        if types[name].textual or types[name].binary:
            total -= types[name].row_bytes - _POINTER_BYTES
            types[name] = ColumnType("longtext" if types[name].textual else "longblob")
    return types


def _key_types(key: tuple[Column, ...], types: dict[str, ColumnType]) -> dict[str, ColumnType]:
    """Long columns share what the short ones leave of the index entry, in equal parts."""
    found: dict[str, ColumnType] = {}
    elastic: list[Column] = []
    room = MAX_KEY_BYTES
    for column in key:
        type_ = types[column.name]
        if type_.outside_row or type_.bytes > MAX_KEY_BYTES // len(key):
            elastic.append(column)
        else:
            room -= type_.row_bytes
    for column in elastic:
        share = room // len(elastic)
        type_ = types[column.name]
        if type_.binary:
            found[column.name] = ColumnType("varbinary", min(share, type_.bytes))
        elif column.type.kind in (Kind.DECIMAL, Kind.BITS):
            found[column.name] = ColumnType("varchar", share, ascii=True)
        else:
            found[column.name] = ColumnType("varchar", min(share, type_.bytes) // _BYTES_PER_CHARACTER)
    return found
