"""The keys of `[stream]` with connector = "embedded", and of `[[sinks]]` with connector = "sqlite"."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Self
from urllib.parse import unquote

from pydantic import Field, model_validator

from tailrace.config.interpolation import Interpolated
from tailrace.config.problems import refusal
from tailrace.config.settings import SinkSettings, StreamSettings
from tailrace.config.units import Duration, Size
from tailrace.errors import ConfigError

_PREFIX = "sqlite:///"


class EmbeddedStreamSettings(StreamSettings):
    """The stream in SQLite files of the pipeline's state folder: one log, one partition.

    Attributes:
        retain: seconds that events are kept at least, also after every sink has them.
        retain_bytes: bytes at which retention ends early, and then capture waits for the sinks.
    """

    connector: Literal["embedded"] = Field(default="embedded", examples=["embedded"])
    partitions: Literal[1] = Field(default=1, examples=[1])
    retain: Duration = Field(default=86400.0, examples=["24h"])
    retain_bytes: Size = Field(default=10 << 30, examples=["10GiB"])


class SQLiteSinkSettings(SinkSettings):
    """A SQLite database file as target."""

    connector: Literal["sqlite"] = Field(examples=["sqlite"])
    url: Interpolated = Field(examples=["sqlite:////var/lib/tailrace/shop/mirror.db"])

    @property
    def path(self) -> Path:
        """The database file.

        Raises:
            ConfigError: a secret in the url is missing, or the url names no absolute path.
        """
        try:
            return _path(self.url.get())
        except ConfigError as error:
            raise ConfigError(error.what, where=error.where or self.url.where, fix=error.fix) from None

    def resolve(self) -> Iterator[ConfigError]:
        try:
            _ = self.path
        except ConfigError as error:
            yield error

    @model_validator(mode="after")
    def _literal_url(self) -> Self:
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
    if not path.is_absolute():
        # The daemon's working folder is no place that a person would think of.
        raise ConfigError("the url names no absolute path", fix=fix)
    return path
