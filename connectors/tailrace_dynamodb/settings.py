"""The keys of `[[sinks]]` with connector = "dynamodb"."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from tailrace.config.interpolation import Interpolated
from tailrace.config.problems import refusal
from tailrace.config.settings import SinkSettings


def _http_url(url: Interpolated) -> Interpolated:
    if url.literal and not url.raw.startswith(("http://", "https://")):
        raise refusal("this is no http or https url", 'write for example "http://127.0.0.1:8000"')
    return url


class DynamoDBSinkSettings(SinkSettings):
    """DynamoDB, or what speaks its protocol (DynamoDB Local, ScyllaDB Alternator, …).

    Credentials come from where the AWS SDK looks for them: the environment, its own files, the instance's role.

    Attributes:
        endpoint_url: None: AWS itself.
        region: None: as the AWS SDK's own configuration says.
        prefix: stands before each table's name.
    """

    connector: Literal["dynamodb"] = Field(examples=["dynamodb"])
    endpoint_url: Annotated[Interpolated, AfterValidator(_http_url)] | None = Field(
        default=None, examples=["http://127.0.0.1:8000"]
    )
    region: str | None = Field(default=None, min_length=1, examples=["eu-west-1"])
    prefix: str = Field(default="", pattern=r"^[a-zA-Z0-9_.-]*$", examples=["shop-"])
