"""Twenty tables, each with another kind of key; every number has a key in each, in the numbers' order or near it.

Text keys can be spelled in several ways that their collation takes for the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

Value = int | str | bytes
Key = tuple[Value, ...]

_BEGINNING = datetime(2001, 2, 3, 4, 5, 6)
_ACCENTS = str.maketrans("aeou", "áéöù")
_NONDETERMINISTIC = (
    "CREATE COLLATION no_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
    "CREATE COLLATION no_accents (provider = icu, locale = 'und-u-ks-level1', deterministic = false)",
    "CREATE TYPE kind AS ENUM ('zeta', 'alpha', 'mid')",
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One table: its name, its key's columns in MySQL's and PostgreSQL's words, and the key of a number.

    Attributes:
        key: of a number and a spelling (0 to 7).
        spelled: there is more than one spelling.
        order: of the key's columns in the index (MySQL, MariaDB).
    """

    name: str
    mysql: tuple[str, ...]
    postgres: tuple[str, ...]
    key: Callable[[int, int], Key]
    spelled: bool = False
    order: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(column.split()[0] for column in self.mysql)

    def create(self, scheme: str, insensitive: str) -> str:
        """CREATE TABLE.

        Args:
            insensitive: the server's collation that takes no notice of case and accents (MySQL, MariaDB).
        """
        mysql = scheme == "mysql"
        columns = [column.replace("INSENSITIVE", insensitive) for column in (self.mysql if mysql else self.postgres)]
        key = ", ".join(f"{name}{self.order if mysql else ''}" for name in self.columns)
        tail = " DEFAULT CHARSET utf8mb4" if mysql else ""
        return (
            f"CREATE TABLE {self.name} ({', '.join(columns)}, n bigint NOT NULL, c bigint NOT NULL, v varchar(200),"
            f" PRIMARY KEY ({key})){tail}"
        )

    @property
    def where(self) -> str:
        """A condition with a place for each column of the key."""
        return " AND ".join(f"{column} = %s" for column in self.columns)


def prepared(scheme: str) -> tuple[str, ...]:
    """Statements that come before the tables."""
    return () if scheme == "mysql" else _NONDETERMINISTIC


def letters(number: int, width: int = 6) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 26)
        digits.append(chr(97 + digit))
    return "".join(reversed(digits))


def _case(text: str, spelling: int) -> str:
    """The last three letters' case, by the spelling's bits."""
    tail = (letter.upper() if spelling >> place & 1 else letter for place, letter in enumerate(text[-3:]))
    return text[:-3] + "".join(tail)


def _accent(text: str, spelling: int) -> str:
    return _case(text.translate(_ACCENTS) if spelling & 4 else text, spelling & 3)


def _moment(microseconds: int) -> str:
    return (_BEGINNING + timedelta(microseconds=microseconds)).isoformat(" ", "microseconds")


def _uuid(number: int) -> str:
    low = number * 0x9E3779B97F4A7C15 & (1 << 64) - 1
    text = f"{number:016x}{low:016x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _sixteen_bytes(number: int) -> bytes:
    """The last ones are zeros, which MySQL's log leaves out."""
    return bytes.fromhex(_uuid(number << 36).replace("-", ""))


