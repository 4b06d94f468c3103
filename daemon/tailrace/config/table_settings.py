"""`[[tables]]`: what is special about some tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from tailrace.config.interpolation import Interpolated
from tailrace.config.problems import refusal
from tailrace.config.settings import Glob, Settings
from tailrace.shaping.condition import parse_condition
from tailrace.shaping.expressions import parse_expression
from tailrace.shaping.masks import parse_mask

_BRACES = re.compile(r"\{([^{}]*)\}?|\}")

#: Keys of `[[tables]]` for `SourceSettings.table_options` of a source that shapes its tables (`tailrace.shaping`).
SHAPING_OPTIONS = frozenset({"where", "rename", "case", "columns", "key", "mask", "mask_salt"})


def _condition(text: str) -> str:
    try:
        parse_condition(text)
    except ValueError as error:
        raise refusal(str(error), "compare columns with values, joined by AND, OR and NOT") from None
    return text


def _new_name(text: str) -> str:
    if not text:
        raise refusal("is empty", 'write a name, or "old_{table}"')
    for match in _BRACES.finditer(text):
        if match[0] not in ("{table}", "{schema}"):
            raise refusal(f"{match[0]} has no meaning", "{table} and {schema} stand for the source's names")
    return text


def _expressions(added: Mapping[str, str]) -> Mapping[str, str]:
    for name, text in added.items():
        try:
            parse_expression(text)
        except ValueError as error:
            raise refusal(f"{name}: {error}", "write a constant or a simple expression, text in 'quotes'") from None
    return added


def _masks(masks: Mapping[str, str]) -> Mapping[str, str]:
    for name, text in masks.items():
        try:
            parse_mask(text)
        except ValueError as error:
            raise refusal(f"{name} is {text!r}", str(error)) from None
    return masks


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise refusal("is empty", "name at least one column")
    return names


Names = Annotated[tuple[str, ...], Field(strict=False)]


class ColumnSettings(Settings):
    """`columns` in `[[tables]]`; names are the source's."""

    drop: Names = Field(default=(), description="Columns that are left out.", examples=[["internal_note"]])
    rename: dict[str, str] = Field(
        default_factory=dict,
        description="New names, by the source's.",
        examples=[{"nm": "name"}],
    )
    add: Annotated[dict[str, str], AfterValidator(_expressions)] = Field(
        default_factory=dict,
        description="Columns that the source has not: a constant or a simple expression each.",
        examples=[{"tenant": "'acme'"}],
    )
    type: dict[str, str] = Field(
        default_factory=dict,
        description="Other types: `smallint`, `integer`, `bigint`, `numeric(p,s)`, `text`, `varchar(n)`, `boolean`, "
        "`uuid`, from PostgreSQL also `json`. A value that the type cannot hold exactly is refused.",
        examples=[{"price": "numeric(12,2)"}],
    )


class TableSettings(Settings):
    """One of `[[tables]]`. Of the entries that match a table, the first that has a key says that key, whole."""

    match: Glob = Field(description="Glob of the tables that the entry is for.", examples=["shop.users"])
    condition: Annotated[str, AfterValidator(_condition)] | None = Field(
        default=None,
        alias="where",
        description="Only rows for which this is true leave: columns compared with values (`=`, `<>`, `<`, `<=`, `>`, "
        "`>=`, `IN`, `BETWEEN`, `LIKE`, `IS NULL`), joined by `AND`, `OR` and `NOT`.",
        examples=["status <> 'test'"],
    )
    rename: Annotated[str, AfterValidator(_new_name)] | None = Field(
        default=None,
        description="The targets' name for the table; `{table}` and `{schema}` stand for the source's names. Topics "
        "and events keep the source's.",
        examples=["old_{table}"],
    )
    case: Literal["lower", "upper"] | None = Field(
        default=None,
        description="Names of the targets' table and of all columns in lower or upper case, after `rename`.",
        examples=["lower"],
    )
    columns: ColumnSettings | None = Field(
        default=None,
        description="Columns to leave out, rename, add, or give another type.",
        examples=[{"drop": ["internal_note"]}],
    )
    key: Annotated[tuple[str, ...], AfterValidator(_distinct), Field(strict=False)] | None = Field(
        default=None,
        description="Columns that identify a row, instead of the primary key: unique and never NULL.",
        examples=[["email"]],
    )
    mask: Annotated[dict[str, str], AfterValidator(_masks)] | None = Field(
        default=None,
        description='What leaves in place of values, by column: `"hash"` (SHA-256 with `mask_salt`), `"partial:N"` '
        '(the last N characters stay), `"digits"` (each becomes 0), `"null"`.',
        examples=[{"email": "hash"}],
    )
    mask_salt: Interpolated | None = Field(
        default=None,
        description='What the mask `"hash"` puts before each value: a secret.',
        examples=["${SALT}"],
    )
    inserts_only: bool = Field(
        default=False,
        description="PostgreSQL: capture inserts and truncates of a table that has no usable replica identity, "
        "through a publication of its own; without this it is suspended.",
        examples=[True],
    )

    @model_validator(mode="after")
    def _salted(self) -> TableSettings:
        if self.mask_salt is not None and not self.mask_salt.raw:
            raise refusal("is empty", 'write "${SALT}"', key="mask_salt")
        return self

    @property
    def hashes(self) -> bool:
        """Whether a mask needs the salt."""
        return "hash" in (self.mask or {}).values()
