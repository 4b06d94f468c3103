"""Views, routines and triggers in a target's dialect, where that is sure."""

from tailrace.conversion.programs.program import Program
from tailrace.conversion.programs.routines import routine
from tailrace.conversion.programs.triggers import on_update, trigger
from tailrace.conversion.programs.views import view

__all__ = ["Program", "on_update", "routine", "trigger", "view"]
