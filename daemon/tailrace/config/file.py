"""The tables of the pipeline file that belong to no connector."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from tailrace.config.interpolation import Interpolated
from tailrace.config.problems import refusal
from tailrace.config.settings import Globs, Name, Settings
from tailrace.config.table_settings import TableSettings
from tailrace.config.units import Duration, Size
from tailrace.load_mark import Prepare

_LISTEN = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):([0-9]{1,5})")
_LEAST_MEMORY = 1 << 20


def _listen(text: str) -> str:
    match = _LISTEN.fullmatch(text)
    if not match or int(match[1]) > 65535:
        raise refusal("must be host:port", 'write for example "127.0.0.1:9464" or "[::1]:9464"')
    return text


def _enough_memory(size: int) -> int:
    if size < _LEAST_MEMORY:
        raise refusal("is too little for a worker", 'give it at least "1MiB"')
    return size


class Http(Settings):
    """`[http]`: health, metrics and status."""

    listen: Annotated[str, AfterValidator(_listen)] | None = Field(
        default=None,
        description="`host:port` to serve HTTP at; absent: no HTTP. There is no password, so keep to loopback or "
        "to a network that only monitoring reaches. Port 0 takes any free one.",
        examples=["127.0.0.1:9464"],
        json_schema_extra={"pattern": f"^{_LISTEN.pattern}$"},
    )

    @property
    def address(self) -> tuple[str, int] | None:
        """Host (IPv6 without brackets) and port; None: no HTTP."""
        if self.listen is None:
            return None
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)


class Limits(Settings):
    """`[limits]`."""

    memory: Annotated[Size, AfterValidator(_enough_memory)] = Field(
        default="256MiB",
        validate_default=True,
        description="What each worker may use for buffers; at least 1 MiB.",
        examples=["256MiB"],
    )


class LoadSettings(Settings):
    """`[load]`: how the full load reads the source."""

    readers: int = Field(
        default=4,
        ge=1,
        le=64,
        description="How many chunks are read at a time, each through a connection of its own.",
        examples=[4],
    )
    throttle_rows: int = Field(
        default=0,
        ge=0,
        description="Rows a second that the full load reads at most, on average, of all tables together; 0: no limit.",
        examples=[10000],
    )
    prepare: Prepare = Field(
        default="do-nothing",
        description="What becomes of what a target's table holds when the first load of its table begins: it stays and "
        "is overwritten key by key, the table is dropped and made anew, or it is emptied.",
        examples=["truncate-before-load"],
    )
    throttle_active_sessions: int | None = Field(
        default=None,
        ge=1,
        description="While the source has more active sessions than this, no chunk is begun. MySQL and MariaDB: "
        "`Threads_running`, which counts tailrace's own (one for the log, one that asks, and up to `readers`). "
        "PostgreSQL: active client backends, tailrace's own aside. Absent: no limit.",
        examples=[30],
    )
    throttle_replica_lag: Duration | None = Field(
        default=None,
        description="While a replica is further behind than this, no chunk is begun. PostgreSQL knows its streaming "
        "standbys; MySQL's and MariaDB's replicas are named in `throttle_replicas`. Absent: no limit.",
        examples=["10s"],
    )
    throttle_replicas: Annotated[tuple[Interpolated, ...], Field(strict=False)] = Field(
        default=(),
        description="URLs of replicas to ask for their lag, with the source's `tls`; one that cannot be asked counts "
        "as lagging. MySQL and MariaDB: the user needs `REPLICATION CLIENT` (MariaDB: `REPLICA MONITOR`). "
        "PostgreSQL: instead of the standbys that the source knows.",
        examples=[["mysql://monitor:${PASSWORD}@replica:3306"]],
    )
    order: Globs = Field(
        default=(),
        description="Globs of tables to load first: what an earlier one names comes before what a later one does, "
        "and what none names comes last. Among equals small tables come first, by the server's statistics.",
        examples=[["shop.orders", "shop.*"]],
    )
    indexes: Literal["after", "before", "none"] = Field(
        default="after",
        description="When SQL targets get the source's secondary indexes: after a table's rows, which is faster, "
        "before them, or not at all.",
        examples=["after"],
    )

    @model_validator(mode="after")
    def _check_replicas(self) -> Self:
        if self.throttle_replicas and self.throttle_replica_lag is None:
            raise refusal(
                "has no meaning without throttle_replica_lag",
                'add throttle_replica_lag = "10s", or remove it',
                key="throttle_replicas",
            )
        return self


class Errors(Settings):
    """`[errors]`: what becomes of what goes wrong."""

    connection: Literal["retry", "stop"] = Field(
        default="retry",
        description="What a lost connection means: it is made again, for ever; or the run ends, with exit code 5.",
        examples=["retry"],
    )
    data: Literal["park", "skip", "stop"] = Field(
        default="park",
        description="What becomes of a change that a target refuses because of a value: it is kept in the target, with "
        "later changes of its row, until a person has decided (`tailrace dead-letters`); it is left out for good; or "
        "the sink stops at it.",
        examples=["park"],
    )
    max_parked: int = Field(
        default=10_000,
        ge=1,
        le=100_000,
        description="How many changes a sink keeps parked; with one more it stops.",
        examples=[10000],
    )


class PipelineFile(Settings):
    """The top of the file; `source`, `stream` and `sinks` are validated by their connectors' models."""

    name: Name = Field(
        description="The pipeline's name: prefixes topics, slots and state. A lower-case letter, then lower-case "
        "letters, digits, `_` and `-`; at most 63 characters.",
        examples=["shop"],
    )
    mode: Literal["full-load", "cdc", "full-load-and-cdc"] = Field(
        default="full-load-and-cdc",
        description="Copy the tables as they are, follow their changes, or both: copy, and follow the changes from the "
        "copy's beginning. `full-load` reads no log: it needs neither binlog nor slot, and changes made meanwhile may "
        "be missing.",
        examples=["full-load-and-cdc"],
    )
    state_dir: str | None = Field(
        default=None,
        min_length=1,
        description="Folder for everything the pipeline keeps; a relative path starts at this file's folder. "
        "Default: `$STATE_DIRECTORY` (the first, where it lists several), else `/var/lib/tailrace/NAME` where "
        "that exists, else `~/.local/state/tailrace/NAME`. It belongs to the first pipeline that runs in it.",
        examples=["/var/lib/tailrace/shop"],
    )
    source: dict[str, Any] = Field(description="What is read.")
    stream: dict[str, Any] = Field(
        default_factory=dict, description="What carries the events; absent: the embedded stream."
    )
    sinks: list[dict[str, Any]] = Field(
        default_factory=list, description="The targets; none: the stream alone is the product."
    )
    http: Http = Field(default_factory=Http, description="Health, metrics and status.")
    limits: Limits = Field(default_factory=Limits, description="Bounds.")
    load: LoadSettings = Field(default_factory=LoadSettings, description="The full load.")
    errors: Errors = Field(default_factory=Errors, description="Policies for errors.")
    conversion: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        default=(),
        description="Files of rules for `tailrace schema`, whose lines come before ours; of several the last wins. A "
        "relative path starts at this file's folder. Types that they give hold for tables that sinks make. See "
        "docs/guides/schema.md.",
        examples=[["house.toml"]],
    )
    tables: Annotated[tuple[TableSettings, ...], Field(strict=False)] = Field(
        default=(), description="What is special about some tables."
    )
