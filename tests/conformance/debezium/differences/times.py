"""Differences in dates, times and intervals."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

from tests.conformance.debezium.comparison import Found

_ZONELESS = re.compile(
    r"(date|pg_domains_day|datetime.*|time(\(\d\))?|time(\(\d\))? without time zone|timestamp.* without time zone)"
)
_ZONED = re.compile(r"timestamp(\(\d\))?( with time zone)?|timestamp.* with time zone")
_TIME = re.compile(r"(-?)(\d+):(\d\d):(\d\d)(?:\.(\d+))?")
_TIMETZ = re.compile(r"(\d\d:\d\d:\d\d(?:\.\d+)?)([+-])(\d\d):(\d\d)")
_EPOCHS = (None, "1970-01-01Z", "1970-01-01T00:00:00Z")
_INFINITIES = {
    "infinity": ("-5877611-06-21Z", "+294247-01-10T04:00:25.2Z"),
    "-infinity": ("-5877611-06-22Z", "-290308-12-21T19:59:27.6Z"),
}
_DAY_MICROS = 86_400_000_000
_PERIOD = re.compile(r"(-?[\d.]+)([YMDHS])")


def trimmed(text: str) -> str:
    """Without zeros at the fraction's end, nor a point before nothing."""
    return re.sub(r"\.?0*(?=$|Z$|[+-]\d\d:\d\d$)", "", text) if "." in text else text


def _both_texts(found: Found) -> bool:
    return isinstance(found.ours, str) and isinstance(found.theirs, str)


def _zoneless(found: Found) -> bool:
    return any(_ZONELESS.fullmatch(type_) for type_ in found.type.split(" | "))


def _false_zone(found: Found) -> bool:
    return _both_texts(found) and _zoneless(found) and found.theirs == trimmed(found.ours) + "Z"


def _fraction_digits(found: Found) -> bool:
    zoned = any(_ZONED.fullmatch(type_) for type_ in found.type.split(" | "))
    return zoned and _both_texts(found) and trimmed(found.ours) == trimmed(found.theirs)


def micros(text: str) -> int:
    """Of a TIME's text; raises ValueError for another."""
    parts = _TIME.fullmatch(text)
    if parts is None:
        raise ValueError(f"{text!r} is no TIME")
    sign, hours, minutes, seconds, fraction = parts.groups()
    total = (int(hours) * 3600 + int(minutes) * 60 + int(seconds)) * 1_000_000 + int((fraction or "").ljust(6, "0"))
    return -total if sign else total


def _time_of_day(found: Found) -> bool:
    """Hours beyond a day's, and negative ones, become NULL; the end of the day becomes its beginning."""
    if not isinstance(found.ours, str) or not _zoneless(found) or not _TIME.fullmatch(found.ours):
        return False
    total = micros(found.ours)
    if 0 <= total < _DAY_MICROS:
        return False
    return found.theirs == "00:00:00Z" if total == _DAY_MICROS else found.theirs is None


def _zero_dates(found: Found) -> bool:
    if not isinstance(found.ours, str) or not re.match(r"0000-|\d{4}-00-|\d{4}-\d\d-00", found.ours):
        return False
    return found.theirs in _EPOCHS


def _impossible_dates(found: Found) -> bool:
    return isinstance(found.ours, str) and found.ours.startswith("2023-02-31") and found.theirs in _EPOCHS


def _two_digit_years(found: Found) -> bool:
    """Years below 100 are taken for short forms."""
    if not _both_texts(found) or not re.match(r"00\d\d-", found.ours):
        return False
    year = int(found.ours[:4])
    return bool(found.theirs == f"{year + (2000 if year < 70 else 1900)}{found.ours[4:]}Z")


def _calendar_gap(found: Found) -> bool:
    """A day that the Gregorian calendar left out, in rows of a snapshot."""
    return (found.ours, found.theirs) == ("1582-10-10", "1582-10-20Z")


def _utc_clock(found: Found) -> bool:
    """TIME WITH TIME ZONE, with its offset taken away."""
    parts = _TIMETZ.fullmatch(found.ours) if _both_texts(found) else None
    if parts is None:
        return False
    offset = timedelta(hours=int(parts[3]), minutes=int(parts[4])) // timedelta(microseconds=1)
    total = (micros(parts[1]) - (offset if parts[2] == "+" else -offset)) % _DAY_MICROS
    seconds, rest = divmod(total, 1_000_000)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:06}"
    return trimmed(text) + "Z" == trimmed(found.theirs)


def _infinity(found: Found) -> bool:
    return isinstance(found.ours, str) and found.theirs in _INFINITIES.get(found.ours, ())


def _before_christ(found: Found) -> bool:
    """The year before 1 is 0, and 45 BC is -44; the astronomers' count."""
    if not _both_texts(found) or not found.ours.endswith(" BC"):
        return False
    year, rest = found.ours.removesuffix(" BC").split("-", 1)
    number = 1 - int(year)
    text = f"{'-' if number < 0 else ''}{abs(number):04}-{rest.replace(' ', 'T').replace('+00', '')}"
    return trimmed(found.theirs) == trimmed(text) + "Z"


def _far_years(found: Found) -> bool:
    """Years of more than four digits have a sign."""
    if not _both_texts(found) or not re.match(r"\d{5,}-", found.ours):
        return False
    return trimmed(found.theirs) == "+" + trimmed(found.ours).removesuffix("Z") + "Z"


def _period(text: str) -> dict[str, float]:
    """Its parts that are not zero, those of the time under other names than the date's."""
    date, _, time = text.removeprefix("P").partition("T")
    parts = {f"{unit}": float(number) for number, unit in _PERIOD.findall(date)}
    parts |= {f"T{unit}": float(number) for number, unit in _PERIOD.findall(time)}
    return {unit: number for unit, number in parts.items() if number}


def _interval_zeros(found: Found) -> bool:
    if not found.type.startswith("interval") or not _both_texts(found):
        return False
    return _period(found.ours) == _period(found.theirs)


RULES: dict[str, Callable[[Found], bool]] = {
    "false-zone": _false_zone,
    "fraction-digits": _fraction_digits,
    "time-of-day": _time_of_day,
    "zero-dates": _zero_dates,
    "impossible-dates": _impossible_dates,
    "two-digit-years": _two_digit_years,
    "calendar-gap": _calendar_gap,
    "clock-without-offset": _utc_clock,
    "infinite-times": _infinity,
    "years-before-christ": _before_christ,
    "years-of-five-digits": _far_years,
    "interval-zeros": _interval_zeros,
}
