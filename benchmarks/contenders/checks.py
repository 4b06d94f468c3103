"""Every run ends here: what arrived is what the source holds, or the benchmark stops."""

from __future__ import annotations

from benchmarks import consumer
from benchmarks.fold import Fold
from benchmarks.processes import ContenderError
from benchmarks.stage import KafkaStage, Stage
from benchmarks.works import checksum


def verified(contender: str, stage: KafkaStage, topics: list[str]) -> consumer.Arrived:
    """What arrived in the topics, which is what `verify` says."""
    arrived = consumer.arrived(stage.kafka, topics)
    verify(contender, stage, arrived.fold)
    return arrived


def verify(contender: str, stage: Stage, fold: Fold) -> None:
    """Compares events with the source.

    Raises:
        ContenderError: they are not as many as the work made, or leave other rows than the source has.
    """
    compare(contender, stage, (fold.events, fold.rows, fold.checksum), (stage.work.rows,))


def verify_target(contender: str, stage: Stage, rows: int, digest: int) -> None:
    """Compares a target's rows and their checksum with the source's; raises `ContenderError` if they differ."""
    compare(contender, stage, (rows, digest), ())


def compare(contender: str, stage: Stage, seen: tuple[int, ...], before: tuple[int, ...]) -> None:
    """`seen` ends with number and checksum of rows; `before` is what is expected in front of these."""
    expected = (*before, *checksum(stage.source, stage.work.tables))
    if seen != expected:
        raise ContenderError(
            f"{contender} on {stage.source.server.kind}, {stage.work.name}: (…, rows, checksum) are {seen} there,"
            f" and {expected} at the source"
        )
