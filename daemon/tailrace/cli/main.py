"""`tailrace`: the commands and their options, and how an error leaves. Nothing heavy is imported here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tailrace import __version__
from tailrace.cli import stdout
from tailrace.errors import TailraceError
from tailrace.logs import LogFormat, place
from tailrace.supervisor.role import Role

app = typer.Typer(
    name="tailrace",
    help="Change data capture: MySQL, MariaDB and PostgreSQL to Kafka, SQL databases and DynamoDB.",
    epilog="Exit codes: 0 done; 1 a negative finding; 2 the file or the usage is wrong; 3 not running; 4 stuck, or a "
    "table suspended; 5 a system cannot be reached or refuses; 6 going on would lose data.",
    add_completion=False,
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

File = Annotated[str, typer.Argument(metavar="FILE", help="The pipeline file.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="JSON to stdout instead of a table.")]


Log = Annotated[
    LogFormat | None,
    typer.Option("--log-format", help="Logs on stderr; default: console at a terminal, else json.", show_default=False),
]
Debug = Annotated[bool, typer.Option("--debug", help="Debug messages, and tracebacks of unexpected errors.")]


class _Given:
    """--log-format and --debug, wherever they stood: before the command or after it."""

    log_format: LogFormat | None = None
    debug = False


def _logs(log_format: LogFormat | None = None, debug: bool = False) -> LogFormat:
    from tailrace import logs

    _Given.debug = _Given.debug or debug
    chosen = log_format or _Given.log_format or logs.default_format()
    logs.configure(chosen, debug=_Given.debug)
    return chosen


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tailrace {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    log_format: Log = None,
    debug: Debug = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    _Given.log_format = log_format
    _Given.debug = debug
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)


@app.command(short_help="Run the pipeline.")
def run(
    file: File,
    role: Annotated[
        Role,
        typer.Option(help="Run only the source's side, or only the sinks', which several machines may share (Kafka)."),
    ] = Role.BOTH,
    until_caught_up: Annotated[
        bool, typer.Option("--until-caught-up", help="Stop once every worker has passed the source's present position.")
    ] = False,
    log_format: Log = None,
    debug: Debug = False,
) -> int:
    """Runs the pipeline until SIGTERM or SIGINT, then drains."""
    from tailrace.cli import run as command

    return command.run(file, role, until_caught_up, _logs(log_format, debug), _Given.debug)


@app.command(short_help="Check every prerequisite.")
def check(file: File, json: Json = False, log_format: Log = None, debug: Debug = False) -> int:
    """Checks the file, the connections, and every prerequisite of source, stream and targets, each with its fix."""
    from tailrace.cli import check as command

    _logs(log_format, debug)
    return command.check(file, json)


@app.command(short_help="Show what each table becomes.")
def explain(file: File, json: Json = False, log_format: Log = None, debug: Debug = False) -> int:
    """Shows what each selected table becomes: columns, names and types, in the stream and in each target."""
    from tailrace.cli import explain as command

    _logs(log_format, debug)
    return command.explain(file, json)


@app.command(short_help="Convert the schema, assess, apply, compare.")
def schema(
    file: Annotated[str | None, typer.Argument(metavar="[FILE]", help="The pipeline file.", show_default=False)] = None,
    from_sql: Annotated[
        Path | None, typer.Option(metavar="PATH", help="A script of DDL in place of the source.", show_default=False)
    ] = None,
    dialect: Annotated[
        str | None, typer.Option(metavar="mysql|postgres|oracle|tsql", help="The script's.", show_default=False)
    ] = None,
    sink: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only for this sink; may be repeated.", show_default=False)
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            metavar="postgres|mysql|mariadb|sqlite|dynamodb",
            help="For this system, without a server; may be repeated.",
            show_default=False,
        ),
    ] = None,
    report: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="Write the assessment: .html, .md or .json.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Write the DDL here; several targets: a folder.", show_default=False),
    ] = None,
    keys: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Write DynamoDB's key design here.", show_default=False)
    ] = None,
    rate_seconds: Annotated[
        float,
        typer.Option(metavar="N", min=0, help="Count the source's changes so long, for DynamoDB's costs."),
    ] = 0.0,
    rules: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="Rules that override ours; may be repeated.", show_default=False),
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Make what the targets lack.")] = False,
    stage: Annotated[
        str | None, typer.Option(metavar="tables|all", help="What --apply makes.", show_default=False)
    ] = None,
    complete: Annotated[
        bool, typer.Option("--complete", help="With --apply: tables that are there get what they lack.")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Compare the source's schema with the targets'.")] = False,
    json: Json = False,
    log_format: Log = None,
    debug: Debug = False,
) -> int:
    """Converts the source's schema for each target: DDL, an assessment, and, where asked for, tables."""
    from tailrace.cli import schema as command

    _among(dialect, command.DIALECTS, "--dialect")
    _among(stage, command.Stages, "--stage")
    for name in target or []:
        _among(name, command.KINDS, "--target")
    _logs(log_format, debug)
    return command.schema(
        command.Asked(
            file=file,
            script=from_sql,
            dialect=dialect,
            sinks=sink or [],
            targets=target or [],
            reports=report or [],
            out=out,
            keys=keys,
            rate_seconds=rate_seconds,
            rules=rules or [],
            apply=apply,
            stage=command.Stages(stage) if stage else None,
            complete=complete,
            diff=diff,
            json=json,
        )
    )


