"""Schemas, comments on other things, and all that has no form of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from tailrace.conversion.catalog import Comment, Dialect, ObjectKind, ObjectName, Other, Routine, signature
from tailrace.conversion.expressions.refusal import RefusalError
from tailrace.conversion.outcome import Complexity, Grade
from tailrace.conversion.programs import related
from tailrace.conversion.tables.verbatim import named_in
from tailrace.conversion.work import Work

_PLANNING = re.compile(r"(CREATE|ALTER) STATISTICS |ALTER SEQUENCE \S.* SET UNLOGGED$")
_KEYS = (ObjectKind.PRIMARY_KEY, ObjectKind.UNIQUE)
#: Whether a trigger or a rule is on, and when.
_ACTS_ON = re.compile(r"^ALTER TABLE .* (?:ENABLE|DISABLE)(?: REPLICA| ALWAYS)? (TRIGGER|RULE) (\S.*)$")
#: One decision for all of them.
_ALIKE = (ObjectKind.GRANT, ObjectKind.SYNONYM)
_PROPOSALS: dict[ObjectKind, tuple[str, Complexity]] = {
    ObjectKind.EXTENSION: ("see what of it is used, and whether the target has it", Complexity.MEDIUM),
    ObjectKind.TYPE: ("make columns of its parts, or a JSON document", Complexity.MEDIUM),
    ObjectKind.EXCLUSION: ("write triggers, or check in the application", Complexity.SIGNIFICANT),
    ObjectKind.PACKAGE: ("make a schema of it, with a function for each of its own", Complexity.SIGNIFICANT),
    ObjectKind.EVENT: ("run it by cron, or by pg_cron", Complexity.SIMPLE),
    ObjectKind.SYNONYM: ("put the schema into search_path, or make a view", Complexity.SIMPLE),
    ObjectKind.POLICY: ("filter in views, or in the application", Complexity.MEDIUM),
    ObjectKind.GRANT: ("make the role in the target, and grant it there", Complexity.SIMPLE),
}


def converted_schemas(work: Work) -> tuple[str, ...]:
    """The target's schemas that are to be made."""
    found: dict[str, None] = {}
    stay = {name.schema for name in work.verbatim.types} if work.verbatim is not None else set()
    chosen = {name.schema for name in work.names.objects}
    joined = len({schema for schema in work.source.schemas if schema in chosen}) > 1
    for schema in work.source.schemas:
        name = ObjectName("", schema)
        targets = {new.schema for old, new in work.names.objects.items() if old.schema == schema}
        targets |= {schema} & stay
        if not targets:
            reason = "nothing of it is selected"
            work.ledger.say(ObjectKind.SCHEMA, name, "", "not-selected", Grade.AUTOMATIC, reason, "nothing")
            work.ledger.gone(ObjectKind.SCHEMA, name, "")
            continue
        own = sorted(target for target in targets if target != work.names.schema)
        work.ledger.made(ObjectKind.SCHEMA, name, "", own[0] if own else work.names.schema or "(the target's own)")
        found.update(dict.fromkeys(own))
        if joined and work.names.schema in targets:
            reason = f"with others it becomes {work.names.schema or 'one place'}: names stand without it"
            fix = "see that no two roles, nor two applications, need them apart"
            work.ledger.say(ObjectKind.SCHEMA, name, "", "schemas-joined", Grade.CHANGED, reason, fix)
    if work.names.schema:
        found.setdefault(work.names.schema)
    return tuple(found)


#: Characters that MySQL keeps of a comment: of a column or index, and of a table.
COLUMN_COMMENT, TABLE_COMMENT = 1024, 2048


def fitting_comment(work: Work, name: ObjectName, member: str, text: str, limit: int) -> str:
    """A comment as long as MySQL keeps it."""
    if not work.dialect.mysql_like or len(text) <= limit:
        return text
    reason = f"it has {len(text)} characters, of which the target keeps {limit}"
    work.ledger.say(ObjectKind.COMMENT, name, member, "comment-length", Grade.CHANGED, reason, "keep this report")
    return text[:limit]


def converted_comments(work: Work, others: list[Other]) -> list[Comment]:
    """
    Args:
        others: those of the target that are kept.
    """
    found = []
    for comment in work.source.comments:
        member = f"{comment.kind} {comment.member}".strip()
        made = _comment(work, comment) or _of_verbatim(work, comment)
        if made is None:
            reason = "the target has no such comments, or not what it is on"
            work.ledger.say(
                ObjectKind.COMMENT, comment.name, member, "comment", Grade.CHANGED, reason, "keep this report"
            )
            work.ledger.gone(ObjectKind.COMMENT, comment.name, member)
            continue
        made = replace(made, text=fitting_comment(work, comment.name, member, made.text, COLUMN_COMMENT))
        work.ledger.made(ObjectKind.COMMENT, comment.name, member, str(made.name))
        found.append(made)
    return found


