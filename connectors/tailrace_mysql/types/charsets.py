"""Character sets: how the bytes of a text column become Unicode, exactly as the server itself converts them."""

from __future__ import annotations

import codecs
from collections.abc import Callable

from tailrace_mysql.types.column_type import UnsupportedTypeError
from tailrace_mysql.types.declared import UTF8_CHARSETS

Decoder = Callable[[bytes], str]

# Python's codecs for the character sets whose mapping is the same there, but for `_OTHERWISE`.
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
    "euckr": "cp949",
    "macroman": "mac-roman",
    "macce": "mac-latin2",
    "hp8": "hp-roman8",
    "sjis": "shift-jis",
    "ujis": "euc-jp",
}

#: By character set: characters that the codec gives, and what the server has in their place.
_OTHERWISE = {
    "gb18030": {"\ue7c7": "\u1e3f", "\u1e3f": "\ue7c7"},
    "cp866": {"№": "ⁿ", "¤": "²"},
    "greek": {"‘": "ʽ", "’": "ʼ"},
    "hebrew": {"¯": "‾"},
    "koi8u": {"∙": "•"},
    "sjis": {"＼": "\\"},
    "ujis": {"＼": "\\"},
}


def _for_users() -> dict[bytes, str]:
    """The two areas of EUC-JP that are a user's own, ten rows of 94 each, are Unicode's private area."""
    places = [(row, cell) for row in range(0xF5, 0xFF) for cell in range(0xA1, 0xFF)]
    codes = [bytes(place) for place in places] + [bytes([0x8F, *place]) for place in places]
    return {code: chr(0xE000 + number) for number, code in enumerate(codes)}


#: By character set: what the server has where the codec has nothing.
_BESIDES = {
    "big5": {bytes([0xF9, 0xD6 + place]): character for place, character in enumerate("碁銹裏墻恒粧嫺")},
    "ujis": _for_users(),
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


def carried() -> list[str]:
    """The names of all character sets that there is a decoder for."""
    return sorted({*(UTF8_CHARSETS - {"utf8"}), "latin1", *_CODECS})


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
    if charset == "ucs2":
        return _ucs2
    errors = "strict"
    if charset in _BESIDES:
        errors = f"tailrace-{charset}"
        codecs.register_error(errors, _found_in(_BESIDES[charset]))

    def decode(value: bytes) -> str:
        return value.decode(codec, errors)

    if charset not in _OTHERWISE:
        return decode
    others = str.maketrans(_OTHERWISE[charset])

    def decode_otherwise(value: bytes) -> str:
        return value.decode(codec, errors).translate(others)

    return decode_otherwise


def _ucs2(value: bytes) -> str:
    """Two bytes a character: what UTF-16 reads as a pair is two halves of nothing here."""
    text = value.decode("utf-16-be")
    if 2 * len(text) != len(value):
        raise UnicodeDecodeError("ucs2", value, 0, len(value), "surrogates")
    return text


def _found_in(characters: dict[bytes, str]) -> Callable[[UnicodeError], tuple[str, int]]:
    """Handles what the codec does not know: characters of two or three bytes."""

    def handle(error: UnicodeError) -> tuple[str, int]:
        if isinstance(error, UnicodeDecodeError):
            for end in (error.start + 2, error.start + 3):
                found = characters.get(error.object[error.start : end])
                if found is not None:
                    return found, end
        raise error

    return handle
