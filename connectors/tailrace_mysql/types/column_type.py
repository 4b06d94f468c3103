"""What a column type is to the source: one object that the log's decoder and the snapshot share."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from tailrace.schema import Type

#: Reads one value of a row image: (event, position) -> (JSON fragment, position after the value).
Reader = Callable[[bytes, int], tuple[bytes, int]]
#: Turns a value that a SELECT returned into its JSON fragment.
Converter = Callable[[bytes], bytes]


class Native(NamedTuple):
    """The compiled form of a reader (`binlog/image.pyx`) or of a converter (`textrows.pyx`), by its name there, with
    what it needs to know."""

    name: str
    a: int = 0
    b: int = 0
    fragments: list[bytes] | None = None


class UnsupportedTypeError(Exception):
    """A column type that is not carried; the message is a reason for a person."""


@dataclass(frozen=True, slots=True)
class ColumnType:
    """One column type.

    Attributes:
        type: as every connector understands it.
        codes: the type codes under which a table map may announce the column.
        accepts: whether the metadata of a table map fits.
        reader: makes the reader for a table map's metadata.
        native: the compiled form that reads the same, for a table map's metadata; None: the reader is called.
        convert: JSON fragment of a selected value; byte for byte what the reader gives for the same value.
        literal: SQL literal of a selected value, to compare the column with.
        default: JSON value of a DEFAULT literal's text, for rows that were there before the column; ValueError for
            text of which it is not certain that the server stored just that.
        select: what the snapshot selects, with ``{}`` for the column.
        compare: what stands left of a comparison with `literal`, with ``{}`` for the column.
        text: the column holds text in `charset`, which a table map may state.
        selected: the compiled form that writes what `convert` gives; None: that is called.
    """

    type: Type
    codes: frozenset[int]
    accepts: Callable[[int], bool]
    reader: Callable[[int], Reader]
    convert: Converter
    literal: Callable[[bytes], str]
    default: Callable[[str], Any]
    select: str = "{}"
    compare: str = "{}"
    charset: str = ""
    native: Callable[[int], Native | None] = lambda _: None
    selected: Native | None = None


_PRINTED = re.compile(rb"[ !#-\[\]-~]*")


def any_metadata(_: int) -> bool:
    return True


def printed(value: bytes) -> bytes:
    """A JSON string of what the server prints without anything that needs escapes: numbers, moments, addresses.

    Raises:
        ValueError: it is none.
    """
    if not _PRINTED.fullmatch(value):
        raise ValueError("a value is not in the form that the server prints")
    return b'"' + value + b'"'


def hexadecimal(value: bytes) -> str:
    return f"X'{value.hex()}'"


def quoted(value: bytes) -> str:
    """For values whose text holds neither quotes nor backslashes: temporal ones, addresses."""
    return f"'{value.decode('ascii')}'"


def plain(value: bytes) -> str:
    return value.decode("ascii")