def _of_verbatim(work: Work, comment: Comment) -> Comment | None:
    """On what PostgreSQL keeps as it is written, and on parts of partitions and views."""
    if work.verbatim is None:
        return None
    kind, name, member, ledger = comment.kind, comment.name, comment.member, work.ledger
    root = work.verbatim.roots.get(name)
    holder = root or name
    there = work.verbatim.target_of(name) or (name if name in work.verbatim.types else None)
    if kind is ObjectKind.EXTENSION:
        return comment if ledger.target_of(kind, name) else None
    if kind is ObjectKind.OTHER and member in ("statistics", "collation"):
        made = any(
            ledger.target_of(kind, other.table or other.name, name.name if other.table else "")
            for other in work.source.others
            if other.name == name
        )
        return replace(comment, name=there) if made and there is not None else None
    if there is None:
        return None
    if kind is ObjectKind.COLUMN:
        made = root is not None or name in work.verbatim.types or _view_made(work, name)
    elif kind is ObjectKind.PARTITION:
        made = root is not None
    elif kind is ObjectKind.CHECK and ledger.target_of(ObjectKind.DOMAIN, name):
        made = True
    elif kind is ObjectKind.TYPE:
        made = name in work.verbatim.types
    else:
        own = member.removeprefix("rule ") if kind is ObjectKind.OTHER else member
        names = (own, f"{name.name} {own}")
        places = [(place, one) for one in names for place in (name, holder)]
        places += [(ObjectName(name.schema, one), "") for one in names]  # what belongs to a view stands by itself
        made = any(ledger.target_of(kind, *place) for place in places)
    return replace(comment, name=there) if made else None


def _view_made(work: Work, name: ObjectName) -> bool:
    return any(work.ledger.target_of(kind, name) for kind in (ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW))


def _comment(work: Work, comment: Comment) -> Comment | None:
    name = work.names.objects.get(comment.name)
    if work.dialect is Dialect.SQLITE:
        return None
    if work.dialect.mysql_like and comment.kind is not ObjectKind.INDEX:
        # Of tables, columns, indexes and routines alone; a routine's stands in its options.
        return None
    if not comment.member:
        target = work.ledger.target_of(comment.kind, comment.name)
        if comment.kind is ObjectKind.SCHEMA:
            schema = work.ledger.target_of(ObjectKind.SCHEMA, ObjectName("", comment.name.name))
            return replace(comment, name=ObjectName("", schema)) if schema and "(" not in schema else None
        return replace(comment, name=name) if target and name is not None else None
    target = work.ledger.target_of(comment.kind, comment.name, comment.member)
    if not target and comment.kind in (ObjectKind.PRIMARY_KEY, ObjectKind.UNIQUE, ObjectKind.INDEX):
        for kind in (ObjectKind.PRIMARY_KEY, ObjectKind.UNIQUE, ObjectKind.INDEX):
            target = target or work.ledger.target_of(kind, comment.name, comment.member)
    if not target or name is None:
        return None
    if comment.kind is ObjectKind.TRIGGER:
        target = target.removeprefix(f"{name.schema}.") if name.schema else target
    if comment.kind in (ObjectKind.FUNCTION, ObjectKind.PROCEDURE):
        # Its member is what goes in, by which routines of one name are told apart.
        made = [one for one in work.programs if isinstance(one, Routine) and one.name == name]
        same = [one for one in made if work.alike and signature(one) == comment.member]
        made = same or made
        if len(made) != 1:
            return None
        target = signature(made[0])
    return replace(comment, name=name, member=target)


