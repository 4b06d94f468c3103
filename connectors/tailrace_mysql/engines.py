"""Which tables take changes back at a ROLLBACK: the log does not say of a table what stores it."""

from __future__ import annotations

from typing import Protocol

from tailrace.schema import TableName
from tailrace_mysql.definition import TableDefinition

_TRANSACTIONAL = frozenset({"INNODB", "ROCKSDB", "TOKUDB", "NDBCLUSTER", "SEQUOIADB"})


class Catalogue(Protocol):
    def definition(self, name: TableName) -> TableDefinition | None: ...

    def same_table(self, name: TableName, mark: str) -> bool:
        """Whether it is the same one, in the same engine, from the mark on."""
        ...


class Engines:
    """What the catalogue says of tables' engines, where it holds at the place that is read."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._known: dict[TableName, str] = {}

    def forget(self) -> None:
        """A statement of the log may have changed them."""
        self._known.clear()

    def doubt(self, name: TableName, mark: str) -> str:
        """Why it is not certain that changes of a table before a mark are taken back; "" where it is."""
        reason = self._known.get(name)
        if reason is None:
            reason = self._known[name] = self._ask(name, mark)
        return reason

    def _ask(self, name: TableName, mark: str) -> str:
        definition = self._catalogue.definition(name)
        if definition is None:
            return "and it is not there any more"
        if not self._catalogue.same_table(name, mark):
            return "and its engine may have been another then"
        if definition.engine.upper() not in _TRANSACTIONAL:
            return f"and its engine {definition.engine} keeps them"
        return ""
