"""The keys of `[source]` and `[[sinks]]` with connector = "mysql"."""

from __future__ import annotations

import hashlib
from typing import ClassVar, Literal

from pydantic import Field

from tailrace.config.database import DatabaseSettings
from tailrace.config.interpolation import Interpolated
from tailrace.config.problems import refusal
from tailrace.config.settings import SinkSettings, SourceSettings
from tailrace.config.table_settings import SHAPING_OPTIONS
from tailrace.config.tls import Tls
from tailrace.config.url import DatabaseUrl
from tailrace.errors import ConfigError
from tailrace_mysql.start_text import FORMS, parse_position

_SCHEMES = ("mysql", "mariadb")
_MAX_SERVER_ID = 2**32 - 1
# Derived ids begin where hand-given ones seldom are.
_DERIVED_FROM = 1 << 30


def _without_options(url: DatabaseUrl) -> None:
    if url.options:
        # Another driver's options, as in JDBC's URLs; none may be passed over in silence.
        raise ConfigError(
            f"the url has an option {next(iter(url.options))!r}",
            fix="remove it; only socket stands there, and TLS has its own key tls",
        )


class MySQLSourceSettings(DatabaseSettings, SourceSettings):
    """A MySQL or MariaDB server's binlog."""

    schemes: ClassVar[tuple[str, ...]] = _SCHEMES
    table_options: ClassVar[frozenset[str]] = SHAPING_OPTIONS

    connector: Literal["mysql"] = Field(description="MySQL and MariaDB.", examples=["mysql"])
    url: Interpolated = Field(
        description="The server, `mysql://` or `mariadb://`; the database is the default of `tables`.",
        examples=["mysql://repl:${PASSWORD}@127.0.0.1:3306/shop"],
    )
    tls: Tls | None = Field(
        default=None,
        description="TLS on the connection; absent: nothing is encrypted.",
        examples=[{"mode": "verify-full", "ca": "/etc/tailrace/ca.pem"}],
    )
    server_id: int | None = Field(
        default=None,
        ge=1,
        le=_MAX_SERVER_ID,
        description="What tailrace calls itself among the server's replicas. Default: derived from the pipeline's "
        "name; a clash with another replica is noticed.",
        examples=[4711],
    )

    @classmethod
    def check_position(cls, text: str) -> None:
        try:
            parse_position(text)
        except ValueError:
            forms = ", ".join(f'"{form}"' for form in FORMS)
            raise refusal(f"{text!r} is no position of a binlog", f"write it as one of {forms}") from None

    def check_url(self, url: DatabaseUrl) -> None:
        _without_options(url)
        if not url.database and not self.tables:
            raise ConfigError(
                "neither the url names a database, nor does tables name any",
                fix='add the database to the url, or tables = ["shop.*"]',
            )

    def server_id_for(self, pipeline: str) -> int:
        """The id to register with; the same for a pipeline's name at every start."""
        if self.server_id is not None:
            return self.server_id
        digest = hashlib.sha256(pipeline.encode()).digest()
        return _DERIVED_FROM + int.from_bytes(digest[:8]) % (_MAX_SERVER_ID - _DERIVED_FROM + 1)


class MySQLSinkSettings(DatabaseSettings, SinkSettings):
    """A MySQL or MariaDB database as target."""

    schemes: ClassVar[tuple[str, ...]] = _SCHEMES

    connector: Literal["mysql"] = Field(description="MySQL and MariaDB.", examples=["mysql"])
    url: Interpolated = Field(
        description="The target, `mysql://` or `mariadb://`.",
        examples=["mysql://app:${PASSWORD}@127.0.0.1:3306/warehouse"],
    )
    target_schema: str | None = Field(
        default=None,
        alias="schema",
        min_length=1,
        max_length=64,
        description="The database to create and fill tables in. Default: the url's.",
        examples=["warehouse"],
    )

    def check_url(self, url: DatabaseUrl) -> None:
        _without_options(url)
        if not url.database and not self.target_schema:
            raise ConfigError(
                "neither the url nor schema names a database", fix="add the database to the end of the url"
            )
