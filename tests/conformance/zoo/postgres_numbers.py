"""Numbers and moments of PostgreSQL."""

from __future__ import annotations

from tests.conformance.zoo.forms import (
    BITS,
    BOOLEAN,
    DECIMAL,
    DOUBLE,
    FLOAT,
    INTEGER,
    PADDED,
    PG_TIME,
    PG_TIMESTAMP,
    PG_TIMESTAMPTZ,
    PG_TIMETZ,
    TEXT,
    Form,
)
from tests.conformance.zoo.tables import Column, Table, printed, single, whole


def _floats(type_: str, *pairs: tuple[str, float], form: Form) -> Column:
    return Column(type_, form, [(f"'{given}'", wanted) for given, wanted in pairs])


NUMBERS = Table(
    "numbers",
    {
        "yes": Column("boolean", BOOLEAN, [("true", True), ("false", False)]),
        "small": whole("smallint", -32768, 32767, 0),
        "usual": whole("integer", -(2**31) + 1, 2**31 - 1, 0),
        "least": Column("integer", INTEGER, [("'-2147483648'", -(2**31))]),
        "big": Column("bigint", INTEGER, [("'-9223372036854775808'", -(2**63)), ("9223372036854775807", 2**63 - 1)]),
        "beyond_double": whole("bigint", 9007199254740993, -9007199254740993),
        "object_id": whole("oid", 0, 4294967295, 2147483648),
        "exact": printed(
            "numeric(38,10)", f"-{'9' * 28}.{'9' * 10}", ("0.1", "0.1000000000"), ("-0", "0.0000000000"), form=DECIMAL
        ),
        "wide": printed("numeric(1000,500)", f"{'9' * 500}.{'9' * 500}", "-0." + "0" * 499 + "1"),
        "unbounded": printed(
            "numeric",
            ("1e-40", "0." + "0" * 39 + "1"),
            "1" * 200 + "." + "5" * 100,
            "-0.0010",
            ("1e1000", "1" + "0" * 1000),
            "NaN",
            "Infinity",
            "-Infinity",
            "100",
            "100.00",
            ("-0", "0"),
        ),
        "hundreds": printed("numeric(3,-2)", ("12345", "12300"), ("-99949", "-99900"), "0", form=DECIMAL),
        "small_fraction": printed("numeric(3,5)", "0.00999", "-0.00001", ("0", "0.00000"), form=DECIMAL),
        "digit": printed("numeric(1)", "-9", "9", form=DECIMAL),
        "single": _floats(
            "real",
            ("0.1", 0.1),
            ("3.4028235e38", 3.4028235e38),
            ("-1.1754944e-38", -1.1754944e-38),
            ("1e-45", 1e-45),
            ("16777217", 16777216.0),
            ("123456.79", 123456.79),
            ("-0.25", -0.25),
            ("0", 0.0),
            form=FLOAT,
        ),
        "double": _floats(
            "double precision",
            ("0.1", 0.1),
            ("1.7976931348623157e308", 1.7976931348623157e308),
            ("5e-324", 5e-324),
            ("-2.2250738585072014e-308", -2.2250738585072014e-308),
            ("1e15", 1e15),
            ("1e22", 1e22),
            ("123456789.12345678", 123456789.12345678),
            ("0.30000000000000004", 0.30000000000000004),
            ("9007199254740993", 9007199254740992.0),
            ("0", 0.0),
            form=DOUBLE,
        ),
        "bits1": printed("bit(1)", "1", "0", form=BITS),
        "bits12": printed("bit(12)", "101010101010", "000000000001", form=BITS),
        "bits64": printed("bit(64)", "1" * 64, "0" * 64, "1" + "0" * 63, form=BITS),
        "bits100": printed("bit(100)", "01" * 50, "0" * 100),
        "some_bits": printed("bit varying", "", "0", "0001", "1" * 200),
        "few_bits": printed("bit varying(9)", "", "000000001"),
        "price": printed(
            "money",
            ("-92233720368547758.08", "-$92,233,720,368,547,758.08"),
            ("92233720368547758.07", "$92,233,720,368,547,758.07"),
            ("0.01", "$0.01"),
            form=PADDED,
        ),
    },
)

_TOPS = ["", ".9", ".99", ".999", ".9999", ".99999", ".999999"]

