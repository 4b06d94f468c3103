"""Database URLs."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.config import DatabaseUrl
from tailrace.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "mysql://repl:pw@127.0.0.1:3307/shop",
            DatabaseUrl("mysql", "127.0.0.1", 3307, "repl", "pw", "shop"),
        ),
        ("mariadb://h", DatabaseUrl("mysql", "h", 3306)),
        ("MySQL://h/", DatabaseUrl("mysql", "h", 3306)),
        ("postgres://u@h/db", DatabaseUrl("postgresql", "h", 5432, "u", None, "db")),
        ("postgresql://u:@h:/db", DatabaseUrl("postgresql", "h", 5432, "u", "", "db")),
        ("postgresql://u@[::1]/db", DatabaseUrl("postgresql", "::1", 5432, "u", None, "db")),
        ("postgresql://u@[fe80::1%eth0]:1/db", DatabaseUrl("postgresql", "fe80::1%eth0", 1, "u", None, "db")),
        (
            "postgresql://a%40b:c%2Fd%3A@h/%C3%BC+%20",
            DatabaseUrl("postgresql", "h", 5432, "a@b", "c/d:", "ü+ "),
        ),
        ("mysql://u:a:b@h/db", DatabaseUrl("mysql", "h", 3306, "u", "a:b", "db")),
        ("mysql://u:a@b@h/db", DatabaseUrl("mysql", "h", 3306, "u", "a@b", "db")),
        (
            "postgresql://u@/db?host=/run/postgresql",
            DatabaseUrl("postgresql", "", 5432, "u", None, "db", "/run/postgresql"),
        ),
        ("postgresql://%2Frun%2Fpg:5433/db", DatabaseUrl("postgresql", "", 5433, "", None, "db", "/run/pg")),
        (
            "mysql://u@localhost/db?socket=/run/mysqld/mysqld.sock",
            DatabaseUrl("mysql", "", 3306, "u", None, "db", "/run/mysqld/mysqld.sock"),
        ),
        (
            "postgresql://h/db?connect_timeout=5&application_name=a+b%21",
            DatabaseUrl(
                "postgresql", "h", 5432, database="db", options={"connect_timeout": "5", "application_name": "a b!"}
            ),
        ),
    ],
)
def test_parsed(text: str, expected: DatabaseUrl) -> None:
    assert DatabaseUrl.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("hunter2", "this is no database url"),
        ("mysql:hunter2", "this is no database url"),
        ("mysql://u:hunter2#@h/db", "this is no database url"),
        ("http://u:hunter2@h/db", "the url begins with http://"),
        ("mysql://u:hunter2@/db", "the url names no host"),
        ("mysql://u:hunter/2@h/db", "more than a database name stands behind the url's host"),
        ("mysql://u/hunter2@h/db", "more than a database name stands behind the url's host"),
        ("mysql://u:hunter2@h:x/db", "the url's host and port cannot be read"),
        ("mysql://u:hunter2@::1/db", "the url's host and port cannot be read"),
        ("mysql://u:hunter2@h:0/db", "there is no port 0"),
        ("mysql://u:hunter2@h:70000/db", "there is no port 70000"),
        ("mysql://u:hunter2@h/db/", "more than a database name stands behind the url's host"),
        ("mysql://h/db?password=hunter2", "the url has an option 'password'"),
        ("mysql://h/db?a=hunter2&a=2", "the url has the option 'a' twice"),
        ("mysql://h/db?socket=/s", "the url names both a host and a socket"),
        ("postgresql:///db?host=h", "?host= names no socket folder"),
    ],
)
def test_refused_without_a_secret_in_the_message(text: str, what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        DatabaseUrl.parse(text)
    assert caught.value.what == what
    assert caught.value.fix
    assert "hunter2" not in str(caught.value)


def test_the_schemes_that_the_caller_takes() -> None:
    with pytest.raises(ConfigError) as caught:
        DatabaseUrl.parse("mysql://h/db", ("postgresql", "postgres"))
    assert str(caught.value) == "the url begins with mysql://; begin it with postgresql:// or postgres://"


def test_shown_without_password_and_options() -> None:
    url = DatabaseUrl.parse("postgresql://a%40b:hunter2@[::1]/db?application_name=hunter2")
    assert str(url) == "postgresql://a%40b@[::1]:5432/db"
    assert "hunter2" not in repr(url).split("options")[0]
    assert url.address == "[::1]:5432"
    assert DatabaseUrl.parse("mysql://u@/db?socket=/s").address == "/s"


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for candidate in (text, f"mysql://{text}", f"mysql://u:p@h/{text}"):
        with contextlib.suppress(ConfigError):  # and nothing else
            assert DatabaseUrl.parse(candidate).port > 0
