"""A picture as PNG, drawn by Matplotlib from the same outlines as the SVG."""

from __future__ import annotations

import io

from bptt_sym.errors import InputError
from bptt_sym.figures.outlines import Shape, missing, shapes
from bptt_sym.figures.picture import Picture
from bptt_sym.version import MADE_BY

RESOLUTION = 200
MOST_PIXELS = 30_000
"""A side of more pixels is more than a program for PNG reads."""

_INCH = 2.54


def png(picture: Picture, resolution: int = RESOLUTION) -> bytes:
    """The picture as a PNG file of so many pixels per inch."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path
    except ImportError:
        raise missing() from None
    inches = picture.width / _INCH, picture.height / _INCH
    if max(inches) * resolution > MOST_PIXELS:
        raise InputError("the figure is too large for a PNG; an SVG or a PDF has no such bound")
    figure = Figure(figsize=inches, dpi=resolution, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, picture.width)
    axes.set_ylim(0, picture.height)
    for shape in shapes(picture):
        points, codes = _path(shape)
        axes.add_patch(
            PathPatch(
                Path(points, codes),
                facecolor=f"#{shape.fill}" if shape.fill else "none",
                edgecolor=f"#{shape.stroke}" if shape.stroke else "none",
                linewidth=shape.width / _INCH * 72,
                capstyle="butt",
            )
        )
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": MADE_BY, "Title": picture.title})
    return stream.getvalue()


def _path(shape: Shape) -> tuple[list[tuple[float, float]], list[int]]:
    """The points of an outline and what Matplotlib calls the ways to them."""
    points: list[tuple[float, float]] = []
    codes: list[int] = []
    for segment in shape.segments:
        if segment.kind == "move" and shape.closed and points:
            points.append(points[-1])
            codes.append(79)
        points += segment.points
        codes += [{"move": 1, "line": 2, "curve": 4}[segment.kind]] * len(segment.points)
    if shape.closed:
        points.append(points[-1])
        codes.append(79)
    return points, codes
