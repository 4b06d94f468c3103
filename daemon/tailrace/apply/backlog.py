"""What of the stream a sink's target does not hold yet, by partition: each is a log of its own (`tailrace.lag`).

Time counts from when a change reached the stream: what capture takes before is capture's lag. The stamp of an event is
the time at which capture took it from the source's log, by capture's clock, of rows of a full load too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from tailrace.lag import Lag
from tailrace.stream import Partition

#: Seconds and bytes; None where unknown.
Behind = tuple[float | None, int | None]


class Backlog:
    """Measured about once a second; told at any time.

    Args:
        clock, wall: as of `Lag`.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._wall = wall
        self._lags: dict[Partition, Lag[int]] = {}
        self._bytes: Mapping[Partition, int] = {}
        self._measured = False

    def measured(
        self,
        moment: float,
        positions: Mapping[Partition, int],
        ends: Mapping[Partition, int],
        lag_bytes: Mapping[Partition, int],
    ) -> None:
        """See `Lag.measured`; a partition without a position is not begun, one without an end none of the sink's."""
        self._measured = True
        self._bytes = lag_bytes
        self._lags = {partition: lag for partition, lag in self._lags.items() if partition in ends}
        for partition, end in ends.items():
            self._lag(partition).measured(moment, end, positions.get(partition, 0))

    def handed_on(self, stamps: Mapping[Partition, int]) -> None:
        """See `Lag.handed_on`; milliseconds."""
        for partition, stamp in stamps.items():
            self._lag(partition).handed_on(stamp)

    def whole(self) -> Behind:
        """Of all partitions; a stream without any has nothing to wait for."""
        return self._behind(self._lags) if self._measured else (None, None)

    def by_topic(self) -> dict[str, Behind]:
        """Of each topic that has partitions."""
        topics: dict[str, list[Partition]] = {}
        for partition in self._lags:
            topics.setdefault(partition.topic, []).append(partition)
        return {topic: self._behind(partitions) for topic, partitions in topics.items()}

    def _behind(self, partitions: Iterable[Partition]) -> Behind:
        oldest: float | None = 0.0
        size: int | None = 0
        for partition in partitions:
            lag = self._lags[partition]
            seconds = lag.seconds()
            if seconds is None or oldest is None:
                oldest = None
            elif seconds > oldest:
                oldest = seconds
            known = self._bytes.get(partition) if lag.fresh else None
            size = size + known if size is not None and known is not None else None
        return oldest, size

    def _lag(self, partition: Partition) -> Lag[int]:
        lag = self._lags.get(partition)
        if lag is None:
            lag = self._lags[partition] = Lag(self._clock, self._wall)
        return lag
