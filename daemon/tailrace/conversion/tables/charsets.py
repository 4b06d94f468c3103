"""Bytes of a character in MySQL's and MariaDB's character sets.

Source: https://dev.mysql.com/doc/refman/9.7/en/charset-charsets.html (`Maxlen` of SHOW CHARACTER SET).
"""

from __future__ import annotations

_ONE = (
    "armscii8 ascii binary cp1250 cp1251 cp1256 cp1257 cp850 cp852 cp866 dec8 geostd8 greek hebrew hp8 keybcs2 koi8r"
    " koi8u latin1 latin2 latin5 latin7 macce macroman swe7 tis620"
)
_TWO = "big5 cp932 euckr gb2312 gbk sjis ucs2"
_THREE = "eucjpms ujis utf8 utf8mb3"
_BYTES = {name: size for size, names in ((1, _ONE), (2, _TWO), (3, _THREE)) for name in names.split()}


def character_bytes(charset: str) -> int:
    """At most; 4 for utf8mb4, and for what is not known."""
    return _BYTES.get(charset, 4)
