"""Text, bytes, labels and documents of MySQL and MariaDB."""

from __future__ import annotations

from tests.conformance.zoo.forms import BITS, BYTES, DATETIME, FLOAT, INTEGER, TEXT, TIME, YEAR, base64
from tests.conformance.zoo.tables import Column, Table, Uncarried, double, printed, quoted, single, texts, whole

_EVERYTHING = 'it\'s "quoted" back\\slash\ttab\nline\r\x01\x1f\x7f ümläut 漢字 😀 '
#: Each character set with text that it has, and that others have at other places.
CHARSETS = {
    "utf8mb4": "aä€漢😀",
    "utf8mb3": "aä€漢",
    "latin1": "äöüß€™Ÿ",
    "ascii": "plain~",
    "latin2": "łódź˘",
    "latin5": "ğışİ",
    "latin7": "ąčęėįš“",
    "greek": "αβγΩώʽʼ",
    "hebrew": "שלום‾",
    "koi8r": "Привет│",
    "koi8u": "Їжак•",
    "cp850": "äöüß╣",
    "cp852": "łódź",
    "cp866": "Приветёⁿ²",
    "cp1250": "łódź€",
    "cp1251": "Привет€",
    "cp1256": "سلام",
    "cp1257": "ąčęėįš",
    "tis620": "สวัสดี",
    "gbk": "汉字，",
    "gb2312": "汉字，",
    "big5": "漢字，碁",
    "cp932": "日本ｱ①～",
    "euckr": "한국똠",
    "sjis": "日本ｱ〜",
    "ujis": "日本ｱ〜\ue000",
    "macroman": "äöü∞",
    "macce": "łódźą",
    "hp8": "äöüŠ",
    "ucs2": "aä漢",
    "utf16": "aä😀",
    "utf16le": "aä😀",
    "utf32": "aä😀",
}
#: Only MySQL has it.
GB18030 = "汉字😀ḿ"
UNCARRIED_CHARSETS = ("eucjpms", "swe7", "dec8", "keybcs2", "geostd8", "armscii8")


def _of_charset(charset: str, sample: str) -> dict[str, Column]:
    declared = f"CHARACTER SET {charset}"
    return {
        f"{charset}_char": Column(
            f"CHAR(12) {declared}", TEXT, [(quoted(sample + "  "), sample), ("''", ""), ("'  '", "")]
        ),
        f"{charset}_varchar": texts(f"VARCHAR(12) {declared}", sample + "  ", "", " ", sample[::-1]),
        f"{charset}_text": texts(f"TEXT {declared}", sample * 30, "", " x "),
    }


def charset_table(mysql: bool) -> Table:
    columns: dict[str, Column] = {}
    for charset, sample in [*CHARSETS.items(), *([("gb18030", GB18030)] if mysql else [])]:
        columns |= _of_charset(charset, sample)
    return Table("charsets", columns)


_LATIN1 = bytes(range(1, 256))
TEXTS = Table(
    "texts",
    {
        "tiny": texts("TINYTEXT", _EVERYTHING, "", "x" * 255),
        "usual": texts("TEXT", _EVERYTHING * 20, "", "é" * 30_000),
        "medium": texts("MEDIUMTEXT", "z" * 70_000 + "€"),
        "large": texts("LONGTEXT", "ß漢" * 20_000, ""),
        "words": texts("VARCHAR(300)", _EVERYTHING, "é" * 300, "NULL", "\\N", "\\.", "{}", "0"),
        "letters": texts("CHAR(255)", "ä" * 255, "\tx", ""),
        "none": texts("CHAR(0)", ""),
        "folded": texts("VARCHAR(9) COLLATE utf8mb4_general_ci", "Straße", "STRASSE"),
        "national": texts("NATIONAL VARCHAR(9)", "äé"),
        "long_words": texts("LONG VARCHAR", "äé"),
        "western": Column(
            "VARCHAR(255) CHARACTER SET latin1",
            TEXT,
            # The whole code page, with C1 controls where Windows-1252 has nothing.
            [
                (
                    f"X'{_LATIN1.hex()}'",
                    "".join(
                        chr(byte) if byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else bytes([byte]).decode("cp1252")
                        for byte in _LATIN1
                    ),
                )
            ],
        ),
    },
)
#: PostgreSQL alone cannot hold it.
ZERO_BYTE = single("zero_byte", "VARCHAR(9)", TEXT, (r"'a\0b'", "a\0b"), pg="a text holds a zero byte")


