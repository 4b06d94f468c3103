"""How large the records of a topic are, going by those that were read: Kafka tells its clients offsets, not bytes."""

from __future__ import annotations

import math

#: Bytes of a record before any was read.
_FIRST_GUESS = 1000.0


class RecordSizes:
    """Mean bytes per offset, of each topic.

    Offsets count transaction markers too, and so do these means: what lies ahead has about as many of them.
    """

    def __init__(self) -> None:
        self._topics: dict[str, tuple[int, int]] = {}
        self._all = (0, 0)

    def read(self, topic: str, offsets: int, size: int) -> None:
        """So many offsets were passed, and the records among them had so many bytes."""
        passed, known = self._topics.get(topic, (0, 0))
        self._topics[topic] = (passed + offsets, known + size)
        self._all = (self._all[0] + offsets, self._all[1] + size)

    def estimate(self, topic: str, offsets: int) -> int:
        """Bytes of so many offsets that were not read yet; 0 only for none."""
        passed, size = self._topics.get(topic) or self._all
        mean = size / passed if passed else _FIRST_GUESS
        return max(math.ceil(offsets * mean), 1) if offsets > 0 else 0
