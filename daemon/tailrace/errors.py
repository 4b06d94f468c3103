"""Every error that tailrace shows to a person, and the exit code each one means.

TailraceError
├── ConfigError          2  the pipeline file or the usage is wrong
├── NotRunningError      3  nobody answers for this pipeline
├── StuckError           4  running but stuck, a table suspended, an event that cannot be applied
│   ├── ValueRefusedError   a value that cannot be carried exactly (I5)
│   └── LogFormatError      bytes in the log that we do not understand (I7)
├── UnreachableError     5  a system cannot be reached; time may mend it
│   ├── TableBusyError   a table of the source cannot be read just now, though its log can
│   ├── TableGoneError   a table of the source is there no more, or not captured any more
│   └── TransactionConflictError   the target undid our transaction in favour of another (deadlock)
├── RefusedError         5  a system answers and refuses us (password, grant, TLS, setting); a person mends it
├── DataLossError        6  going on would lose data (a position that a target or stream has no more, …)
│   └── LogGoneError        the source's log cannot be read on (purged log, lost slot, reset server)
└── OwnershipLostError   6  another daemon owns this pipeline now

An error is one line: what happened, where, and what to do. Errors are raised, never raised and logged both.
"""

from __future__ import annotations


class TailraceError(Exception):
    """Base of all errors with a message for a person.

    Args:
        what: what happened, lower case, no full stop, never a row's value nor a secret.
        where: the file and key, the host and database, the table, or the log position.
        fix: what to do about it.
    """

    exit_code = 1
    #: Whether trying again later, with nothing changed by a person, can succeed.
    retryable = False

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        self.what = what
        self.where = where
        self.fix = fix
        super().__init__(what)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        line = f"{text}; {self.fix}" if self.fix else text
        return " ".join(line.split())


class ConfigError(TailraceError):
    exit_code = 2


class NotRunningError(TailraceError):
    exit_code = 3


class StuckError(TailraceError):
    exit_code = 4


class ValueRefusedError(StuckError):
    """A value that cannot be carried exactly; named by table and column, never by its content."""


class LogFormatError(StuckError):
    """Bytes from the source's log that no decoder of ours understands; `where` is the log position."""


class UnreachableError(TailraceError):
    exit_code = 5
    retryable = True


class TableBusyError(UnreachableError):
    """A table of the source is locked, or no view shows yet what the load needs: the log is read on meanwhile."""


class TableGoneError(UnreachableError):
    """A table that was to be loaded was dropped, or is not captured any more: nothing of it is left to load."""


class TransactionConflictError(UnreachableError):
    """A deadlock or serialization failure at a target: the whole transaction is applied again, at once."""


class RefusedError(TailraceError):
    exit_code = 5


class DataLossError(TailraceError):
    exit_code = 6


#: What mends a log that is gone. FILE stands for the pipeline's file, whose name only its worker knows.
RELOAD_ALL = "`tailrace reload FILE --all --resync`"
AGAIN = (
    f"changes since then cannot be had any more: run {RELOAD_ALL}, then start the pipeline, which begins at the log's"
    " end and loads all tables again"
)


class LogGoneError(DataLossError):
    """The source's log does not go on where we stand. A new beginning at its end is made where somebody asks for one
    (`Source.renew`), never by itself."""

    def __init__(self, what: str, *, where: str = "", fix: str = AGAIN) -> None:
        super().__init__(what, where=where, fix=fix)

    @property
    def loss(self) -> str:
        """What is gone and where, without what is to be done."""
        return str(LogGoneError(self.what, where=self.where, fix=""))

    def naming(self, file: str) -> LogGoneError:
        """With the pipeline file's name in place of FILE."""
        return LogGoneError(self.what, where=self.where, fix=self.fix.replace("reload FILE", f"reload {file}"))


class OwnershipLostError(TailraceError):
    exit_code = 6


#: What to do where two workers are at one sink.
ONE_OR_SHARED = "run one daemon per pipeline, or one with --role capture and the others with --role apply"
