"""What a figure is drawn as: a plan of columns that are all alike, or a chain around one step."""

from __future__ import annotations

from bptt_sym.figures.chain import chain_picture
from bptt_sym.figures.describe import chain_description, chain_title
from bptt_sym.figures.picture import Picture
from bptt_sym.figures.pieces import Pieces
from bptt_sym.figures.placement import picture
from bptt_sym.figures.request import Request
from bptt_sym.figures.scene import scene


def drawing(request: Request) -> Picture:
    """The picture of what is asked for."""
    if request.kind not in ("cell", "chain"):
        return picture(scene(request))
    pieces = Pieces(request)
    return chain_picture(pieces, chain_title(pieces), chain_description(pieces))


def labels_of(request: Request) -> list[str]:
    """The LaTeX of each label, in an order that does not depend on how labels are written."""
    if request.kind not in ("cell", "chain"):
        shown = scene(request)
        return [*(item.latex for item in shown.items), *(arrow.latex for arrow in shown.arrows)]
    drawn = drawing(request)
    nodes = sorted(drawn.nodes, key=lambda node: node.node)
    edges = sorted(drawn.edges, key=lambda edge: (edge.of, edge.by))
    labels = [node.label for node in nodes]
    labels += [edge.label for edge in edges if edge.label]
    labels += [frame.label for frame in drawn.frames if frame.label]
    return [label.latex for label in (*labels, *drawn.tags)]