def _among(given: str | None, choices: Iterable[str], option: str) -> None:
    if given is not None and given not in (known := [str(choice) for choice in choices]):
        raise typer.BadParameter(f"must be {' or '.join(known)}", param_hint=option)


@app.command(short_help="Show positions, lag, tables, errors.")
def status(
    file: File,
    json: Json = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on showing it, until Ctrl-C.")] = False,
    log_format: Log = None,
    debug: Debug = False,
) -> int:
    """Shows positions, lag, rates, tables and errors of a running or a stopped pipeline."""
    from tailrace.cli import status as command

    _logs(log_format, debug)
    return command.status(file, json, watch)


@app.command(short_help="Print the stream's events.")
def tail(
    file: File,
    table: Annotated[
        str | None, typer.Option(metavar="S.T", help="Only this table's events; a glob on schema.table.")
    ] = None,
    start: Annotated[str, typer.Option("--from", metavar="beginning|now", help="Where to begin.")] = "beginning",
    limit: Annotated[
        int | None, typer.Option("--max", metavar="N", min=1, help="Stop after N events.", show_default=False)
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(metavar="S", min=0, help="Stop after S seconds without an event.", show_default=False),
    ] = None,
    log_format: Log = None,
    debug: Debug = False,
) -> int:
    """Prints the stream's events, a JSON line each."""
    from tailrace.cli import tail as command

    if start not in command.STARTS:
        raise typer.BadParameter("must be beginning or now", param_hint="--from")
    _logs(log_format, debug)
    return command.tail(file, table, start, limit, timeout)


@app.command(short_help="Compare source and targets.")
def verify(file: File, json: Json = False, log_format: Log = None, debug: Debug = False) -> int:
    """Compares source and targets, row for row."""
    from tailrace.cli import verify as command

    _logs(log_format, debug)
    return command.verify(file, json)


@app.command(short_help="Make targets ready for the application.")
def cutover(
    file: File,
    json: Json = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be made.")] = False,
    timeout: Annotated[float, typer.Option(metavar="S", min=0, help="How long to wait for lag 0.")] = 600.0,
    log_format: Log = None,
    debug: Debug = False,
) -> int:
    """Waits for lag 0, verifies, then makes what targets lack: unique indexes, foreign keys, sequences."""
    from tailrace.cli import cutover as command

    _logs(log_format, debug)
    return command.cutover(file, json, dry_run, timeout)


@app.command(short_help="Load tables again while the stream goes on.")
def reload(
    file: File,
    table: Annotated[
        list[str] | None, typer.Option(metavar="S.T", help="A table, or a glob on schema.table; may be repeated.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every captured table.")] = False,
    where: Annotated[
        str, typer.Option(metavar="CONDITION", help="Only rows that meet it, in the source's SQL.", show_default=False)
    ] = "",
    resync: Annotated[
        bool, typer.Option("--resync", help="Also remove from targets the rows that the source has no more.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Return when the rows are in the stream.")] = False,
    log_format: Log = None,
    debug: Debug = False,
) -> int:
    """Has a running pipeline load tables again, or a part of one, while the stream goes on."""
    from tailrace.cli import reload as command

    _logs(log_format, debug)
    return command.reload(file, table or [], every, where, resync, wait)


letters = typer.Typer(help="Events that targets refused: see docs/guides/errors.md.", rich_markup_mode=None)
app.add_typer(letters, name="dead-letters", short_help="Show, retry or discard parked events.")

OfSink = Annotated[str, typer.Option("--sink", metavar="NAME", help="Only of this sink.", show_default=False)]
OfTable = Annotated[
    str, typer.Option("--table", metavar="S.T", help="Only of this table; a glob on schema.table.", show_default=False)
]
Ids = Annotated[list[str] | None, typer.Argument(metavar="ID", help="As `list` shows them.", show_default=False)]


