"""SELECT, clause by clause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sqlglot import exp

from tailrace.conversion.catalog import Dialect
from tailrace.conversion.expressions import quoting
from tailrace.conversion.expressions.comparisons import align, compare_texts, together_in_target
from tailrace.conversion.expressions.library import Library
from tailrace.conversion.expressions.logic import together, unite
from tailrace.conversion.expressions.ordering import ordered
from tailrace.conversion.expressions.piece import Piece, of
from tailrace.conversion.expressions.refusal import RefusalError
from tailrace.conversion.expressions.scope import Relation, Scope, spelled
from tailrace.conversion.expressions.writer import Writer, writes
from tailrace.conversion.outcome import Complexity, Grade
from tailrace.schema import Kind

_CLAUSES = frozenset(
    {
        *("expressions", "from_", "joins", "where", "group", "having", "order", "limit", "offset", "distinct"),
        *("with_", "hint", "operation_modifiers", "kind"),
    }
)
_SET_CLAUSES = frozenset({"this", "expression", "distinct", "order", "limit", "offset", "with_"})
_SET_WORDS: dict[type[exp.Expr], str] = {exp.Union: "UNION", exp.Intersect: "INTERSECT", exp.Except: "EXCEPT"}


@dataclass(slots=True)
class Query:
    """
    Attributes:
        columns: what it gives, by the names that the source has for them, in order.
    """

    sql: str
    columns: dict[str, Piece]


@dataclass(slots=True)
class Reader:
    """Writes queries of one view or function.

    Attributes:
        common: WITH: by name.
    """

    writer: Writer
    library: Library
    common: dict[str, dict[str, Piece]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.writer.select = self._within

    # ---- whole queries

    def query(self, node: exp.Expr, outer: Scope | None = None, inside: bool = False) -> Query:
        """
        Args:
            outer: columns of the query around it, that it may speak of.
            inside: it stands within an expression, where nobody asks for the names of its columns.

        Raises:
            RefusalError: a part of it has no counterpart that surely means the same.
        """
        node = node.unnest() if isinstance(node, (exp.Paren, exp.Subquery)) and not node.args.get("alias") else node
        before = dict(self.common)
        try:
            start = self._with(node.args.get("with_"))
            if isinstance(node, exp.Select):
                made = self._select(node, outer, inside)
            elif type(node) in _SET_WORDS:
                made = self._set(node, outer)
            else:
                raise _refused(f"a query that is a {type(node).__name__}")
        finally:
            self.common = before
        return Query(start + made.sql, made.columns)

    def _with(self, node: exp.Expr | None) -> str:
        if node is None:
            return ""
        if node.args.get("recursive"):
            raise _refused("WITH RECURSIVE")
        parts = []
        for part in node.expressions:
            alias = part.args["alias"]
            if alias.args.get("columns") or set(_set_parts(part)) - {"this", "alias"}:
                raise _refused("WITH of a query with words of its own")
            made = self.query(part.this)
            name = spelled(alias.this, self.writer.source)
            self.common[name] = made.columns
            parts.append(f"{quoting.identifier(name, self.writer.target)} AS (\n{_indented(made.sql)}\n)")
        return "WITH " + ", ".join(parts) + "\n"

    def _set(self, node: exp.Expr, outer: Scope | None) -> Query:
        _only(node, _SET_CLAUSES)
        word = _SET_WORDS[type(node)]
        left_node = node.this.unnest() if isinstance(node.this, (exp.Subquery, exp.Paren)) else node.this
        right_node = node.expression.unnest() if isinstance(node.expression, exp.Subquery) else node.expression
        for side in (left_node, right_node):
            nested = type(side) in _SET_WORDS
            if nested and not (side is left_node and isinstance(side, exp.Union) and isinstance(node, exp.Union)):
                raise _refused("UNION, INTERSECT and EXCEPT within each other")
            if any(side.args.get(part) for part in ("limit", "offset", "with_", "order")):
                raise _refused(f"ORDER BY or LIMIT within a part of {word}")
        # The first one's names are those of the whole.
        left, right = self.query(left_node, outer), self.query(right_node, outer, inside=True)
        if len(left.columns) != len(right.columns):
            raise _refused(f"{word} of queries with different numbers of columns")
        columns = {}
        for (name, one), other in zip(left.columns.items(), right.columns.values(), strict=True):
            pair = together(self.writer, [one, other])
            if [piece.sql for piece in pair] != [one.sql, other.sql]:
                raise _refused(f"{word} of a literal and a value of another kind")
            if self.writer.like:
                together_in_target(pair)
            if node.args.get("distinct") or not isinstance(node, exp.Union):
                self._same_texts(pair)
            columns[name] = replace(unite(pair), sql=quoting.identifier(name, self.writer.target))
        every = "" if node.args.get("distinct") or not isinstance(node, exp.Union) else " ALL"
        sql = f"{left.sql}\n{word}{every}\n{right.sql}"
        scope = Scope(self.writer.source, self.writer.target, [Relation("", columns)])
        return Query(sql + self._tail(node, scope, list(columns.values())), columns)

    def _select(self, node: exp.Select, outer: Scope | None, inside: bool) -> Query:
        _only(node, _CLAUSES)
        writer = self.writer
        if node.args.get("hint") or node.args.get("operation_modifiers"):
            self._hint()
        before, writer.scope = writer.scope, Scope(writer.source, writer.target, outer=outer)
        try:
            sources = self._from(node)
            conditions = self._clause(node, "where")
            columns, texts = self._columns(node, inside)
            words = "SELECT"
            distinct = node.args.get("distinct")
            if distinct is not None:
                if distinct.args.get("on"):
                    raise _refused("DISTINCT ON")
                words += " DISTINCT"
                self._same_texts(list(columns.values()))
            sql = f"{words} {', '.join(texts)}{sources}{conditions}"
            writer.scope.outputs = columns
            sql += self._grouping(node, columns)
            sql += self._clause(node, "having")
            return Query(sql + self._tail(node, writer.scope, list(columns.values())), columns)
        finally:
            writer.scope = before

    def _hint(self) -> None:
        self.writer.say(
            "hint-dropped", "a hint for the source's optimizer or locks is left out", "nothing", Grade.AUTOMATIC
        )

    def _clause(self, node: exp.Expr, name: str) -> str:
        clause = node.args.get(name)
        return f"\n{name.upper()} {self.writer.condition(clause.this).sql}" if clause is not None else ""

    def _same_texts(self, pieces: Sequence[Piece]) -> None:
        for piece in pieces:
            if piece.kind is Kind.TEXT and piece.constant is None:
                compare_texts(self.writer, piece)
            if piece.padded:
                raise RefusalError(
                    "padded-text", "CHAR values are told apart, blanks and all", complexity=Complexity.MEDIUM
                )

    # ---- what is selected

    def _columns(self, node: exp.Select, inside: bool) -> tuple[dict[str, Piece], list[str]]:
        columns: dict[str, Piece] = {}
        texts: list[str] = []
        for projection in node.expressions:
            for name, piece in self._projected(projection, inside):
                if inside and (not name or name in columns):
                    name = f"column{len(columns) + 1}"
                if name in columns:
                    raise _refused(f"two columns of the name {name}")
                quoted = quoting.identifier(name, self.writer.target)
                texts.append(piece.sql if piece.sql.endswith(f".{quoted}") else f"{piece.sql} AS {quoted}")
                columns[name] = piece
        return columns, texts

    def _projected(self, node: exp.Expr, inside: bool) -> list[tuple[str, Piece]]:
        writer = self.writer
        if isinstance(node, exp.Star) or (isinstance(node, exp.Column) and isinstance(node.this, exp.Star)):
            if isinstance(node, exp.Star) and _set_parts(node):
                raise _refused("* with words of its own")
            wanted = spelled(node.args["table"], writer.source) if isinstance(node, exp.Column) else ""
            return [
                (self._called(name, False), piece)
                for relation in writer.scope.relations
                if not wanted or relation.alias == wanted
                for name, piece in relation.columns.items()
            ]
        bare = node.this if isinstance(node, exp.Alias) else node
        piece = writer.value(bare)
        if piece.kind is Kind.BOOLEAN and not piece.plain_column:
            piece = writer.number(piece)
        if isinstance(node, exp.Alias):
            alias = node.args["alias"]
            return [(self._called(alias.name, bool(alias.args.get("quoted"))), piece)]
        inner = bare.unnest()
        if isinstance(inner, exp.Column):
            return [(self._called(inner.name, bool(inner.this.args.get("quoted"))), piece)]
        if writer.source is Dialect.POSTGRESQL and isinstance(inner, exp.Anonymous):
            return [(inner.name.lower(), piece)]
        if inside:
            return [("", piece)]
        raise _refused("a column that has no name")

    def _called(self, name: str, quoted: bool) -> str:
        """PostgreSQL folds names to small letters; Oracle's capitals are what nobody quoted."""
        if self.writer.source is Dialect.POSTGRESQL:
            return name if quoted else name.lower()
        if self.writer.source is Dialect.ORACLE and (not quoted or name.isupper()):
            return name.lower()
        return name

    # ---- FROM

    def _from(self, node: exp.Select) -> str:
        source = node.args.get("from_")
        if source is None:
            return ""
        outer = any(join.args.get("side") for join in node.find_all(exp.Join))
        joins = node.args.get("joins") or []
        return "\nFROM " + self._source(source.this, outer) + "".join(self._join(join, outer) for join in joins)

    def _source(self, node: exp.Expr, nullable: bool) -> str:
        scope = self.writer.scope
        if isinstance(node, exp.Table):
            _only(node, {"this", "db", "alias", "joins", "hints"})
            if node.args.get("hints"):
                self._hint()
            text = self._table(node, nullable)
            return text + "".join(self._join(join, nullable) for join in node.args.get("joins") or [])
        if isinstance(node, exp.Subquery):
            _only(node, {"this", "alias", "joins"})
            joins = node.args.get("joins") or []
            if isinstance(node.this, (exp.Table, exp.Subquery)) and not node.args.get("alias"):
                text = self._source(node.this, nullable)
                text += "".join(self._join(join, nullable) for join in joins)
                return f"({text})" if node.this.args.get("joins") or joins else text
            alias = node.args.get("alias")
            if alias is None or alias.args.get("columns"):
                raise _refused("a query in FROM without a name, or with names for its columns")
            name = spelled(alias.this, self.writer.source)
            made = self.query(node.this, scope.outer)
            scope.relations.append(_aliased(name, made.columns, self.writer.target, nullable))
            text = f"(\n{_indented(made.sql)}\n) AS {quoting.identifier(name, self.writer.target)}"
            return text + "".join(self._join(join, nullable) for join in joins)
        raise _refused(f"{type(node).__name__} in FROM")

    def _table(self, node: exp.Table, nullable: bool) -> str:
        source, target = self.writer.source, self.writer.target
        if not isinstance(node.this, exp.Identifier):
            raise _refused("a function in FROM")
        name = spelled(node.this, source)
        alias_node = node.args.get("alias")
        if alias_node is not None and alias_node.args.get("columns"):
            raise _refused("names for a table's columns")
        alias = spelled(alias_node.this, source) if alias_node is not None else name
        schema = spelled(node.args["db"], source) if node.args.get("db") else ""
        if not schema and name in self.common:
            self.writer.scope.relations.append(_aliased(alias, self.common[name], target, nullable))
            quoted = quoting.identifier(name, target)
            return quoted if alias == name else f"{quoted} AS {quoting.identifier(alias, target)}"
        if not schema and source is Dialect.ORACLE and name.lower() == "dual":
            raise _refused("DUAL beside other tables")
        text, relation = self.library.look_up(schema, name, alias, nullable)
        self.writer.scope.relations.append(relation)
        return text

    def _join(self, node: exp.Expr, nullable: bool) -> str:
        _only(node, {"this", "side", "kind", "on", "using"})
        side, kind = str(node.args.get("side") or "").upper(), str(node.args.get("kind") or "").upper()
        if kind not in ("", "INNER", "CROSS", "OUTER", "STRAIGHT") or side not in ("", "LEFT", "RIGHT", "FULL"):
            raise _refused(f"{side} {kind} JOIN".strip())
        if side == "FULL" and self.writer.target.mysql_like:
            raise _refused("FULL JOIN, which MySQL does not have,")
        if kind == "STRAIGHT":
            self._hint()
        known = list(self.writer.scope.relations)
        text = self._source(node.this, nullable)
        condition = node.args.get("on")
        if node.args.get("using"):
            on = self._using(node.args["using"], known)
        elif condition is not None:
            on = self.writer.condition(condition).sql
        else:
            on = ""
        if not on:
            if side:
                raise _refused(f"{side} JOIN without a condition")
            return f", {text}" if not kind and not self.writer.source.mysql_like else f"\nCROSS JOIN {text}"
        return f"\n{side + ' ' if side else ''}JOIN {text} ON {on}"

    def _using(self, names: Sequence[exp.Expr], known: list[Relation]) -> str:
        added = [relation for relation in self.writer.scope.relations if relation not in known]
        if len(added) != 1:
            raise _refused("USING of more than one table")
        parts = []
        for node in names:
            column = exp.Column(this=node.this if isinstance(node, exp.Column) else node)
            sides = []
            for relations in (known, added):
                scope = Scope(self.writer.source, self.writer.target, list(relations))
                sides.append(scope.column(column))
            left, right = align(self.writer, sides[0], sides[1], True)
            parts.append(f"{left.wrapped} = {right.wrapped}")
        return " AND ".join(parts)

    # ---- GROUP BY

    def _grouping(self, node: exp.Select, columns: dict[str, Piece]) -> str:
        group = node.args.get("group")
        if group is None:
            if self.writer.target is Dialect.MYSQL and any(map(_aggregates, node.expressions)):
                self._decided(node, set())
            return ""
        _only(group, {"expressions"})
        pieces = []
        for part in group.expressions:
            if isinstance(part, exp.Literal) and not part.is_string:
                position = int(part.name) - 1
                if not 0 <= position < len(columns):
                    raise _refused("GROUP BY of a position that is not there")
                pieces.append(list(columns.values())[position])
            else:
                pieces.append(self.writer.value(part))
        self._same_texts(pieces)
        if self.writer.source.mysql_like and self.writer.target in (Dialect.POSTGRESQL, Dialect.MYSQL):
            self._decided(node, {piece.sql for piece in pieces})
        return "\nGROUP BY " + ", ".join(piece.sql for piece in pieces)

    def _decided(self, node: exp.Select, keys: set[str]) -> None:
        """Whether all that a query gives is decided by the group; MySQL asks for it when a view is read."""
        try:
            for projection in [*node.expressions, *([node.args["having"].this] if node.args.get("having") else [])]:
                self._grouped(projection.this if isinstance(projection, exp.Alias) else projection, keys)
        except RefusalError as refusal:
            if self.writer.target is Dialect.POSTGRESQL:
                raise
            reason = refusal.reason.partition(", so that")[0]
            reason += ": sessions with ONLY_FULL_GROUP_BY, MySQL's default, refuse to read it"
            self.writer.say("group-by", reason, "group by it, or ANY_VALUE(…)")

    def _grouped(self, node: exp.Expr, keys: set[str]) -> None:
        """MySQL may take a column of any row of a group; PostgreSQL refuses what the group does not decide."""
        if (isinstance(node, exp.Anonymous) and node.name.lower() in AGGREGATES) or isinstance(node, exp.GroupConcat):
            return
        if isinstance(node, (exp.Select, exp.Subquery, exp.Star)):
            return
        if isinstance(node, exp.Column):
            piece = self.writer.value(node)
            if piece.sql in keys:
                return
            for relation in self.writer.scope.relations:
                if any(one.sql == piece.sql for one in relation.columns.values()):
                    if relation.key and all(relation.columns[name].sql in keys for name in relation.key):
                        return
                    break
            else:
                return
            raise _refused(f"{node.sql()} is neither grouped by nor decided by the group, so that it")
        if node.args and isinstance(node, exp.Condition) and not isinstance(node, (exp.Literal, exp.Window)):
            said = len(self.writer.said)
            try:
                whole = self.writer.value(node).sql
            finally:
                del self.writer.said[said:]
            if whole in keys:
                return
        for part in node.iter_expressions():
            self._grouped(part, keys)

    # ---- ORDER BY, LIMIT

    def _tail(self, node: exp.Expr, scope: Scope, outputs: list[Piece]) -> str:
        before, self.writer.scope = self.writer.scope, scope
        try:
            text = ""
            order = node.args.get("order")
            if order is not None:
                text = "\nORDER BY " + ", ".join(ordered(self.writer, part, outputs) for part in order.expressions)
            return text + self._limit(node)
        finally:
            self.writer.scope = before

    def _limit(self, node: exp.Expr) -> str:
        limit, offset = node.args.get("limit"), node.args.get("offset")
        text = ""
        if isinstance(limit, exp.Fetch):
            options = limit.args.get("limit_options")
            if options is not None and (options.args.get("percent") or options.args.get("with_ties")):
                raise _refused("FETCH or TOP with PERCENT or WITH TIES")
            text = f"\nLIMIT {_count(limit.args.get('count'))}"
        elif limit is not None:
            _only(limit, {"expression"})
            text = f"\nLIMIT {_count(limit.expression)}"
        if offset is not None:
            if not text and self.writer.target is not Dialect.POSTGRESQL:
                raise _refused("OFFSET without LIMIT")
            text += f" OFFSET {_count(offset.expression)}" if text else f"\nOFFSET {_count(offset.expression)}"
        return text

    # ---- queries within expressions

    def _within(self, node: exp.Expr) -> Piece:
        made = self.query(node, self.writer.scope, True)
        if len(made.columns) != 1:
            raise _refused("a query of more than one column within an expression")
        piece = next(iter(made.columns.values()))
        return replace(piece.become(made.sql), nullable=True)


