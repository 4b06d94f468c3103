"""The key design of DynamoDB tables: `keys = "keys.toml"` of a sink, or what `tailrace schema --keys` proposes.

A table of the file says which columns of a source table become partition and sort key, which secondary indexes there
are, and which DynamoDB table the rows go to; what is not in it is made as without a file. Names of columns are the
stream's, behind `[[tables]]`. A key attribute of one column alone is that column's own; any other is a text: `prefix`
first, then the columns in their order, with ``|`` between them (`tailrace_dynamodb.attributes`).
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from tailrace.config.problems import explain, raise_all, refusal
from tailrace.config.settings import Settings
from tailrace.errors import ConfigError
from tailrace_dynamodb.prices import Prices

#: Names of the two key attributes of a table, where the file gives none and they are no column's own.
PARTITION, SORT = "pk", "sk"
_MOST_DIGITS = 20

Names = Annotated[tuple[str, ...], Field(strict=False)]


class KeyPart(Settings):
    """One key attribute: `{ columns = [...], prefix = "...", name = "...", digits = N }`, or a column's name alone."""

    columns: Names = Field(default=(), description="The stream's columns that it is made of, in their order.")
    prefix: str = Field(default="", description="Text that stands before them, to tell several kinds of rows apart.")
    name: str = Field(default="", description="The attribute's. Default: the column's own, or pk and sk.")
    digits: int = Field(
        default=0,
        ge=0,
        le=_MOST_DIGITS,
        description="Integers of a text get zeros in front up to so many digits, so that they sort as numbers.",
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        if isinstance(given, str):
            return {"columns": (given,)}
        return {"columns": tuple(given)} if isinstance(given, list | tuple) else given

    @property
    def own(self) -> str:
        """The column whose own attribute it is; "" where it is a text of its own."""
        if len(self.columns) == 1 and not self.prefix and not self.digits and self.name in ("", self.columns[0]):
            return self.columns[0]
        return ""

    @property
    def refers(self) -> bool:
        """An index's part that is an attribute of the table's key."""
        return bool(self.name) and not self.columns and not self.prefix

    def attribute(self, default: str) -> str:
        return self.own or self.name or default


class IndexDesign(Settings):
    """`[[tables."shop.orders".indexes]]`: a global secondary index."""

    name: str = Field(min_length=3, max_length=255, pattern=r"^[a-zA-Z0-9_.-]+$", description="Its name in DynamoDB.")
    partition: KeyPart = Field(description="Its partition key.")
    sort: KeyPart | None = Field(default=None, description="Its sort key.")
    projection: Literal["all", "keys"] | Names = Field(
        default="all", description='What the index holds: "all", "keys", or a list of columns beside the keys.'
    )

    def parts(self) -> list[tuple[str, KeyPart]]:
        """Its key attributes by name."""
        found = [(self.partition.attribute(f"{self.name}_{PARTITION}"), self.partition)]
        return found if self.sort is None else [*found, (self.sort.attribute(f"{self.name}_{SORT}"), self.sort)]


class TableDesign(Settings):
    """`[tables."shop.orders"]`: how one table of the source lies in DynamoDB."""

    table: str = Field(default="", description="The DynamoDB table, behind the sink's prefix. Default: its own name.")
    entity: str = Field(
        default="", description="What its items are called in `_tailrace_entity`, where several tables share one."
    )
    partition: KeyPart | None = Field(default=None, description="The partition key. Default: the key's first column.")
    sort: KeyPart | None = Field(default=None, description="The sort key.")
    indexes: Annotated[tuple[IndexDesign, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.partition is None and (self.sort is not None or self.entity):
            raise refusal("has no partition key", "add partition", key="partition")
        for key in ("partition", "sort"):
            part: KeyPart | None = getattr(self, key)
            if part is not None and not part.columns and not part.prefix:
                raise refusal("has neither columns nor a prefix", 'write for example ["id"]', key=key)
        names = [index.name for index in self.indexes]
        if len(set(names)) < len(names):
            raise refusal("two indexes have one name", "rename one", key="indexes")
        keys = {name for name, _ in self.parts()}
        if len(keys) < len(self.parts()):
            raise refusal("partition and sort key are one attribute", "give them different names", key="sort")
        made: dict[str, KeyPart] = dict(self.parts())
        for index in self.indexes:
            for name, part in index.parts():
                if part.refers and name not in keys:
                    raise refusal(f"{index.name}: the key has no attribute {name}", "name its columns", key="indexes")
                if not part.refers and not part.own and made.setdefault(name, part) != part:
                    raise refusal(f"the attribute {name} is made in two ways", "rename one", key="indexes")
        return self

    def parts(self) -> list[tuple[str, KeyPart]]:
        """The key attributes by name; none where the key is left to the stream's."""
        found = [(self.partition.attribute(PARTITION), self.partition)] if self.partition is not None else []
        return found if self.sort is None else [*found, (self.sort.attribute(SORT), self.sort)]


class RateSettings(Settings):
    """`[rates."shop.orders"]`: what is done to a table, rows a second, for the estimate."""

    inserts: float = Field(default=0.0, ge=0, description="Rows that come.")
    updates: float = Field(default=0.0, ge=0, description="Rows that change.")
    deletes: float = Field(default=0.0, ge=0, description="Rows that go.")
    reads: float = Field(default=0.0, ge=0, description="Items that the application reads, eventually consistent.")


class KeyDesign(Settings):
    """The whole file.

    Attributes:
        path: for messages.
    """

    prices: Prices = Prices()
    rates: dict[str, RateSettings] = Field(
        default_factory=dict, description="By the source's name, instead of what is measured."
    )
    tables: dict[str, TableDesign] = Field(default_factory=dict, description="By the source's name, schema.table.")

    @property
    def path(self) -> str:
        return self._file

    @field_validator("tables")
    @classmethod
    def _shared(cls, tables: dict[str, TableDesign]) -> dict[str, TableDesign]:
        for name, members in shared(tables).items():
            _check_shared(name, members)
        return tables


def shared(tables: Mapping[str, TableDesign]) -> dict[str, dict[str, TableDesign]]:
    """The designs by DynamoDB table, of those that hold items of several source tables."""
    found: dict[str, dict[str, TableDesign]] = defaultdict(dict)
    for source, design in tables.items():
        found[design.table or source.rpartition(".")[2]][source] = design
    return {
        name: members
        for name, members in found.items()
        if len(members) > 1 or any(design.entity for design in members.values())
    }


def _check_shared(name: str, members: Mapping[str, TableDesign]) -> None:
    """Items of two tables must never have one key, and each must be known for what it is."""
    first, *others = members
    entities = [design.entity for design in members.values()]
    if not all(entities) or len(set(entities)) < len(entities):
        raise refusal(f"{' and '.join(members)} go to one table", "give each an entity of its own, or a table")
    keys = [[(attribute, bool(part.own)) for attribute, part in design.parts()] for design in members.values()]
    for other, key in zip(others, keys[1:], strict=True):
        if key != keys[0]:
            raise refusal(f"{first} and {other} have other key attributes in {name}", "name them alike in both")
    for place in (0, 1):
        prefixes = [design.parts()[place][1].prefix for design in members.values() if len(design.parts()) > place]
        if len(prefixes) == len(members) and all(prefixes) and len(set(prefixes)) == len(prefixes):
            return
    if len(members) > 1:
        raise refusal(
            f"two rows in {name} could have one key", "give each table another prefix, all in partition or all in sort"
        )


def load_keys(path: Path) -> KeyDesign:
    """Reads and validates a key design.

    Raises:
        ConfigError: the file cannot be read or is wrong.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        fix = "write one with `tailrace schema FILE --keys PATH`, without `keys` in the file until it is there"
        raise ConfigError("there is no such file", where=str(path), fix=fix) from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path), fix="correct `keys`") from None
    except ValueError as error:
        fix = "see https://toml.io for the syntax"
        raise ConfigError(f"not valid TOML: {error}", where=str(path), fix=fix) from None
    try:
        design = KeyDesign.model_validate(raw)
    except ValidationError as error:
        raise_all(list(explain(error, KeyDesign, str(path))))
        raise
    design._file = str(path)
    return design
