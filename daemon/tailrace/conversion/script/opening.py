"""A script's file as text, in whatever encoding its tool has saved it."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

from tailrace.errors import ConfigError

#: Longer ones first: UTF-32's begins as UTF-16's does.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_FIX = "name its encoding with --encoding (latin1, cp1252, utf-16-le, …), or save it as UTF-8"


def script_text(path: Path, encoding: str | None = None) -> str:
    """
    Args:
        encoding: a name that Python knows; None: by the byte order mark (SQL Server's Management Studio saves UTF-16
            with one), else UTF-8.

    Raises:
        ConfigError: the file cannot be read, is in another encoding, is no text, or is empty.
    """
    where = str(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        what = os.strerror(error.errno or 0).lower()
        raise ConfigError(f"cannot be read: {what}", where=where, fix="check the path") from None
    mark, known = next((entry for entry in _MARKS if raw.startswith(entry[0])), (b"", "utf-8"))
    if encoding is None or _same(encoding, known):
        encoding, raw = known, raw[len(mark) :]
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        what = f"is not {encoding.upper()}: line {line} has the byte 0x{raw[error.start]:02x}"
        raise ConfigError(what, where=where, fix=_FIX) from None
    if (at := text.find("\0")) >= 0:
        what = f"is no text in {encoding.upper()}: line {text.count(chr(10), 0, at) + 1} has a zero byte"
        raise ConfigError(what, where=where, fix=_FIX)
    if not text.strip():
        raise ConfigError("is empty", where=where, fix="check the path, and that the dump was written whole")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _same(encoding: str, known: str) -> bool:
    """``utf-16`` is what its byte order mark says."""
    try:
        name = codecs.lookup(encoding)
    except LookupError:
        name = None
    if name is None or not getattr(name, "_is_text_encoding", True):
        raise ConfigError(
            f"there is no encoding {encoding}", where="--encoding", fix="latin1, cp1252 or utf-16-le, say"
        )
    return known.startswith(name.name)
