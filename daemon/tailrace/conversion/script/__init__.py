"""Scripts of SQL: what a catalog would have if a server had run them."""

from tailrace.conversion.script.reading import read

__all__ = ["read"]
