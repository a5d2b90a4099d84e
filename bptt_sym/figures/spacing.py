"""How large letters and nodes are and how far apart, in centimetres: alone, or in a text.

In a text, a figure has little height, and its labels are the smallest that print well. Letters are
set in the same size there; what is made smaller are the nodes and the room between them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Spacing:
    """The measures of a figure.

    ``node_points`` and ``edge_points`` are the sizes of the letters in a node and at an edge.
    ``pad`` is between a label and what it stands at. A node is round by ``radius``, that of a
    product or a sum by ``sign``; a copy of a parameter is twice ``half_copy`` high. Ports without
    a label are twice ``port_gap`` apart.

    Between the nodes of a row, their labels among them, there is ``apart``, where a trunk goes
    straight up ``clear``, and ``beside`` is the line from a target to the loss beside it. Two
    tracks are ``track`` apart, an arrowhead has the room ``head``, and rows are ``row_gap`` apart
    and columns ``side_gap``, at least. Three dots are ``dots`` wide; before and behind the box of a
    delay, ``delay_height`` high, there is a line of ``delay_line``. Corners of lines are round by
    ``corner``; arrowheads are ``head_length`` by ``head_width``, lines ``line`` wide, on a path
    ``thick``; the middles of lines side by side are ``lane`` apart. A derivative at an edge is
    written in one line where it is ``slashed``.
    """

    node_points: float
    edge_points: float
    pad: float
    radius: float
    sign: float
    half_copy: float
    port_gap: float
    apart: float
    clear: float
    beside: float
    track: float
    head: float
    row_gap: float
    side_gap: float
    dots: float
    delay_line: float
    delay_height: float
    margin: float
    corner: float
    head_length: float
    head_width: float
    line: float
    thick: float
    lane: float
    slashed: bool


ROOMY = Spacing(
    node_points=10, edge_points=8, pad=0.13, radius=0.42, sign=0.23, half_copy=0.3, port_gap=0.14,
    apart=0.35, clear=0.2, beside=0.6, track=0.24, head=0.3, row_gap=0.75, side_gap=0.7, dots=0.7,
    delay_line=0.3, delay_height=0.42, margin=0.25, corner=0.16, head_length=0.2, head_width=0.17,
    line=0.028, thick=0.07, lane=0.13, slashed=False,
)  # fmt: skip
"""For a figure that stands alone."""

COMPACT = Spacing(
    node_points=8, edge_points=7, pad=0.07, radius=0.25, sign=0.18, half_copy=0.24, port_gap=0.09,
    apart=0.16, clear=0.12, beside=0.38, track=0.15, head=0.2, row_gap=0.42, side_gap=0.4, dots=0.7,
    delay_line=0.2, delay_height=0.34, margin=0.04, corner=0.1, head_length=0.14, head_width=0.12,
    line=0.022, thick=0.05, lane=0.1, slashed=True,
)  # fmt: skip
"""For a figure within a text: no letter of it is smaller than 7 points, but for indices."""
