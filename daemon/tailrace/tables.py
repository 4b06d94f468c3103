"""Which tables a pipeline takes, and which topic each one's events go to.

Globs are those of `fnmatch` on ``schema.table`` (PostgreSQL) or ``database.table`` (MySQL, MariaDB): ``*`` is any text,
``?`` one character, ``[abc]`` and ``[!abc]`` one of a set; case counts, and the backslash is a plain character
(``[*]`` is a star).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from tailrace.connectors import Context
from tailrace.errors import ConfigError
from tailrace.schema import TableName

#: What tailrace keeps for itself in a target; a pipeline that reads that database must not carry it.
OWN_PREFIX = "_tailrace_"

_MYSQL_SYSTEM = frozenset({"mysql", "information_schema", "performance_schema", "sys"})
_MAX_TOPIC = 249
_DIGEST = 16
#: What a topic template is made of.
PLACEHOLDER = re.compile(r"\{(name|schema|table)\}")
# What Kafka forbids; the dot too, since it parts schema and table; and what an escape could begin with, even if
# only the next character's own escape would complete it.
_ESCAPED = re.compile(r"[^a-zA-Z0-9_-]|_(?=x[0-9A-F]{4})")


class Selection:
    """The tables that a source's `tables` and `exclude` select.

    System schemas and tailrace's own tables are never selected, whatever the globs say.
    """

    def __init__(self, tables: Sequence[str], exclude: Sequence[str], default_database: str | None) -> None:
        """`default_database`: the url's; all of its tables are selected where `tables` is empty."""
        self._tables = tuple(tables)
        self._exclude = tuple(exclude)
        self._default = default_database

    def selects(self, name: TableName) -> bool:
        if is_system(name):
            return False
        text = str(name)
        if self._tables:
            chosen = matches(self._tables, name)
        else:
            chosen = self._default is None or name.database == self._default
        return chosen and not any(fnmatchcase(text, glob) for glob in self._exclude)


def matches(globs: Sequence[str], name: TableName) -> bool:
    """Whether one of the globs names the table."""
    text = str(name)
    return any(fnmatchcase(text, glob) for glob in globs)


def is_system(name: TableName) -> bool:
    """Whether the table is the server's or tailrace's own."""
    if name.table.startswith(OWN_PREFIX):
        return True
    if name.schema is None:
        return name.database in _MYSQL_SYSTEM
    return name.schema == "information_schema" or name.schema.startswith("pg_")


def table_entry(context: Context, name: TableName, key: str) -> Any | None:
    """The `[[tables]]` entry that says a key of a table: the first that matches and has it; None without one.

    Args:
        key: the field's name in the model.
    """
    for settings in context.tables:
        if key in settings.model_fields_set and matches((settings.match,), name):
            return settings
    return None


def topic_name(context: Context, name: TableName) -> str:
    """The topic of a table's events; different for different tables of a pipeline.

    ``{schema}`` is the PostgreSQL schema or the MySQL database. Characters of schema and table outside
    ``a-z A-Z 0-9 _ -`` become ``_xHHHH_`` with the code point in hexadecimal (`escape`). A name over Kafka's 249
    characters is cut, and ends in a digest of the whole.

    Raises:
        ConfigError: the topic is one that tailrace needs for itself.
    """
    parts = {
        "name": context.pipeline,
        "schema": escape(name.schema or name.database),
        "table": escape(name.table),
    }
    topic = PLACEHOLDER.sub(lambda match: parts[match[1]], context.topic)
    if len(topic) > _MAX_TOPIC:
        digest = hashlib.sha256(topic.encode()).hexdigest()[:_DIGEST]
        topic = f"{topic[: _MAX_TOPIC - _DIGEST - 1]}_{digest}"
    if topic in (f"{context.pipeline}.__positions", f"{context.pipeline}.__schemas"):
        raise ConfigError(
            f"the topic of table {name} would be {topic}, which tailrace needs itself",
            where="stream.topic",
            fix="use a template with {name} in it, or exclude the table",
        )
    return topic


def escape(text: str) -> str:
    """``Größe`` becomes ``Gr_x00F6__x00DF_e``; reversible, so that no two names become the same."""
    return _ESCAPED.sub(lambda match: f"_x{ord(match[0]):04X}_", text)
