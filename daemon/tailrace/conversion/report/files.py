"""Writes the assessment in the form that a file's name asks for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import orjson

from tailrace.conversion.report.assessment import Assessment
from tailrace.conversion.report.markdown import markdown
from tailrace.conversion.report.page import html
from tailrace.conversion.report.record import record
from tailrace.errors import ConfigError, RefusedError

_FORMS: dict[str, Callable[[Assessment], bytes]] = {
    ".html": lambda assessment: html(assessment).encode(),
    ".md": lambda assessment: markdown(assessment).encode(),
    ".json": lambda assessment: orjson.dumps(record(assessment), option=orjson.OPT_INDENT_2) + b"\n",
}


def refuse_form(path: Path) -> None:
    """
    Raises:
        ConfigError: no form of the report has this suffix.
    """
    if path.suffix.lower() not in _FORMS:
        raise ConfigError("a report ends in .html, .md or .json", where=str(path), fix="give it one of these names")


def write(assessment: Assessment, path: Path) -> None:
    """
    Raises:
        ConfigError: as `refuse_form`.
        RefusedError: the file cannot be written.
    """
    refuse_form(path)
    try:
        path.write_bytes(_FORMS[path.suffix.lower()](assessment))
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> RefusedError:
    what = os.strerror(error.errno or 0).lower()
    return RefusedError(f"cannot write it: {what}", where=str(path), fix="name a file in a folder that you may write")
