"""A picture as PDF, by pdflatex."""

from __future__ import annotations

from bptt_sym.errors import InputError
from bptt_sym.figures.picture import Picture
from bptt_sym.figures.tikz import page
from bptt_sym.render.pdflatex import pdf as typeset

LONGEST_SIDE = 500.0
"""In centimetres; TeX knows no lengths above 575."""


def pdf(picture: Picture) -> bytes:
    """The picture as a PDF file. Raises InputError without pdflatex, or where it fails."""
    if max(picture.width, picture.height) > LONGEST_SIDE:
        raise InputError("the figure is too large for TeX; an SVG has no such bound")
    return typeset(page(picture))
