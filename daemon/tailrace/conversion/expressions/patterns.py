"""LIKE and regular expressions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from tailrace.conversion.catalog import Dialect
from tailrace.conversion.expressions import quoting
from tailrace.conversion.expressions.calls import special
from tailrace.conversion.expressions.comparisons import compare_texts
from tailrace.conversion.expressions.kinds import Comparison
from tailrace.conversion.expressions.logic import trimmed
from tailrace.conversion.expressions.piece import Piece, of
from tailrace.conversion.expressions.refusal import RefusalError
from tailrace.conversion.expressions.writer import Writer, writes
from tailrace.schema import Kind

#: What all systems' regular expressions read alike: letters and digits, classes of them, groups, counts, anchors.
_COMMON = re.compile(
    r"\^?(?:[A-Za-z0-9 _@:/,;=<>%#&!~'\"-]|\\[.+*?()\[\]{}|^$/\\-]"
    r"|\[\^?(?:[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9 _@.:/,;=<>%#!*+?(){}$|'\"])+-?\]"
    r"|\((?!\?)|\)|\||(?<![*+?}(|^])(?:[*+?]|\{\d{1,3}(?:,\d{0,3})?\})|\.(?=[*+])?)*\$?"
)

#: What stands in SQL Server's brackets: ranges of letters or digits of ASCII, and letters of their own.
_RANGE = re.compile(r"[A-Z]-[A-Z]|[a-z]-[a-z]|[0-9]-[0-9]|[ -~]")
_CLASS = re.compile(r"(\^?)((?:[A-Z]-[A-Z]|[a-z]-[a-z]|[0-9]-[0-9]|[ -,./:-\]_`{-~A-Za-z0-9](?!-)|-$)+)")


@writes(exp.Like, exp.ILike, parts=("this", "expression", "negate"))
def _like(writer: Writer, node: exp.Expr) -> Piece:
    return like(writer, node, None)


@writes(exp.Escape)
def _escape(writer: Writer, node: exp.Expr) -> Piece:
    inner = node.this
    if not isinstance(inner, (exp.Like, exp.ILike)):
        raise RefusalError("unknown-construct", "ESCAPE beside something other than LIKE")
    letter = writer.value(node.expression)
    if letter.constant is None or len(letter.constant) > 1:
        raise RefusalError("like-escape", "LIKE with an escape of more than one letter")
    return like(writer, inner, letter.constant)


def like(writer: Writer, node: exp.Expr, escape: str | None) -> Piece:
    if isinstance(node.expression, (exp.Any, exp.All, exp.Tuple)):
        raise RefusalError("unknown-construct", "LIKE of a list")
    given, pattern = writer.value(node.this), writer.value(node.expression)
    subject = trimmed(writer, given)
    texts = (Kind.TEXT, Kind.ENUM)
    if subject.kind not in texts or pattern.kind not in texts or subject.made not in texts:
        raise RefusalError("types-differ", f"LIKE of a {subject.kind} and a {pattern.kind}")
    if pattern.constant is None:
        raise RefusalError("like-pattern", "LIKE with a pattern that is no literal")
    if escape is None:
        escape = "\\" if writer.source.mysql_like or writer.source is Dialect.POSTGRESQL else ""
    parts = _parts(pattern.constant, escape, writer.source)
    if given.padded and (parts[-1:] != ["%"] or {"_", "\\ "} & set(parts)):
        raise RefusalError("padded-text", f"LIKE '{pattern.constant}' counts the blanks at a CHAR's end at the source")
    ignoring = isinstance(node, exp.ILike)
    if any(len(part) > 2 for part in parts):
        return _of_classes(writer, node, (subject, pattern), parts)
    if not ignoring:
        compare_texts(writer, subject, pattern)
    elif writer.target is not Dialect.POSTGRESQL:
        writer.say(
            "text-case",
            "the target sets the case of letters aside by its own table (SQLite: of A to Z alone)",
            "see whether texts have letters other than A to Z",
        )
    sql = _written(writer, subject, parts, ignoring)
    if node.args.get("negate"):
        return of(f"NOT ({sql})", Kind.BOOLEAN, subject, pattern, atom=False)
    return of(sql, Kind.BOOLEAN, subject, pattern, atom=False)


def _parts(pattern: str, escape: str, source: Dialect) -> list[str]:
    """Letters, each as itself, and the two that stand for others, as ``%`` and ``_`` alone; a literal one after a
    backslash."""
    parts: list[str] = []
    letters = iter(pattern)
    for letter in letters:
        if escape and letter == escape:
            following = next(letters, None)
            if following is None or following not in ("%", "_", escape):
                raise RefusalError("like-escape", f"the pattern '{pattern}' escapes what need not be escaped")
            parts.append("\\" + following)
        elif letter in "%_":
            parts.append(letter)
        elif letter == "[" and source is Dialect.TSQL:
            parts.append(_class(pattern, letters, escape))
        else:
            parts.append("\\" + letter)
    return parts


def _class(pattern: str, letters: Iterator[str], escape: str) -> str:
    """SQL Server's ``[a-f0-9]``, ``[^x]``, as a regular expression has it; one letter alone (``[%]``) is itself.

    Raises:
        RefusalError: it has no end, or what is in it is not surely read alike.
    """
    inside, end = "", ""
    for end in letters:
        if end == "]":
            break
        inside += end
    if end != "]":
        raise RefusalError("like-class", f"the pattern '{pattern}' has a bracket without an end")
    if not escape and len(inside) == 1 and inside != "^":
        return "\\" + inside
    match = _CLASS.fullmatch(inside)
    if escape or match is None:
        raise RefusalError("like-class", f"the pattern '{pattern}' has a class of letters in brackets")
    pieces = _RANGE.findall(match[2])
    return f"[{match[1]}{''.join(one if len(one) > 1 or one.isalnum() else chr(92) + one for one in pieces)}]"


def _of_classes(writer: Writer, node: exp.Expr, pair: tuple[Piece, Piece], parts: list[str]) -> Piece:
    """A pattern with classes of letters, as PostgreSQL's regular expression."""
    subject, pattern = pair
    if writer.target is not Dialect.POSTGRESQL:
        raise RefusalError("like-class", f"the pattern '{pattern.constant}' has a class of letters in brackets")
    compare_texts(writer, subject, pattern)
    writer.say(
        "like-class",
        "ranges of letters follow the source's collation ([0-9] takes ² and ½ too, [a-z] letters with accents); the "
        "target's take ASCII alone, in capitals or not",
        "see whether texts have other letters there",
    )
    wild = {"%": ".*", "_": "."}
    regex = "".join(wild.get(part) or (part if len(part) > 2 or not part[1].isalnum() else part[1]) for part in parts)
    sql = f"{subject.wrapped} ~* {quoting.text(f'^{regex}$', writer.target)}"
    sql = f"NOT ({sql})" if node.args.get("negate") else sql
    return of(sql, Kind.BOOLEAN, subject, pattern, atom=False)


