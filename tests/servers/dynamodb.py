"""DynamoDB Local: Amazon's own implementation of DynamoDB for tests, in memory."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from .maven import jars, java
from .process import ServerError
from .server import Option, Server

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

RELEASE = "software.amazon.dynamodb:DynamoDBLocal:3.1.0"

_MAIN = "software.amazon.dynamodb.services.local.main.ServerRunner"

REGION = "eu-west-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "tailrace", "AWS_SECRET_ACCESS_KEY": "tailrace"}
"""It takes any; they must be letters and digits."""


class DynamoDB(Server):
    """DynamoDB Local; one set of tables whatever the region and the credentials."""

    kind = "dynamodb"
    version = "DynamoDB Local 3.1.0"
    environment = "TAILRACE_TEST_DYNAMODB"
    defaults: ClassVar[dict[str, Option]] = {"inMemory": "", "sharedDb": "", "disableTelemetry": ""}

    _endpoint = ""
    _client: DynamoDBClient | None = None

    @classmethod
    def fetch(cls) -> None:
        """The jars and the native SQLite library from Maven Central."""
        if not list(jars(RELEASE).glob("libsqlite4java-linux-amd64*.so")):
            raise ServerError(f"{RELEASE} came without its SQLite library; remove {jars(RELEASE)} and fetch again")

    @property
    def endpoint(self) -> str:
        """For `endpoint_url`."""
        return self._endpoint

    @property
    def address(self) -> str:
        """Same as `endpoint`."""
        return self._endpoint

    def use_external(self) -> None:
        """Takes the endpoint."""
        self._endpoint = self.external or ""

    def prepare(self) -> None:
        """Nothing: the data is in memory."""

    def arguments(self) -> list[str]:
        """`options` are the runner's own, without the dash; an empty value is a bare flag."""
        words = ["-port", str(self.port)]
        for name, value in {**self.defaults, **self.options}.items():
            if value is not None:
                words += [f"-{name}", *([str(value)] if value != "" else [])]
        return words

    def command(self) -> list[str | Path]:
        """The runner in memory."""
        self._endpoint = f"http://127.0.0.1:{self.port}"
        flags = ["-Xmx256m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
        return java(jars(RELEASE), _MAIN, *self.arguments(), flags=flags)

    def client(self) -> DynamoDBClient:
        """A boto3 client; one for all callers, usable from several threads."""
        if self._client is None:
            import boto3
            from botocore.config import Config

            self._client = boto3.client(
                "dynamodb",
                endpoint_url=self.endpoint,
                region_name=REGION,
                aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
                config=Config(connect_timeout=5, read_timeout=30, retries={"max_attempts": 0}),
            )
        return self._client

    def disconnect(self) -> None:
        """Closes the client."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Exception):
                client.close()

    def probe(self) -> bool:
        """True once it lists its tables."""
        self.client().list_tables(Limit=1)
        return True
