"""What is wrong with a pipeline file, as lines that each name the file, the key and the fix.

No line holds the value of a key that may be a secret.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, time
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from tailrace.errors import ConfigError

#: Where a value stands: keys, and indexes of arrays.
Location = tuple[int | str, ...]

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_REFUSED = "tailrace_refused"

_EXPECTED = {
    "string_type": "a string",
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "an array",
    "list_type": "an array",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}


class ConfigErrors(ConfigError):
    """Several things wrong with one file.

    Attributes:
        errors: each of them; `str()` has a line for each.
    """

    def __init__(self, errors: Sequence[ConfigError]) -> None:
        self.errors = tuple(errors)
        super().__init__(f"{len(self.errors)} errors")

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


def raise_all(errors: Sequence[ConfigError]) -> None:
    """Raises nothing for none, the error itself for one, `ConfigErrors` for more."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ConfigErrors(errors)


def refusal(what: str, fix: str, key: str = "") -> PydanticCustomError:
    """What a validator of a settings model raises.

    Args:
        what: what is wrong, without the value.
        fix: what to write instead.
        key: the field that is wrong, where a validator of the whole model raises it.
    """
    return PydanticCustomError(_REFUSED, "{what}; {fix}", {"what": what, "fix": fix, "key": key})


def key_path(location: Location) -> str:
    """``source.tables[0]``; a key that TOML wants quoted is quoted: ``stream.kafka."linger.ms"``."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += ("." if path else "") + (part if _BARE_KEY.fullmatch(part) else json.dumps(part))
    return path


def at(file: str, location: Location) -> str:
    """The `where` of an error."""
    path = key_path(location)
    return f"{file}: {path}" if path else file


def suggestion(word: str, known: Iterable[str]) -> str:
    """``did you mean 'url'?`` where something is close enough, else the list of what there is."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"choose one of: {', '.join(names)}"


def wrong_type(value: object, expected: str) -> str:
    return f"must be {expected}, not {toml_type(value)}"


def toml_type(value: object) -> str:
    """What TOML calls the type of a parsed value."""
    match value:
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case int():
            return "an integer"
        case float():
            return "a float"
        case list() | tuple():
            return "an array"
        case dict():
            return "a table"
        case date() | time():
            return "a date or time"
        case _:
            return "something else"


def explain(error: ValidationError, model: type[BaseModel], file: str, prefix: Location = ()) -> Iterator[ConfigError]:
    """Turns pydantic's findings on `model`, which stands at `prefix` of the file, into our lines."""
    for detail in error.errors(include_url=False):
        yield _explain(detail, model, file, prefix)


def _explain(detail: ErrorDetails, model: type[BaseModel], file: str, prefix: Location) -> ConfigError:
    location: Location = detail["loc"]
    context = detail.get("ctx", {})
    kind = detail["type"]
    field = _field_at(model, location)
    key = next((part for part in reversed(location) if isinstance(part, str)), "")
    what, fix = re.sub(r"^[A-Z]\w+ (?=should )", "", detail["msg"]), _example(key, field, "write")
    if kind == _REFUSED:
        what, fix = context["what"], context["fix"]
        if context["key"]:
            location = (*location, context["key"])
    elif kind == "missing":
        what, fix = "this key is missing", _example(key, field, "add")
    elif kind == "extra_forbidden":
        what, fix = "unknown key", _unknown(key, _model_at(model, location[:-1]), prefix + location[:-1])
    elif kind == "literal_error":
        allowed = [str(choice) for choice in _literals(field)]
        value = detail["input"]
        what = f"must be one of {', '.join(json.dumps(choice) for choice in allowed)}"
        close = difflib.get_close_matches(value, allowed, n=1) if isinstance(value, str) else []
        fix = f"did you mean {close[0]!r}?" if close else fix
    elif kind in _EXPECTED:
        what = wrong_type(detail["input"], _EXPECTED[kind])
    return ConfigError(what, where=at(file, prefix + location), fix=fix)


def _unknown(key: str, model: type[BaseModel] | None, table: Location) -> str:
    known = _keys(model) if model else []
    if not difflib.get_close_matches(key, known, n=1) and table and key in _TOP_KEYS:
        return f"{key} belongs to the top of the file, before the first [table]"
    return suggestion(key, known)


#: Keys that people put below a `[table]` header by mistake: TOML then reads them as that table's.
_TOP_KEYS = {"mode", "state_dir"}


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _example(key: str, field: FieldInfo | None, verb: str) -> str:
    if field is None:
        return f"{verb} another value"
    if field.examples:
        return f"{verb} {key} = {_toml(field.examples[0])}"
    if get_origin(field.annotation) in (list, tuple):
        return f"{verb} it as [[{key}]]"
    if field.annotation in (str, int, float):
        default = None if field.is_required() else field.default
        return f"{verb} {key} = {_toml(default)}, for example" if default else f"{verb} another value"
    return f"{verb} it as [{key}]"


def _toml(value: object) -> str:
    """An example as TOML writes it; examples are strings, numbers, booleans, arrays and flat tables."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key_path((key,))} = {_toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)


def _field_at(model: type[BaseModel], location: Location) -> FieldInfo | None:
    """The field that a location names; that of the array for an element of it."""
    while location and isinstance(location[-1], int):
        location = location[:-1]
    owner = _model_at(model, location[:-1]) if location else None
    if owner is None:
        return None
    for name, field in owner.model_fields.items():
        if (field.alias or name) == location[-1]:
            return field
    return None


def _model_at(model: type[BaseModel], location: Location) -> type[BaseModel] | None:
    found: type[BaseModel] | None = model
    named = False  # the table before has keys of the user's own: `[tables."shop.orders"]`
    for part in location:
        if isinstance(part, int):
            continue
        if named:
            named = False
            continue
        field = _field_at(found, (part,)) if found else None
        found = _model_in(field.annotation) if field else None
        named = field is not None and get_origin(field.annotation) is dict
    return found


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model in ``Model``, ``Model | None`` or ``tuple[Model, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        if model := _model_in(argument):
            return model
    return None


def _literals(field: FieldInfo | None) -> list[Any]:
    found: list[Any] = []
    pending = [field.annotation] if field else []
    while pending:
        annotation = pending.pop()
        if arguments := get_args(annotation):
            pending += [argument for argument in arguments if get_args(argument)]
            found += [argument for argument in arguments if isinstance(argument, str)]
    return found
