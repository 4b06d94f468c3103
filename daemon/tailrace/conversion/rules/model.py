"""The tables' lines, as TOML has them."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tailrace.conversion.catalog import Dialect
from tailrace.schema import Kind

Dialects = Annotated[tuple[Dialect, ...], Field(min_length=1)]
#: What an argument can be asked to be: a kind, some kinds together, a literal, or anything.
WORDS = frozenset(Kind) | {
    *("number", "exact", "moment", "any", "same", "condition", "..."),
    *("literal", "char", "count", "positive", "nonzero", "whole", "unpadded", "not null"),
}


_GROUPS: dict[str, list[str]] = {"mysql-like": ["mysql", "mariadb"]}


class Line(BaseModel):
    """What all lines have: the pairs of dialects that they are for."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    source: Dialects = Field(default=tuple(Dialect), alias="from", description="dialects of the source; all")
    target: Dialects = Field(default=tuple(Dialect), alias="to", description="dialects of the target; all")

    @field_validator("source", "target", mode="before")
    @classmethod
    def _one_or_many(cls, given: object) -> object:
        many = [given] if isinstance(given, str) else given
        return [one for word in many for one in _GROUPS.get(word, [word])] if isinstance(many, list) else many

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
    """``[[functions]]``: a function or operator, by its name and what goes in."""

    name: tuple[str, ...] = Field(min_length=1, description="as the source calls it: `ifnull`, `+`, `cast text`")
    takes: tuple[str, ...] = Field(default=(), description="what each argument must be; `...` repeats the one before")
    gives: str = Field(default="1", description="kind of the value; `1`, `2`: that argument's; `all`: of all together")
    become: str = Field(default="", description="the target's SQL: `{1}`, `{2}` arguments, `{all}` with commas between")
    steady: bool = Field(default=True, description="the target takes it in indexes and generated columns")
    compares: bool = Field(default=False, description="texts are compared in it")
    nullable: Literal["any", "never", "always"] = Field(
        default="any",
        description="when the value is NULL: if `any` argument is, never, or for its own reasons (always)",
    )
    changed: str = Field(default="", description="what is different in the target; empty: nothing")
    by_hand: str = Field(default="", description="why it is left to a person")
    code: str = Field(default="", description="of the item that says so")
    proposal: str = Field(default="", description="what to do about it")

    @field_validator("name", mode="before")
    @classmethod
    def _lower(cls, given: object) -> object:
        many = [given] if isinstance(given, str) else given
        return [word.lower() if isinstance(word, str) else word for word in many] if isinstance(many, list) else many

    @field_validator("takes")
    @classmethod
    def _known(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for word in given:
            if word not in WORDS and not word.startswith("="):
                raise ValueError(f"no argument is {word!r}; there are {', '.join(sorted(WORDS))}, and =text")
        if "..." in given and (given.index("...") != len(given) - 1 or len(given) < 2):
            raise ValueError("`...` stands last, after what it repeats")
        return given

    @model_validator(mode="after")
    def _something(self) -> FunctionRule:
        if not self.become and not self.by_hand:
            raise ValueError("either `become` or `by_hand` must be given")
        given = [word for word in self.takes if word != "..."]
        for place in re.findall(r"\{(\d+)\}", self.become):
            if not 1 <= int(place) <= len(given):
                raise ValueError(f"`become` names {{{place}}}, and `takes` has {len(given)}")
        if self.become and self.gives.isdigit() and not 1 <= int(self.gives) <= len(given):
            raise ValueError(f"`gives` names argument {self.gives}, and `takes` has {len(given)}")
        if self.gives not in ("1", "2", "3", "all") and self.gives not in set(Kind):
            raise ValueError(f"nothing gives {self.gives!r}; there are {', '.join(Kind)}, 1, 2, 3 and all")
        return self


class Hours(BaseModel):
    """``[hours]``: what is left to a person, in hours."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    simple: float = Field(default=1.0, gt=0, description="of an item below two hours")
    again: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="share of them that each further item of a code takes, where objects are made and only looked at",
    )
    medium: float = Field(default=4.0, gt=0, description="of an item of two to six")
    significant: float = Field(default=10.0, gt=0, description="of an item of more than six")
    codes: dict[str, float] = Field(default_factory=dict, description="of items of a code, whatever their class")


class Tables(BaseModel):
    """One file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    types: tuple[TypeRule, ...] = Field(default=(), description="types that columns get")
    names: tuple[NameRule, ...] = Field(default=(), description="what tables and columns are called")
    collations: tuple[CollationRule, ...] = Field(default=(), description="collations of text")
    expressions: tuple[ExpressionRule, ...] = Field(default=(), description="whole expressions")
    functions: tuple[FunctionRule, ...] = Field(default=(), description="functions and operators")
    hours: Hours | None = Field(default=None, description="estimates")
