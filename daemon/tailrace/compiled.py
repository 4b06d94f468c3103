"""Which form of the hot path runs: compiled by Cython when tailrace was installed, or interpreted.

Every module that is compiled is a Python file too, or has one that does the same, so all works without a compiler, only
slower. `TAILRACE_PURE=1` in the environment forces the interpreted form: for a debugger, and for tests that hold one
form against the other.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ExtensionFileLoader, ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any


class _SourceFinder:
    """Finds tailrace's modules as Python files, though compiled ones lie beside them."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if not name.startswith("tailrace"):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or not isinstance(spec.loader, ExtensionFileLoader) or spec.origin is None:
            return None
        source = Path(spec.origin).with_name(name.rpartition(".")[2] + ".py")
        if not source.exists():
            raise ModuleNotFoundError(f"{name} exists in compiled form only", name=name)
        return importlib.util.spec_from_file_location(name, source)


def obey_environment() -> None:
    """Before any other module is imported."""
    if os.environ.get("TAILRACE_PURE") == "1":
        sys.meta_path.insert(0, _SourceFinder)


def compiled_class(module: str, name: str) -> Any:
    """A class that exists in compiled form only; None where it was not built, or is not wanted."""
    try:
        return getattr(importlib.import_module(module), name)
    except ImportError:
        return None


def is_compiled() -> bool:
    from tailrace import emitter

    return not str(emitter.__file__).endswith(".py")
