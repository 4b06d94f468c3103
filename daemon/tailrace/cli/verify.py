"""`tailrace verify`: source against targets."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from tailrace.cli.output import console, number, print_json
from tailrace.config import load
from tailrace.supervisor import folder
from tailrace.verify import TableComparison, Verification
from tailrace.verify import verify as compare

#: Keys of differing rows that are shown per table and kind; --json has more.
_SHOWN_KEYS = 5


def verify(file: str, as_json: bool) -> int:
    """0 equal; 1 differences, or a table that could not be compared.

    Raises:
        RefusedError: the state folder is another pipeline's.
    """
    pipeline = load(file)
    folder.refuse_another_s(pipeline.state_dir, pipeline.name)
    result = compare(pipeline)
    if as_json:
        print_json(result.to_dict())
    else:
        _show(result)
    return 0 if result.equal else 1


def comparison_table(comparisons: list[TableComparison]) -> Table:
    view = Table("table", "sink", "", box=None, header_style="bold", pad_edge=False)
    for heading in ("source rows", "target rows", "missing", "extra", "different"):
        view.add_column(heading, justify="right")
    for entry in comparisons:
        view.add_row(
            entry.table,
            entry.sink,
            Text("equal", "green") if entry.equal else Text("differs", "bold red"),
            *(number(count) for count in (entry.source_rows, entry.target_rows)),
            *(number(count) for count in (entry.missing, entry.extra, entry.different)),
        )
    return view


def _show(result: Verification) -> None:
    show_verification(result)
    verdict = "all targets equal the source" if result.equal else "targets differ from the source"
    console().print(f"\n{verdict}", style="green" if result.equal else "bold red", highlight=False)


def show_verification(result: Verification) -> None:
    """The tables, and the first keys of what differs."""
    out = console()
    out.print(comparison_table(result.tables))
    for entry in result.tables:
        for kind, keys in entry.keys.items():
            shown = ", ".join(str(key) for key in keys[:_SHOWN_KEYS])
            out.print(f"{entry.table} in {entry.sink}, {kind}: {shown}", highlight=False, markup=False, soft_wrap=True)
    for table, reason in result.unverified:
        out.print(f"{table} was not compared: {reason}", style="red", highlight=False, markup=False, soft_wrap=True)
