"""Whether a table takes changes back: only what the catalogue says for certain counts."""

from __future__ import annotations

from tailrace.schema import TableName
from tailrace_mysql.definition import TableDefinition
from tailrace_mysql.engines import Engines

NAME = TableName("shop", None, "t")


class Catalogue:
    def __init__(self, engine: str = "InnoDB") -> None:
        self.engine = engine
        self.same = True
        self.asked = 0

    def definition(self, name: TableName) -> TableDefinition | None:
        self.asked += 1
        return TableDefinition(name, (), engine=self.engine) if self.engine else None

    def same_table(self, name: TableName, mark: str) -> bool:
        return self.same


def test_only_a_known_engine_with_transactions_is_certain() -> None:
    assert Engines(Catalogue()).doubt(NAME, "1") == ""
    for engine in ("MyISAM", "Aria", "MEMORY", "FEDERATED"):
        assert f"{engine} keeps" in Engines(Catalogue(engine)).doubt(NAME, "1")
    assert "not there" in Engines(Catalogue("")).doubt(NAME, "1")
    changed = Catalogue()
    changed.same = False
    assert "another" in Engines(changed).doubt(NAME, "1")


def test_the_catalogue_is_asked_again_after_a_statement() -> None:
    catalogue = Catalogue()
    engines = Engines(catalogue)
    assert engines.doubt(NAME, "1") == engines.doubt(NAME, "2") == ""
    assert catalogue.asked == 1
    catalogue.engine = "MyISAM"
    engines.forget()
    assert "MyISAM" in engines.doubt(NAME, "3")
