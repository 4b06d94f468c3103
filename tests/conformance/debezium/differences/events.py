"""Differences in whole events, rows and `source`."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

from tailrace.emitter import UNCHANGED_PLACEHOLDER
from tests.conformance.debezium.comparison import MISSING, Found

_EMPTY = (None, 0, "", False)
_DEFAULTS = {"not_null": {"qty": 7}}
_UNKNOWN_TYPES = re.compile(
    r"pg_composites_address|pg_own_ranges_r|int4multirange|tsquery|pg_lsn|pg_snapshot|regclass|regtype"
    r"|interval\[\]|money\[\]|lseg|box|path|polygon|circle|line"
)


def _schema_change(found: Found) -> bool:
    return found.part == "event" and found.theirs is MISSING and found.event is not None and found.event.op == "s"


def _old_row_is_the_key(found: Found) -> bool:
    """Debezium makes a row of the key that PostgreSQL's log has: NULL, or the type's zero where NULL is not allowed."""
    event = found.event
    if found.part != "before" or event is None or event.key is None or event.before is None:
        return False
    if event.before.keys() != event.key.keys():
        return False
    if found.where == "order of before":
        return True
    defaults = _DEFAULTS.get(found.table, {})
    return found.where == "before" and all(
        value in _EMPTY or value == defaults.get(name) for name, value in found.theirs.items() if name not in found.ours
    )


def _unique_index_as_key(found: Found) -> bool:
    """Debezium has a key where ours is null; so a changed key is a delete and a create there, and an update here."""
    if found.table not in ("unique_mysql", "unique_full"):
        return False
    ours, theirs = found.event, found.other
    if found.part == "key":
        return found.ours is None and found.theirs is not None
    if found.part != "event":
        return False
    if ours is None:
        return theirs is not None and theirs.key is not None and theirs.op in ("d", "tombstone", "c")
    return (
        ours.op == "u"
        and ours.before is not None
        and ours.after is not None
        and (ours.before["code"] != ours.after["code"])
    )


def _replica_identity_as_key(found: Found) -> bool:
    return found.part == "key" and found.table == "identity_index"


def _keyless_tombstones(found: Found) -> bool:
    """Debezium sends records without key and value."""
    other = found.other
    return (
        found.part == "event" and found.event is None and other is not None and (other.key, other.value) == (None,) * 2
    )


def _topic_names(found: Found) -> bool:
    """Debezium writes `_` for each character that a topic cannot have."""
    return found.part == "topic" and [re.sub(r"_x[0-9A-F]{4,5}_", "_", name) for name in found.ours] == [
        re.sub(r"[^A-Za-z0-9._-]", "_", name) for name in found.theirs
    ]


def _left_out(found: Found) -> bool:
    return found.theirs is MISSING and _UNKNOWN_TYPES.fullmatch(found.type) is not None


def _default_for_null(found: Found) -> bool:
    return found.table == "default_of_null" and found.ours is None and found.theirs in ("none", 5)


def _unchanged(found: Found) -> bool:
    """The placeholder for a value that the log left out, in another form."""
    if found.event is None or found.where not in found.event.source.get("unchanged", ()):
        return False
    return bool(found.ours == UNCHANGED_PLACEHOLDER and found.theirs in _PLACEHOLDERS)


def _unchanged_bytes(found: Found) -> bool:
    """Debezium finds no base64 form for the placeholder."""
    if found.event is None or found.where not in found.event.source.get("unchanged", ()):
        return False
    return found.type == "bytea" and found.theirs is None


def _leaf_partitions(found: Found) -> bool:
    other = found.other
    return (
        found.part == "event"
        and found.table in ("partitioned_east", "partitioned_west")
        and (found.event is None and other is not None and other.op == "r")
    )


def _null_for_name(found: Found) -> bool:
    return found.type == "name" and found.theirs is None and found.event is not None and found.event.op != "r"


def _thread_of_statements(found: Found) -> bool:
    return found.where == "source.thread" and found.theirs is None and found.event is not None and found.event.op == "t"


def _table_left_out(found: Found) -> bool:
    """Debezium does not understand the statement that creates it."""
    return found.table == "mariadb_types_later" and found.part == "event" and found.theirs is MISSING


def _created_later(found: Found) -> bool:
    return found.table == "pg_created_later_second" and found.part == "event" and found.ours is MISSING


def _emptied_by_create(found: Found) -> bool:
    return (
        found.table == "drop_and_create"
        and found.theirs is MISSING
        and found.event is not None
        and (found.event.op == "t")
    )


def _escaped_labels(found: Found) -> bool:
    return found.table == "labels_strange" and (found.ours, found.theirs) == ("a,b", "a\\,b")


def _undecoded_texts(found: Found) -> bool:
    """Debezium's connector for MariaDB knows no Java name for some character sets."""
    return found.table == "charsets" and found.ours == "日本" and "\ufffd" in str(found.theirs)


def _quoted_names(found: Found) -> bool:
    """Of a name with a backtick Debezium keeps the doubled one of the statement."""
    return found.table == "quoted_ddl" and (
        (found.where == "c`d" and found.theirs is MISSING)
        or (found.where in ("before", "after") and list(found.theirs) == [*list(found.ours)[:-1], "c``d"])
    )


def _unchanged_filled(found: Found) -> bool:
    return found.theirs in _PLACEHOLDERS and found.event is not None and found.ours != UNCHANGED_PLACEHOLDER


_BASE64 = b64encode(UNCHANGED_PLACEHOLDER.encode()).decode()
_PLACEHOLDERS: tuple[Any, ...] = (
    UNCHANGED_PLACEHOLDER,
    [UNCHANGED_PLACEHOLDER],
    _BASE64,
    list(b64decode(_BASE64)),
)

RULES: dict[str, Callable[[Found], bool]] = {
    "schema-change-events": _schema_change,
    "old-row-of-a-key": _old_row_is_the_key,
    "unique-index-as-key": _unique_index_as_key,
    "replica-identity-as-key": _replica_identity_as_key,
    "keyless-tombstones": _keyless_tombstones,
    "topic-names": _topic_names,
    "columns-left-out": _left_out,
    "default-for-null": _default_for_null,
    "unchanged-placeholder": _unchanged,
    "unchanged-bytes": _unchanged_bytes,
    "unchanged-filled": _unchanged_filled,
    "leaf-partitions": _leaf_partitions,
    "null-for-name": _null_for_name,
    "thread-of-statements": _thread_of_statements,
    "tables-left-out": _table_left_out,
    "tables-created-later": _created_later,
    "emptied-by-create": _emptied_by_create,
    "quoted-names": _quoted_names,
    "escaped-labels": _escaped_labels,
    "undecoded-texts": _undecoded_texts,
}
