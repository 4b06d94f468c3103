"""Functions and operators, by the lines of the tables that name them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sqlglot import exp

from tailrace.conversion.catalog import Dialect
from tailrace.conversion.expressions.comparisons import compare_texts
from tailrace.conversion.expressions.kinds import NUMBERS, Comparison, stored
from tailrace.conversion.expressions.logic import together, trimmed, unite
from tailrace.conversion.expressions.piece import Piece, loosest, of
from tailrace.conversion.expressions.refusal import RefusalError
from tailrace.conversion.expressions.writer import Writer, writes
from tailrace.conversion.outcome import Grade
from tailrace.conversion.rules import FunctionRule
from tailrace.schema import Kind, Type

_PLACE = re.compile(r"(?P<before>[(,]\s*)?\{(?P<what>[a-z0-9]+)(?::(?P<between>[^}]*))?\}(?=(?P<after>\s*[,)])?)")
_WORD = re.compile(r"\w+|CASE .* END|'[^']*'")
_COMPUTED = frozenset({"negative", "abs"})
_CALLED = re.compile(r"\w+\(")
_GROUPS = {
    "number": NUMBERS,
    "exact": NUMBERS - {Kind.FLOAT},
    "whole": frozenset({Kind.INTEGER, Kind.YEAR}),
    "moment": frozenset({Kind.DATE, Kind.TIMESTAMP}),
    "text": frozenset({Kind.TEXT, Kind.ENUM}),
    "integer": frozenset({Kind.INTEGER, Kind.YEAR}),
}


def call(
    writer: Writer, name: str, pieces: Sequence[Piece], extra: Mapping[str, str] | None = None, shown: str = ""
) -> Piece:
    """A function or operator in the target's words.

    Args:
        name: as the tables have it, in lower case.
        extra: what a template may name besides the arguments; `called` is the last word of the name, in capitals.
        shown: as a person knows it, where `name` is ours.

    Raises:
        RefusalError: no line is for it, or a line says that it is left to a person.
    """
    if name in ("negative", "abs"):
        refuse_single(writer, *pieces)
    if name == "cast text" and any(piece.kind is Kind.DECIMAL and piece.type is None for piece in pieces):
        _refuse_places(writer)
    if writer.source.mysql_like and any(map(_rounded, pieces)):
        raise RefusalError("float-digits", f"{shown or name} of a FLOAT(m,d), which the source rounds to its places")
    if writer.source.mysql_like and writer.target is Dialect.POSTGRESQL:
        pieces = [_widened(piece, name in _COMPUTED) for piece in pieces]
    lines = writer.rules.functions(writer.source, writer.target, name)
    if not lines:
        what = shown or f"{name}()"
        raise RefusalError("unknown-function", f"{what} has no counterpart that is known to mean the same")
    for line in lines:
        arguments = _fitting(writer, line, pieces)
        if arguments is not None:
            return _made(writer, line, arguments, {"called": name.rpartition(" ")[2].upper(), **(extra or {})})
    kinds = ", ".join(_described(piece) for piece in pieces) or "nothing"
    raise RefusalError("other-arguments", f"{shown or name} of {kinds} does not surely mean the same in the target")


def _rounded(piece: Piece) -> bool:
    return piece.kind is Kind.FLOAT and piece.type is not None and "," in piece.type.name


def _widened(piece: Piece, computed: bool) -> Piece:
    """A whole number that the target keeps as a decimal, since no other type of it has so many bits; a FLOAT, with
    which MySQL computes as with a double."""
    if computed and piece.kind is Kind.FLOAT and piece.plain_column and piece.type and piece.type.size == 32:
        return piece.become(f"CAST({piece.sql} AS double precision)")
    return replace(piece, kind=Kind.DECIMAL) if piece.kind is Kind.INTEGER and piece.made is Kind.DECIMAL else piece


def _refuse_places(writer: Writer) -> None:
    if not writer.source.mysql_like and writer.source is not writer.target:
        raise RefusalError("types-differ", "a computed decimal is put into a text, of which systems write more places")


def refuse_single(writer: Writer, *pieces: Piece) -> None:
    """
    Raises:
        RefusalError: PostgreSQL computes with 32 bits, and others with the digits that those have in 64.
    """
    if writer.source is Dialect.POSTGRESQL and any(
        piece.type is not None and piece.type.size == 32 and piece.kind is Kind.FLOAT for piece in pieces
    ):
        raise RefusalError("types-differ", "real numbers of 32 bits, which other systems compute with more digits")


def known(writer: Writer, name: str) -> bool:
    return bool(writer.rules.functions(writer.source, writer.target, name))


def _described(piece: Piece) -> str:
    kind = "NULL" if piece.kind is None else str(piece.kind)
    kept = " (kept as text)" if piece.made is Kind.TEXT and piece.kind not in (Kind.TEXT, Kind.ENUM, None) else ""
    return kind + kept


def _fitting(writer: Writer, line: FunctionRule, pieces: Sequence[Piece]) -> list[Piece] | None:
    words = list(line.takes)
    if words[-1:] == ["..."]:
        words = words[:-1]
        words += [words[-1]] * (len(pieces) - len(words))
    if len(words) != len(pieces):
        return None
    arguments = []
    for word, piece in zip(words, pieces, strict=True):
        fitting = _fit(writer, word, piece)
        if fitting is None:
            return None
        arguments.append(fitting)
    alike = [index for index, word in enumerate(words) if word == "same"]
    if alike:
        try:
            for index, piece in zip(alike, together(writer, [arguments[i] for i in alike]), strict=True):
                arguments[index] = piece
        except RefusalError:
            return None
    return arguments


def _fit(writer: Writer, word: str, piece: Piece) -> Piece | None:
    """The argument as a line takes it; None: it is not for it."""
    if word.startswith("="):
        return piece if piece.constant is not None and piece.constant.lower() == word[1:] else None
    number = piece.number
    match word:
        case "any" | "same":
            return piece
        case "literal":
            return piece if piece.quoted and piece.constant else None
        case "char":
            return piece if piece.quoted and piece.constant is not None and len(piece.constant) == 1 else None
        case "count":
            return piece if number is not None and number >= 0 else None
        case "positive":
            return piece if number is not None and number >= 1 else None
        case "nonzero":
            return piece if number else None
        case "unpadded":
            return None if piece.padded or piece.kind not in _GROUPS["text"] or not _natural(piece) else piece
        case "not null":
            return None if piece.nullable or piece.kind not in _GROUPS["text"] or not _natural(piece) else piece
        case "condition":
            try:
                return writer.truth(piece)
            except RefusalError:
                return None
    piece = trimmed(writer, piece)
    if piece.kind is Kind.BOOLEAN and word != "boolean" and writer.source.mysql_like:
        piece = writer.number(piece)
    kinds = _GROUPS.get(word) or frozenset({Kind(word)})
    if piece.kind not in kinds:
        return None
    if piece.quoted and piece.kind is not Kind.TEXT:
        return piece
    return piece if _natural(piece) else None


def _natural(piece: Piece) -> bool:
    """Stored so that the target's functions for its kind act on it."""
    if piece.kind in NUMBERS:
        return piece.made in NUMBERS
    if piece.kind in (Kind.TEXT, Kind.ENUM):
        return piece.made in (Kind.TEXT, Kind.ENUM)
    return piece.made is piece.kind or piece.kind in (Kind.TIMESTAMPTZ, Kind.UUID)