MOMENTS = Table(
    "moments",
    {
        "day": printed("date", "1000-01-01", "2024-02-29", "9999-12-31", "0001-01-01"),
        **{
            f"time{n}": printed(
                f"time({n})", "00:00:00", f"23:59:59{_TOPS[n]}", "24:00:00", ("12:34:56.5", "12:34:56.5"), form=PG_TIME
            )
            for n in (1, 3, 6)
        },
        "time_of_seconds": printed("time(0)", "24:00:00", ("12:34:56.4", "12:34:56"), form=PG_TIME),
        "hour_zone": printed(
            "time with time zone",
            "23:59:59.999999+05:30",
            ("00:00:00-11", "00:00:00-11:00"),
            ("24:00:00+00", "24:00:00+00:00"),
            "12:00:00+15:59:59",
            ("01:02:03.4-15:59", "01:02:03.4-15:59"),
            form=PG_TIMETZ,
        ),
        **{
            f"timestamp{n}": printed(
                f"timestamp({n})",
                ("1000-01-01 00:00:00", "1000-01-01T00:00:00"),
                (f"9999-12-31 23:59:59{_TOPS[n]}", f"9999-12-31T23:59:59{_TOPS[n]}"),
                ("2024-02-29 12:34:56.40", "2024-02-29T12:34:56.4" if n else "2024-02-29T12:34:56"),
                form=PG_TIMESTAMP,
            )
            for n in (0, 1, 3, 6)
        },
        "instant": printed(
            "timestamp with time zone",
            ("1970-01-01 00:00:00.000001+00", "1970-01-01T00:00:00.000001Z"),
            ("2024-03-31 02:30:00+02", "2024-03-31T00:30:00Z"),
            ("9999-12-31 23:59:59.999999+00", "9999-12-31T23:59:59.999999Z"),
            ("1883-11-18 12:00:00+00", "1883-11-18T12:00:00Z"),
            form=PG_TIMESTAMPTZ,
        ),
        "lasting": printed(
            "interval",
            ("-1 year 2 days -03:04:05.000006", "P-1Y2DT-3H-4M-5.000006S"),
            ("0", "PT0S"),
            ("1 mon -1 day 00:00:00.1", "P1M-1DT0.1S"),
            ("178000000 years", "P178000000Y"),
            ("-178000000 years -11 mons", "P-178000000Y-11M"),
            ("100 days 1000000:59:59.999999", "P100DT1000000H59M59.999999S"),
            ("-00:00:00.000001", "PT-0.000001S"),
            ("14 mons", "P1Y2M"),
        ),
        "lasting_seconds": printed("interval(0)", ("1.4 seconds", "PT1S")),
        "lasting_years": printed("interval year to month", ("1-2", "P1Y2M")),
    },
)

_NO_DATE = "(infinity, BC, past 9999)"
_NO_NUMBER = "NaN or infinity, which MySQL's"


def _refused() -> list[Table]:
    moments = {
        "late": ("infinity", "infinity"),
        "early": ("-infinity", "-infinity"),
        "before": ("0044-03-15 BC", "0044-03-15 BC"),
        "first": ("4713-01-01 BC", "4713-01-01 BC"),
        "after": ("10000-01-01", "10000-01-01"),
    }
    tables = [
        single(f"date_{name}", "date", TEXT, (f"'{given}'", wanted), my=_NO_DATE, maria=_NO_DATE)
        for name, (given, wanted) in {**moments, "last": ("5874897-12-31", "5874897-12-31")}.items()
    ]
    stamps = {
        "late": ("infinity", "infinity", "infinity"),
        "early": ("-infinity", "-infinity", "-infinity"),
        "before": ("0044-03-15 01:02:03.4 BC", "0044-03-15 01:02:03.4 BC", "0044-03-15 01:02:03.4+00 BC"),
        "after": ("10000-01-01 00:00:00", "10000-01-01T00:00:00", "10000-01-01T00:00:00Z"),
        "last": ("294276-12-31 23:59:59.999999", "294276-12-31T23:59:59.999999", "294276-12-31T23:59:59.999999Z"),
    }
    for name, (given, plain, zoned) in stamps.items():
        for kind, type_, form, wanted in (
            ("timestamp", "timestamp", PG_TIMESTAMP, plain),
            ("timestamptz", "timestamptz", PG_TIMESTAMPTZ, zoned),
        ):
            tables.append(single(f"{kind}_{name}", type_, form, (f"'{given}'", wanted), my=_NO_DATE, maria=_NO_DATE))
    for name, wanted in {"nan": "NaN", "inf": "Infinity", "minf": "-Infinity"}.items():
        for type_, form in (("real", FLOAT), ("double precision", DOUBLE)):
            tables.append(
                single(f"{type_[:4]}_{name}", type_, form, (f"'{wanted}'", wanted), my=_NO_NUMBER, maria=_NO_NUMBER)
            )
    return tables


REFUSED = [
    *_refused(),
    single(
        "numeric_nan",
        "numeric(5,2)",
        DECIMAL,
        ("'NaN'", "NaN"),
        my=_NO_NUMBER,
        maria=_NO_NUMBER,
        kv="NaN or infinity, which DynamoDB's numbers do not have",
    ),
    single("negative_zero", "double precision", DOUBLE, ("'-0'", -0.0), maria="a negative zero"),
    single("negative_zero4", "real", FLOAT, ("'-0'", -0.0), maria="a negative zero"),
]
TABLES = [NUMBERS, MOMENTS, *REFUSED]
#: From PostgreSQL 17 on.
INFINITE_INTERVALS = Table("infinite_intervals", {"v": printed("interval", "infinity", "-infinity")})