def _bytes(type_: str, *pairs: str | tuple[str, str]) -> Column:
    both = [(pair, pair) if isinstance(pair, str) else pair for pair in pairs]
    return Column(type_, BYTES, [(f"X'{given}'", base64(wanted)) for given, wanted in both])


BINARIES = Table(
    "binaries",
    {
        "padded": _bytes(
            "BINARY(4)", "00ff0000", ("61", "61000000"), ("", "00000000"), "20202020", ("6100", "61000000")
        ),
        "padded_wide": _bytes("BINARY(255)", ("ff", "ff" + "00" * 254), ("", "00" * 255), "ab" * 255),
        "varying": _bytes("VARBINARY(8)", "00ff00", "", "2020", "00", "5c4e", "27225c00"),
        "varying_wide": _bytes("VARBINARY(300)", "00" * 300, "ff" * 256, ""),
        "tiny": _bytes("TINYBLOB", "00", "", "80" * 255),
        "usual": _bytes("BLOB", "deadbeef00", "", bytes(range(256)).hex() * 4),
        "medium": _bytes("MEDIUMBLOB", "ab" * 70_000),
        "large": _bytes("LONGBLOB", "00" * 1000, ""),
        "char_of_bytes": _bytes("CHAR(3) CHARACTER SET binary", ("41", "410000"), "000000"),
        "text_of_bytes": _bytes("TEXT CHARACTER SET binary", "ff00", ""),
        "long_bytes": _bytes("LONG VARBINARY", "ff00"),
    },
)

_LABELS = [f"label {number}" for number in range(300)]
_MEMBERS = [f"m{number}" for number in range(64)]
LABELS = Table(
    "labels",
    {
        "choice": texts(
            "ENUM('a','it''s','d,e','ü','q\"','back\\\\slash','')", "a", "it's", "d,e", "ü", 'q"', "back\\slash", ""
        ),
        "by_number": Column("ENUM('10','2','')", TEXT, [("1", "10"), ("'2'", "2"), ("3", "")]),
        "many": Column(
            f"ENUM({','.join(map(repr, _LABELS))})",
            TEXT,
            [("'label 299'", "label 299"), ("256", "label 255"), ("1", "label 0")],
        ),
        "western": texts("ENUM('ä','€') CHARACTER SET latin1", "ä", "€"),
        "cyrillic": texts("ENUM('да','нет') CHARACTER SET koi8r", "нет", "да"),
        "choices": Column(
            "SET('a','b','c','d','e','f','g','h','i')",
            TEXT,
            [("'c,a'", "a,c"), ("''", ""), ("511", "a,b,c,d,e,f,g,h,i"), ("256", "i")],
        ),
        "all_members": Column(
            f"SET({','.join(map(repr, _MEMBERS))})",
            TEXT,
            [("18446744073709551615", ",".join(_MEMBERS)), ("'m63'", "m63"), ("0", "")],
        ),
        "western_members": texts("SET('ä','€') CHARACTER SET latin1", "ä,€", "€"),
    },
)
#: The label of a value that non-strict mode took: no target of strict mode takes it.
_UNFIT = "a value does not fit into the target column"
NO_LABEL = single("no_label", "ENUM('a','b')", TEXT, ("'x'", ""), my=_UNFIT, maria=_UNFIT)
#: New labels behind the old ones, while the log is read.
LABELLED_LATER = Table(
    "labelled_later",
    {
        "e": texts("ENUM('a','b')", "a", "b", "c", "it's"),
        "s": texts("SET('x','y')", "x", "x,y", "y,z", "z"),
    },
    meanwhile=("ALTER TABLE labelled_later MODIFY c_e ENUM('a','b','c','it''s'), MODIFY c_s SET('x','y','z')",),
    late=frozenset({2, 3}),
)