def _made(writer: Writer, line: FunctionRule, arguments: list[Piece], extra: Mapping[str, str]) -> Piece:
    if line.by_hand:
        raise RefusalError(line.code or "by-hand", line.by_hand, line.proposal)
    if line.compares:
        compare_texts(writer, *(piece for piece in arguments if piece.kind in (Kind.TEXT, Kind.ENUM)))
    if writer.like and line.gives == "integer":
        _said_of_search([piece for piece in arguments if piece.kind in (Kind.TEXT, Kind.ENUM)], writer)
    if line.changed:
        writer.say(line.code or "changed", line.changed, line.proposal or "see whether it matters", Grade.CHANGED)
    sql = _filled(line.become, arguments, extra)
    atom = one_call(sql) or (line.become == "{1}" and arguments[0].atom)
    whole = of(sql, Kind.TEXT, *arguments, atom=atom)
    if line.gives == "all":
        model = unite(arguments)
        single = model.type if model.kind is Kind.FLOAT else None
        whole = replace(whole, kind=model.kind, made=model.made, padded=model.padded, zeros=model.zeros, type=single)
    elif line.gives.isdigit():
        model = arguments[int(line.gives) - 1]
        kind = Kind.TEXT if model.kind is Kind.ENUM else model.kind
        whole = replace(
            whole,
            kind=kind,
            made=Kind.TEXT if model.made is Kind.ENUM else model.made,
            charset=model.charset,
            zeros=model.zeros,
        )
    else:
        gives = Kind(line.gives)
        kept = stored(Type(gives), writer.source, writer.target) if gives in (Kind.TIMESTAMPTZ, Kind.UUID) else gives
        whole = replace(whole, kind=gives, made=kept)
    if line.nullable != "any":
        whole = replace(whole, nullable=line.nullable == "always")
    return whole if line.steady else replace(whole, steady=False)


