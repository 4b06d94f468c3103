"""Passes over values of columns that are dropped, and makes nothing of them: what `Image.skip` does, interpreted."""

from __future__ import annotations

from tailrace_mysql.types import Native, Reader

_GROUP_BYTES = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)
_WHOLE = {"double": 8, "date": 3, "year": 1}
_MOMENTS = {"datetime": 5, "timestamp": 4, "time": 3}


def skipper(read: Reader, native: Native | None) -> Reader:
    """The reader of a dropped column, from its own: it gives nothing, and where the value ends."""
    if native is None:
        return lambda event, at: (b"", read(event, at)[1])
    if native.name in ("text", "ascii", "base64", "binary"):
        width = native.a

        def skip(event: bytes, at: int) -> tuple[bytes, int]:
            start = at + width
            end = start + int.from_bytes(event[at:start], "little")
            if end > len(event):
                raise IndexError
            return b"", end

        return skip
    size = _size(native)

    def skip_fixed(event: bytes, at: int) -> tuple[bytes, int]:
        if at + size > len(event):
            raise IndexError
        return b"", at + size

    return skip_fixed


def _size(native: Native) -> int:
    if native.name in _WHOLE:
        return _WHOLE[native.name]
    if native.name in _MOMENTS:
        return _MOMENTS[native.name] + (native.a + 1) // 2
    if native.name == "decimal":
        whole, scale = native.a - native.b, native.b
        return _GROUP_BYTES[whole % 9] + 4 * (whole // 9) + 4 * (scale // 9) + _GROUP_BYTES[scale % 9]
    return native.a
