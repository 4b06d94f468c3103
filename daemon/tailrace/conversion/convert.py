"""A source's catalog becomes a target's, with a verdict for every object."""

from __future__ import annotations

from tailrace.conversion.catalog import Catalog
from tailrace.conversion.names import Names
from tailrace.conversion.outcome import Conversion
from tailrace.conversion.rules import Rules
from tailrace.conversion.target import SchemaTarget


def convert(source: Catalog, target: SchemaTarget, rules: Rules, names: Names, sink: str) -> Conversion:
    """What the target shall have, in its own dialect, and what is to be said of every object of the source.

    Needs no server: of the target only `dialect`, `limits` and `types` are asked.

    Args:
        names: of `naming.pipeline_names` or `naming.script_names`.
        sink: the sink's name, or the kind of target.

    Returns:
        In its `target` catalog names and SQL are the target's. `Column.type` is the stream's (the source's) type still,
        `Column.sql_type` the target's; compare catalogs by the latter. One verdict for each entry of
        `source.count()`, in that order; each that is not automatic has an item at least, of the same kind, name and
        member.
    """
    raise NotImplementedError
