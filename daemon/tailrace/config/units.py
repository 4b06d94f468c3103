"""Durations ("10s") and sizes ("256MiB") of the pipeline file; numbers without a unit are refused as ambiguous."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from tailrace.config.problems import refusal, wrong_type

SECONDS = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600), "d": Decimal(86400)}
BYTES = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "TiB": 1 << 40,
}

DURATION_PATTERN = rf"^([0-9]+(?:\.[0-9]+)?)({'|'.join(SECONDS)})$"
SIZE_PATTERN = rf"^([0-9]+(?:\.[0-9]+)?)({'|'.join(BYTES)})$"

_DURATION = re.compile(DURATION_PATTERN)
_SIZE = re.compile(SIZE_PATTERN)


def parse_duration(text: object) -> float:
    """Seconds of a positive duration such as ``"10s"``, ``"500ms"``, ``"24h"``, ``"7d"``."""
    fix = f'write for example "10s"; units are {", ".join(SECONDS)}'
    if not isinstance(text, str):
        raise refusal(wrong_type(text, "a duration with its unit, in quotes"), fix)
    match = _DURATION.fullmatch(text)
    if not match:
        raise refusal(f"{text!r} is no duration", fix)
    seconds = float(Decimal(match[1]) * SECONDS[match[2]])
    if seconds <= 0:
        raise refusal("must be longer than nothing", fix)
    return seconds


def parse_size(text: object) -> int:
    """Bytes of a positive size such as ``"256MiB"``, ``"10GiB"``, ``"1MB"``."""
    fix = f'write for example "256MiB"; units are {", ".join(BYTES)}'
    if not isinstance(text, str):
        raise refusal(wrong_type(text, "a size with its unit, in quotes"), fix)
    match = _SIZE.fullmatch(text)
    if not match:
        raise refusal(f"{text!r} is no size", fix)
    size = int(Decimal(match[1]) * BYTES[match[2]])
    if size <= 0:
        raise refusal("must be larger than nothing", fix)
    return size


#: Seconds.
Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN}),
]
#: Bytes.
Size = Annotated[
    int,
    BeforeValidator(parse_size),
    WithJsonSchema({"type": "string", "pattern": SIZE_PATTERN}),
]
