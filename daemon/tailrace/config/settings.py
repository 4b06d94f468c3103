"""What the settings of connectors are made of: a third party's models derive from these too.

Every model refuses unknown keys and values of another type. A field's `description` becomes the reference page and an
editor's tooltip, its `examples` the fix in error messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, field_validator, model_validator

from tailrace.config.interpolation import Interpolated
from tailrace.config.problems import Location, at, refusal
from tailrace.config.start import PATTERN, StartAt, parse_start
from tailrace.config.units import Duration, Size
from tailrace.errors import ConfigError

_NAME = re.compile(r"[a-z][a-z0-9_-]*")
#: The name becomes part of topics, slots, and of the path of a socket, which have limits.
_NAME_LENGTH = 63


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise refusal(
            "must begin with a lower-case letter and hold only lower-case letters, digits, _ and -",
            "choose another name",
        )
    if len(text) > _NAME_LENGTH:
        raise refusal(f"is longer than {_NAME_LENGTH} characters", "choose a shorter name")
    return text


def _glob(text: str) -> str:
    if text != "*" and "." not in text:
        raise refusal(f"{text!r} has no dot", 'write "schema.table", "schema.*" or "*"')
    return text


#: A pipeline's or a sink's name.
Name = Annotated[
    str,
    AfterValidator(_name),
    Field(json_schema_extra={"pattern": f"^{_NAME.pattern}$", "maxLength": _NAME_LENGTH}),
]
#: Glob on ``schema.table`` (PostgreSQL) or ``database.table`` (MySQL), see `tailrace.tables`.
Glob = Annotated[str, AfterValidator(_glob), Field(json_schema_extra={"pattern": r"^\*$|\."})]
# TOML has arrays only, which strict validation would not take for a tuple.
Globs = Annotated[tuple[Glob, ...], Field(strict=False)]


class Settings(BaseModel):
    """A table of the pipeline file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    _file: str = PrivateAttr(default="")
    _location: Location = PrivateAttr(default=())

    def where(self, key: str = "") -> str:
        """This table, or a key of it, for an error: ``shop.toml: source.slot``."""
        return at(self._file, (*self._location, key) if key else self._location)

    def resolve(self) -> Iterator[ConfigError]:
        """Reads every variable, file and credential once, and yields what is wrong with them."""
        yield from unresolved(self)


class Budget(Settings):
    """`budget` of `[source]`: how much log the source may keep for us, and what becomes of more."""

    bytes: Size | None = Field(
        default=None,
        description="Log that the source keeps for the pipeline, at most. PostgreSQL: what the slot holds back. MySQL "
        "and MariaDB: binlog that is not read yet.",
        examples=["10GiB"],
    )
    time: Duration | None = Field(
        default=None,
        description="Age of the oldest change that the stream does not hold yet, at most.",
        examples=["24h"],
    )
    action: Literal["warn", "spill", "drop-slot"] = Field(
        default="warn",
        description="`warn`: from 100 % on the pipeline is not well. `spill`: from 80 % on the embedded stream goes on "
        "beyond `retain_bytes`, down to 1 GiB of free disk, so that the source can forget. `drop-slot` (PostgreSQL): "
        "at 100 % the slot is dropped, and the pipeline ends with exit code 6.",
        examples=["warn"],
    )

    @model_validator(mode="after")
    def _check_bound(self) -> Self:
        if self.bytes is None and self.time is None:
            raise refusal("has neither bytes nor time", 'write for example budget = { bytes = "10GiB" }')
        return self


class SourceSettings(Settings):
    """The keys of `[source]` that every source has.

    `table_options` are the keys of `[[tables]]` that the source knows besides `match`. `knows_replicas`: the source can
    tell how far its replicas are behind. `drops_slot`: it has something to give up, so that the server can forget.
    """

    table_options: ClassVar[frozenset[str]] = frozenset()
    knows_replicas: ClassVar[bool] = False
    drops_slot: ClassVar[bool] = False

    connector: str = Field(description="The system to read.")
    url: Interpolated = Field(description="Where it is, and as whom to log in.")
    tables: Globs = Field(
        default=(),
        description="Globs of the tables to capture. Empty: all of the url's database.",
        examples=[["shop.*"]],
    )
    exclude: Globs = Field(
        default=(),
        description="Globs of tables to leave out of those that `tables` selects.",
        examples=[["shop.tmp_*"]],
    )
    start: str | None = Field(
        default=None,
        description='Mode `cdc` only: where a first start begins to read. `"now"`, also the default there; '
        '`"position:…"`, in the source\'s own words; `"timestamp:…"` (RFC 3339), with the first transaction committed '
        "then or later. A later start goes on where capture stands.",
        examples=["now"],
        json_schema_extra={"pattern": PATTERN},
    )
    heartbeat: Duration = Field(
        default="10s",
        validate_default=True,
        description="How often the position of an idle source is stored and acknowledged.",
        examples=["10s"],
    )

    budget: Budget | None = Field(
        default=None,
        description="How much log the source may keep for the pipeline, and what is done about more. Absent: no bound; "
        "the server's own bounds are warned of in any case.",
        examples=[{"bytes": "10GiB", "time": "24h", "action": "warn"}],
    )

    @field_validator("start")
    @classmethod
    def _check_start(cls, text: str | None) -> str | None:
        start = parse_start(text) if text is not None else None
        if start is not None and start.position:
            cls.check_position(start.position)
        return text

    @classmethod
    def check_position(cls, text: str) -> None:
        """Raises `problems.refusal` for what is no position of this source, behind ``position:`` in `start`."""
        raise refusal("the source can begin at no position", 'write start = "now"')

    @property
    def start_at(self) -> StartAt | None:
        """The place behind us at which a first start begins; None: it begins now."""
        return parse_start(self.start) if self.start is not None else None


class StreamSettings(Settings):
    """The keys of `[stream]` that every stream has. `spills`: it can hold more than its bound says, where asked to."""

    spills: ClassVar[bool] = False

    connector: str = Field(description="What carries the events.")


class SinkSettings(Settings):
    """The keys of `[[sinks]]` that every sink has."""

    name: Name = Field(
        description="Names the sink's worker, in `status` and in the target's position table. "
        "As the pipeline's name, unique in the file, and not `capture`.",
        examples=["warehouse"],
    )
    connector: str = Field(description="The target's system.")
    tables: Globs = Field(
        default=("*",),
        description="Globs of the source's tables to apply: a part of the stream.",
        examples=[["shop.users"]],
    )


def unresolved(settings: BaseModel) -> Iterator[ConfigError]:
    """What is wrong with the variables, files and credentials of any model, a third party's included."""
    for _, value in _walk(settings, ()):
        if isinstance(value, Interpolated):
            try:
                value.get()
            except ConfigError as error:
                yield error


def bind(settings: BaseModel, file: str, location: Location) -> None:
    """Tells a validated model, and every text and model in it, where in the file it stands."""
    for place, value in _walk(settings, location):
        if isinstance(value, Interpolated):
            value.where = at(file, place)
        elif isinstance(value, Settings):
            value._file, value._location = file, place


def _walk(value: Any, location: Location) -> Iterator[tuple[Location, Any]]:
    if isinstance(value, Interpolated):
        yield location, value
    elif isinstance(value, BaseModel):
        yield location, value
        for name, field in type(value).model_fields.items():
            yield from _walk(getattr(value, name), (*location, field.alias or name))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, (*location, str(key)))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _walk(item, (*location, index))
