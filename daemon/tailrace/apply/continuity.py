"""Whether a sink goes on where it stopped: the stream holds what it read of, and it takes what it passed over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping

from tailrace.apply.changes import SchemaCatalog
from tailrace.apply.targets import Targets
from tailrace.errors import DataLossError, StuckError
from tailrace.schema import TableName
from tailrace.stream import Partition


def same_partitions(stored: Mapping[Partition, int], present: Mapping[Partition, str]) -> None:
    """The partition of a key depends on their number: with another one, order per key is lost.

    Raises:
        DataLossError: a topic that was read is gone.
        StuckError: a topic has another number of partitions than when it was read.
    """
    before = Counter(partition.topic for partition in stored)
    now = Counter(partition.topic for partition in present)
    for topic, had in before.items():
        has = now[topic]
        if has == 0:
            raise DataLossError(
                "the topic is gone from the stream, though this sink has read a part of it",
                where=f"topic {topic}",
                fix="run `tailrace teardown` and load anew",
            )
        if has != had:
            raise StuckError(
                f"the topic had {had} partitions and now has {has}, so that the order of changes to a row is not kept",
                where=f"topic {topic}",
                fix="run `tailrace teardown` and load anew",
            )


def require_not_skipped(skipped: Collection[str], catalog: SchemaCatalog, selects: Callable[[TableName], bool]) -> None:
    """A table whose changes the sink has passed over cannot be taken from here on.

    Raises:
        StuckError: it is selected now.
    """
    for topic in sorted(skipped):
        versions = catalog.versions(topic)
        if versions and selects(versions[-1].name):
            raise StuckError(
                f"the sink takes {versions[-1].name} only now, and has passed earlier changes of it",
                where=f"table {versions[-1].name}",
                fix="give the sink a new name, so that it reads the stream from its beginning, or leave the table"
                " out of its `tables`",
            )


def require_own_names(catalog: SchemaCatalog, fold: Callable[[str], str], selects: Callable[[TableName], bool]) -> None:
    """Two tables that would meet in one of the target meet in no worker where each of two workers has one of them.

    Raises:
        StuckError: there are two such.
    """
    names = Targets(catalog, fold)
    for topic in catalog.topics():
        schema = catalog.versions(topic)[-1]
        if selects(schema.name):
            names.claim_name(schema)
