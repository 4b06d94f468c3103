"""Differences of JSON documents, as MySQL logs them with ``binlog_row_value_options=PARTIAL_JSON``.

Form: ``Json_diff_vector::read_binary``, meaning: ``apply_json_diffs`` (``sql/json_diff.cc`` of MySQL). A document is
changed as the tree of its text, in which numbers stay as the server prints them.
"""

from __future__ import annotations

import json
import re
from typing import Any

from tailrace_mysql.binlog.events import packed_integer
from tailrace_mysql.types.json_text import MAX_DEPTH, json_text, quoted

_REPLACE, _INSERT, _REMOVE = 0, 1, 2
_MISFIT = "a JSON difference does not fit its document"

#: A leg of a path: the name of a member, a place in an array, or a place counted from its last one.
_LEG = re.compile(
    r'\.(?P<quoted>"(?:[^"\\]|\\.)*")|\.(?P<name>[^.\[\]"*\s]+)|\[(?P<place>[0-9]+)\]|\[last(?:-(?P<back>[0-9]+))?\]'
)
_LITERALS = {None: "null", True: "true", False: "false"}


class _Number(str):
    """As the server prints it."""

    __slots__ = ()


def patched(document: bytes, differences: bytes) -> str:
    """The text of a document after the differences to it.

    Args:
        document: the old one, in binary form.
        differences: one after the other, without the length of all.

    Raises:
        ValueError: they are malformed, or do not belong to this document.
    """
    tree = _tree(document)
    extended: dict[int, dict[str, Any]] = {}  # objects with new members, whose order is to be found
    try:
        at = 0
        while at < len(differences):
            operation = differences[at]
            path, at = _part(differences, at + 1)
            legs = _legs(path.decode())
            if operation == _REMOVE:
                parent, place = _target(tree, legs)
                del parent[place]
                continue
            binary, at = _part(differences, at)
            if not binary:
                raise ValueError(_MISFIT)
            value = _tree(binary)
            if operation == _REPLACE:
                parent, place = _target(tree, legs)
                parent[place] = value
            elif operation == _INSERT:
                _insert(tree, legs, value, extended)
            else:
                raise ValueError(f"a JSON difference has an unknown operation ({operation})")
    except (IndexError, KeyError, TypeError, UnicodeDecodeError):
        raise ValueError(_MISFIT) from None
    for changed in extended.values():
        members = sorted(changed.items(), key=_order)
        changed.clear()
        changed.update(members)
    parts: list[str] = []
    _write(tree, parts)
    return "".join(parts)


def _tree(document: bytes) -> Any:
    return json.loads(json_text(document), parse_int=_Number, parse_float=_Number)


def _part(differences: bytes, at: int) -> tuple[bytes, int]:
    length, at = packed_integer(differences, at)
    if length > len(differences) - at:
        raise IndexError
    return differences[at : at + length], at + length


def _legs(path: str) -> list[re.Match[str]]:
    legs: list[re.Match[str]] = []
    at = 1
    if not path.startswith("$"):
        raise ValueError("the path of a JSON difference is malformed")
    while at < len(path):
        leg = _LEG.match(path, at)
        if leg is None:
            raise ValueError("the path of a JSON difference is malformed")
        legs.append(leg)
        at = leg.end()
    return legs


def _member(leg: re.Match[str]) -> str | None:
    """The name that a leg has; None where it is a place."""
    name: str | None = json.loads(leg["quoted"], strict=False) if leg["quoted"] is not None else leg["name"]
    return name


def _place(leg: re.Match[str], size: int) -> int:
    """The place that a leg stands for in an array of this size; below 0 before its start."""
    return int(leg["place"]) if leg["place"] is not None else size - 1 - int(leg["back"] or 0)


def _target(tree: Any, legs: list[re.Match[str]]) -> tuple[Any, Any]:
    """The container and the name or place in it that a path leads to; they are there."""
    holder: Any = None
    place: Any = None
    node = tree
    for leg in legs:
        holder, place = node, _member(leg)
        if place is None and isinstance(node, list):
            place = _place(leg, len(node))
            if not 0 <= place < len(node):
                raise ValueError(_MISFIT)
        elif place is None or not isinstance(node, dict) or place not in node:
            raise ValueError(_MISFIT)
        node = holder[place]
    if holder is None:
        raise ValueError(_MISFIT)  # the whole document is no part of it
    return holder, place


def _insert(tree: Any, legs: list[re.Match[str]], value: Any, extended: dict[int, dict[str, Any]]) -> None:
    node = tree
    if len(legs) > 1:
        holder, place = _target(tree, legs[:-1])
        node = holder[place]
    name = _member(legs[-1])
    if name is not None and isinstance(node, dict) and name not in node:
        node[name] = value
        extended[id(node)] = node
    elif name is None and isinstance(node, list):
        node.insert(min(max(_place(legs[-1], len(node)), 0), len(node)), value)
    else:
        raise ValueError(_MISFIT)


def _order(member: tuple[str, Any]) -> tuple[int, bytes]:
    """MySQL's order of an object's members."""
    name = member[0].encode()
    return len(name), name


def _write(node: Any, parts: list[str], depth: int = 0) -> None:
    if isinstance(node, _Number):
        parts.append(node)
    elif isinstance(node, str):
        parts.append(quoted(node))
    elif isinstance(node, (dict, list)):
        if depth > MAX_DEPTH:
            raise ValueError("a JSON document is nested too deeply")
        if isinstance(node, dict):
            separator = "{"
            for name, value in node.items():
                parts.append(f"{separator}{quoted(name)}: ")
                _write(value, parts, depth + 1)
                separator = ", "
            parts.append("}" if node else "{}")
        else:
            separator = "["
            for value in node:
                parts.append(separator)
                _write(value, parts, depth + 1)
                separator = ", "
            parts.append("]" if node else "[]")
    else:
        parts.append(_LITERALS[node])
