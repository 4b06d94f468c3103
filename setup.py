"""Compiles the hot path where a C compiler is there; without one the same modules run interpreted.

All other settings stand in pyproject.toml. A module is compiled when a `.pxd` file lies beside it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

ROOTS = ("daemon", "connectors")


def modules() -> list[Extension]:
    """One extension per module that has a `.pxd` file, or is a `.pyx` file."""
    found = {}
    for root in map(Path, ROOTS):
        for path in [*root.rglob("*.pxd"), *root.rglob("*.pyx")]:
            source = path.with_suffix(".pyx" if path.with_suffix(".pyx").exists() else ".py")
            name = ".".join(path.relative_to(root).with_suffix("").parts)
            if path.stem != "__init__":
                found[name] = Extension(name, [str(source)])
    return [found[name] for name in sorted(found)]


extensions = cythonize(
    modules(),
    include_path=list(ROOTS),
    build_dir="build/cython",
    # Python's own rules hold in compiled code too, unless a module that checks every bound by hand says otherwise.
    compiler_directives={"language_level": 3, "annotation_typing": False},
    quiet="-v" not in sys.argv,
)
for extension in extensions:
    extension.optional = True  # without a compiler the interpreted form is installed

setup(ext_modules=extensions)
