"""The keys of `[stream]` with connector = "embedded", and of `[[sinks]]` with connector = "sqlite"."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import unquote

from pydantic import AfterValidator, Field, model_validator

from tailrace.config.interpolation import Interpolated
from tailrace.config.problems import refusal
from tailrace.config.settings import SinkSettings, StreamSettings
from tailrace.config.units import Duration, Size
from tailrace.errors import ConfigError

_PREFIX = "sqlite:///"


def _one(partitions: int) -> int:
    if partitions != 1:
        raise refusal("the embedded stream is one log, with one partition", 'remove it, or use connector = "kafka"')
    return partitions


class EmbeddedStreamSettings(StreamSettings):
    """The stream in SQLite files of the pipeline's state folder: one log, one partition."""

    spills: ClassVar[bool] = True

    connector: Literal["embedded"] = Field(
        default="embedded", description="SQLite files in the state folder.", examples=["embedded"]
    )
    partitions: Annotated[int, AfterValidator(_one)] = Field(
        default=1, description="Always 1.", json_schema_extra={"const": 1}, examples=[1]
    )
    retain: Duration = Field(
        default="24h",
        validate_default=True,
        description="How long events are kept at least, also after every sink has them.",
        examples=["24h"],
    )
    retain_bytes: Size = Field(
        default="10GiB",
        validate_default=True,
        description="Where what every sink has goes before `retain` is over; if that is not enough, capture waits "
        "for the sinks and `status` says so. One transaction that is larger goes through whole.",
        examples=["10GiB"],
    )


class SQLiteSinkSettings(SinkSettings):
    """A SQLite database file as target."""

    connector: Literal["sqlite"] = Field(description="SQLite.", examples=["sqlite"])
    url: Interpolated = Field(
        description="The database file, an absolute path behind three slashes.",
        examples=["sqlite:////srv/mirror/shop.db"],
    )

    @property
    def path(self) -> Path:
        """The database file.

        Raises:
            ConfigError: a secret in the url is missing, or the url names no absolute path.
        """
        text = self.url.get()
        try:
            return _path(text)
        except ConfigError as error:
            raise ConfigError(error.what, where=self.url.where, fix=error.fix) from None

    def resolve(self) -> Iterator[ConfigError]:
        try:
            _ = self.path
        except ConfigError as error:
            yield error

    @model_validator(mode="after")
    def _check_literal_url(self) -> Self:
        if self.url.literal:
            try:
                _path(self.url.get())
            except ConfigError as error:
                raise refusal(error.what, error.fix, key="url") from None
        return self


def _path(url: str) -> Path:
    fix = "write sqlite:////path/file.db, with four slashes"
    if not url.startswith(_PREFIX):
        raise ConfigError("this is no SQLite url", fix=fix)
    path = Path(unquote(url.removeprefix(_PREFIX)))
    if not path.is_absolute() or not path.name:
        # The daemon's working folder is no place that a person would think of.
        raise ConfigError("the url names no absolute path", fix=fix)
    return path
