"""The keys of `[stream]` with connector = "kafka"."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from tailrace.config.interpolation import Interpolated
from tailrace.config.problems import refusal, wrong_type
from tailrace.config.settings import StreamSettings
from tailrace_kafka.topic_template import check_template

#: Properties that carry the delivery guarantees; tailrace sets them, and another value would break these unseen.
OWNED = frozenset(
    {
        "auto.offset.reset",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "enable.idempotence",
        "group.id",
        "group.instance.id",
        "group.protocol",
        "isolation.level",
        "partition.assignment.strategy",
        "partitioner",
        "transactional.id",
    }
)

#: Properties that tailrace reckons with.
BYTES = frozenset({"message.max.bytes"})


def _property(value: object) -> object:
    """librdkafka takes all its properties as text."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case dict():
            raise refusal(
                "is a table: a dot in a TOML key makes one",
                'put the whole key into quotes, as in "bootstrap.servers" = "localhost:9092"',
            )
        case str() | Interpolated():
            return value
        case _:
            raise refusal(wrong_type(value, "a string, a number or a boolean"), "see librdkafka's CONFIGURATION.md")


def _properties(properties: dict[str, Interpolated]) -> dict[str, Interpolated]:
    for name in properties:
        if name in OWNED:
            raise refusal("tailrace sets it itself", "remove it", key=name)
    for name in BYTES & properties.keys():
        if properties[name].literal and not properties[name].raw.isdecimal():
            raise refusal("must be a whole number of bytes", f'write it out, as in "{name}" = 1000000', key=name)
    if "bootstrap.servers" not in properties:
        raise refusal('"bootstrap.servers" is missing', 'add "bootstrap.servers" = "localhost:9092"')
    return properties


Property = Annotated[
    Interpolated,
    BeforeValidator(_property),
    WithJsonSchema({"type": ["string", "integer", "number", "boolean"]}),
]


class KafkaStreamSettings(StreamSettings):
    """Topics of a Kafka cluster."""

    connector: Literal["kafka"] = Field(description="Apache Kafka.", examples=["kafka"])
    topic: Annotated[str, AfterValidator(check_template)] = Field(
        default="{name}.{schema}.{table}",
        description="Template of the event topics' names; `{schema}` and `{table}` must be in it, with a dot "
        "between them. `{schema}` is the PostgreSQL schema or the MySQL database.",
        examples=["{name}.{schema}.{table}"],
    )
    partitions: int = Field(default=1, ge=1, description="Of each event topic that tailrace creates.", examples=[1])
    replication_factor: int = Field(
        default=1, ge=1, le=32767, description="Of every topic that tailrace creates.", examples=[3]
    )
    transactional: bool = Field(
        default=True, description="Exactly once for consumers that read committed.", examples=[True]
    )
    kafka: Annotated[dict[str, Property], AfterValidator(_properties)] = Field(
        description="Properties for librdkafka, as they stand, each key in quotes; `bootstrap.servers` is needed. "
        "Those that carry the delivery guarantees are refused.",
        examples=[{"bootstrap.servers": "localhost:9092"}],
        json_schema_extra={"required": ["bootstrap.servers"]},
    )

    def properties(self) -> dict[str, Any]:
        """`kafka` with its secrets resolved, for a librdkafka client's configuration.

        Raises:
            ConfigError: a secret is missing.
        """
        return {name: value.get() for name, value in self.kafka.items()}
