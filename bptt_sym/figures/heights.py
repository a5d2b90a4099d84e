"""How high the rows of a figure lie, the tracks below them and the labels at their ports."""

from __future__ import annotations

from bptt_sym.figures.plan import Plan
from bptt_sym.figures.tracks import Track, tracks_of


class Heights:
    """The height of each row, of each track and of the labels in each channel."""

    def __init__(self, plan: Plan) -> None:
        tracks, space = tracks_of(plan), plan.space
        self.y: dict[int, float] = {}
        self.track_y: dict[tuple[int, Track], float] = {}
        self.label_y: dict[int, float] = {}
        at = 0.0
        for row, names in enumerate(plan.rows):
            below = tracks.get(row, [])
            bottom = at
            if below and plan.scene.request.kind == "path":
                at += space.head
            for track in below:
                at += space.track
                self.track_y[row, track] = at
            sizes = [plan.readings[r].height for r in plan.ports.at if plan.row[r.of] == row]
            label = max(sizes, default=0.0)
            if row or sizes:
                at += space.pad
                self.label_y[row] = at + label / 2
                at = max(at + label + space.head, bottom + space.row_gap)
                self.label_y[row] = at - space.head - label / 2
            half = max(map(plan.ports.half_height, names))
            self.y[row] = at + half
            above = [plan.readings[r].height for r in plan.horizontal if plan.row[r.of] == row]
            at += half + max(half, max(above, default=0.0) + 2 * space.pad)
        # What leaves the uppermost row upward runs above it.
        for track in tracks.get(len(plan.rows), []):
            at += space.track
            self.track_y[len(plan.rows), track] = at