AGGREGATES = frozenset(
    {"count", "count_big", "sum", "avg", "min", "max", "group_concat", "string_agg", "stddev", "variance"}
)


@writes(exp.Exists)
def _exists(writer: Writer, node: exp.Expr) -> Piece:
    reader = _reader(writer)
    made = reader.query(node.this, writer.scope, True)
    return of(f"EXISTS (\n{_indented(made.sql)}\n)", Kind.BOOLEAN, nullable=False)


@writes(exp.Subquery)
def _scalar(writer: Writer, node: exp.Expr) -> Piece:
    if writer.select is None:
        raise RefusalError("subquery", "a query within an expression")
    piece = writer.select(node.this)
    return piece.become(f"({piece.sql})")


def _reader(writer: Writer) -> Reader:
    owner = getattr(writer.select, "__self__", None)
    if not isinstance(owner, Reader):
        raise RefusalError("subquery", "a query within an expression")
    return owner


def _aliased(alias: str, columns: dict[str, Piece], target: Dialect, nullable: bool) -> Relation:
    prefix = quoting.identifier(alias, target)
    return Relation(
        alias,
        {
            name: replace(
                piece.become(f"{prefix}.{quoting.identifier(name, target)}"),
                nullable=piece.nullable or nullable,
                plain_column=True,
            )
            for name, piece in columns.items()
        },
    )


