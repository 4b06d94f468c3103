"""The order of a script."""

from __future__ import annotations

from enum import IntEnum, auto


class Phase(IntEnum):
    SCHEMAS = auto()
    EXTENSIONS = auto()
    COLLATIONS = auto()
    TYPES = auto()
    SEQUENCES = auto()
    ROUTINES = auto()
    TABLES = auto()
    VALUES = auto()  # of sequences, and whose they are
    KEYS = auto()
    #: Before their parents': a constraint of the parent's then finds the child's and becomes one with it.
    CHECKS_OF_CHILDREN = auto()
    CHECKS = auto()
    INDEXES = auto()
    VIEWS = auto()
    VIEW_INDEXES = auto()
    PHYSICAL = auto()  # storage, which may name indexes
    FOREIGN_KEYS = auto()  # after all tables, because they form circles
    TRIGGERS = auto()
    TRIGGER_STATES = auto()
    OTHERS = auto()
    COMMENTS = auto()
    GRANTS = auto()
    EVENTS = auto()
