"""A picture as SVG: outlines alone, with a title and a description for those who do not see it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from bptt_sym.figures.outlines import Shape, shapes
from bptt_sym.figures.picture import Picture
from bptt_sym.figures.strokes import Segment
from bptt_sym.quoting import markup_comment
from bptt_sym.version import MADE_BY

PIXELS = 40.0
"""Pixels of the picture for a centimetre."""


def svg(picture: Picture, command: str) -> str:
    """The picture as a whole SVG file."""
    # A page may hold several figures, so the names of its parts are its own.
    own = hashlib.sha256((picture.title + picture.description).encode()).hexdigest()[:8]
    width, height = picture.width * PIXELS, picture.height * PIXELS
    lines = [
        f"<!-- {MADE_BY}: {escape(markup_comment(command))} -->",
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'aria-labelledby="title-{own} description-{own}">',
        f'<title id="title-{own}">{escape(picture.title)}</title>',
        f'<desc id="description-{own}">{escape(picture.description)}</desc>',
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#FFFFFF"/>',
        *(_shape(shape, picture.height) for shape in shapes(picture)),
        "</svg>",
        "",
    ]
    return "\n".join(lines)


def _shape(shape: Shape, height: float) -> str:
    path = " ".join(_words(shape, height))
    fill = f"#{shape.fill}" if shape.fill else "none"
    stroke = ""
    if shape.stroke:
        stroke = f' stroke="#{shape.stroke}" stroke-width="{shape.width * PIXELS:.2f}"'
    label = f" data-label={quoteattr(shape.label)}" if shape.label else ""
    return f'<path{label} d="{path}" fill="{fill}"{stroke}/>'


def _words(shape: Shape, height: float) -> Iterator[str]:
    first = True
    for segment in shape.segments:
        if segment.kind == "move" and shape.closed and not first:
            yield "Z"
        first = False
        yield _word(segment, height)
    if shape.closed:
        yield "Z"


def _word(segment: Segment, height: float) -> str:
    letter = {"move": "M", "line": "L", "curve": "C"}[segment.kind]
    points = (f"{_number(x)} {_number(height - y)}" for x, y in segment.points)
    return letter + " ".join(points)


def _number(centimetres: float) -> str:
    return f"{round(centimetres * PIXELS, 2) + 0.0:g}"
