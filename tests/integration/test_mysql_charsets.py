"""Character by character: each character set is read as the server itself converts it to Unicode."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tailrace_mysql.types.charsets import carried, decoder
from tests import servers
from tests.servers import Database

#: Their bytes are Unicode's by rule.
_BY_RULE = {"utf8mb3", "utf8mb4", "utf16", "utf16le", "utf32"}
#: How many bytes a character may have; one where nothing is said.
_LENGTHS = {
    **dict.fromkeys(("gbk", "gb2312", "big5", "cp932", "euckr", "sjis"), (1, 2)),
    **dict.fromkeys(("ujis", "eucjpms"), (1, 2, 3)),
    "gb18030": (1, 2, 4),
    "ucs2": (2,),
}
_UNMAPPED = "-"
#: What servers give where they have no character.
_NOTHING = {"?", "\ufffd"}


def _codes() -> Iterator[bytes]:
    """All of one and of two bytes; of three those that begin as in Japan's; of four what China's has for Unicode."""
    yield from (bytes([byte]) for byte in range(256))
    yield from (number.to_bytes(2, "big") for number in range(0x10000))
    yield from (b"\x8f" + number.to_bytes(2, "big") for number in range(0xA1A1, 0xFFFF) if number & 0x80)
    for number in (*range(0x80, 0xD800), *range(0xE000, 0x10000), *range(0x10000, 0x110000, 97), 0x10FFFF):
        code = chr(number).encode("gb18030")
        if len(code) == 4:
            yield code


def _converted(database: Database, charset: str) -> Iterator[tuple[bytes, str]]:
    """What the server makes of each code, in one answer per first byte."""
    lengths = _LENGTHS.get(charset, (1,))
    first = "" if charset == "ucs2" else "AND (LENGTH(code) = 1 OR code >= X'81')"
    rows = database.query(
        f"SELECT GROUP_CONCAT(HEX(code), ':', COALESCE(HEX(CONVERT(CONVERT(code USING {charset}) USING utf8mb4)),"
        f" '{_UNMAPPED}') SEPARATOR ',') FROM codes WHERE LENGTH(code) IN ({', '.join(map(str, lengths))}) {first}"
        " GROUP BY SUBSTR(code, 1, 1)"
    )
    for (line,) in rows:
        for pair in line.split(","):
            code, _, text = pair.partition(":")
            if text != _UNMAPPED:
                yield bytes.fromhex(code), bytes.fromhex(text).decode("utf-8", "surrogatepass")


def _exists(character: str, code: bytes) -> bool:
    """Whether the server has a character for a code, and a whole one."""
    if character == "?":
        return code in (b"?", b"\0?")
    return bool(character) and not set(character) & _NOTHING and not "\ud800" <= character < "\ue000"


@pytest.mark.parametrize("engine", ["mariadb", "mysql"])
def test_every_character_is_read_as_the_server_converts_it(engine: str, request: pytest.FixtureRequest) -> None:
    server: servers.MySQL = request.getfixturevalue(engine)
    problems: list[str] = []
    with server.database() as database:
        database.script(
            "CREATE TABLE codes (code VARBINARY(4) NOT NULL)",
            "SET SESSION group_concat_max_len = 10000000",
            "SET SESSION sql_mode = ''",
        )
        database.executemany("INSERT INTO codes VALUES (%s)", [(code,) for code in _codes()])
        there = {name for (name,) in database.query("SELECT CHARACTER_SET_NAME FROM information_schema.CHARACTER_SETS")}
        for charset in sorted(({*carried()} - _BY_RULE) & there):
            decode = decoder(charset)
            converted = dict(_converted(database, charset))
            for code, wanted in converted.items():
                if not _exists(wanted, code) or (len(code) > 1 and _exists(converted.get(code[:1], ""), code)):
                    continue
                try:
                    found = decode(code)
                except UnicodeDecodeError:
                    found = ""
                if found != wanted:
                    problems.append(f"{charset} {code.hex()}: {found!a} instead of {wanted!a}")
    assert not problems, f"{len(problems)} characters:\n" + "\n".join(problems)