MYSQL_DOCUMENTS = Table(
    "documents",
    {
        "document": printed(
            "JSON",
            ('{"bb":1,"a":[true,false,null,"x"]}', '{"a": [true, false, null, "x"], "bb": 1}'),
            ('{"k":1,"k":2, "" : {"é":[[]]}}', '{"": {"é": [[]]}, "k": 2}'),
            "[]",
            "{}",
            "null",
            "true",
            ('"q\\"\\u0001\\u0000ü😀\\/"', '"q\\"\\u0001\\u0000ü😀/"'),
            (
                "[0,-1,127,32768,-32769,2147483648,-2147483649,9223372036854775807,-9223372036854775808]",
                "[0, -1, 127, 32768, -32769, 2147483648, -2147483649, 9223372036854775807, -9223372036854775808]",
            ),
            (
                "[18446744073709551615,18446744073709551616,1.0,1e2,1.5e300,1e-300,0.1,-0.0,100000000000000000000]",
                "[18446744073709551615, 1.8446744073709552e19, 1.0, 100.0, 1.5e300, 1e-300, 0.1, -0.0, 1e20]",
            ),
            "[" * 100 + "]" * 100,
            '{"x": ' * 99 + "{}" + "}" * 99,
        ),
        "of_sql": Column(
            "JSON",
            TEXT,
            [
                (
                    "JSON_ARRAY(CAST(1.10 AS DECIMAL(10,2)), CAST('2024-01-31' AS DATE),"
                    " CAST('-12:34:56.7' AS TIME(1)), CAST('2024-01-31 12:34:56' AS DATETIME),"
                    " CAST('838:59:59' AS TIME))",
                    '[1.10, "2024-01-31", "-12:34:56.700000", "2024-01-31 12:34:56.000000", "838:59:59.000000"]',
                ),
                (
                    f"JSON_OBJECT('d', CAST('{'9' * 35}.{'9' * 30}' AS DECIMAL(65,30)))",
                    f'{{"d": {"9" * 35}.{"9" * 30}}}',
                ),
                ("JSON_OBJECT('big', REPEAT('x', 70000), 'k', 1)", f'{{"k": 1, "big": "{"x" * 70_000}"}}'),
                ("CAST(1 AS JSON)", "1"),
                ("CAST(18446744073709551615 AS JSON)", "18446744073709551615"),
            ],
        ),
    },
)
#: A document is text there, and stays as it was written.
MARIADB_DOCUMENTS = Table(
    "documents",
    {
        "document": printed(
            "JSON",
            '{"b": 1,  "a":[1.0,null], "a" : 2 }',
            "[18446744073709551616, 1.00, 1e400, -0.0]",
            ' {"é": "\\\\u00e9"}\n',
            "[" * 30 + "]" * 30,
            "null",
        )
    },
)

_0, _1, _2, _3 = "0" * 16, "000000000000f03f", "0000000000000040", "0000000000000840"
_WKB = {
    "POINT(1 2)": f"0101000000{_1}{_2}",
    "LINESTRING(0 0,1 1)": f"010200000002000000{_0}{_0}{_1}{_1}",
    "POLYGON((0 0,1 0,1 1,0 0))": f"01030000000100000004000000{_0}{_0}{_1}{_0}{_1}{_1}{_0}{_0}",
    "MULTIPOINT(1 2,2 3)": f"0104000000020000000101000000{_1}{_2}0101000000{_2}{_3}",
    "MULTILINESTRING((0 0,1 1),(2 2,3 3))": (
        f"010500000002000000010200000002000000{_0}{_0}{_1}{_1}010200000002000000{_2}{_2}{_3}{_3}"
    ),
    "MULTIPOLYGON(((0 0,1 0,1 1,0 0)))": (
        f"01060000000100000001030000000100000004000000{_0}{_0}{_1}{_0}{_1}{_1}{_0}{_0}"
    ),
    "GEOMETRYCOLLECTION(POINT(1 2))": f"0107000000010000000101000000{_1}{_2}",
}


def _shape(type_: str, *shapes: str) -> Column:
    """The number of the reference system (4 bytes), then the well-known binary form."""
    return Column(
        type_,
        BYTES,
        [
            (f"ST_GeomFromText('{shape}', {srid})", base64(srid.to_bytes(4, "little").hex() + _WKB[shape]))
            for shape in shapes
            for srid in (0, 3857)
        ],
    )


SHAPES = Table(
    "shapes",
    {"anything": _shape("GEOMETRY", *_WKB)}
    | {shape.partition("(")[0].lower() + "s": _shape(shape.partition("(")[0], shape) for shape in _WKB},
)

GENERATED = Table(
    "computed",
    {
        "word": texts("VARCHAR(9)", "a", "ß"),
        "hidden": Column("INT INVISIBLE", INTEGER, [("7", 7)]),
        "computed": Column(
            "VARCHAR(10) GENERATED ALWAYS AS (CONCAT(c_word, '!')) VIRTUAL", TEXT, [(None, "a!"), (None, "ß!")]
        ),
        "kept": Column(
            "VARCHAR(10) GENERATED ALWAYS AS (CONCAT('<', c_word)) STORED", TEXT, [(None, "<a"), (None, "<ß")]
        ),
    },
)

