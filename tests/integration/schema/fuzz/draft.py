"""A random schema as a generator writes it: statements that can be thinned out."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Piece:
    """A statement of the source, of which some parts may be left out.

    Attributes:
        head, tail: what stands before and after the parts, which have commas between them.
        kept: so many of the first parts always stay.
    """

    head: str
    parts: tuple[str, ...] = ()
    tail: str = ""
    kept: int = 1

    @property
    def sql(self) -> str:
        return f"{self.head}{', '.join(self.parts)}{self.tail}"

    def thinner(self, first: int, last: int) -> Piece:
        """Without the parts from `first` to before `last`."""
        return replace(self, parts=self.parts[:first] + self.parts[last:])


@dataclass(frozen=True)
class Probe:
    """An expression over the rows of a table, in the source's SQL."""

    table: str
    sql: str


@dataclass(frozen=True)
class Draft:
    """
    Attributes:
        pieces: in an order in which they can be made; what the source refuses is left out.
        probes: whose values are compared, where their translation is said to be the same.
        piped: names are those of a pipeline's tables, not what a script's are called in the target.
    """

    pieces: tuple[Piece, ...]
    probes: tuple[Probe, ...] = ()
    piped: bool = True

    @property
    def size(self) -> int:
        return sum(1 + len(piece.parts) for piece in self.pieces) + len(self.probes)

    def thinner(self) -> Iterator[Draft]:
        """With less in it, the boldest first."""
        count = len(self.probes)
        width = count
        while width:
            for first in range(0, count, width):
                yield replace(self, probes=self.probes[:first] + self.probes[first + width :])
            width //= 2
        for number in reversed(range(len(self.pieces))):
            yield replace(self, pieces=self.pieces[:number] + self.pieces[number + 1 :])
        for number in reversed(range(len(self.pieces))):
            piece = self.pieces[number]
            width = len(piece.parts) - piece.kept
            while width > 0:
                for first in range(piece.kept, len(piece.parts), width):
                    yield self._with(number, piece.thinner(first, first + width))
                width //= 2

    def _with(self, number: int, piece: Piece) -> Draft:
        return replace(self, pieces=(*self.pieces[:number], piece, *self.pieces[number + 1 :]))


#: Makes a schema of random choices.
Generator = Callable[[random.Random], Draft]
