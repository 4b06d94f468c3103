"""A type as a dialect writes it, taken apart."""

from __future__ import annotations

import pytest

from tailrace.conversion.tables.literals import Parsed, parsed


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("integer", Parsed("integer", (), False)),
        ("BIGINT UNSIGNED", Parsed("bigint unsigned", (), False)),
        ("int(11) unsigned", Parsed("int unsigned", (11,), False)),
        ("double precision", Parsed("double precision", (), False)),
        ("numeric(20,0)", Parsed("numeric", (20, 0), False)),
        ("timestamp(3) with time zone", Parsed("timestamp with time zone", (3,), False)),
        ("integer[]", Parsed("integer", (), True)),
        ("enum('a','b')", Parsed("enum", (), False)),
    ],
)
def test_a_type_is_taken_apart(written: str, parts: Parsed) -> None:
    assert parsed(written) == parts
