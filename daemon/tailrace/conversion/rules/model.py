"""The tables' lines, as TOML has them."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tailrace.conversion.catalog import Dialect

Dialects = Annotated[tuple[Dialect, ...], Field(min_length=1)]


class Line(BaseModel):
    """What all lines have: the pairs of dialects that they are for."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    source: Dialects = Field(default=tuple(Dialect), alias="from", description="dialects of the source; all")
    target: Dialects = Field(default=tuple(Dialect), alias="to", description="dialects of the target; all")

    @field_validator("source", "target", mode="before")
    @classmethod
    def _one_or_many(cls, given: object) -> object:
        return (given,) if isinstance(given, str) else given

    def between(self, source: Dialect, target: Dialect) -> bool:
        return source in self.source and target in self.target


class Placed(Line):
    """A line that may be for some tables and columns only. Patterns are a shell's: ``*``, ``?``, ``[ab]``."""

    table: str = Field(default="*", description="pattern of the source's table, with its schema: `shop.orders`")
    column: str = Field(default="*", description="pattern of the source's column")

    def at(self, table: str, column: str) -> bool:
        """Args: table: with its schema, or without where there is none."""
        bare = table.rpartition(".")[2]
        return (fnmatchcase(table, self.table) or fnmatchcase(bare, self.table)) and fnmatchcase(column, self.column)


class TypeRule(Placed):
    """``[[types]]``: the type that a column gets."""

    type: str = Field(default="*", description="pattern of the source's type: `tinyint(1)`, `number(*)`")
    become: str = Field(min_length=1, description="the target's type, as its CREATE TABLE has it")


class NameRule(Placed):
    """``[[names]]``: what a table or column is called in the target."""

    become: str = Field(default="", description="its name; `schema.name` puts a table into a schema")
    case: Literal["", "lower", "upper", "snake"] = Field(default="", description="all that match: how they are written")


class CollationRule(Line):
    """``[[collations]]``: the collation that text of one gets."""

    collation: str = Field(description="pattern of the source's collation")
    become: str = Field(description="the target's; empty: the sinks' binary one")
    reason: str = Field(default="", description="what is different; empty: nothing")


class ExpressionRule(Placed):
    """``[[expressions]]``: a whole default, check or generating expression, by a person's word."""

    sql: str = Field(min_length=1, description="the source's, blanks and letters' case outside quotes do not count")
    become: str = Field(min_length=1, description="the target's")


class FunctionRule(Line):
    """``[[functions]]``: a call of a function, by its name and what goes in."""

    name: str
    become: str