KINDS = (
    Kind("integer_key", ("id BIGINT",), ("id bigint",), lambda n, s: (n,)),
    Kind("negative_key", ("id BIGINT",), ("id bigint",), lambda n, s: (-7 * n - 1,)),
    Kind("unsigned_key", ("id BIGINT UNSIGNED",), ("id numeric(20)",), lambda n, s: (2**63 - 1000 + n,)),
    Kind("descending_key", ("id INT",), ("id int",), lambda n, s: (n - 100_000,), order=" DESC"),
    Kind(
        "decimal_key",
        ("id DECIMAL(20,6)",),
        ("id numeric(20,6)",),
        lambda n, s: (f"{Decimal(n) / 1000 - 100:.6f}",),
    ),
    Kind("double_key", ("id DOUBLE",), ("id double precision",), lambda n, s: (f"{n / 8 - 1000.5!r}",)),
    Kind("pair_key", ("a INT", "b INT"), ("a int", "b int"), lambda n, s: (n // 100 - 50, n % 100)),
    Kind(
        "mixed_key",
        ("code VARCHAR(20) COLLATE INSENSITIVE", "line INT"),
        ("code varchar(20) COLLATE no_case", "line int"),
        lambda n, s: (_case(letters(n // 50), n * 7 >> 2 & 7), n % 50),
    ),
    Kind(
        "triple_key",
        ("day DATE", "part SMALLINT", "name VARCHAR(20)"),
        ("day date", "part smallint", "name varchar(20)"),
        lambda n, s: (_moment(n // 400 * 86_400_000_000)[:10], n // 20 % 20, letters(n % 20, 3)),
    ),
    Kind(
        "no_case_key",
        ("id VARCHAR(20) COLLATE INSENSITIVE",),
        ("id varchar(20) COLLATE no_case",),
        lambda n, s: (_case(letters(n), s),),
        spelled=True,
    ),
    Kind(
        "no_accent_key",
        ("id VARCHAR(20) COLLATE INSENSITIVE",),
        ("id text COLLATE no_accents",),
        lambda n, s: (_accent(letters(n), s),),
        spelled=True,
    ),
    Kind(
        "exact_key",
        ("id VARCHAR(20) COLLATE utf8mb4_bin",),
        ('id text COLLATE "C"',),
        lambda n, s: (_accent(letters(n), s),),
        spelled=True,
    ),
    Kind(
        "german_key",
        ("id VARCHAR(20) COLLATE utf8mb4_german2_ci",),
        ('id text COLLATE "de-x-icu"',),
        lambda n, s: (_case(letters(n), n * 5 >> 3 & 7),),
    ),
    Kind(
        "latin_key",
        ("id CHAR(12) CHARACTER SET latin1",),
        ("id char(12)",),
        lambda n, s: (_case(letters(n), s & 3),),
        spelled=True,
    ),
    Kind("uuid_key", ("id CHAR(36) CHARACTER SET ascii",), ("id uuid",), lambda n, s: (_uuid(n),)),
    Kind("binary_key", ("id BINARY(16)",), ("id bytea",), lambda n, s: (_sixteen_bytes(n),)),
    Kind(
        "bytes_key",
        ("id VARBINARY(20)",),
        ("id bytea",),
        lambda n, s: (n.to_bytes(4, "big") + bytes(n % 4),),
    ),
    Kind("datetime_key", ("id DATETIME(6)",), ("id timestamp(6)",), lambda n, s: (_moment(n * 1_000_001),)),
    Kind("instant_key", ("id TIMESTAMP(6)",), ("id timestamptz(6)",), lambda n, s: (_moment(n * 900_000_007),)),
    Kind(
        "enum_key",
        ("kind ENUM('zeta', 'alpha', 'mid')", "id INT"),
        ("kind kind", "id int"),
        lambda n, s: (("zeta", "alpha", "mid")[n % 3], n),
    ),
)


def literal(value: Value) -> str:
    """For MySQL and PostgreSQL alike; no value here has a quote or a backslash."""
    if isinstance(value, int):
        return str(value)
    return f"'{value}'" if isinstance(value, str) else f"x'{value.hex()}'"


def inserts(kind: Kind, numbers: range, scheme: str, rows: int = 1000) -> Iterator[str]:
    """INSERT statements for the numbers, so many rows each."""
    for start in range(0, len(numbers), rows):
        values = []
        for n in numbers[start : start + rows]:
            words = [literal(value) for value in kind.key(n, 0)]
            if scheme != "mysql":
                words = [f"'\\{word[0]}{word[2:]}" if word[0] == "x" else word for word in words]
            values.append(f"({', '.join(words)}, {n}, {n % 977}, 'row {n} of the load')")
        yield f"INSERT INTO {kind.name} VALUES {', '.join(values)}"
