"""Character sets: how the bytes of a text column become Unicode, exactly as the server itself converts them."""

from __future__ import annotations

from collections.abc import Callable

from tailrace_mysql.types.column_type import UnsupportedTypeError
from tailrace_mysql.types.declared import UTF8_CHARSETS

Decoder = Callable[[bytes], str]

# Python's codecs for the character sets whose mapping is the same there.
_CODECS = {
    "ascii": "ascii",
    "ucs2": "utf-16-be",
    "utf16": "utf-16-be",
    "utf16le": "utf-16-le",
    "utf32": "utf-32-be",
    "latin2": "iso8859-2",
    "latin5": "iso8859-9",
    "latin7": "iso8859-13",
    "greek": "iso8859-7",
    "hebrew": "iso8859-8",
    "koi8r": "koi8-r",
    "koi8u": "koi8-u",
    "cp850": "cp850",
    "cp852": "cp852",
    "cp866": "cp866",
    "cp1250": "cp1250",
    "cp1251": "cp1251",
    "cp1256": "cp1256",
    "cp1257": "cp1257",
    "tis620": "tis-620",
    "gbk": "gbk",
    "gb2312": "gb2312",
    "gb18030": "gb18030",
    "big5": "big5",
    "cp932": "cp932",
    "euckr": "euc-kr",
}


def _latin1() -> Decoder:
    """MySQL's latin1: Windows' code page 1252, with the five bytes that it leaves open as C1 controls."""
    table = "".join(
        bytes([number]).decode("cp1252") if number not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else chr(number)
        for number in range(256)
    )

    def decode(value: bytes) -> str:
        if value.isascii():
            return value.decode("ascii")
        return value.decode("latin-1").translate(translation)

    translation = {number: character for number, character in enumerate(table) if ord(character) != number}
    return decode


_LATIN1 = _latin1()


def _utf8(value: bytes) -> str:
    return value.decode()


def decoder(charset: str) -> Decoder:
    """The decoder of a character set; it raises UnicodeDecodeError for what is no valid text.

    Raises:
        UnsupportedTypeError: there is none.
    """
    if charset in UTF8_CHARSETS:
        return _utf8
    if charset == "latin1":
        return _LATIN1
    codec = _CODECS.get(charset)
    if codec is None:
        raise UnsupportedTypeError(f"the character set {charset or '(unknown)'} is not supported")

    def decode(value: bytes) -> str:
        return value.decode(codec)

    return decode
