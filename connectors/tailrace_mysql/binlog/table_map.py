"""TABLE_MAP: which columns the row events that follow have.

Layout: ``Table_map_event`` in https://dev.mysql.com/doc/dev/mysql-server/latest/classmysql_1_1binlog_1_1event_1_1Table__map__event.html
"""

from __future__ import annotations

from dataclasses import dataclass

from tailrace_mysql.binlog.events import HEADER, packed_integer

_METADATA_SIZES = {
    1: 0,
    2: 0,
    3: 0,
    4: 1,
    5: 1,
    6: 0,
    7: 0,
    8: 0,
    9: 0,
    10: 0,
    11: 0,
    12: 0,
    13: 0,
    14: 0,
    15: 2,
    16: 2,
    17: 1,
    18: 1,
    19: 1,
    140: 1,
    141: 2,
    242: 1,
    245: 1,
    246: 2,
    247: 2,
    248: 2,
    249: 1,
    250: 1,
    251: 1,
    252: 1,
    253: 2,
    254: 2,
    255: 1,
}
_NUMERIC = frozenset({1, 2, 3, 4, 5, 8, 9, 246, 13})
_TEXT = frozenset({15, 249, 250, 251, 252, 253, 254, 140, 141})
#: MariaDB counts a geometry among the columns that have a character set ("binary"), MySQL does not.
_MARIADB_TEXT = _TEXT | {255}
_ENUM, _SET = 247, 248
JSON_CODE = 245

_SIGNEDNESS, _DEFAULT_CHARSET, _COLUMN_CHARSET, _COLUMN_NAME = 1, 2, 3, 4
_SET_LABELS, _ENUM_LABELS, _SIMPLE_KEY, _PREFIXED_KEY = 5, 6, 8, 9
_LABELS_DEFAULT_CHARSET, _LABELS_COLUMN_CHARSET = 10, 11


@dataclass(slots=True)
class MapColumn:
    """One column of a table map; None where the log does not say (``binlog_row_metadata``).

    Attributes:
        code: the column's type.
        metadata: the type's own, as a little-endian number.
        charset: number of the collation of text, bytes and labels.
    """

    code: int
    metadata: int
    nullable: bool
    unsigned: bool | None = None
    charset: int | None = None
    name: str | None = None
    labels: tuple[bytes, ...] | None = None
    key: int | None = None


@dataclass(slots=True)
class TableMap:
    """A table as the log's next row events have it.

    Attributes:
        names: whether the map has names, labels and the primary key (``binlog_row_metadata=FULL``).
        body: the event from the flags on: equal bytes, equal table.
    """

    table_id: int
    database: str
    table: str
    columns: list[MapColumn]
    names: bool
    body: bytes


def real_code(code: int, metadata: int) -> int:
    """ENUM and SET travel as strings, with their own code in the metadata."""
    if code == 254 and metadata & 0xFF in (_ENUM, _SET):
        return metadata & 0xFF
    return code


def name_of(event: bytes, table_id_size: int) -> tuple[str, str]:
    """Database and table alone."""
    at = HEADER + table_id_size + 2
    database, at = _name(event, at)
    table, _ = _name(event, at)
    return database, table


