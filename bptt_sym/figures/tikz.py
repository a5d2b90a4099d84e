r"""A picture as TikZ: a fragment to \input that fits itself into the line, or a page of its own."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from bptt_sym.figures.picture import Label, Picture, Point, Rectangle
from bptt_sym.figures.strokes import (
    DELAY_LOOK,
    DOT,
    FRAME_CORNER,
    INK,
    LOOKS,
    PATHS,
    QUIET,
    Look,
    Segment,
    box_outline,
    dots_color,
    heads,
    look_of,
    strokes,
)
from bptt_sym.version import MADE_BY

NO_MACROS: Mapping[str, str] = {}

TALL = 20.0
"""Higher than this, in centimetres, a figure may be too high for a page and is made to fit it."""

FITTED_HEIGHT = (
    r"\resizebox{!}{\ifdim\totalheight>0.9\textheight 0.9\textheight\else\totalheight\fi}{%"
)


def tikz(picture: Picture, command: str, macros: Mapping[str, str] = NO_MACROS) -> str:
    r"""A fragment to \input: it needs amsmath and tikz, and is never wider than the line.

    ``macros`` are other LaTeX of labels.
    """
    return "\n".join(
        (
            r"% Needs \usepackage{amsmath,tikz}.",
            f"% {MADE_BY}: {command}",
            *_comment(picture),
            *([FITTED_HEIGHT] if picture.height > TALL else []),
            r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
            *_drawing(picture, macros),
            *(["}%"] if picture.height > TALL else []),
            "}%",
            "",
        )
    )


def page(picture: Picture) -> str:
    """A document of one page that is just as large as the picture, to make a PDF of."""
    return "\n".join(
        (
            r"\documentclass{article}",
            r"\usepackage{amsmath,tikz}",
            r"\newsavebox{\drawn}",
            r"\begin{document}",
            r"\begin{lrbox}{\drawn}%",
            *_drawing(picture),
            r"\end{lrbox}",
            r"\pdfpagewidth=\wd\drawn",
            r"\pdfpageheight=\dimexpr\ht\drawn+\dp\drawn\relax",
            r"\hoffset=-1in",
            r"\voffset=-1in",
            r"\shipout\box\drawn",
            r"\end{document}",
            "",
        )
    )


def _comment(picture: Picture) -> Iterator[str]:
    """What the picture shows, in words."""
    for words in (picture.title + ".", picture.description):
        yield from textwrap.wrap(words, 96, initial_indent="% ", subsequent_indent="% ")


def _drawing(picture: Picture, macros: Mapping[str, str] = NO_MACROS) -> Iterator[str]:
    yield r"\begin{tikzpicture}[x=1cm, y=1cm, inner sep=0pt, outer sep=0pt]"
    for color in _colors():
        yield rf"\definecolor{{bptt{color}}}{{HTML}}{{{color}}}"
    yield rf"\useasboundingbox (0, 0) rectangle {_point((picture.width, picture.height))};"
    for frame in picture.frames:
        yield _box(frame.box, FRAME_CORNER, LOOKS["step"])
    for stroke in strokes(picture):
        style = f"draw=bptt{stroke.color}, line width={stroke.width:g}cm"
        yield rf"\path[{style}] {_path(stroke.segments)};"
    for head, color in heads(picture):
        yield rf"\fill[bptt{color}] {' -- '.join(map(_point, head))} -- cycle;"
    for dots in picture.dots:
        for k in (-1, 0, 1):
            middle = _point((dots.middle[0] + 0.2 * k, dots.middle[1]))
            yield rf"\fill[bptt{dots_color(dots)}] {middle} circle ({DOT:g});"
    for delay in picture.delays:
        yield _box(delay.box, 0.04, DELAY_LOOK)
    for node in picture.nodes:
        yield _box(node.box, node.radius, look_of(picture, node))
    for label in picture.labels:
        yield _label(label, macros.get(label.latex, label.latex))
    yield r"\end{tikzpicture}%"


def _colors() -> list[str]:
    looks = [*LOOKS.values(), DELAY_LOOK]
    found = {INK, QUIET, *PATHS, "FFFFFF", *(color for x in looks for color in (x.fill, x.border))}
    return sorted(found)


def _box(box: Rectangle, radius: float, look: Look) -> str:
    style = f"fill=bptt{look.fill}, draw=bptt{look.border}, line width={look.width:g}cm"
    outline = box_outline(box.left, box.bottom, box.right, box.top, radius)
    return rf"\path[{style}] {_path(outline)} -- cycle;"


def _label(label: Label, latex: str) -> str:
    # Formulas stand in the middle of their boxes, the fractions among them as if displayed.
    size = rf"\fontsize{{{label.points:g}}}{{{1.2 * label.points:g}}}\selectfont"
    display = r"\displaystyle" if r"\frac" in label.latex else ""
    where = _point((label.box.x, label.box.y))
    return rf"\node[font={{{size}}}] at {where} {{${display}{latex}$}};"


def _path(segments: Sequence[Segment]) -> str:
    words = []
    for segment in segments:
        points = [_point(point) for point in segment.points]
        if segment.kind == "curve":
            words.append(f".. controls {points[0]} and {points[1]} .. {points[2]}")
        else:
            words.append(points[0] if segment.kind == "move" else f"-- {points[0]}")
    return " ".join(words)


def _point(point: Point) -> str:
    return f"({round(point[0], 3) + 0.0:g}, {round(point[1], 3) + 0.0:g})"
