"""Functions whose body is one expression; everything else is a person's."""

from __future__ import annotations

import re
from dataclasses import replace

from tailrace.conversion.catalog import Argument, Catalog, Dialect, ObjectKind, ObjectName, Routine
from tailrace.conversion.expressions import quoting
from tailrace.conversion.expressions.grammar import expression, statement
from tailrace.conversion.expressions.kinds import Comparison, type_of
from tailrace.conversion.expressions.piece import Piece
from tailrace.conversion.expressions.refusal import RefusalError
from tailrace.conversion.expressions.scope import Relation, Scope
from tailrace.conversion.expressions.translator import assigned
from tailrace.conversion.expressions.writer import Writer
from tailrace.conversion.identifiers import styled
from tailrace.conversion.names import Names
from tailrace.conversion.outcome import Complexity
from tailrace.conversion.programs import kept, modes, related
from tailrace.conversion.programs.bodies import Return, effort, steps
from tailrace.conversion.programs.program import Program
from tailrace.conversion.rules import Rules
from tailrace.conversion.tables.verbatim import Verbatim
from tailrace.schema import Kind, Type


def routine(
    given: Routine,
    source: Catalog,
    target: Dialect,
    names: Names,
    rules: Rules,
    verbatim: Verbatim | None = None,
) -> Program:
    """The target's function or procedure.

    Args:
        verbatim: between two PostgreSQL databases, how what is written keeps its meaning.
    """
    name = names.objects.get(given.name)
    try:
        if name is None:
            raise RefusalError("missing-object", f"{given.name} has no name in the target")
        if source.dialect is target:
            if verbatim is not None and (made := kept.moved_routine(given, name, verbatim)) is not None:
                return Program((made,))
            return Program((kept.routine(given, name, names),))
        if source.dialect.mysql_like and target.mysql_like:
            return related.routine(given, name, source, target, names, rules)
        modes.refuse_modes(given.options, given.body)
        return _translated(given, name, source.dialect, target, names, rules)
    except RefusalError as refusal:
        remark = refusal.remark
        complexity = effort(given.definition or given.body)
        if complexity is Complexity.SIMPLE and given.kind is not ObjectKind.FUNCTION:
            complexity = Complexity.MEDIUM
        return Program(remarks=(replace(remark, complexity=complexity),))


def _translated(
    given: Routine, name: ObjectName, source: Dialect, target: Dialect, names: Names, rules: Rules
) -> Program:
    if given.kind is not ObjectKind.FUNCTION:
        raise RefusalError("program", "what a procedure does is not translated", _PROPOSAL)
    if given.returns.lower() == "event_trigger":
        raise RefusalError("trigger-function", "it runs on statements that change the schema", "leave it out")
    if target is Dialect.SQLITE:
        raise RefusalError("program", "SQLite has no functions in SQL", "let the application have it")
    value = _value(given, source)
    writer = Writer(source, target, rules, names, Scope(source, target))
    arguments, pieces = [], {}
    for argument in given.arguments:
        made, piece = _argument(writer, argument)
        arguments.append(made)
        pieces[argument.name.lstrip("@")] = piece
    writer.scope.relations.append(Relation("", pieces))
    gives = type_of(given.returns, source)
    wanted = _typed("", gives)
    result = assigned(writer, writer.value(expression(value, source)), wanted, False)
    sql = result.sql
    if gives.kind is Kind.DECIMAL and target is Dialect.POSTGRESQL and gives.size:
        sql = f"CAST({sql} AS numeric({gives.size},{gives.scale}))"
    returns = _sql_type(gives, source, target)
    function = _written(given, name, tuple(arguments), returns, sql, result.steady, target)
    return Program((function,), writer.remarks)


_PROPOSAL = "write it for the target, or do it in the application"


def _value(given: Routine, source: Dialect) -> str:
    """The expression that it gives back.

    Raises:
        RefusalError: it does more than that.
    """
    if source is Dialect.POSTGRESQL and given.language == "sql":
        text = given.body.strip().rstrip(";")
        match = re.fullmatch(r"(?:SELECT|RETURN)\s+(.*)", text, re.IGNORECASE | re.DOTALL)
        if match is None:
            raise RefusalError("program", "its body is more than one expression", _PROPOSAL)
        statement(f"SELECT {match[1]}", source)
        return match[1]
    if source is Dialect.POSTGRESQL and given.language != "plpgsql":
        raise RefusalError("program", f"it is written in {given.language}", _PROPOSAL)
    if given.options.get("strict") == "true":
        raise RefusalError("program", "it gives NULL wherever an argument is NULL (STRICT)", _PROPOSAL)
    text = given.body
    if source in (Dialect.ORACLE, Dialect.TSQL):
        text = re.sub(r"^\s*(?:IS|AS)\b", "", text, flags=re.IGNORECASE)
    if source is Dialect.TSQL:
        text = re.sub(r"@(\w+)", r"\1", text)
    found = steps(text, source)
    if len(found) != 1 or not isinstance(found[0], Return):
        raise RefusalError("program", "its body is more than RETURN of an expression", _PROPOSAL)
    return found[0].value


