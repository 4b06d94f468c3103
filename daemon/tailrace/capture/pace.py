"""How fast a load goes, and how long it will still take."""

from __future__ import annotations

from collections import deque

#: The rate is that of the last so many seconds.
SPAN_SECONDS = 30.0


class Pace:
    """Follows a growing number of rows."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def reached(self, moment: float, rows: int) -> None:
        """So many rows were loaded at this moment (seconds of any clock that does not run backwards)."""
        seen = self._seen
        seen.append((moment, rows))
        while len(seen) > 2 and moment - seen[1][0] >= SPAN_SECONDS:
            seen.popleft()

    @property
    def rows_per_second(self) -> float | None:
        """None where it is not known yet."""
        if len(self._seen) < 2:
            return None
        (first, before), (last, now) = self._seen[0], self._seen[-1]
        return (now - before) / (last - first) if last > first else None

    def seconds_left(self, total: int) -> float | None:
        """Until there are `total` rows, at this rate; None where nobody knows: no rate, or more rows than estimated."""
        rate = self.rows_per_second
        rows = self._seen[-1][1] if self._seen else 0
        return (total - rows) / rate if rate and total > rows else None
