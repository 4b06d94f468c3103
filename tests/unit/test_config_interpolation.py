"""Placeholders: where values come from, what is encoded, what is shown."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from tailrace.config import DatabaseUrl, Interpolated
from tailrace.errors import ConfigError


def test_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORD", "a@b/c")
    assert Interpolated("<${WORD}|${WORD}>").get() == "<a@b/c|a@b/c>"


def test_file_without_its_last_line_end(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    for content, value in ((b"x y\n", "x y"), (b"x\r\n", "x"), (b"x\n\n", "x\n"), (b"x", "x"), (b"", "")):
        secret.write_bytes(content)
        assert Interpolated(f"${{file:{secret}}}").get() == value


def test_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop.password").write_text("hunter2\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert Interpolated("${credential:shop.password}").get() == "hunter2"


def test_escape_and_lone_dollars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A", "x")
    assert Interpolated("$${A} $A $$ $").get() == "${A} $A $$ $"
    assert Interpolated("$${A").literal
    assert Interpolated("$$${A}").get() == "$${A}"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("mysql://u:${P}@h/db", "mysql://u:p%40%2F%3A%25%20@h/db"),
        ("mysql://${P}:x@h/db", "mysql://p%40%2F%3A%25%20:x@h/db"),
        ("mysql://u:pre${P}post@h/db", "mysql://u:prep%40%2F%3A%25%20post@h/db"),
        ("mysql://u:x@${P}/db", "mysql://u:x@p@/:% /db"),
        ("mysql://u:x@h/${P}", "mysql://u:x@h/p@/:% "),
        ("mysql://h/${P}@x", "mysql://h/p@/:% @x"),
        ("${P}", "p@/:% "),
        ("u:${P}@h", "u:p@/:% @h"),
    ],
)
def test_encoded_in_a_urls_user_and_password_only(
    template: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("P", "p@/:% ")
    assert Interpolated(template).get() == expected


def test_a_files_path_does_not_end_the_userinfo(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("a/b@c\n")
    url = Interpolated(f"postgresql://u:${{file:{tmp_path}/p}}@h/db")
    assert DatabaseUrl.parse(url.get()).password == "a/b@c"


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_any_password_arrives(password: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("P", password)
        url = Interpolated("mysql://u:${P}@[::1]:3307/db")
        parsed = DatabaseUrl.parse(url.get())
    assert parsed == DatabaseUrl("mysql", "::1", 3307, "u", password, "db")


@pytest.mark.parametrize("text", ["${", "x${A", "${}", "${1A}", "${A-B}", "${A:-x}", "${file:relative}"])
def test_refused_forms(text: str) -> None:
    with pytest.raises(PydanticCustomError):
        Interpolated(text)


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", ".hidden"])
def test_a_credentials_name_is_no_path(name: str) -> None:
    with pytest.raises(PydanticCustomError):
        Interpolated(f"${{credential:{name}}}")


def failure(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        Interpolated(text, "shop.toml: source.url").get()
    return str(caught.value)


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert failure("${NO_SUCH}") == (
        "shop.toml: source.url: the environment variable NO_SUCH is not set; set NO_SUCH in the environment of tailrace"
    )
    assert failure("${file:/no/such}") == (
        "shop.toml: source.url: ${file:/no/such}: there is no file /no/such; create the file, or correct its path"
    )
    assert failure("${credential:pw}") == (
        "shop.toml: source.url: no systemd credentials are passed to this process, ${credential:pw} needs one; "
        "run it by a unit with LoadCredential=pw:/path, or set CREDENTIALS_DIRECTORY"
    )
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert failure("${credential:pw}").endswith("; add LoadCredential=pw:/path to the unit")
    assert "cannot read" in failure(f"${{file:{tmp_path}}}")
    (tmp_path / "pw").write_bytes(b"\xff")
    assert "is not UTF-8 text; save it as UTF-8" in failure("${credential:pw}")


def test_a_variable_that_is_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BINARY", os.fsdecode(b"\xff"))
    for text in ("${BINARY}", "mysql://u:${BINARY}@h/db"):
        assert failure(text) == (
            "shop.toml: source.url: the environment variable BINARY is not UTF-8; set it to UTF-8 text"
        )


def test_no_permission_is_its_own_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    secret.chmod(0)
    if os.geteuid() == 0:
        # root reads it all the same; the mode is what another user would meet.
        assert stat.S_IMODE(secret.stat().st_mode) == 0

        def refuse(path: Path) -> bytes:
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(Path, "read_bytes", refuse)
    assert failure(f"${{file:{secret}}}").endswith(f": no permission to read {secret}; let tailrace's user read it")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mysql://u:hunter2@h:1/db", "mysql://u:***@h:1/db"),
        ("mysql://u:${P}@h/db", "mysql://u:${P}@h/db"),
        ("mysql://u:hunter${P}2@h/db", "mysql://u:***${P}***@h/db"),
        ("mysql://u@h:1/db", "mysql://u@h:1/db"),
        ("mysql://h:1/db?password=hunter2", "mysql://h:1/db?***"),
        ("mysql://u:hunter/2@h/db", "mysql://u:***@h/db"),
        ("mysql://u:hunt?er@2@h/db", "mysql://u:***@h/db"),
        ("mysql://u:hunter2#@h/db", "mysql://u:***@h/db"),
        ("hunter2", "***"),
        ("${P}", "${P}"),
        ("", ""),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert str(Interpolated(text)) == shown
    assert repr(Interpolated(text)) == f"Interpolated({shown!r})"
