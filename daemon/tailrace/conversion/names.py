"""What the source's tables, columns and other objects are called in a target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tailrace.conversion.catalog import ObjectName


@dataclass(frozen=True, slots=True)
class Names:
    """
    Attributes:
        objects: by the source's name: tables, views, routines, types, sequences. What is not in it is not converted.
        columns: by the source's name of the table: its columns, by their names. What is missing is not there.
    """

    objects: Mapping[ObjectName, ObjectName]
    columns: Mapping[ObjectName, Mapping[str, str]] = field(default_factory=dict)