def parse(event: bytes, table_id_size: int, mariadb: bool = False) -> TableMap:
    """Reads a whole TABLE_MAP event.

    Args:
        mariadb: which of the two dialects the server writes.

    Raises:
        ValueError, IndexError: the event is malformed.
    """
    at = HEADER + table_id_size
    table_id = int.from_bytes(event[HEADER:at], "little")
    body = event[at:]
    database, at = _name(event, at + 2)
    table, at = _name(event, at)
    count, at = packed_integer(event, at)
    codes = _slice(event, at, count)
    at += count
    metadata_size, at = packed_integer(event, at)
    metadata_end = at + metadata_size
    columns: list[MapColumn] = []
    for code in codes:
        size = _METADATA_SIZES.get(code)
        if size is None:
            # Its metadata's size is unknown, and so is everything behind it.
            raise ValueError(f"column type {code} is unknown")
        columns.append(MapColumn(code, int.from_bytes(_slice(event, at, size), "little"), nullable=False))
        at += size
    if at != metadata_end:
        raise ValueError("a table map's metadata is malformed")
    nulls = int.from_bytes(_slice(event, at, (count + 7) // 8), "little")
    for index, column in enumerate(columns):
        column.nullable = bool(nulls >> index & 1)
    at += (count + 7) // 8
    names = False
    while at < len(event):
        field = event[at]
        length, at = packed_integer(event, at + 1)
        value = _slice(event, at, length)
        at += length
        if field == _SIGNEDNESS:
            _signedness(value, columns)
        elif field == _DEFAULT_CHARSET:
            _default_charset(value, _texts(columns, mariadb))
        elif field == _COLUMN_CHARSET:
            _column_charsets(value, _texts(columns, mariadb))
        elif field == _COLUMN_NAME:
            names = True
            _column_names(value, columns)
        elif field == _LABELS_DEFAULT_CHARSET:
            _default_charset(value, _labelled(columns))
        elif field == _LABELS_COLUMN_CHARSET:
            _column_charsets(value, _labelled(columns))
        elif field in (_SET_LABELS, _ENUM_LABELS):
            _labels(value, columns, _ENUM if field == _ENUM_LABELS else _SET)
        elif field in (_SIMPLE_KEY, _PREFIXED_KEY):
            _key(value, columns, prefixed=field == _PREFIXED_KEY)
    if names:
        for column in columns:
            column.key = column.key or 0
    return TableMap(table_id, database, table, columns, names, body)


def _slice(event: bytes, at: int, length: int) -> bytes:
    if at + length > len(event):
        raise IndexError
    return event[at : at + length]


def _name(event: bytes, at: int) -> tuple[str, int]:
    length, at = packed_integer(event, at)
    return _slice(event, at, length).decode(), at + length + 1


def _signedness(value: bytes, columns: list[MapColumn]) -> None:
    """A bit for each numeric column, most significant first."""
    place = 0
    for column in columns:
        if column.code in _NUMERIC:
            column.unsigned = bool(value[place >> 3] & 0x80 >> (place & 7))
            place += 1


def _texts(columns: list[MapColumn], mariadb: bool) -> list[MapColumn]:
    codes = _MARIADB_TEXT if mariadb else _TEXT
    return [
        column
        for column in columns
        if column.code in codes and real_code(column.code, column.metadata) not in (_ENUM, _SET)
    ]


def _labelled(columns: list[MapColumn]) -> list[MapColumn]:
    return [column for column in columns if real_code(column.code, column.metadata) in (_ENUM, _SET)]


def _default_charset(value: bytes, columns: list[MapColumn]) -> None:
    """The commonest collation, then pairs of (place among these columns, collation) for the others."""
    default, at = packed_integer(value, 0)
    for column in columns:
        column.charset = default
    while at < len(value):
        index, at = packed_integer(value, at)
        columns[index].charset, at = packed_integer(value, at)


def _column_charsets(value: bytes, columns: list[MapColumn]) -> None:
    at = 0
    for column in columns:
        column.charset, at = packed_integer(value, at)


def _column_names(value: bytes, columns: list[MapColumn]) -> None:
    at = 0
    for column in columns:
        length, at = packed_integer(value, at)
        column.name = _slice(value, at, length).decode()
        at += length


def _labels(value: bytes, columns: list[MapColumn], code: int) -> None:
    at = 0
    for column in columns:
        if real_code(column.code, column.metadata) != code:
            continue
        count, at = packed_integer(value, at)
        labels: list[bytes] = []
        for _ in range(count):
            length, at = packed_integer(value, at)
            labels.append(_slice(value, at, length))
            at += length
        column.labels = tuple(labels)


def _key(value: bytes, columns: list[MapColumn], prefixed: bool) -> None:
    at, place = 0, 0
    while at < len(value):
        index, at = packed_integer(value, at)
        if prefixed:
            _, at = packed_integer(value, at)
        place += 1
        columns[index].key = place
