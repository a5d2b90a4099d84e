"""What the lines of a figure lead from and to, and how large labels are."""

from __future__ import annotations

from typing import NamedTuple

from bptt_sym.figures.measure import LabelSize, measured
from bptt_sym.figures.scene import Scene
from bptt_sym.figures.spacing import Spacing

SAME = 1e-6
"""What is closer than this lies at one place."""


class Reading(NamedTuple):
    """``of`` reads ``by``, ``lag`` steps before, at every step that has such an edge."""

    of: str
    by: str
    lag: int


def readings_of(scene: Scene) -> dict[Reading, LabelSize]:
    """The readings of a scene, each with the size of its largest label."""
    found: dict[Reading, LabelSize] = {}
    for arrow in scene.arrows:
        reading = Reading(arrow.of.name, arrow.by.name, arrow.lag)
        known = found.get(reading, LabelSize(0, 0))
        found[reading] = LabelSize(*map(max, label_size(arrow.latex, scene.request.space), known))
    return found


def label_size(latex: str, space: Spacing) -> LabelSize:
    """The size of the label of an edge."""
    return measured(latex, space.edge_points) if latex else LabelSize(0, 0)
