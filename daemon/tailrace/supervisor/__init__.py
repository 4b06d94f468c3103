"""The parent process of a pipeline: starts and restarts workers, answers for them, and never touches a row."""

from tailrace.supervisor.supervisor import Outcome, Supervisor

__all__ = ["Outcome", "Supervisor"]
