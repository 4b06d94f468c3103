"""The keys of `[[sinks]]` with connector = "dynamodb"."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from tailrace.config.interpolation import Interpolated
from tailrace.config.problems import refusal
from tailrace.config.settings import SinkSettings
from tailrace.errors import ConfigError
from tailrace_dynamodb.keys import KeyDesign, load_keys


def _http_url(url: Interpolated) -> Interpolated:
    if url.literal and not url.raw.startswith(("http://", "https://")):
        raise refusal("this is no http or https url", 'write for example "http://127.0.0.1:8000"')
    return url


class DynamoDBSinkSettings(SinkSettings):
    """DynamoDB, or what speaks its protocol.

    The login comes from where the AWS SDK looks for it: the environment, its own files, the instance's role.
    """

    connector: Literal["dynamodb"] = Field(
        description="DynamoDB, DynamoDB Local, ScyllaDB Alternator, …", examples=["dynamodb"]
    )
    endpoint_url: Annotated[Interpolated, AfterValidator(_http_url)] | None = Field(
        default=None,
        description="Where the service is. Default: AWS itself.",
        examples=["http://127.0.0.1:8000"],
    )
    region: str | None = Field(
        default=None,
        min_length=1,
        description="AWS region. Default: as the AWS SDK's own configuration says.",
        examples=["eu-west-1"],
    )
    prefix: str = Field(
        default="",
        pattern=r"^[a-zA-Z0-9_.-]*$",
        description="Stands before each table's name.",
        examples=["shop-"],
    )
    concurrency: int = Field(
        default=32,
        ge=1,
        le=512,
        description="Requests in flight at once, 1 to 512; fewer while DynamoDB throttles, then more again. Each takes "
        "some 5 ms to AWS, so that 32 write about 6,000 rows/s.",
        examples=[64],
    )
    keys: str | None = Field(
        default=None,
        min_length=1,
        description="File with the key design of the tables, relative to this one: partition and sort keys, secondary "
        "indexes, tables that share one (`tailrace schema --keys` proposes one). Absent: the source's keys.",
        examples=["keys.toml"],
    )

    @property
    def keys_path(self) -> Path | None:
        """Where the key design is."""
        return Path(self._file).parent / self.keys if self.keys is not None else None

    def design(self) -> KeyDesign:
        """The key design; an empty one without a file.

        Raises:
            ConfigError: the file cannot be read or is wrong.
        """
        path = self.keys_path
        return KeyDesign() if path is None else load_keys(path)

    def resolve(self) -> Iterator[ConfigError]:
        yield from super().resolve()
        try:
            self.design()
        except ConfigError as error:
            yield error
