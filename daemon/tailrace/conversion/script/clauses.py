"""Pieces that columns, tables, indexes and domains share: constraints' states, keys' parts, actions of foreign keys."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tailrace.conversion.catalog import Check, Counter, Dialect, ForeignKey, ObjectName
from tailrace.conversion.script.tokens import NotUnderstoodError, Reader
from tailrace.structure import Index, Part

#: What a constraint of Oracle's may say of the index behind it, up to one of these.
_STATES = frozenset(
    {
        *("ENABLE", "DISABLE", "VALIDATE", "NOVALIDATE", "RELY", "NORELY", "DEFERRABLE", "INITIALLY", "CONSTRAINT"),
        *("EXCEPTIONS", "NOT", "NULL", "PRIMARY", "UNIQUE", "CHECK", "REFERENCES", "DEFAULT"),
    }
)
#: How an index keeps its entries, which no other system's index has to know.
_STORAGE = frozenset(
    {
        *("TABLESPACE", "PCTFREE", "PCTUSED", "INITRANS", "MAXTRANS", "STORAGE", "LOGGING", "NOLOGGING", "COMPUTE"),
        *("COMPRESS", "NOCOMPRESS", "PARALLEL", "NOPARALLEL", "REVERSE", "ONLINE", "SORT", "NOSORT", "LOCAL", "GLOBAL"),
        *(
            "WITH",
            "ON",
            "FILESTREAM_ON",
            "USING",
            "KEY_BLOCK_SIZE",
            "COMMENT",
            "MONITORING",
            "NOMONITORING",
            "INDEXING",
        ),
        *("FILESTREAM", "ENGINE_ATTRIBUTE", "SECONDARY_ENGINE_ATTRIBUTE", "CLUSTERING"),
    }
)


@dataclass(slots=True)
class State:
    """What stands behind a constraint.

    Attributes:
        storage: of the index behind it, as written.
        remarks: words with a meaning that the catalog has no place for.
    """

    enforced: bool = True
    validated: bool = True
    deferrable: str = ""
    storage: str = ""
    remarks: tuple[str, ...] = ()


def read_state(reader: Reader) -> State:
    """Everything behind a constraint that says when and how it holds; stops at what is none of it."""
    state = State()
    while not reader.done:
        start = reader.at
        if reader.accept("NOT", "DEFERRABLE"):
            pass
        elif reader.accept("DEFERRABLE"):
            state.deferrable = state.deferrable or "deferrable"
        elif reader.accept("INITIALLY", "DEFERRED"):
            state.deferrable = "deferred"
        elif reader.accept("NOT", "VALID"):
            state.validated = False
        elif reader.accept("NOT", "ENFORCED") or reader.accept("DISABLE"):
            state.enforced = False
        elif reader.accept("NOVALIDATE"):
            state.validated = False
        elif reader.accept("NOT", "FOR", "REPLICATION") or reader.accept("NO", "INHERIT"):
            state.remarks += (reader.text(start, reader.at),)
        elif reader.accept("INITIALLY", "IMMEDIATE") or reader.accept_any(
            "ENABLE", "VALIDATE", "RELY", "NORELY", "ENFORCED"
        ):
            pass
        elif reader.accept("EXCEPTIONS", "INTO"):
            reader.object_name("")
        elif reader.accept("USING", "INDEX"):
            state.storage = _behind(reader)
        elif reader.dialect is Dialect.TSQL and reader.sees("WITH"):
            state.storage = _index_options(reader, state)
        elif reader.dialect is Dialect.TSQL and reader.sees("ON") and _places(reader):
            reader.take()
            reader.name()
            reader.skip_parentheses()
            state.storage = f"{state.storage} {reader.text(start, reader.at)}".strip()
        elif reader.dialect is Dialect.POSTGRESQL and reader.accept("WITH"):
            reader.skip_parentheses()
            state.storage = reader.text(start, reader.at)
        elif reader.dialect.mysql_like and reader.accept("USING"):
            reader.take()
        elif reader.dialect.mysql_like and reader.accept_any("KEY_BLOCK_SIZE", "COMMENT"):
            reader.accept("=")
            reader.take()
        else:
            return state
    return state


def _places(reader: Reader) -> bool:
    """ON a file group or a partition scheme, not ON DELETE."""
    return reader.peek().upper not in ("DELETE", "UPDATE", "") or reader.peek().kind == "name"


def _behind(reader: Reader) -> str:
    start = reader.at
    while not reader.done and reader.token.upper not in _STATES and reader.token.upper != ",":
        if reader.sees("("):
            reader.skip_parentheses()
        else:
            reader.take()
    return reader.text(start, reader.at)


def _index_options(reader: Reader, state: State) -> str:
    start = reader.at
    reader.take()
    if reader.sees("("):
        inside = reader.parentheses()
        options = " ".join(token.text.upper() for token in inside.tokens)
        if "IGNORE_DUP_KEY = ON" in options:
            state.remarks += ("IGNORE_DUP_KEY = ON",)
    else:
        reader.take()
        if reader.accept("="):
            reader.take()
    return reader.text(start, reader.at)


def index_parts(reader: Reader) -> tuple[Part, ...]:
    """What is between the parentheses of a key or an index."""
    return tuple(_part(part) for part in reader.parentheses().parts())


def _part(reader: Reader) -> Part:
    column, expression, prefix = "", "", 0
    follows = reader.peek()
    named = reader.token.kind in ("word", "name")
    alone = follows.upper in ("", "ASC", "DESC", "NULLS", "COLLATE")
    # PostgreSQL's operator class stands behind the column.
    alone = alone or (reader.dialect is Dialect.POSTGRESQL and follows.kind in ("word", "name"))
    if reader.dialect.mysql_like and follows.upper == "(" and reader.peek(2).kind == "number" and _ends(reader.peek(4)):
        column = reader.name()
        prefix = Reader(reader.script, reader.parentheses().tokens).integer()
    elif named and alone:
        column = reader.name()
    else:
        expression = _key_expression(reader)
    collation = operators = ""
    if reader.accept("COLLATE"):
        collation = ".".join(part for part in reader.object_name("") if part and part != "pg_catalog")
    operator_start = reader.at
    if not reader.done and reader.token.upper not in ("ASC", "DESC", "NULLS") and reader.token.kind in ("word", "name"):
        reader.object_name("")
        reader.skip_parentheses()
        operators = reader.text(operator_start, reader.at)
    descending = reader.accept_any("ASC", "DESC") == "DESC"
    nulls = None
    if reader.accept("NULLS"):
        nulls = reader.accept_any("FIRST", "LAST") == "FIRST"
    if not reader.done:
        raise NotUnderstoodError(f"a part of an index goes on with {reader.near}")
    return Part(column, expression, prefix, descending, nulls, operators, collation)


def _ends(token: object) -> bool:
    return getattr(token, "upper", "") in ("", "ASC", "DESC")


def unwrapped(reader: Reader) -> str:
    """The text of all that is left, without parentheses around the whole of it."""
    inside = Reader(reader.script, reader.tokens[reader.at :])
    reader.at = len(reader.tokens)
    text = inside.text()
    while inside.sees("("):
        within = inside.parentheses()
        if not inside.done or not within.tokens:
            break
        inside, text = within, within.text()
    return text


def _key_expression(reader: Reader) -> str:
    """An expression of an index, without parentheses around the whole of it."""
    if reader.dialect is Dialect.POSTGRESQL and not reader.sees("("):
        # A call of a function; an operator class may follow.
        start = reader.at
        reader.object_name("")
        reader.parentheses()
        return reader.text(start, reader.at)
    if reader.sees("("):
        start = reader.at
        inside = reader.parentheses()
        operators = reader.dialect is Dialect.POSTGRESQL and reader.token.kind in ("word", "name")
        if reader.done or reader.token.upper in ("ASC", "DESC", "NULLS") or operators:
            return unwrapped(inside)
        reader.at = start
    return reader.expression(frozenset({"ASC", "DESC", "NULLS"}))


def plain_names(parts: tuple[Part, ...]) -> tuple[str, ...]:
    if any(not part.column for part in parts):
        raise NotUnderstoodError("a key holds an expression")
    return tuple(part.column for part in parts)


_ACTIONS = (("NO", "ACTION"), ("SET", "NULL"), ("SET", "DEFAULT"), ("CASCADE",), ("RESTRICT",))


def read_reference(reader: Reader, name: str, columns: tuple[str, ...], schema: str, line: int) -> ForeignKey:
    """From behind REFERENCES on. Without columns the other table's primary key is meant: an empty tuple here."""
    table = reader.object_name(schema)
    referenced = reader.names() if reader.sees("(") else ()
    on_update = on_delete = "NO ACTION"
    set_columns: tuple[str, ...] = ()
    full = False
    while True:
        if reader.accept("MATCH"):
            full = reader.take().upper == "FULL"
        elif reader.accept("ON", "DELETE"):
            on_delete = _action(reader)
            set_columns = reader.names() if reader.sees("(") else ()
        elif reader.accept("ON", "UPDATE"):
            on_update = _action(reader)
        else:
            break
    state = read_state(reader)
    return ForeignKey(
        name,
        columns,
        table,
        referenced,
        on_update,
        on_delete,
        set_columns,
        full,
        state.deferrable,
        state.enforced,
        state.validated,
        line,
    )


