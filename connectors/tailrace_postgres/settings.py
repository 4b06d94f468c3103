"""The keys of `[source]` and `[[sinks]]` with connector = "postgres"."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from tailrace.config.database import DatabaseSettings
from tailrace.config.interpolation import Interpolated
from tailrace.config.problems import refusal
from tailrace.config.settings import SinkSettings, SourceSettings
from tailrace.config.table_settings import SHAPING_OPTIONS
from tailrace.config.url import DatabaseUrl
from tailrace.errors import ConfigError
from tailrace_postgres.lsn import parse_lsn

_SCHEMES = ("postgresql", "postgres")
#: PostgreSQL cuts longer identifiers, which would make two pipelines share one.
_IDENTIFIER_BYTES = 63
#: Room behind a publication's name for the suffix of a second one.
_SUFFIX_BYTES = 9


def _check_url(url: DatabaseUrl) -> None:
    if not url.database:
        raise ConfigError("the url names no database", fix="add it: postgresql://user@host/database")
    for option in url.options:
        if option.startswith("ssl"):
            raise ConfigError(f"the url has an option {option!r}", fix='write tls = { mode = "verify-full" } instead')


class PostgresSourceSettings(DatabaseSettings, SourceSettings):
    """A PostgreSQL database's logical replication slot."""

    schemes: ClassVar[tuple[str, ...]] = _SCHEMES
    table_options: ClassVar[frozenset[str]] = SHAPING_OPTIONS | {"inserts_only"}
    knows_replicas: ClassVar[bool] = True
    drops_slot: ClassVar[bool] = True

    connector: Literal["postgres"] = Field(description="PostgreSQL.", examples=["postgres"])
    url: Interpolated = Field(
        description="The database, `postgresql://` or `postgres://`; options behind `?` go to libpq.",
        examples=["postgresql://repl:${PASSWORD}@127.0.0.1:5432/shop"],
    )
    slot: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9_]{1,63}$",
        description="The replication slot, which tailrace creates; with `start` in the past, one that is there. "
        "Default: `tailrace_NAME`, with `_` for `-`.",
        examples=["tailrace_shop"],
    )
    publication: str | None = Field(
        default=None,
        min_length=1,
        max_length=_IDENTIFIER_BYTES - _SUFFIX_BYTES,
        description="The publication, which tailrace creates for exactly the captured tables; a second one, "
        "`PUBLICATION_inserts`, is for those with `inserts_only`. Default: as `slot`.",
        examples=["tailrace_shop"],
    )
    streaming: bool = Field(
        default=True,
        description="Large transactions are sent while they are in progress, and kept in memory and in files of the "
        "state folder until they commit. `false`: the server keeps them, and sends them after their commit.",
        examples=[False],
    )
    failover: bool = Field(
        default=False,
        description="The slot is one that the server hands to its standbys (`FAILOVER`, PostgreSQL 17 and later), so "
        "that capture goes on at one that is promoted. A slot that is there is altered.",
        examples=[True],
    )

    @classmethod
    def check_position(cls, text: str) -> None:
        try:
            parse_lsn(text)
        except ValueError:
            raise refusal(
                f"{text!r} is no log sequence number", 'write it as PostgreSQL does: start = "position:0/16B3748"'
            ) from None

    def check_url(self, url: DatabaseUrl) -> None:
        _check_url(url)

    def slot_name(self, pipeline: str) -> str:
        """The slot to use: as configured, else ``tailrace_NAME``.

        Raises:
            ConfigError: the pipeline's name is too long to derive one.
        """
        return self.slot or self._derived(pipeline, "slot")

    def publication_name(self, pipeline: str) -> str:
        """The publication to use, as `slot_name`; room is left for a suffix of 9 characters."""
        return self.publication or self._derived(pipeline, "publication")

    def _derived(self, pipeline: str, key: str) -> str:
        name = "tailrace_" + pipeline.replace("-", "_")
        if len(name) > _IDENTIFIER_BYTES - _SUFFIX_BYTES:
            raise ConfigError(
                f"the pipeline's name is too long for a {key} of PostgreSQL",
                where=self.where(key),
                fix=f"add {key}, or shorten the name",
            )
        return name


class PostgresSinkSettings(DatabaseSettings, SinkSettings):
    """A PostgreSQL database as target."""

    schemes: ClassVar[tuple[str, ...]] = _SCHEMES

    connector: Literal["postgres"] = Field(description="PostgreSQL.", examples=["postgres"])
    url: Interpolated = Field(
        description="The target, `postgresql://` or `postgres://`; options behind `?` go to libpq.",
        examples=["postgresql://app:${PASSWORD}@127.0.0.1:5432/warehouse"],
    )
    target_schema: str | None = Field(
        default=None,
        alias="schema",
        min_length=1,
        max_length=_IDENTIFIER_BYTES,
        description="The schema to create and fill tables in. Default: the first of the user's search_path.",
        examples=["shop"],
    )

    def check_url(self, url: DatabaseUrl) -> None:
        _check_url(url)
