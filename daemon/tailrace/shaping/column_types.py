"""Types of columns that are not the source's own: what masks, changed types and added columns are.

A type's name is written as the source's dialect writes it, because a target of the same dialect goes by the name.
"""

from __future__ import annotations

from tailrace.schema import Kind, Type

#: Up to this length a text is a VARCHAR, which every target can index.
PLAIN_LENGTH = 255
_INTEGERS = {16: "smallint", 32: "integer", 64: "bigint"}


class Dialect:
    """How the source writes types.

    Args:
        postgres: it is PostgreSQL; else MySQL or MariaDB.
    """

    def __init__(self, postgres: bool) -> None:
        self.postgres = postgres

    def text(self, length: int = 0) -> Type:
        """`length` in characters; 0: unbounded."""
        if not length:
            return Type(Kind.TEXT, "text" if self.postgres else "longtext")
        return Type(Kind.TEXT, f"{'character varying' if self.postgres else 'varchar'}({length})", length)

    def integer(self, bits: int) -> Type:
        """16, 32 or 64 bits, signed."""
        name = _INTEGERS[bits]
        return Type(Kind.INTEGER, name if self.postgres or bits != 32 else "int", bits)

    def decimal(self, precision: int, scale: int) -> Type:
        base = "numeric" if self.postgres else "decimal"
        return Type(Kind.DECIMAL, f"{base}({precision},{scale})", precision, scale)

    @property
    def boolean(self) -> Type:
        return Type(Kind.BOOLEAN, "boolean" if self.postgres else "tinyint(1)")

    @property
    def json(self) -> Type:
        """Of PostgreSQL only: it keeps the document's text, where MySQL's JSON would write it anew."""
        return Type(Kind.JSON, "json")

    @property
    def uuid(self) -> Type:
        return Type(Kind.UUID, "uuid")
