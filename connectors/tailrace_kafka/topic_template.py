"""The template of event topics' names in the pipeline file."""

from __future__ import annotations

import re

from tailrace.config.problems import refusal
from tailrace.tables import PLACEHOLDER


def check_template(template: str) -> str:
    """Validates a topic template, so that two tables can never share a topic."""
    rest = PLACEHOLDER.sub("", template)
    if "{" in rest or "}" in rest:
        raise refusal("has a {…} that is no placeholder", "use {name}, {schema} and {table}")
    if illegal := re.search(r"[^a-zA-Z0-9._-]", rest):
        raise refusal(f"has a {illegal[0]!r}, which Kafka forbids in topics", "use a-z A-Z 0-9 . _ and -")
    parts = [match[1] for match in PLACEHOLDER.finditer(template)]
    between = re.search(r"\{(?:schema|table)\}(.*)\{(?:schema|table)\}", template)
    if parts.count("schema") != 1 or parts.count("table") != 1 or not between or "." not in between[1]:
        raise refusal(
            "must hold {schema} and {table} once each, with a dot between them",
            'write for example "{name}.{schema}.{table}"',
        )
    return template
