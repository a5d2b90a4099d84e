"""The unfolded network, gone through path by path."""

from __future__ import annotations

from bptt_sym.derivation.reduction import reduction_of


def roots(model, steps, loss):
    """The losses that count, with their time steps."""
    found = [(model.loss.name, time) for time in reduction_of(model, loss).losses(steps)]
    return [*found, *((terminal.name, steps) for terminal in model.losses[1:])]


def all_paths(step, steps, losses, parameter):
    """Every path from the losses to copies of a parameter, edge by edge, by going along them."""
    initial, reads = {}, {}
    for edge in step.edges:
        reads.setdefault(edge.of.name, []).append(edge)
    for edge in step.initial:
        initial.setdefault(edge.of.name, []).append(edge.by.name)

    def onward(path):
        name, time = path[-1]
        if name == parameter:
            yield path
        elif name in step.model.parameters:
            return
        elif not 1 <= time <= steps:
            for by in initial.get(name, ()):
                yield from onward([*path, (by, 0 if time < 1 else steps + 1)])
        else:
            for edge in reads.get(name, ()):
                yield from onward([*path, (edge.by.name, time - edge.lag)])

    for loss in losses:
        yield from onward([loss])