@letters.command("list", short_help="Show what is parked.")
def letters_list(
    file: File, json: Json = False, sink: OfSink = "", table: OfTable = "", log_format: Log = None, debug: Debug = False
) -> int:
    """Shows the parked events of all sinks, with the target's reasons."""
    from tailrace.cli import dead_letters as command

    _logs(log_format, debug)
    return command.listed(file, json, sink, table)


@letters.command("show", short_help="Show one event whole.")
def letters_show(
    file: File,
    letter: Annotated[str, typer.Argument(metavar="ID", show_default=False)],
    sink: OfSink = "",
    log_format: Log = None,
    debug: Debug = False,
) -> int:
    """Shows a parked event with its row, as JSON."""
    from tailrace.cli import dead_letters as command

    _logs(log_format, debug)
    return command.shown(file, letter, sink)


@letters.command("retry", short_help="Apply parked events again.")
def letters_retry(
    file: File,
    ids: Ids = None,
    every: Annotated[bool, typer.Option("--all", help="All that is parked.")] = False,
    sink: OfSink = "",
    table: OfTable = "",
    log_format: Log = None,
    debug: Debug = False,
) -> int:
    """Has parked events applied, with all of their rows, in order."""
    from tailrace.cli import dead_letters as command

    _logs(log_format, debug)
    return command.asked(file, "retry", ids or [], every, sink, table)


@letters.command("discard", short_help="Give parked events up.")
def letters_discard(
    file: File,
    ids: Ids = None,
    every: Annotated[bool, typer.Option("--all", help="All that is parked.")] = False,
    sink: OfSink = "",
    table: OfTable = "",
    log_format: Log = None,
    debug: Debug = False,
) -> int:
    """Removes parked events, which are never applied then; those behind them in their rows stay parked."""
    from tailrace.cli import dead_letters as command

    _logs(log_format, debug)
    return command.asked(file, "discard", ids or [], every, sink, table)


@app.command(short_help="Drop the pipeline's slot and state.")
def teardown(
    file: File,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    log_format: Log = None,
    debug: Debug = False,
) -> int:
    """Drops the slot, the publications and this pipeline's state, after naming them; never topics nor target rows."""
    from tailrace.cli import teardown as command

    _logs(log_format, debug)
    return command.teardown(file, yes)


@app.command(short_help="The whole main job on throwaway servers.")
def demo(
    wanted: Annotated[
        str, typer.Option("--with", metavar="mysql,kafka", help="Insist on these servers.", show_default=False)
    ] = "",
    seconds: Annotated[float, typer.Option(metavar="S", min=0, help="How long the live changes go on.")] = 8.0,
    rows: Annotated[int, typer.Option(metavar="N", min=1, help="Rows of the large table at first.")] = 200_000,
    log_format: Log = None,
    debug: Debug = False,
) -> int:
    """The whole main job on throwaway real servers: load, change, apply, verify, show."""
    from tailrace.demo import SERVERS
    from tailrace.demo import main as command

    names = {name for name in wanted.split(",") if name}
    if unknown := names.difference(SERVERS):
        takes, given = " and ".join(SERVERS), ", ".join(sorted(unknown))
        raise typer.BadParameter(f"takes {takes}, not {given}", param_hint="--with")
    _logs(log_format, debug)
    return command(names, seconds, rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns its exit code. Every error leaves as one line on stderr."""
    return guarded(lambda: app(args=arguments, prog_name="tailrace", standalone_mode=False))


def guarded(command: Callable[[], Any]) -> int:
    """Calls `command` and turns what it raises into a line and an exit code."""
    try:
        return int(command() or 0)
    except TailraceError as error:
        for line in str(error).splitlines():
            _say(f"tailrace: error: {line}")
        return error.exit_code
    except stdout.ReaderLeft:
        stdout.silence()
        return 0
    except typer.Abort as error:
        if isinstance(error.__cause__, KeyboardInterrupt):  # what older releases of typer make of it
            return 130
        _say("tailrace: nothing was done")
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if hasattr(error, "format_message"):  # typer's usage errors; their base class moved between its releases
            context = getattr(error, "ctx", None)
            path = context.command_path if context else "tailrace"
            _say(f"tailrace: error: {_one_line(error.format_message())}; see {path} --help")
            return 2
        if _Given.debug:
            raise
        _say(f"tailrace: error: unexpected {place(error)}; this is a bug, --debug shows the traceback")
        return 1


def _one_line(text: str) -> str:
    text = " ".join(text.split()).removesuffix(".")
    return text[:1].lower() + text[1:]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201
