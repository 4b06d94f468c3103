"""DynamoDB as a target of a rig: the table with a key alone."""

from __future__ import annotations

from typing import Any

import boto3

from tests.servers import REGION, DynamoDB


class Items:
    """The items of one pipeline. Attributes: `prefix` of its tables."""

    def __init__(self, server: DynamoDB, prefix: str) -> None:
        self.server = server
        self.prefix = prefix
        self._table = boto3.resource("dynamodb", endpoint_url=server.endpoint, region_name=REGION).Table(
            f"{prefix}counted"
        )

    def part(self, name: str, port: int) -> str:
        """Of the pipeline file, through a link."""
        return (
            f'[[sinks]]\nname = "{name}"\nconnector = "dynamodb"\nendpoint_url = "http://127.0.0.1:{port}"\n'
            f'region = "{REGION}"\nprefix = "{self.prefix}"\ntables = ["*.counted"]\n'
        )

    def counted(self) -> list[tuple[Any, ...]]:
        """Id, n and note, by id."""
        found = self._table.scan(ConsistentRead=True)["Items"]
        return sorted((int(str(item["id"])), int(str(item["n"])), str(item["note"])) for item in found)
