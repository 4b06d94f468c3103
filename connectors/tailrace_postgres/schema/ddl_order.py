"""An order in which statements can run: each after what it names."""

from __future__ import annotations

import heapq
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import sqlglot
import sqlglot.errors
from sqlglot import exp

from tailrace.conversion.catalog import Catalog, ObjectName
from tailrace.conversion.expressions.chains import Chain, chains
from tailrace.conversion.target import Stage, Statement

_DEFINES = re.compile(r"\s*(CREATE|ALTER|COMMENT|GRANT|REVOKE)\b", re.IGNORECASE)
_STAGES = (Stage.TABLES, Stage.REST, Stage.CUTOVER)


@dataclass(frozen=True, slots=True)
class Node:
    """
    Attributes:
        phase: the kind's place in a script; the order where nothing else decides.
        makes: the objects that are there afterwards.
        needs: the objects that must be there before; those that no statement makes are there anyway.
        follows: its stage is that of what it needs.
    """

    statement: Statement
    phase: int
    makes: frozenset[ObjectName] = frozenset()
    needs: frozenset[ObjectName] = frozenset()
    follows: bool = False


def member(table: ObjectName, name: str) -> ObjectName:
    """A constraint, index or trigger of a table, among what is made and needed; no object can be called so."""
    return ObjectName(table.schema, f"{table.name}\0{name}")


def ordered(nodes: Sequence[Node]) -> list[Statement]:
    """By phases, but after what is needed. Where needs form a circle, the phases decide.

    What tables need is made with them, whatever its own stage; what needs a later one waits for it.
    """
    makers: dict[ObjectName, list[int]] = defaultdict(list)
    for place, node in enumerate(nodes):
        for name in node.makes:
            makers[name].append(place)
    before = [
        {maker for name in node.needs for maker in makers.get(name, ()) if maker != place}
        for place, node in enumerate(nodes)
    ]
    with_tables = _needed_by_tables(nodes, before)
    stages: dict[int, int] = {}
    result: list[Statement] = []
    for place in _sorted(nodes, before):
        node = nodes[place]
        own = 0 if node.follows or place in with_tables else _STAGES.index(node.statement.stage)
        stages[place] = max([own, *(stages.get(needed, 0) for needed in before[place])])
        result.append(replace(node.statement, stage=_STAGES[stages[place]]))
    return result


def _sorted(nodes: Sequence[Node], before: Sequence[set[int]]) -> Iterator[int]:
    after: dict[int, list[int]] = defaultdict(list)
    for place, needed in enumerate(before):
        for maker in needed:
            after[maker].append(place)
    waiting = [len(needed) for needed in before]
    every = sorted((node.phase, place) for place, node in enumerate(nodes))
    ready = [entry for entry in every if not waiting[entry[1]]]
    rest = iter(every)
    done: set[int] = set()
    while len(done) < len(nodes):
        # Without one that is ready there is a circle: it is entered where the phases would have it.
        _, place = heapq.heappop(ready) if ready else next(rest)
        if place in done:
            continue
        done.add(place)
        yield place
        for follower in after[place]:
            waiting[follower] -= 1
            if not waiting[follower]:
                heapq.heappush(ready, (nodes[follower].phase, follower))


def _needed_by_tables(nodes: Sequence[Node], before: Sequence[set[int]]) -> set[int]:
    pending = [place for place, node in enumerate(nodes) if node.statement.stage is Stage.TABLES and not node.follows]
    found = set(pending)
    while pending:
        new = before[pending.pop()] - found
        found |= new
        pending += new
    return found


class Known:
    """The objects of a catalog, to be found in its SQL."""

    def __init__(self, catalog: Catalog, partitions: Iterable[ObjectName]) -> None:
        self.relations = {
            *(table.name for table in catalog.tables),
            *(view.name for view in catalog.views),
            *(sequence.name for sequence in catalog.sequences),
            *partitions,
        }
        self._bare = any(not name.schema for name in self.relations)
        self.routines = {routine.name for routine in catalog.routines}
        self.types = {
            *(enum.name for enum in catalog.enums),
            *(domain.name for domain in catalog.domains),
            *(other.name for other in catalog.others if other.table is None),
        }

    def in_type(self, sql: str) -> set[ObjectName]:
        """Types, and tables whose rows are one."""
        return {name for name in map(_name, chains(sql)) if name in self.types or name in self.relations}

    def in_expression(self, sql: str) -> set[ObjectName]:
        """Functions, types, and what a literal names."""
        found: set[ObjectName] = set()
        for chain in chains(sql):
            name = _name(chain)
            routine = chain.called and name in self.routines
            relation = (chain.quoted or name.schema) and name in self.relations
            if name in self.types or routine or relation:
                found.add(name)
        return found

    def in_aggregate(self, sql: str) -> set[ObjectName]:
        """Its functions stand without parentheses."""
        return {name for name in map(_name, chains(sql)) if name in self.routines or name in self.types}

    def in_query(self, sql: str) -> set[ObjectName]:
        """Tables and views besides. A name without a schema is one only where a query reads from it."""
        found = self.in_expression(sql)
        if self._bare:
            found |= {name for name in _read_from(sql) if name in self.relations}
        return found


def _name(chain: Chain) -> ObjectName:
    return ObjectName(*chain.parts[:2]) if len(chain.parts) > 1 else ObjectName("", chain.parts[0])


def _read_from(sql: str) -> set[ObjectName]:
    """What FROM and its like name; all names of SQL that is no query, or that sqlglot does not know."""
    every = {_name(chain) for chain in chains(sql)}
    if _DEFINES.match(sql):
        return every
    try:
        parsed = [each for each in sqlglot.parse(sql, read="postgres") if each is not None]
    except sqlglot.errors.SqlglotError:
        return every
    if any(isinstance(each, exp.Command) for each in parsed):
        return every
    tables = (table for each in parsed for table in each.find_all(exp.Table))
    return {name for table in tables if not _common(table, name := _table(table))}


def _common(table: exp.Table, name: ObjectName) -> bool:
    """Whether a common table expression is meant. One sees those before it alone, unless WITH is RECURSIVE."""
    below: object = table
    above = table.parent
    while above is not None and not name.schema:
        if isinstance(above, exp.With):
            every = above.expressions
            seen = every if above.args.get("recursive") else every[: next(i for i, e in enumerate(every) if e is below)]
        else:
            given = above.args.get("with_") or above.args.get("with")
            seen = given.expressions if given is not None and given is not below else []
        if any(_folded(each.args["alias"].this) == name.name for each in seen):
            return True
        below, above = above, above.parent
    return False


def _table(table: exp.Table) -> ObjectName:
    return ObjectName(_folded(table.args.get("db")), _folded(table.args.get("this")))


def _folded(part: object) -> str:
    if not isinstance(part, exp.Identifier):
        return ""
    return str(part.this) if part.quoted else str(part.this).lower()