def _written(writer: Writer, subject: Piece, parts: list[str], ignoring: bool) -> str:
    target = writer.target
    if target is Dialect.SQLITE and not ignoring and subject.compared is not Comparison.FOLDS:
        # Its LIKE ignores the case of A to Z; GLOB does not.
        wild = {"%": "*", "_": "?"}
        glob = "".join(wild.get(part) or (f"[{part[1]}]" if part[1] in "*?[" else part[1]) for part in parts)
        return f"{subject.wrapped} GLOB {quoting.text(glob, target)}"
    escapes = any(part in ("\\%", "\\_", "\\\\") for part in parts)
    plain = "".join(part if part in ("%", "_", "\\%", "\\_", "\\\\") else part[1] for part in parts)
    text = quoting.text(plain, target)
    tail = " ESCAPE '\\'" if escapes and target is Dialect.SQLITE else ""
    if ignoring and target is Dialect.POSTGRESQL:
        return f"{subject.wrapped} ILIKE {text}"
    if ignoring and target.mysql_like:
        return f"LOWER({subject.sql}) LIKE LOWER({text})"
    return f"{subject.wrapped} LIKE {text}{tail}"


@writes(exp.RegexpLike, exp.RegexpILike, parts=("this", "expression", "flag"))
def _regexp(writer: Writer, node: exp.Expr) -> Piece:
    if node.args.get("flag"):
        raise RefusalError("regular-expression", "a regular expression with flags")
    ignoring = isinstance(node, exp.RegexpILike)
    return matches(writer, writer.value(node.this), writer.value(node.expression), ignoring)


def matches(writer: Writer, subject: Piece, pattern: Piece, ignoring: bool) -> Piece:
    """
    Raises:
        RefusalError: the pattern is not one that all systems read alike.
    """
    if subject.padded:
        raise RefusalError("padded-text", "a regular expression sees the blanks at a CHAR's end at the source")
    if subject.kind not in (Kind.TEXT, Kind.ENUM) or subject.made is not Kind.TEXT or pattern.constant is None:
        raise RefusalError("regular-expression", "a regular expression that is no literal, or is applied to no text")
    text = pattern.constant
    if not _COMMON.fullmatch(text):
        raise RefusalError("regular-expression", f"the regular expression '{text}' is not read alike everywhere")
    if writer.target is Dialect.SQLITE:
        raise RefusalError("regular-expression", "SQLite has no regular expressions of its own")
    if writer.source is not Dialect.POSTGRESQL and not writer.like:
        compare_texts(writer, subject, pattern)
        writer.say(
            "line-ends",
            "at the source `$` stands before a line's end at the end of the text too, and `.` for no line's end",
            "see whether texts have line ends in them",
        )
    return of(_matching(writer, subject, text, ignoring), Kind.BOOLEAN, subject, pattern, atom=False)


def _matching(writer: Writer, subject: Piece, text: str, ignoring: bool) -> str:
    target = writer.target
    if target is Dialect.POSTGRESQL:
        return f"{subject.wrapped} {'~*' if ignoring else '~'} {quoting.text(text, target)}"
    if writer.like:
        return f"{subject.wrapped} REGEXP {quoting.text(text, target)}"
    whole = text[:-1] + "\\z" if text.endswith("$") and not text.endswith("\\$") else text
    if target is Dialect.MYSQL:
        return f"REGEXP_LIKE({subject.sql}, {quoting.text(whole, target)}, '{'in' if ignoring else 'cn'}')"
    flags = "(?si)" if ignoring else "(?s-i)"
    return f"{subject.wrapped} REGEXP {quoting.text(flags + whole, target)}"


@special("regexp_like")
def _regexp_like(writer: Writer, nodes: list[exp.Expr]) -> Piece | None:
    if len(nodes) != 2:
        raise RefusalError("regular-expression", "a regular expression with flags")
    return matches(writer, writer.value(nodes[0]), writer.value(nodes[1]), False)


@writes(exp.Collate)
def _collate(writer: Writer, node: exp.Expr) -> Piece:
    raise RefusalError("collation", f"the collation {node.expression.name} is asked for")