def converted_others(work: Work) -> list[Other]:
    found: list[Other] = []
    lost: set[ObjectName] = set()
    for other in sorted(work.source.others, key=_first):
        member = other.name.name if other.table else ""
        holder = other.table or other.name
        if other.table is not None and other.table not in work.names.objects:
            reason = f"its table {other.table} is not in the target"
            work.ledger.say(other.kind, holder, member, "left-out", Grade.AUTOMATIC, reason, "nothing")
            work.ledger.gone(other.kind, holder, member)
            continue
        if other.kind is ObjectKind.EVENT and work.related and work.dialect.mysql_like and not other.reason:
            found += _event(work, other)
            continue
        if work.verbatim is None and _PLANNING.match(other.definition):
            reason = "it is about how the source plans and stores, and means nothing there"
            work.ledger.say(other.kind, holder, member, "left-out", Grade.AUTOMATIC, reason, "nothing")
            work.ledger.gone(other.kind, holder, member)
            continue
        kept = work.verbatim.kept(other) if work.verbatim is not None else _not_converted(other)
        if isinstance(kept, Other) and (missing := _without(work, other, found, lost)):
            kept = f"{missing} is not in the target"
        if isinstance(kept, Other):
            found.append(kept)
            work.ledger.made(other.kind, holder, member, kept.name.name if kept.table else str(kept.name))
            continue
        if other.kind in _KEYS and other.table is not None:
            lost.add(other.table)
        proposal, complexity = _PROPOSALS.get(other.kind, ("write it for the target", Complexity.MEDIUM))
        code = "other" if other.kind is ObjectKind.OTHER else str(other.kind).replace(" ", "-")
        alike, definition = other.kind in _ALIKE, other.definition
        work.ledger.by_hand(
            other.kind, holder, member, code, kept, proposal, complexity, original=definition, repeats=alike
        )
    return found


def _event(work: Work, given: Other) -> list[Other]:
    """MySQL's or MariaDB's, where both surely do the same."""
    if given.name.schema not in {name.schema for name in work.names.objects}:
        reason = f"nothing of {given.name.schema} is selected"
        work.ledger.say(given.kind, given.name, "", "not-selected", Grade.AUTOMATIC, reason, "nothing")
        work.ledger.gone(given.kind, given.name, "")
        return []
    try:
        made, remarks = related.event(given, work.source, work.dialect, work.names, work.rules)
    except RefusalError as refusal:
        remark = refusal.remark
        complexity = remark.complexity or Complexity.SIMPLE
        work.ledger.by_hand(
            given.kind,
            given.name,
            "",
            remark.code,
            remark.reason,
            "make it after cut-over",
            complexity,
            original=given.definition,
        )
        return []
    name = ObjectName(work.names.schema, given.name.name)
    say_definer(work, given.kind, given.name, "", given.options)
    work.ledger.remarks(given.kind, given.name, "", remarks, given.definition)
    reason = "it runs from cut-over on, where the target's event_scheduler is ON"
    work.ledger.say(given.kind, given.name, "", "event", Grade.AUTOMATIC, reason, "SET GLOBAL event_scheduler = ON")
    work.ledger.made(given.kind, given.name, "", str(name))
    return [replace(made, name=name)]


def say_definer(work: Work, kind: ObjectKind, name: ObjectName, member: str, options: Mapping[str, str]) -> None:
    """Whose privileges a program runs with, which is a user of the source's server."""
    definer = options.get("definer")
    if not definer or not work.dialect.mysql_like:
        return
    runs = "runs with the caller's privileges" if options.get("security") == "invoker" else "runs with its privileges"
    reason = f"{definer} made it, and it {runs}; there it is of the user who makes it"
    proposal = "apply the schema as the user whose privileges it shall have"
    work.ledger.say(kind, name, member, "definer", Grade.AUTOMATIC, reason, proposal)


def _first(other: Other) -> bool:
    """Keys, and what others act on, come before those."""
    return other.kind is ObjectKind.FOREIGN_KEY or _ACTS_ON.search(other.definition) is not None


def _without(work: Work, other: Other, found: list[Other], lost: set[ObjectName]) -> str:
    """What a definition acts on, or refers to, and the target does not get; "" nothing.

    Args:
        found: of the target, so far.
        lost: tables of which a key is left to a person.
    """
    if other.kind is ObjectKind.FOREIGN_KEY and (tables := named_in(other.definition) & lost):
        return f"a key of {min(tables)}"
    if (match := _ACTS_ON.search(other.definition)) is None:
        return ""
    name = match[2].strip('"').replace('""', '"')
    if match[1] == "RULE":
        made = any(one.definition.startswith("CREATE RULE") and one.name.name.endswith(name) for one in found)
    else:
        made = any(
            work.ledger.target_of(ObjectKind.TRIGGER, trigger.table, name)
            for trigger in work.source.triggers
            if trigger.name.name == name
        )
    return "" if made else f"its {match[1].lower()} {name}"


def _not_converted(other: Other) -> str:
    what = "it" if other.kind is ObjectKind.OTHER else f"{'an' if other.kind[0] in 'aeiou' else 'a'} {other.kind}"
    return other.reason or f"{what} is not converted"
