"""The statements of a program's body, as far as a translation knows them: assignments, IF, RETURN."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token

from tailrace.conversion.catalog import Dialect
from tailrace.conversion.expressions.grammar import grammar_of
from tailrace.conversion.expressions.refusal import RefusalError
from tailrace.conversion.outcome import Complexity

#: Most statements that are looked at; a longer program is a person's in any case.
_MOST = 60


@dataclass(frozen=True, slots=True)
class Assign:
    """``NEW.column := value``."""

    column: str
    value: str


@dataclass(frozen=True, slots=True)
class Choose:
    """IF … THEN … ELSIF … ELSE … END IF; a branch without a condition is the last one."""

    branches: tuple[tuple[str, tuple[Step, ...]], ...]


@dataclass(frozen=True, slots=True)
class Return:
    """RETURN of an expression; "NEW" of a trigger."""

    value: str


Step = Assign | Choose | Return


def steps(text: str, dialect: Dialect) -> list[Step]:
    """
    Raises:
        RefusalError: the body has something else in it.
    """
    if dialect is Dialect.ORACLE:
        text = re.sub(r":(new|old)\s*\.", r"\1.", text, flags=re.IGNORECASE)
        text = text.rstrip().removesuffix("/")
    try:
        tokens = grammar_of(dialect)().tokenize(text)
    except (SqlglotError, ValueError) as error:
        raise _unknown(f"its body was not understood ({error})") from None
    reader = _Body(text, list(tokens), dialect)
    found = reader.block()
    if reader.words():
        raise _unknown(f"after its end comes {reader.words()[0]}")
    return found


class _Body:
    """Reads tokens from the left; texts of expressions are cut out of the source."""

    def __init__(self, text: str, tokens: list[Token], dialect: Dialect) -> None:
        self._text = text
        self._tokens = tokens
        self._dialect = dialect
        self._at = 0
        self._count = 0

    def words(self) -> list[str]:
        """What is left, in capitals; names in quotes keep them."""
        return [self._word(place) for place in range(self._at, min(self._at + 4, len(self._tokens)))]

    def _word(self, place: int) -> str:
        if place >= len(self._tokens):
            return ""
        return self._source(place, place).upper()

    def _source(self, first: int, last: int) -> str:
        return self._text[self._tokens[first].start : self._tokens[last].end + 1]

    def _take(self, *words: str) -> bool:
        if [self._word(self._at + offset) for offset in range(len(words))] == list(words):
            self._at += len(words)
            return True
        return False

    def _need(self, *words: str) -> None:
        if not self._take(*words):
            raise _unknown(f"{' '.join(self.words()) or 'its end'} stands where {' '.join(words)} is wanted")

    def block(self) -> list[Step]:
        if self._take("BEGIN"):
            found = self._statements("END")
            self._need("END")
            if self._at < len(self._tokens) and self._word(self._at) != ";":
                self._at += 1  # the program's name
            self._take(";")
            return found
        return self._statements("")

    def _statements(self, *ends: str) -> list[Step]:
        found: list[Step] = []
        while self._at < len(self._tokens) and self._word(self._at) not in ends:
            found += self._statement()
            self._count += 1
            if self._count > _MOST:
                raise _unknown("it is long", Complexity.SIGNIFICANT)
        return found

    def _statement(self) -> list[Step]:
        if self._take(";") or self._take("NULL", ";"):
            return []
        if self._take("IF"):
            return [self._choice()]
        if self._take("RETURN"):
            value, end = self._value(";", "END", optional=True)
            if end == "END":  # SQL Server needs no semicolon
                self._at -= 1
            return [Return(value)]
        if self._take("SET"):
            return self._sets()
        if self._take("SELECT"):
            return [self._selected()]
        if self._dialect in (Dialect.POSTGRESQL, Dialect.ORACLE) and self._word(self._at) == "NEW":
            return [self._assigned(":=", "=")]
        raise _unknown(f"it has the statement {' '.join(self.words())}")

    def _sets(self) -> list[Step]:
        """MySQL's SET with some assignments."""
        if not self._dialect.mysql_like:
            raise _unknown("it has the statement SET")
        found: list[Step] = []
        while True:
            column = self._column()
            if not (self._take("=") or self._take(":=")):
                raise _unknown("SET of something other than a column of NEW")
            value, end = self._value(";", ",")
            found.append(Assign(column, value))
            if end != ",":
                return found

    def _assigned(self, *signs: str) -> Assign:
        column = self._column()
        if not any(self._take(sign) for sign in signs):
            raise _unknown("NEW stands where a statement begins")
        return Assign(column, self._value(";")[0])

    def _column(self) -> str:
        self._need("NEW", ".")
        token = self._tokens[self._at] if self._at < len(self._tokens) else None
        if token is None:
            raise _unknown("it ends within a statement")
        self._at += 1
        quoted = self._text[token.start] in '"`'
        return token.text if quoted or self._dialect is not Dialect.POSTGRESQL else token.text.lower()

    def _selected(self) -> Assign:
        """Oracle's SELECT value INTO :NEW.column FROM dual."""
        if self._dialect is not Dialect.ORACLE:
            raise _unknown("it has the statement SELECT")
        value, _ = self._value("INTO")
        column = self._column()
        self._need("FROM", "DUAL", ";")
        return Assign(column, value)

    def _choice(self) -> Choose:
        branches: list[tuple[str, tuple[Step, ...]]] = []
        word = "ELSEIF" if self._dialect.mysql_like else "ELSIF"
        while True:
            condition, _ = self._value("THEN")
            branches.append((condition, tuple(self._statements(word, "ELSE", "END"))))
            if self._take(word):
                continue
            if self._take("ELSE"):
                branches.append(("", tuple(self._statements("END"))))
            self._need("END", "IF")
            self._take(";")
            return Choose(tuple(branches))

    def _value(self, *ends: str, optional: bool = False) -> tuple[str, str]:
        first, depth = self._at, 0
        while self._at < len(self._tokens):
            word = self._word(self._at)
            depth += (word in ("(", "CASE")) - (word in (")", "END"))
            if word in ends and (depth == 0 or (word == "END" and depth < 0)):
                break
            self._at += 1
        if self._at == first:
            raise _unknown("a value is missing")
        if self._at >= len(self._tokens):
            if not optional and ";" not in ends:
                raise _unknown("it ends within a statement")
            return self._source(first, self._at - 1), ""
        value = self._source(first, self._at - 1)
        end = self._word(self._at)
        self._at += 1
        return value, end


def _unknown(what: str, complexity: Complexity = Complexity.MEDIUM) -> RefusalError:
    return RefusalError("program", what, "write it for the target, or do it in the application", complexity)


def effort(text: str) -> Complexity:
    """Of a program that a person writes anew: by its lines."""
    lines = sum(1 for line in text.splitlines() if line.strip())
    if lines > 60:
        return Complexity.SIGNIFICANT
    return Complexity.MEDIUM if lines > 12 else Complexity.SIMPLE
