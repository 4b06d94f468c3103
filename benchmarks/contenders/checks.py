"""Every run ends here: what arrived is what the source holds, or the benchmark stops."""

from __future__ import annotations

from benchmarks import consumer
from benchmarks.processes import ContenderError
from benchmarks.stage import Stage
from benchmarks.works import checksum


def verified(contender: str, stage: Stage, topics: list[str]) -> consumer.Arrived:
    """What arrived in the topics.

    Raises:
        ContenderError: it is not as many events as the work made, or they leave other rows than the source has.
    """
    arrived = consumer.arrived(stage.kafka, topics)
    rows, digest = checksum(stage.source, stage.work.tables)
    expected = (stage.work.rows, rows, digest)
    seen = (arrived.events, arrived.rows, arrived.checksum)
    if seen != expected:
        raise ContenderError(
            f"{contender} on {stage.source.server.kind}, {stage.work.name}: the consumer has (events, rows, checksum)"
            f" {seen}, the source {expected}"
        )
    return arrived
