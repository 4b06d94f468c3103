"""Charts as inline SVG; colours come from the page's style, by class."""

from __future__ import annotations

import math

from tailrace.conversion.report.assessment import Figures
from tailrace.conversion.report.markup import Markup, element, join

#: In the order in which they are drawn: class of the style, attribute of `Figures`.
PARTS = (("automatic", "automatic"), ("changed", "changed"), ("by-hand", "by_hand"))
_LEAST = 1.2  # of a hundred: what is there shows


def _shares(figures: Figures) -> list[tuple[str, float]]:
    """Of a hundred; a small part is drawn a little larger than it is, at the cost of the largest."""
    shares = [(style, 100 * getattr(figures, name) / (figures.total or 1)) for style, name in PARTS]
    drawn = [(style, max(share, _LEAST) if share else 0.0) for style, share in shares]
    excess = sum(share for _, share in drawn) - (100 if figures.total else 0)
    largest = max(drawn, key=lambda part: part[1])[0]
    return [(style, share - excess if style == largest else share) for style, share in drawn]


def bar(figures: Figures, label: str, height: int = 10) -> Markup:
    """Automatic, changed and by hand in one bar, as wide as its place.

    Args:
        label: for who cannot see it.
    """
    pieces: list[Markup] = []
    left = 0.0
    for style, share in _shares(figures):
        if share:
            pieces.append(element("rect", x=f"{left:.2f}", y=0, width=f"{share:.2f}", height=10, class_=f"f-{style}"))
        left += share
    return element(
        "svg",
        *pieces,
        class_="bar",
        viewBox="0 0 100 10",
        preserveAspectRatio="none",
        height=height,
        role="img",
        aria_label=label,
    )


def ring(figures: Figures, label: str) -> Markup:
    """The same as a ring, with the share that is made in its middle."""
    radius = 52.0
    around = 2 * math.pi * radius
    arcs: list[Markup] = []
    begun = 0.0
    for style, share in _shares(figures):
        length = around * share / 100
        if share:
            arcs.append(
                element(
                    "circle",
                    cx=64,
                    cy=64,
                    r=radius,
                    class_=f"arc s-{style}",
                    stroke_dasharray=f"{max(length - (1.5 if share < 100 else 0), 0.5):.2f} {around:.2f}",
                    stroke_dashoffset=f"{-begun:.2f}",
                    transform="rotate(-90 64 64)",
                )
            )
        begun += length
    made = figures.percent(figures.made)
    number = "ring-number whole" if made == 100 else "ring-number"  # three digits have less room each
    middle = join(
        element("text", f"{made} %", x=64, y=64, class_=number, text_anchor="middle"),
        element("text", "converted", x=64, y=82, class_="ring-word", text_anchor="middle"),
    )
    return element("svg", *arcs, middle, class_="ring", viewBox="0 0 128 128", role="img", aria_label=label)


def length(part: float, most: float, style: str, label: str) -> Markup:
    """One bar, as long as its part of the most there is."""
    width = max(100 * part / (most or 1.0), 0.6 if part else 0.0)
    return element(
        "svg",
        element("rect", x=0, y=0, width=f"{width:.2f}", height=10, class_=f"f-{style}"),
        class_="bar",
        viewBox="0 0 100 10",
        preserveAspectRatio="none",
        height=12,
        role="img",
        aria_label=label,
    )