def _action(reader: Reader) -> str:
    for words in _ACTIONS:
        if reader.accept(*words):
            return " ".join(words)
    raise NotUnderstoodError(f"an action was expected at {reader.near}")


def read_check(reader: Reader, name: str, line: int) -> tuple[Check, State]:
    """From behind CHECK on."""
    before = read_state(reader)
    expression = unwrapped(reader.parentheses())
    state = read_state(reader)
    state.remarks += before.remarks
    return Check(name, expression, state.enforced, state.validated, line), state


def key_index(reader: Reader, name: str, primary: bool) -> tuple[Index, State]:
    """From behind PRIMARY KEY or UNIQUE on, with its columns in parentheses."""
    reader.accept_any("CLUSTERED", "NONCLUSTERED")
    if reader.dialect is Dialect.TSQL:
        reader.accept("HASH")
    nulls_distinct = reader.dialect is not Dialect.TSQL or primary
    if reader.accept("NULLS", "NOT", "DISTINCT"):
        nulls_distinct = False
    reader.accept("NULLS", "DISTINCT")
    parts = index_parts(reader)
    include = reader.names() if reader.accept("INCLUDE") else ()
    state = read_state(reader)
    index = Index(
        name,
        parts,
        unique=True,
        primary=primary,
        constraint=not primary,
        deferrable=state.deferrable,
        nulls_distinct=nulls_distinct,
        include=include,
    )
    return index, state


