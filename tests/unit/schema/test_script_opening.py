"""Files of scripts as their tools save them."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from tailrace.cli.main import main
from tailrace.conversion.script.opening import script_text
from tailrace.errors import ConfigError

TEXT = "CREATE TABLE straße (\r\n id int DEFAULT '€'\r\n);\n"
PLAIN = TEXT.replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (TEXT.encode(), None),
        (codecs.BOM_UTF8 + TEXT.encode(), None),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), None),  # Management Studio's “Unicode”
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), None),
        (codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"), None),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), "utf-16"),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), "UTF-16-LE"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (TEXT.encode("cp1252"), "cp1252"),
        (TEXT.encode("iso8859-15"), "latin9"),
    ],
)
def test_a_script_is_read_in_its_encoding(raw: bytes, encoding: str | None, tmp_path: Path) -> None:
    path = tmp_path / "x.sql"
    path.write_bytes(raw)
    assert script_text(path, encoding) == PLAIN


@pytest.mark.parametrize(
    ("raw", "encoding", "said"),
    [
        (TEXT.encode("cp1252"), None, "is not UTF-8: line 1 has the byte 0xdf"),
        (b"\n\nCREATE \xff", "ascii", "is not ASCII: line 3 has the byte 0xff"),
        (TEXT.encode("utf-16-le").replace(b"\xac ", b"x\0").replace(b"\xdf", b"s"), None, "line 1 has a zero byte"),
        (bytes(range(256)), "latin1", "line 1 has a zero byte"),
        (b"", None, "is empty"),
        (b" \n", None, "is empty"),
        (b"x", "klingon", "there is no encoding klingon"),
        (b"x", "hex", "there is no encoding hex"),
    ],
)
def test_what_is_no_text_of_the_encoding_is_refused(
    raw: bytes, encoding: str | None, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.sql"
    path.write_bytes(raw)
    with pytest.raises(ConfigError, match=said):
        script_text(path, encoding)


@pytest.mark.parametrize("dialect", ["tsql", "mysql", "postgres", "oracle"])
def test_a_file_of_which_nothing_is_understood_is_refused(
    dialect: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "notes.sql"
    path.write_text("Dear Sirs,\nplease find enclosed what you have asked for.\n")
    assert main(["schema", "--from-sql", str(path), "--dialect", dialect, "--target", "postgres"]) == 2
    assert f"notes.sql: no statement of it is understood as {dialect}; see whether" in capsys.readouterr().err
    assert main(["schema", "--from-sql", "/tmp", "--dialect", dialect, "--target", "postgres"]) == 2
    assert "/tmp: cannot be read: is a directory" in capsys.readouterr().err
