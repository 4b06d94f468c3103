"""The protocol's integers, in network byte order; `integers.pyx` is the compiled form."""

from __future__ import annotations

from struct import Struct

_U16 = Struct("!H").unpack_from
_U32 = Struct("!I").unpack_from
_I32 = Struct("!i").unpack_from
_U64 = Struct("!Q").unpack_from
_I64 = Struct("!q").unpack_from


def u16(buffer: bytes, at: int) -> int:
    """Raises struct.error, as all of these do, where the buffer ends before; the compiled form IndexError."""
    return _U16(buffer, at)[0]  # type: ignore[no-any-return]


def u32(buffer: bytes, at: int) -> int:
    return _U32(buffer, at)[0]  # type: ignore[no-any-return]


def i32(buffer: bytes, at: int) -> int:
    return _I32(buffer, at)[0]  # type: ignore[no-any-return]


def u64(buffer: bytes, at: int) -> int:
    return _U64(buffer, at)[0]  # type: ignore[no-any-return]


def i64(buffer: bytes, at: int) -> int:
    return _I64(buffer, at)[0]  # type: ignore[no-any-return]