VECTORS = Table(
    "vectors",
    {
        "v": Column(
            "VECTOR(3)",
            BYTES,
            [
                ("STRING_TO_VECTOR('[1,2,3]')", base64("0000803f0000004000004040")),
                ("STRING_TO_VECTOR('[-0.5,0,3.4028235e38]')", base64("000000bf00000000ffff7f7f")),
            ],
        ),
        "widest": Column(
            "VECTOR",
            BYTES,
            [("STRING_TO_VECTOR('[1]')", base64("0000803f")), ("X'0000804000008040'", base64("00008040" * 2))],
        ),
    },
)
MARIADB_OWN = Table(
    "mariadb_own",
    {
        "unique_id": printed(
            "UUID",
            "123e4567-e89b-12d3-a456-426655440000",
            ("FFFFFFFF-FFFF-4FFF-BFFF-FFFFFFFFFFFF", "ffffffff-ffff-4fff-bfff-ffffffffffff"),
            "0190163d-8694-739b-aea5-966c26f8ad91",
            "00000000-0000-0000-0000-000000000000",
            "00000000-0000-0000-0000-000000000001",
            "12345678-9abc-1def-0123-456789abcdef",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ),
        "address": printed(
            "INET6",
            "::1",
            "::",
            "::ffff:1.2.3.4",
            ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
            "::1.2.3.4",
            "1:0:0:2::",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ),
        "old_address": printed("INET4", "192.168.0.1", "0.0.0.0", "255.255.255.255"),
    },
)

UNCARRIED = [
    *(
        Uncarried(
            f"in_{charset}", f"v VARCHAR(9) CHARACTER SET {charset}", f"column v: the character set {charset} is not"
        )
        for charset in UNCARRIED_CHARSETS
    ),
]
#: Values above a hundred bytes are stored compressed; the log has them so, in a form that the session chooses.
COMPRESSED = Table(
    "packed",
    {
        "words": texts("VARCHAR(300) COMPRESSED", "", "short", "é" * 300, "0" * 299 + " "),
        "few_words": texts("VARCHAR(50) CHARACTER SET latin1 COMPRESSED", "ä" * 50, "", "€"),
        "prose": texts("TEXT COMPRESSED", _EVERYTHING * 30, "", "x"),
        "western": texts("MEDIUMTEXT CHARACTER SET latin1 COMPRESSED", "€" * 70_000, "ä"),
        "bytes": _bytes("VARBINARY(300) COMPRESSED", "00" * 300, "ff", "", "00ff" * 100),
        "few_bytes": _bytes("TINYBLOB COMPRESSED", "00" * 200, ""),
        "large": _bytes("LONGBLOB COMPRESSED", "ab" * 100_000, "", bytes(range(256)).hex()),
    },
    meanwhile=("SET SESSION column_compression_zlib_wrap = ON",),
)
#: What rows had before the column is in no event: targets know it from the schema.
ADDED = Table(
    "added",
    {"first": whole("INT", 1)},
    added={
        "whole": whole("BIGINT UNSIGNED", 18446744073709551615, 0),
        "year": Column("YEAR", YEAR, [("2155", 2155)]),
        "exact": printed("DECIMAL(65,30)", "-" + "9" * 35 + "." + "9" * 30),
        "single": double("FLOAT", 0.1, form=FLOAT),
        "double": double("DOUBLE", 1.7976931348623157e308),
        "bits": Column("BIT(12)", BITS, [("b'101010101010'", "101010101010")]),
        "day": printed("DATE", "9999-12-31"),
        "time": printed("TIME(6)", "-838:59:58.999999", form=TIME),
        "moment": printed("DATETIME(3)", ("1000-01-01 00:00:00.001", "1000-01-01T00:00:00.001"), form=DATETIME),
        "letters": texts("CHAR(9)", "it's ü"),
        "words": texts("VARCHAR(90)", 'it\'s "quoted" back\\slash 漢字😀 '),
        "cyrillic": texts("VARCHAR(9) CHARACTER SET koi8r", "Привет"),
        "bytes": Column("VARBINARY(9)", BYTES, [("'ab'", base64("6162"))]),
        "padded": Column("BINARY(4)", BYTES, [("'ab'", base64("61620000"))]),
        "choice": texts("ENUM('a','it''s')", "it's"),
        "choices": texts("SET('a','b','c')", "a,c"),
    },
)
TABLES = [ADDED, TEXTS, ZERO_BYTE, BINARIES, LABELS, NO_LABEL, LABELLED_LATER, SHAPES, GENERATED]
MYSQL_TABLES = [charset_table(mysql=True), MYSQL_DOCUMENTS, VECTORS]
MARIADB_TABLES = [charset_table(mysql=False), MARIADB_DOCUMENTS, MARIADB_OWN, COMPRESSED]