def _set_parts(node: exp.Expr) -> list[str]:
    return [name for name, part in node.args.items() if part not in (None, False, [])]


def _only(node: exp.Expr, known: frozenset[str] | set[str]) -> None:
    more = [name for name in _set_parts(node) if name not in known]
    if more:
        words = ", ".join(name.rstrip("_").replace("connect", "CONNECT BY") for name in more)
        raise _refused(f"{type(node).__name__.upper()} with {words}")


def _count(node: exp.Expr | None) -> str:
    if not isinstance(node, exp.Literal) or node.is_string or not node.name.isdigit():
        raise _refused("LIMIT of something that is no number")
    return node.name


def _indented(sql: str) -> str:
    return "\n".join(f"  {line}" for line in sql.splitlines())


def _aggregates(node: exp.Expr) -> bool:
    """Whether it puts rows together, and is no window over them."""
    for part in node.find_all(exp.AggFunc, exp.Anonymous, exp.GroupConcat):
        known = not isinstance(part, exp.Anonymous) or part.name.lower() in AGGREGATES
        if known and part.find_ancestor(exp.Window, exp.Subquery) is None:
            return True
    return False


def _refused(what: str) -> RefusalError:
    return RefusalError(
        "query-form", f"{what} does not surely mean the same in the target", complexity=Complexity.MEDIUM
    )
