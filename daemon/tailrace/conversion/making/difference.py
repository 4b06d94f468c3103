"""Two catalogs of one dialect compared: what one lacks, what it has besides, and what is there in another form.

SQL is compared as text. So both must be in the words in which the server keeps it: what `SchemaTarget.read` gives, and
what `SchemaTarget.canonical` makes of a catalog that is meant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tailrace.conversion.catalog import Catalog, ObjectKind, ObjectName
from tailrace.conversion.making.definition import Definition, Key, definitions

#: The respect in which numbering is behind.
NEXT = "next value"


class State(StrEnum):
    MISSING = "missing"
    EXTRA = "extra"
    DIFFERENT = "different"
    RENAMED = "under another name"  # the same in all but its name


@dataclass(frozen=True, slots=True)
class Detail:
    """One respect in which an object differs; ``""``: there is none."""

    what: str
    wanted: str
    found: str


@dataclass(frozen=True, slots=True)
class Difference:
    kind: ObjectKind
    name: ObjectName
    member: str
    state: State
    details: tuple[Detail, ...] = ()

    @property
    def key(self) -> Key:
        return self.kind, self.name, self.member

    @property
    def where(self) -> str:
        separator = "" if self.member.startswith("(") or not self.member else "."
        return f"{self.name}{separator}{self.member}"

    @property
    def counts(self) -> bool:
        """Whether the two are not the same by it. What stands by itself and was not wanted is somebody else's."""
        return self.state is not State.RENAMED and not (self.state is State.EXTRA and stands(self.key))

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "name": str(self.name),
            "member": self.member,
            "state": self.state,
            "details": [{"what": d.what, "wanted": d.wanted, "found": d.found} for d in self.details],
        }


def differences(wanted: Catalog, found: Catalog, counters: bool = False) -> list[Difference]:
    """In the order of `wanted`; what is only in `found` comes last.

    Args:
        counters: numbering of `found` must not be behind that of `wanted`.
    """
    want, have = definitions(wanted), definitions(found)
    renamed = _renamed(want, have)
    result: list[Difference] = []
    for key, definition in want.items():
        other = have.get(key)
        if key in renamed:
            result.append(Difference(*key, State.RENAMED, (Detail("name", key[2], renamed[key][2]),)))
        elif other is None:
            if not (key[0] is ObjectKind.SCHEMA and key[1].name == found.default_schema):
                result.append(Difference(*key, State.MISSING))
        elif details := tuple(_details(definition, other, counters)):
            result.append(Difference(*key, State.DIFFERENT, details))
    taken = set(renamed.values())
    tables = {name for _, name, member in want if not member}
    extra = [key for key in have if key not in want and key not in taken and key[0] is not ObjectKind.SCHEMA]
    # A member of what was not wanted is not told by itself.
    result += [Difference(*key, State.EXTRA) for key in extra if stands(key) or key[1] in tables]
    return result


def stands(key: Key) -> bool:
    """By itself, and not in a table or view."""
    kind, _, member = key
    if kind in (ObjectKind.FUNCTION, ObjectKind.PROCEDURE):
        return True
    return not member and kind not in (ObjectKind.COMMENT, ObjectKind.PARTITION)


def _details(wanted: Definition, found: Definition, counters: bool) -> Iterator[Detail]:
    for what in dict.fromkeys((*wanted.said, *found.said)):
        one, other = wanted.said.get(what, ""), found.said.get(what, "")
        if one != other:
            yield Detail(what, one, other)
    if counters and wanted.next is not None and found.next is not None:
        behind = found.next < wanted.next if wanted.step > 0 else found.next > wanted.next
        if behind:
            yield Detail(NEXT, str(wanted.next), str(found.next))


def _renamed(want: Mapping[Key, Definition], have: Mapping[Key, Definition]) -> dict[Key, Key]:
    """Members of one table that are the same but for their names, by the wanted one."""
    lonely: dict[tuple[ObjectKind, ObjectName], list[Key]] = defaultdict(list)
    for key in have:
        if key not in want and key[2]:
            lonely[key[:2]].append(key)
    pairs: dict[Key, Key] = {}
    for key, definition in want.items():
        if key in have or not key[2] or not definition.renamable:
            continue
        for other in lonely[key[:2]]:
            if have[other].said == definition.said:
                pairs[key] = other
                lonely[key[:2]].remove(other)
                break
    return pairs
