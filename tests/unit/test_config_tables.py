"""`[[tables]]` of the pipeline file: each wrong key is named with its place and what to write."""

from __future__ import annotations

import pytest

from tailrace.config import parse
from tailrace.errors import ConfigError

FILE = """
name = "shop"
[source]
connector = "postgres"
url = "postgresql://repl@h/shop"
[[tables]]
match = "public.users"
"""


def error(keys: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(FILE + keys, "shop.toml")
    return str(caught.value)


def test_all_keys_of_a_table() -> None:
    pipeline = parse(
        FILE
        + """
where = "status <> 'test' AND age >= 18"
rename = "old_{table}"
case = "lower"
columns = { drop = ["a"], rename = { b = "c" }, add = { tenant = "'acme'" }, type = { price = "numeric(12,2)" } }
key = ["email"]
mask = { email = "hash", phone = "partial:4", ssn = "null", card = "digits" }
mask_salt = "${SALT}"
inserts_only = true
""",
        "shop.toml",
    )
    (table,) = pipeline.tables
    assert table.columns is not None
    assert (table.columns.drop, table.key) == (("a",), ("email",))
    assert "SALT" in str(table.mask_salt)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ('where = "age > "', "shop.toml: tables[0].where: the text ends too early: a value is expected"),
        ("where = 5", "shop.toml: tables[0].where: must be a string, not an integer"),
        ('rename = "{tabel}"', "tables[0].rename: {tabel} has no meaning; {table} and {schema} stand"),
        ('rename = ""', "tables[0].rename: is empty"),
        ('case = "Lower"', 'tables[0].case: must be one of "lower", "upper"; did you mean \'lower\'?'),
        ("columns = { dorp = [] }", "tables[0].columns.dorp: unknown key; did you mean 'drop'?"),
        ('columns = { add = { x = "a ||" } }', "tables[0].columns.add: x: the text ends too early"),
        ('columns = { add = { x = "NOW()" } }', "tables[0].columns.add: x: there is no function NOW"),
        ("key = []", "tables[0].key: is empty; name at least one column"),
        ('mask = { a = "md5" }', 'tables[0].mask: a is \'md5\'; a mask is "hash", "partial:N"'),
        ('mask = { a = "hash" }', "tables[0].mask_salt: the mask hash needs a salt"),
        ('mask_salt = ""', 'tables[0].mask_salt: is empty; write "${SALT}"'),
        ('hide = ["a"]', "tables[0].hide: unknown key"),
    ],
)
def test_what_is_wrong_is_named(keys: str, expected: str) -> None:
    assert expected in error(keys)


def test_the_salt_is_a_secret_of_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SALT_OF_NOBODY", raising=False)
    pipeline = parse(FILE + 'mask = { a = "hash" }\nmask_salt = "${SALT_OF_NOBODY}"\n', "shop.toml")
    with pytest.raises(ConfigError, match=r"shop\.toml: tables\[0\]\.mask_salt: .*SALT_OF_NOBODY is not set"):
        pipeline.resolve_secrets()
    pipeline.resolve_secrets(source=False)
