"""Differences in JSON documents, arrays and maps."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable
from typing import Any

from tests.conformance.debezium.comparison import Found
from tests.conformance.debezium.differences.times import trimmed

_DIGITS = 20
_PAIR = re.compile(r'"((?:[^"\\]|\\.)*)"=>(?:"((?:[^"\\]|\\.)*)"|(NULL))')
_TOKEN = re.compile(r'\s*(?:([{},])|"((?:[^"\\]|\\.)*)"|([^{},"]+))', re.DOTALL)


def _json_opaque(found: Found) -> bool:
    """Times in a document without all digits of their fractions, and bytes without the mark of their type."""
    if found.type != "json" or not isinstance(found.ours, str) or not isinstance(found.theirs, str):
        return False
    ours = re.sub(r'"base64:type\d+:', '"', re.sub(r'(:\d\d)\.(\d*?)0+"', r"\1.\2" + '"', found.ours)).replace(
        '."', '"'
    )
    return bool(_json(ours) == _json(found.theirs))


class _Number(str):
    """As it is written."""


def _json(text: Any) -> Any:
    if not isinstance(text, str):
        raise ValueError("no text")
    return json.loads(text, parse_float=_Number, parse_int=_Number)


def _json_layout(found: Found) -> bool:
    """The same document with other blanks, or an exponent written otherwise."""
    if "json" not in found.type:
        return False
    try:
        ours, theirs = _json(found.ours), _json(found.theirs)
    except ValueError:
        return False
    return _same_document(ours, theirs)


def _same_document(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return list(ours) == list(theirs) and all(_same_document(ours[name], theirs[name]) for name in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(_same_document, ours, theirs))
    if isinstance(ours, _Number) and isinstance(theirs, _Number):
        exact = "e" in ours or len(theirs) > _DIGITS  # of a double, all of its digits
        return ours == theirs or (exact and float(ours) == float(theirs))
    return type(ours) is type(theirs) and bool(ours == theirs)


def array(text: str) -> list[Any]:
    """What PostgreSQL prints of an array, as lists of texts; NULL is None.

    Raises:
        ValueError: it is none.
    """
    stack: list[list[Any]] = [[]]
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise ValueError(f"{text!r} is no array")
        sign, quoted, plain = token.groups()
        position = token.end()
        if sign == "{":
            stack.append([])
        elif sign == "}":
            done = stack.pop()
            stack[-1].append(done)
        elif quoted is not None:
            stack[-1].append(re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL))
        elif plain is not None:
            stack[-1].append(None if plain == "NULL" else plain)
    if len(stack) != 1 or len(stack[0]) != 1 or not isinstance(stack[0][0], list):
        raise ValueError(f"{text!r} is no array")
    result: list[Any] = stack[0][0]
    return result


def _arrays(found: Found) -> bool:
    """A JSON array of what the elements are as values."""
    if not isinstance(found.ours, str) or not isinstance(found.theirs, list) or not found.type.endswith("]"):
        return False
    try:
        ours = array(found.ours)
    except ValueError:
        return False
    return len(ours) == len(found.theirs) and all(map(_same_element, ours, found.theirs))


def _same_element(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, list):
        return isinstance(theirs, list) and len(ours) == len(theirs) and all(map(_same_element, ours, theirs))
    if ours is None or theirs is None:
        return ours is theirs
    if isinstance(theirs, bool):
        return bool(ours == ("t" if theirs else "f"))
    if isinstance(theirs, int):
        return int(ours) == theirs
    if isinstance(theirs, float):
        return float(ours) == theirs
    zoneless = ours.replace(" ", "T", 1) if re.match(r"\d{4,}-\d\d-\d\d ", ours) else ours
    return theirs == ours or trimmed(theirs) == trimmed(zoneless.removesuffix("+00")) + "Z"


def _nested_arrays(found: Found) -> bool:
    """Debezium makes NULL of an inner array, or the name of a Java object."""
    if not isinstance(found.ours, str) or not found.ours.startswith("{{") or not isinstance(found.theirs, list):
        return False
    return all(item is None or str(item).startswith("[Ljava.lang.") for item in found.theirs)


def _array_bounds(found: Found) -> bool:
    return (found.ours, found.theirs) == ("[0:1]={1,2}", [1, 2])


def _array_elements(found: Found) -> bool:
    """Elements in the form that a value of their type has."""
    if found.type != "bytea[]" or not isinstance(found.ours, str) or not isinstance(found.theirs, list):
        return False
    return [b64decode(item) for item in found.theirs] == [bytes.fromhex(item[2:]) for item in array(found.ours)]


def _maps(found: Found) -> bool:
    """HSTORE as a JSON object in a string."""
    if found.type != "hstore":
        return False
    if not re.fullmatch(f"(?:{_PAIR.pattern}(?:, |$))*", found.ours):
        return False
    pairs = _PAIR.findall(found.ours)
    plain = {
        re.sub(r"\\(.)", r"\1", key): None if null else re.sub(r"\\(.)", r"\1", value) for key, value, null in pairs
    }
    return bool(plain == _json(found.theirs))


RULES: dict[str, Callable[[Found], bool]] = {
    "json-layout": _json_layout,
    "json-opaque": _json_opaque,
    "arrays": _arrays,
    "arrays-nested": _nested_arrays,
    "array-bounds": _array_bounds,
    "array-elements": _array_elements,
    "hstore": _maps,
}
