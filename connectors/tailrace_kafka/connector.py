"""Entry point; the driver is imported only when something is created."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailrace.connectors import Context, StreamConnector
from tailrace_kafka.settings import KafkaStreamSettings

if TYPE_CHECKING:
    from tailrace.stream import Stream


def _create_stream(settings: KafkaStreamSettings, context: Context) -> Stream:
    from tailrace_kafka.stream import KafkaStream

    return KafkaStream(settings, context)


stream = StreamConnector(KafkaStreamSettings, _create_stream)
