"""What the settings of connectors are made of: a third party's models derive from these too.

Every model refuses unknown keys and values of another type; a field's `examples` end up in error messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from tailrace.config.interpolation import Interpolated
from tailrace.config.problems import Location, at, refusal
from tailrace.config.tls import Tls
from tailrace.config.units import Duration
from tailrace.config.url import DatabaseUrl
from tailrace.errors import ConfigError


def _glob(text: str) -> str:
    if text != "*" and "." not in text:
        raise refusal(f"{text!r} has no dot", 'write "schema.table", "schema.*" or "*"')
    return text


#: Glob on ``schema.table`` (PostgreSQL) or ``database.table`` (MySQL), see `tailrace.tables`.
Glob = Annotated[str, AfterValidator(_glob)]
# TOML has arrays only, which strict validation would not take for a tuple.
Globs = Annotated[tuple[Glob, ...], Field(strict=False)]

_NAME_PATTERN = r"^[a-z][a-z0-9_-]*$"


def _name(text: str) -> str:
    if text.isascii() and text[:1].islower() and all(c.islower() or c.isdigit() or c in "_-" for c in text):
        return text
    raise refusal(
        "must begin with a lower-case letter and hold only lower-case letters, digits, _ and -",
        "choose another name",
    )


#: A pipeline's or a sink's name.
Name = Annotated[str, AfterValidator(_name), Field(json_schema_extra={"pattern": _NAME_PATTERN})]


class Settings(BaseModel):
    """A table of the pipeline file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def resolve(self) -> Iterator[ConfigError]:
        """Reads every variable, file and credential once, and yields what is wrong with them."""
        for value in interpolated(self):
            try:
                value.get()
            except ConfigError as error:
                yield error


class DatabaseSettings(Settings):
    """A source or sink that is reached by a database URL.

    `schemes` are the URL schemes it takes.
    """

    schemes: ClassVar[tuple[str, ...]] = ()

    url: Interpolated
    tls: Tls | None = None

    def database_url(self) -> DatabaseUrl:
        """The URL with its secrets resolved.

        Raises:
            ConfigError: a secret is missing, or this is no URL for the connector.
        """
        try:
            url = DatabaseUrl.parse(self.url.get(), self.schemes)
            self.check_url(url)
        except ConfigError as error:
            raise ConfigError(error.what, where=error.where or self.url.where, fix=error.fix) from None
        return url

    def check_url(self, url: DatabaseUrl) -> None:
        """What a connector demands of its URL besides the scheme; raises ConfigError without `where`."""

    def resolve(self) -> Iterator[ConfigError]:
        missing = list(super().resolve())
        yield from missing
        if not missing:
            try:
                self.database_url()
            except ConfigError as error:
                yield error

    @model_validator(mode="after")
    def _literal_url(self) -> Self:
        # A URL without placeholders is judged at once; the others when their secrets are resolved.
        if self.url.literal:
            try:
                self.check_url(DatabaseUrl.parse(self.url.get(), self.schemes))
            except ConfigError as error:
                raise refusal(error.what, error.fix, key="url") from None
        return self


class SourceSettings(Settings):
    """The keys of `[source]` that every source has.

    `table_options` are the keys of `[[tables]]` that the source knows besides `match`.
    """

    table_options: ClassVar[frozenset[str]] = frozenset()

    connector: str
    url: Interpolated
    tables: Globs = Field(default=(), examples=[["shop.*"]])
    exclude: Globs = Field(default=(), examples=[["shop.tmp_*"]])
    start: Literal["now"] | None = Field(default=None, examples=["now"])
    heartbeat: Duration = Field(default=10.0, examples=["10s"])


class StreamSettings(Settings):
    """The keys of `[stream]` that every stream has."""

    connector: str


class SinkSettings(Settings):
    """The keys of `[[sinks]]` that every sink has."""

    name: Name = Field(examples=["warehouse"])
    connector: str
    tables: Globs = Field(default=("*",), examples=[["shop.users"]])


def interpolated(value: Any) -> Iterator[Interpolated]:
    """Every interpolated text in a settings model."""
    for _, found in _walk(value, ()):
        yield found


def bind(value: Any, file: str, location: Location) -> None:
    """Tells every interpolated text in a validated model where in the file it stands."""
    for place, found in _walk(value, location):
        found.where = at(file, place)


def _walk(value: Any, location: Location) -> Iterator[tuple[Location, Interpolated]]:
    if isinstance(value, Interpolated):
        yield location, value
    elif isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            yield from _walk(getattr(value, name), (*location, field.alias or name))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, (*location, str(key)))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _walk(item, (*location, index))
