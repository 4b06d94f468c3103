"""What the `[[tables]]` entries of a pipeline file say of one table."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson

from tailrace.connectors import Context
from tailrace.schema import TableName
from tailrace.shaping.condition import Condition, parse_condition
from tailrace.shaping.expressions import Expression, parse_expression
from tailrace.shaping.masks import Mask, parse_mask
from tailrace.tables import table_entry

#: The fields of `TableSettings` that change what leaves of a table.
KEYS = ("condition", "rename", "case", "columns", "key", "mask")
#: What the file calls a key, where it is not that.
_WRITTEN = {"condition": "where"}
#: Work that guessing the salt from the stream's records costs, per guess.
_SALT_ROUNDS = 100_000


@dataclass(frozen=True, slots=True)
class Rules:
    """One table's rules; names of columns are the source's.

    Attributes:
        fingerprint: the same for the same rules and salt; what the stream's records are compared with.
        places: where in the file each key stands, for messages.
    """

    where: Condition | None = None
    rename: str | None = None
    case: str | None = None
    drop: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    added: Mapping[str, Expression] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    masks: Mapping[str, Mask] = field(default_factory=dict)
    salt: str = field(default="", repr=False)
    fingerprint: str = ""
    places: Mapping[str, str] = field(default_factory=dict)

    def cased(self, name: str) -> str:
        return name.lower() if self.case == "lower" else name.upper() if self.case == "upper" else name

    def target(self, name: TableName) -> str:
        """The target's table."""
        table = name.table
        if self.rename is not None:
            schema = name.schema or name.database
            table = self.rename.replace("{table}", "\0").replace("{schema}", schema).replace("\0", table)
        return self.cased(table)


def rules_for(context: Context, name: TableName) -> Rules | None:
    """None: no entry changes anything of the table.

    Raises:
        ConfigError: the salt's variable, file or credential is missing.
    """
    entries = {key: entry for key in KEYS if (entry := table_entry(context, name, key)) is not None}
    if not entries:
        return None
    said: dict[str, Any] = {key: getattr(entry, key) for key, entry in entries.items()}
    columns = said.get("columns")
    masks = {column: parse_mask(text) for column, text in said.get("mask", {}).items()}
    salt = ""
    if any(mask.kind == "hash" for mask in masks.values()):
        salted = table_entry(context, name, "mask_salt")
        salt = salted.mask_salt.get() if salted is not None else ""
    return Rules(
        where=parse_condition(said["condition"]) if "condition" in said else None,
        rename=said.get("rename"),
        case=said.get("case"),
        drop=columns.drop if columns else (),
        renamed=columns.rename if columns else {},
        added={column: parse_expression(text) for column, text in columns.add.items()} if columns else {},
        types=columns.type if columns else {},
        key=said.get("key", ()),
        masks=masks,
        salt=salt,
        fingerprint=_fingerprint(said, salt),
        places={_WRITTEN.get(key, key): entry.where(_WRITTEN.get(key, key)) for key, entry in entries.items()},
    )


def _fingerprint(said: Mapping[str, Any], salt: str) -> str:
    plain = {key: value.model_dump() if hasattr(value, "model_dump") else value for key, value in said.items()}
    digest = hashlib.sha256(orjson.dumps([plain, _stretched(salt) if salt else ""], option=orjson.OPT_SORT_KEYS))
    return digest.hexdigest()[:32]


@cache
def _stretched(salt: str) -> str:
    return hashlib.pbkdf2_hmac("sha256", salt.encode(), b"tailrace mask_salt", _SALT_ROUNDS).hex()