def _argument(writer: Writer, argument: Argument) -> tuple[Argument, Piece]:
    source, target = writer.source, writer.target
    if argument.mode != "IN" or not argument.name or (argument.default and target is not Dialect.POSTGRESQL):
        raise RefusalError("program", f"its argument {argument.name} is not a plain one", _PROPOSAL)
    type_ = type_of(argument.sql_type, source)
    name = styled(argument.name.lstrip("@"), source, target)
    sql = quoting.identifier(name, target)
    folds = source.mysql_like or source is Dialect.TSQL
    piece = replace(_typed(sql, type_), compared=Comparison.FOLDS if folds else Comparison.EXACT)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise RefusalError("program", f"its argument {name} has no simple name", _PROPOSAL)
    made = _sql_type(type_, source, target)
    if type_.kind is Kind.DECIMAL and type_.size and target is Dialect.POSTGRESQL:
        piece = replace(piece, sql=f"CAST({sql} AS numeric({type_.size},{type_.scale}))")
    if source is Dialect.POSTGRESQL and type_.kind is Kind.DECIMAL:
        raise RefusalError("program", "an argument without a precision, which numeric has in a function", _PROPOSAL)
    if type_.kind is Kind.TEXT and type_.size and target is Dialect.POSTGRESQL:
        writer.say(
            "argument-length",
            f"the source takes at most {type_.size} characters for {name}; PostgreSQL takes any text",
            "see whether callers rely on the limit",
        )
    default = argument.default
    if default:
        value = writer.value(expression(default, source))
        if value.constant is None and value.kind is not None:
            raise RefusalError("program", f"the default of its argument {name} is no literal", _PROPOSAL)
        default = assigned(writer, value, piece, True).sql
    return replace(argument, name=name, sql_type=made, default=default), piece


def _typed(sql: str, type_: Type) -> Piece:
    return Piece(sql, type_.kind, type_.kind, type_, compared=Comparison.EXACT, charset="utf8mb4")


_POSTGRES_TYPES = {
    Kind.TEXT: "text",
    Kind.DATE: "date",
    Kind.TIMESTAMP: "timestamp without time zone",
    Kind.FLOAT: "double precision",
    Kind.BOOLEAN: "boolean",
}
_MYSQL_TYPES = {Kind.DATE: "date", Kind.TIMESTAMP: "datetime(6)", Kind.FLOAT: "double", Kind.BOOLEAN: "tinyint(1)"}


def _sql_type(type_: Type, source: Dialect, target: Dialect) -> str:
    """
    Raises:
        RefusalError: values of it are not surely the same in the target.
    """
    kind = type_.kind
    if kind is Kind.INTEGER and not type_.unsigned:
        if target.mysql_like:
            return "int" if type_.size <= 32 else "bigint"
        return {8: "smallint", 16: "smallint"}.get(type_.size, "integer" if type_.size <= 32 else "bigint")
    if kind is Kind.DECIMAL and type_.size:
        return f"{'numeric' if target is Dialect.POSTGRESQL else 'decimal'}({type_.size},{type_.scale})"
    if kind is Kind.DECIMAL and source is Dialect.ORACLE and target is Dialect.POSTGRESQL:
        return "numeric"
    if kind is Kind.TEXT and not type_.fixed:
        if target.mysql_like:
            return f"varchar({type_.size})" if 0 < type_.size <= 16_000 else "longtext"
        return "text"
    if kind is Kind.FLOAT and type_.size != 64:
        raise RefusalError("program", f"the type {type_.name} of an argument or of what it gives", _PROPOSAL)
    known = _POSTGRES_TYPES if target is Dialect.POSTGRESQL else _MYSQL_TYPES
    if kind not in known or kind is Kind.TEXT:
        raise RefusalError("program", f"the type {type_.name} of an argument or of what it gives", _PROPOSAL)
    return known[kind]


def _written(
    given: Routine,
    name: ObjectName,
    arguments: tuple[Argument, ...],
    returns: str,
    sql: str,
    steady: bool,
    target: Dialect,
) -> Routine:
    listed = ", ".join(
        f"{quoting.identifier(a.name, target)} {a.sql_type}{f' DEFAULT {a.default}' if a.default else ''}"
        for a in arguments
    )
    head = f"CREATE FUNCTION {quoting.qualified(name, target)}({listed})"
    if target is Dialect.POSTGRESQL:
        body = f"\n    SELECT {sql}\n"
        words = "IMMUTABLE" if steady else "VOLATILE"
        definition = f"{head}\n RETURNS {returns}\n LANGUAGE sql\n {words}\nAS $function${body}$function$"
        return Routine(
            name, ObjectKind.FUNCTION, arguments, returns, "sql", body, definition, {"volatility": words.lower()}
        )
    body = f"RETURN {sql}"
    said = {"data": "no sql", **({"deterministic": "yes"} if steady else {})}
    words = "    NO SQL\n" + ("    DETERMINISTIC\n" if steady else "")
    definition = f"{head} RETURNS {returns}\n{words}{body}"
    return Routine(name, ObjectKind.FUNCTION, arguments, returns, "sql", body, definition, said)