def storage_word(upper: str) -> bool:
    return upper in _STORAGE


_ORACLE_LARGEST = 10**27


def reached(counter: Counter) -> Counter:
    """With the bound that its start needs: elsewhere one that counts upwards has nothing below 1."""
    if counter.increment > 0 and counter.minimum is None and counter.start < 1:
        return replace(counter, minimum=counter.start)
    if counter.increment < 0 and counter.maximum is None and counter.start > -1:
        return replace(counter, maximum=counter.start)
    return counter


def read_counter(reader: Reader, least: int | None = None) -> tuple[Counter, dict[str, str]]:
    """Options of a sequence or an identity, up to what is none of them.

    Args:
        least: with what SQL Server begins where nothing is said.
    """
    values: dict[str, int | None] = {}
    cycle, cache = False, 20 if reader.dialect is Dialect.ORACLE else 1
    other: dict[str, str] = {}
    while not reader.done:
        if reader.accept("START", "WITH") or reader.accept("START"):
            if reader.accept("LIMIT", "VALUE"):
                other["start"] = "LIMIT VALUE"
            else:
                values["start"] = reader.integer()
        elif reader.accept("INCREMENT", "BY") or reader.accept("INCREMENT"):
            reader.accept("=")
            values["increment"] = reader.integer()
        elif reader.accept("MINVALUE"):
            values["minimum"] = reader.integer()
        elif reader.accept("MAXVALUE"):
            values["maximum"] = reader.integer()
        elif reader.accept("CACHE"):
            cache = reader.integer() if reader.token.kind == "number" else cache
        elif reader.accept("NOCACHE") or reader.accept("NO", "CACHE"):
            cache = 1
        elif reader.accept("CYCLE"):
            cycle = True
        elif reader.accept("OWNED", "BY"):
            other["owned"] = "" if reader.accept("NONE") else _dotted(reader)
        elif reader.accept("SEQUENCE", "NAME"):
            other["name"] = _dotted(reader)
        elif reader.accept("AS"):
            other["type"] = reader.take().text.lower()
            reader.skip_parentheses()
        elif reader.accept("RESTART"):
            reader.accept("WITH")
            if reader.token.kind == "number" or reader.sees("-"):
                values["next"] = reader.integer()
        elif reader.accept("NO") or reader.accept_any(*_COUNTER_WORDS):
            reader.accept_any("MINVALUE", "MAXVALUE", "CYCLE", "EXTEND", "ORDER", "SHARD")
        else:
            break
    increment = values.get("increment") or 1
    minimum, maximum = values.get("minimum"), values.get("maximum")
    if maximum is not None and maximum >= _ORACLE_LARGEST:
        maximum = None
    if minimum is not None and minimum <= -_ORACLE_LARGEST:
        minimum = None
    # What counts upwards begins at its least value, downwards at its greatest.
    default = minimum if increment > 0 else maximum
    if default is None:
        default = (least if least is not None else 1) if increment > 0 else -1
    if increment > 0 and minimum == 1:
        minimum = None
    start = values.get("start")
    counter = Counter(
        default if start is None else start, increment, minimum, maximum, cycle, cache, values.get("next")
    )
    return counter, other


_COUNTER_WORDS = (
    *("NOMINVALUE", "NOMAXVALUE", "NOCYCLE", "ORDER", "NOORDER", "KEEP", "NOKEEP", "SCALE", "NOSCALE", "GLOBAL"),
    *("SESSION", "NOPARTITION", "SHARING", "LOGGED", "UNLOGGED", "EXTEND", "NOEXTEND", ","),
)


def _dotted(reader: Reader) -> str:
    """A name of several parts, kept apart by NUL."""
    parts = [reader.name()]
    while reader.accept("."):
        parts.append(reader.name())
    return "\0".join(parts)


def object_of(dotted: str, schema: str) -> ObjectName:
    parts = dotted.split("\0")
    return ObjectName(parts[-2] if len(parts) > 1 else schema, parts[-1])
