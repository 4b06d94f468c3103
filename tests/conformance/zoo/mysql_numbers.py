"""Numbers and moments of MySQL and MariaDB."""

from __future__ import annotations

from tests.conformance.zoo.forms import BITS, DATETIME, DECIMAL, DOUBLE, FLOAT, INTEGER, TEXT, TIME, TIMESTAMP, YEAR
from tests.conformance.zoo.tables import Column, Table, double, printed, single, whole

_NINES = "9" * 65


def _integers(base: str, bits: int) -> dict[str, Column]:
    half, most = 1 << bits - 1, (1 << bits) - 1
    return {
        base: whole(base, -half, half - 1, -1, 0),
        f"{base}_unsigned": whole(f"{base} UNSIGNED", 0, most, half, 1),
        f"{base}_zerofill": whole(f"{base}(5) ZEROFILL", 7, most, 0),
    }


INTEGERS = Table(
    "integers",
    {
        **_integers("tinyint", 8),
        **_integers("smallint", 16),
        **_integers("mediumint", 24),
        **_integers("int", 32),
        **_integers("bigint", 64),
        "boolean": Column("BOOLEAN", INTEGER, [("TRUE", 1), ("FALSE", 0)]),
        "tinyint1": whole("TINYINT(1)", -1, 2, -128, 127),
        "beyond_double": whole("BIGINT", 9007199254740993, -9007199254740993),
        "vintage": Column("YEAR", YEAR, [("0", 0), ("1901", 1901), ("2155", 2155), ("'0000'", 0)]),
    },
)

DECIMALS = Table(
    "decimals",
    {
        "widest": printed(
            "DECIMAL(65,30)",
            f"{_NINES[:35]}.{_NINES[:30]}",
            f"-{_NINES[:35]}.{_NINES[:30]}",
            ("1e-30", "0." + "0" * 29 + "1"),
            ("0", "0." + "0" * 30),
            ("-0", "0." + "0" * 30),
        ),
        "digits": printed("DECIMAL(65,0)", _NINES, "-" + _NINES, "0"),
        "fraction": printed("DECIMAL(30,30)", "0." + _NINES[:30], "-0." + "0" * 29 + "1", form=DECIMAL),
        "most": printed("DECIMAL(38,10)", f"-{_NINES[:28]}.{_NINES[:10]}", ("0.1", "0.1000000000"), form=DECIMAL),
        "money": printed("DECIMAL(10,2)", ("0.5", "0.50"), ("-1.005", "-1.01"), ("100", "100.00"), form=DECIMAL),
        "positive": printed("DECIMAL(12,4) UNSIGNED", ("1.5", "1.5000"), "99999999.9999", form=DECIMAL),
        "zeros": printed("DECIMAL(12,4) ZEROFILL", ("1.5", "1.5000"), ("0", "0.0000"), form=DECIMAL),
        "digit": printed("DECIMAL(1,0)", "-9", "9", form=DECIMAL),
        "usual": printed("DECIMAL", "-9999999999", "7", form=DECIMAL),
    },
)

FLOATS = Table(
    "floats",
    {
        "narrow": double(
            "FLOAT",
            *(0.1, -0.1, 3.4028235e38, -3.4028235e38, 1.1754944e-38, 1e-45, 16777216.0, 123456.79, 0.0, 8388607.5),
            form=FLOAT,
        ),
        "wide": double(
            "DOUBLE",
            *(0.1, 1.7976931348623157e308, -1.7976931348623157e308, 5e-324, -2.2250738585072014e-308, 1e22, 1e16),
            *(123456789.12345678, 0.30000000000000004, 9007199254740992.0, 0.0, 1e-7),
        ),
        "rounded": Column("FLOAT(7,2)", FLOAT, [("12345.678", 12345.68), ("-0.006", -0.01)]),
        "rounded_too": Column("DOUBLE(10,3)", DOUBLE, [("1.0004", 1.0), ("-1234567.8916", -1234567.892)]),
        "positive": double("DOUBLE UNSIGNED", 0.5, 1e308),
        "precise": double("FLOAT(30)", 0.1, 1e300),
    },
)

