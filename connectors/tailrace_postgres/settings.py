"""The keys of `[source]` and `[[sinks]]` with connector = "postgres"."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from tailrace.config.interpolation import Interpolated
from tailrace.config.settings import DatabaseSettings, SinkSettings, SourceSettings
from tailrace.config.url import DatabaseUrl
from tailrace.errors import ConfigError

_SCHEMES = ("postgresql", "postgres")
#: PostgreSQL cuts longer identifiers, which would make two pipelines share one.
_IDENTIFIER_BYTES = 63
#: A slot's name, by PostgreSQL's own rule.
_SLOT_PATTERN = r"^[a-z0-9_]{1,63}$"


def _named_database(url: DatabaseUrl) -> None:
    if not url.database:
        raise ConfigError("the url names no database", fix="add it: postgresql://user@host/database")


class PostgresSourceSettings(DatabaseSettings, SourceSettings):
    """A PostgreSQL database's logical replication slot.

    Attributes:
        slot: None: `slot_name` derives it.
        publication: None: `publication_name` derives it.
    """

    schemes: ClassVar[tuple[str, ...]] = _SCHEMES
    table_options: ClassVar[frozenset[str]] = frozenset({"inserts_only"})

    connector: Literal["postgres"] = Field(examples=["postgres"])
    url: Interpolated = Field(examples=["postgresql://repl:${PASSWORD}@127.0.0.1:5432/shop"])
    slot: str | None = Field(default=None, pattern=_SLOT_PATTERN, examples=["tailrace_shop"])
    publication: str | None = Field(default=None, min_length=1, max_length=54, examples=["tailrace_shop"])

    def check_url(self, url: DatabaseUrl) -> None:
        _named_database(url)

    def slot_name(self, pipeline: str) -> str:
        """The slot to use: as configured, else ``tailrace_NAME``.

        Raises:
            ConfigError: the pipeline's name is too long to derive one.
        """
        return self.slot or _derived(pipeline, "slot", self.url.where)

    def publication_name(self, pipeline: str) -> str:
        """The publication to use, as `slot_name`; room is left for a suffix of 9 characters."""
        return self.publication or _derived(pipeline, "publication", self.url.where)


def _derived(pipeline: str, key: str, url_where: str) -> str:
    name = "tailrace_" + pipeline.replace("-", "_")
    if len(name) > _IDENTIFIER_BYTES - 9:
        raise ConfigError(
            f"the pipeline's name is too long for a {key} of PostgreSQL",
            where=url_where.removesuffix("url") + key if url_where else "",
            fix=f"add {key} to [source], or shorten the name",
        )
    return name


class PostgresSinkSettings(DatabaseSettings, SinkSettings):
    """A PostgreSQL database as target.

    Attributes:
        target_schema: key `schema`: the schema to create and fill tables in; None: the first of the user's
            search_path.
    """

    schemes: ClassVar[tuple[str, ...]] = _SCHEMES

    connector: Literal["postgres"] = Field(examples=["postgres"])
    url: Interpolated = Field(examples=["postgresql://app:${PASSWORD}@127.0.0.1:5432/warehouse"])
    target_schema: str | None = Field(
        default=None, alias="schema", min_length=1, max_length=_IDENTIFIER_BYTES, examples=["shop"]
    )

    def check_url(self, url: DatabaseUrl) -> None:
        _named_database(url)