def _said_of_search(texts: Sequence[Piece], writer: Writer) -> None:
    """LOCATE, INSTR, POSITION: one text within another."""
    if len(texts) > 1 and loosest(*texts) is Comparison.FOLDS:
        writer.say(
            "text-search",
            "MySQL finds a letter in one with another accent, MariaDB only where both have as many bytes",
            "see whether texts have letters other than A to Z",
        )


def one_call(sql: str) -> bool:
    """A word, or a call with nothing after its closing parenthesis."""
    start = _CALLED.match(sql)
    if start is None:
        return bool(_WORD.fullmatch(sql))
    depth, quote = 0, ""
    for place, letter in enumerate(sql):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"`":
            quote = letter
        elif letter in "()":
            depth += 1 if letter == "(" else -1
            if depth == 0:
                return place == len(sql) - 1
    return False


def _filled(template: str, arguments: Sequence[Piece], extra: Mapping[str, str]) -> str:
    def put(match: re.Match[str]) -> str:
        what, between = match["what"], match["between"]
        before = match["before"] or ""
        alone = bool(match["before"]) and match["after"] is not None
        if what == "all":
            joined = (piece.sql if between is None else piece.wrapped for piece in arguments)
            return before + (between if between is not None else ", ").join(joined)
        if what in extra:
            return before + extra[what]
        piece = arguments[int(what) - 1]
        return before + (piece.sql if alone else piece.wrapped)

    return _PLACE.sub(put, template)


@writes(exp.Anonymous, parts=("this", "expressions"))
def _function(writer: Writer, node: exp.Expr) -> Piece:
    name = node.this if isinstance(node.this, str) else node.name
    return named(writer, name.lower(), list(node.expressions))


def named(writer: Writer, name: str, nodes: list[exp.Expr]) -> Piece:
    handler = SPECIAL.get(name)
    if handler is not None:
        made = handler(writer, nodes)
        if made is not None:
            return made
    if any(isinstance(node, (exp.Distinct, exp.Star, exp.Order, exp.Kwarg, exp.PropertyEQ)) for node in nodes):
        raise RefusalError("unknown-construct", f"{name}() with words of its own in it")
    return call(writer, name, writer.values(nodes))


Special = Callable[[Writer, list[exp.Expr]], Piece | None]
#: Functions whose arguments are not all values; None: as any other.
SPECIAL: dict[str, Special] = {}


def special(*names: str) -> Callable[[Special], Special]:
    def keep(handler: Special) -> Special:
        for name in names:
            SPECIAL[name] = handler
        return handler

    return keep