BIT_FIELDS = Table(
    "bit_fields",
    {
        f"bit{width}": Column(
            f"BIT({width})",
            BITS,
            [
                (f"b'{'1' * width}'", "1" * width),
                ("b'1'", "1".rjust(width, "0")),
                ("b'0'", "0" * width),
                (f"b'1{'0' * (width - 1)}'", "1" + "0" * (width - 1)),
            ],
        )
        for width in range(1, 65)
    },
)

_FRACTIONS = ["", ".1", ".12", ".123", ".1234", ".12345", ".123456"]
_TOPS = ["", ".9", ".99", ".999", ".9999", ".99999", ".999999"]


def _zeros(digits: int) -> str:
    return "." + "0" * digits if digits else ""


TIMES = Table(
    "times",
    {
        "day": printed("DATE", "1000-01-01", "2024-02-29", "9999-12-31", "0001-01-01"),
        **{
            f"time{n}": printed(
                f"TIME({n})",
                ("-838:59:59", "-838:59:59" + _zeros(n)),
                ("838:59:59", "838:59:59" + _zeros(n)),
                "-00:00:01" + _FRACTIONS[n],
                "838:59:58" + _TOPS[n],
                "-838:59:58" + _TOPS[n],
                ("00:00:00", "00:00:00" + _zeros(n)),
                "100:00:00" + _FRACTIONS[n],
                "24:00:00" + _zeros(n),
                form=TIME,
            )
            for n in range(7)
        },
        "least": printed("TIME(6)", "-00:00:00.000001", "00:00:00.000001", form=TIME),
        **{
            f"datetime{n}": printed(
                f"DATETIME({n})",
                ("1000-01-01 00:00:00", "1000-01-01T00:00:00" + _zeros(n)),
                (f"9999-12-31 23:59:59{_TOPS[n]}", f"9999-12-31T23:59:59{_TOPS[n]}"),
                (f"2024-02-29 12:34:56{_FRACTIONS[n]}", f"2024-02-29T12:34:56{_FRACTIONS[n]}"),
                form=DATETIME,
            )
            for n in range(7)
        },
        **{
            f"timestamp{n}": printed(
                f"TIMESTAMP({n}) NULL",
                ("1970-01-01 00:00:01", f"1970-01-01T00:00:01{_zeros(n)}Z"),
                (f"2038-01-19 03:14:07{_TOPS[n]}", f"2038-01-19T03:14:07{_TOPS[n]}Z"),
                (f"2024-03-31 02:30:00{_FRACTIONS[n]}", f"2024-03-31T02:30:00{_FRACTIONS[n]}Z"),
                form=TIMESTAMP,
            )
            for n in range(7)
        },
    },
)

_ZERO = "date/time field value out of range"
REFUSED = [
    single("zero_date", "DATE", TEXT, ("'0000-00-00'", "0000-00-00"), pg=_ZERO),
    single("zero_month", "DATE", TEXT, ("'2024-00-10'", "2024-00-10"), pg=_ZERO),
    single("zero_day", "DATE", TEXT, ("'2024-12-00'", "2024-12-00"), pg=_ZERO),
    single("impossible_day", "DATE", TEXT, ("'2024-02-31'", "2024-02-31"), pg=_ZERO),
    single("zero_datetime", "DATETIME(3)", DATETIME, ("0", "0000-00-00T00:00:00.000"), pg=_ZERO),
    single("zero_timestamp", "TIMESTAMP NULL", TIMESTAMP, ("0", "0000-00-00T00:00:00Z"), pg=_ZERO),
]
#: Only MySQL has them.
MYSQL_REFUSED = [
    single("negative_zero", "DOUBLE", DOUBLE, ("-0e0", -0.0), maria="a negative zero, which MariaDB does not have"),
    single("negative_zero4", "FLOAT", FLOAT, ("-0e0", -0.0), maria="a negative zero, which MariaDB does not have"),
]
TABLES = [INTEGERS, DECIMALS, FLOATS, BIT_FIELDS, TIMES, *REFUSED]
