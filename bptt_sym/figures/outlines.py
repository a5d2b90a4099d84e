"""A picture as outlines alone, its labels among them, for what has no typesetter of its own.

Labels are typeset by Matplotlib in the Computer Modern that comes with it; neither LaTeX nor a font
is needed to show them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from bptt_sym.errors import InputError
from bptt_sym.figures.measure import POINT
from bptt_sym.figures.picture import Label, Picture, Point, Rectangle
from bptt_sym.figures.strokes import (
    DELAY_LOOK,
    DOT,
    FRAME_CORNER,
    INK,
    LOOKS,
    Look,
    Segment,
    box_outline,
    dots_color,
    heads,
    look_of,
    strokes,
)

if TYPE_CHECKING:
    from matplotlib.textpath import TextToPath


@dataclass(frozen=True)
class Shape:
    """An outline, filled or drawn; colours are RRGGBB, ``""`` is none. Lengths in centimetres."""

    segments: tuple[Segment, ...]
    fill: str = ""
    stroke: str = ""
    width: float = 0.0
    closed: bool = False
    label: str = ""
    """The formula, where the outline is that of its letters."""


def shapes(picture: Picture) -> Iterator[Shape]:
    """Everything that is drawn, from the back to the front."""
    for frame in picture.frames:
        yield _box(frame.box, FRAME_CORNER, LOOKS["step"])
    for stroke in strokes(picture):
        yield Shape(stroke.segments, stroke=stroke.color, width=stroke.width)
    for head, color in heads(picture):
        yield Shape(_polygon(head), fill=color, closed=True)
    for dots in picture.dots:
        for k in (-1, 0, 1):
            x, y = dots.middle[0] + 0.2 * k, dots.middle[1]
            dot = box_outline(x - DOT, y - DOT, x + DOT, y + DOT, DOT)
            yield Shape(dot, fill=dots_color(dots), closed=True)
    for delay in picture.delays:
        yield _box(delay.box, 0.04, DELAY_LOOK)
    for node in picture.nodes:
        yield _box(node.box, node.radius, look_of(picture, node))
    for label in picture.labels:
        yield Shape(label_outline(label), fill=INK, closed=True, label=label.latex)


def _polygon(points: tuple[Point, ...]) -> tuple[Segment, ...]:
    lines = (Segment("line", (point,)) for point in points[1:])
    return (Segment("move", (points[0],)), *lines)


def _box(box: Rectangle, radius: float, look: Look) -> Shape:
    outline = box_outline(box.left, box.bottom, box.right, box.top, radius)
    return Shape(outline, look.fill, look.border, look.width, closed=True)


def label_outline(label: Label) -> tuple[Segment, ...]:
    """The letters of a label, at their place."""
    unplaced, box = _typeset(label.latex)
    scale = label.points * POINT / _UNITS
    right = label.box.x - scale * (box[0] + box[2]) / 2
    up = label.box.y - scale * (box[1] + box[3]) / 2
    return tuple(
        Segment(part.kind, tuple((right + scale * x, up + scale * y) for x, y in part.points))
        for part in unplaced
    )


_IN_MATPLOTLIB = {
    r"\frac": r"\dfrac",
    r"\tfrac": r"\frac",
    r"\bmod": r"\,\mathrm{mod}\,",
}
"""What stands in labels and Matplotlib does not know, or sets smaller; in this order."""

_UNITS = 100.0
"""The size at which labels are typeset before they are scaled."""


@lru_cache(maxsize=2000)
def _typeset(latex: str) -> tuple[tuple[Segment, ...], tuple[float, float, float, float]]:
    """The letters of a formula at the size of 100 units, and the box around them."""
    writer = _typesetter()
    from matplotlib.font_manager import FontProperties

    text = latex
    for ours, theirs in _IN_MATPLOTLIB.items():
        text = text.replace(ours, theirs)
    font = FontProperties(math_fontfamily="cm", size=_UNITS)
    points, codes = writer.get_text_path(font, f"${text}$", ismath=True)
    scale = _UNITS / writer.FONT_SCALE
    found: list[Segment] = []
    corners: list[Point] = []
    position = 0
    while position < len(codes):
        kind, length = _KINDS[int(codes[position])]
        ends = [
            (float(points[position + k][0]) * scale, float(points[position + k][1]) * scale)
            for k in range(length)
        ]
        position += length
        if kind == "close":
            continue
        if kind == "quadratic":
            start = found[-1].points[-1]
            control, end = ends
            ends = [_between(start, control), _between(end, control), end]
        found.append(Segment("curve" if len(ends) == 3 else kind, tuple(ends)))  # type: ignore[arg-type]
        corners += ends
    xs, ys = zip(*corners, strict=True)
    return tuple(found), (min(xs), min(ys), max(xs), max(ys))


_KINDS = {1: ("move", 1), 2: ("line", 1), 3: ("quadratic", 2), 4: ("curve", 3), 79: ("close", 1)}
"""The codes of Matplotlib's paths, with the number of points that each takes."""


def _between(end: Point, control: Point) -> Point:
    """A control point of the cubic curve that is the same as a quadratic one."""
    return tuple(a + 2 / 3 * (b - a) for a, b in zip(end, control, strict=True))  # type: ignore[return-value]


@lru_cache(maxsize=1)
def _typesetter() -> TextToPath:
    try:
        from matplotlib.textpath import TextToPath
    except ImportError:
        raise missing() from None
    return TextToPath()


def missing() -> InputError:
    """What to say where Matplotlib is not installed."""
    return InputError(
        "SVG and PNG need Matplotlib, which typesets the labels: pip install 'bptt-sym[figures]'"
    )
