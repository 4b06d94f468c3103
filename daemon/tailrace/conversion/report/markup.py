"""HTML and SVG in pieces: whatever is not markup already is escaped, so that nothing of a schema becomes any."""

from __future__ import annotations

from html import escape

_VOID = frozenset({"meta", "br", "hr", "rect", "line", "circle", "path"})


class Markup(str):
    """Text that is HTML. Only `element` and `join` make it, and what is written in our own code."""

    __slots__ = ()


Child = str | int | float | Markup | None


def text(child: Child) -> Markup:
    if isinstance(child, Markup):
        return child
    return Markup("" if child is None else escape(str(child)))


def element(tag: str, *children: Child, **attributes: str | int | float | None) -> Markup:
    """
    Args:
        attributes: under Python's names: ``class_`` is ``class``, an underscore a hyphen; None leaves one out.
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in _VOID:
        return Markup(f"<{tag}{written}>" if tag in ("meta", "br", "hr") else f"<{tag}{written}/>")
    return Markup(f"<{tag}{written}>{''.join(text(child) for child in children)}</{tag}>")


def join(*children: Child) -> Markup:
    return Markup("".join(text(child) for child in children))
