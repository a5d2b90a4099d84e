"""What a figure shows, in words, for those who do not see it. Plain ASCII, from the graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bptt_sym.derivation.unfolding import Vertex
from bptt_sym.figures.pieces import Pieces
from bptt_sym.figures.scene import Arrow, Item, Scene

MOST_TOLD = 60
"""Of more edges than this, only the first are told."""


def title(scene: Scene) -> str:
    """One line: which model, how it is drawn."""
    request = scene.request
    name, steps = _ascii(request.model.title), _steps(request.steps)
    match request.kind:
        case "folded":
            return f"{name}, one time step"
        case "unfolded":
            return f"{name}, unfolded over {steps}"
        case "simplified":
            return f"{name} over {steps}, simplified for adjusting {request.parameter}"
        case _:
            number = request.contribution
            copies = "any copy" if number is None else "the copy"
            where = "" if number is None else f" in step {number}"
            return f"{name} over {steps}, every path to {copies} of {request.parameter}{where}"


def description(scene: Scene) -> str:
    """A few sentences: how to read the figure, then what depends on what."""
    request = scene.request
    loss = request.model.loss.name
    at_last = request.reduction.at_last
    alone = at_last and request.model.terminal is None
    looked = f"the loss {loss}_{request.steps}" if alone else "the sum of the losses"
    sentences = []
    if request.kind == "folded":
        sentences.append(
            "One time step t; inputs are at the bottom, the loss at the top. What a later step "
            "reads goes around in a loop through a box that says from which step it comes."
        )
    else:
        left_out = "" if len(scene.shown) == request.steps else "; dots stand for steps left out"
        sentences.append(
            f"Each column is a time step, from left to right{left_out}. "
            "Inputs are at the bottom, losses at the top."
        )
    if request.kind in ("simplified", "path"):
        sentences.append(
            f"Only what lies on a path from a copy of {request.parameter} to {looked} is drawn."
        )
    if request.kind == "path":
        paths = [arrow for arrow in scene.arrows if arrow.paths]
        several = scene.coloured.count > 1
        line = "A line of each colour" if several else "A thick coloured line"
        sentences.append(
            f"{line} goes backward, from the loss to {'a' if several else 'the'} copy"
            + (
                "; at each edge stands the partial derivative that it contributes."
                if any(arrow.latex for arrow in paths)
                else "."
            )
        )
        place = {item.node: k for k, item in enumerate(scene.items)}
        paths.sort(key=lambda a: (a.of.time, place.get(a.of, 0), place.get(a.by, 0)), reverse=True)
        for number in range(scene.coloured.count):
            which = "The path" if scene.coloured.each else "The edges of all paths"
            which = f"Path {number + 1}" if several else which
            sentences.append(f"{which}: {_derivatives([a for a in paths if number in a.paths])}.")
        if any(arrow.marked for arrow in paths):
            mark = request.model.notation.immediate
            sentences.append(f"A {mark} marks an immediate derivative.")
    sentences += _readings(scene)
    return " ".join(sentences)


def chain_title(chain: Pieces) -> str:
    """One line: which model, which of its steps is drawn with its inside."""
    name = _ascii(chain.model.title)
    if chain.alone:
        return f"{name}, the inside of one time step"
    return f"{name}, time step {chain.center} of {chain.request.steps} with its inside"


def chain_description(chain: Pieces) -> str:
    """A few sentences: how to read the figure, then what depends on what."""
    sentences = [
        "What a time step hands on runs from left to right; what enters it anew is at the "
        "bottom, what no other step depends on at the top."
    ]
    if not chain.alone:
        left_out = "; dots stand for steps left out" if chain.shown[0] > 1 else ""
        sentences.append(
            f"Step {chain.center} is drawn with its inside, the steps beside it are "
            f"boxes{left_out}."
        )
    if chain.request.whole:
        sentences.append(
            "Small nodes are products, sums and functions. What enters a function is added up; "
            "what is added and the same at each step is left out."
        )
    for equation in chain.parts.cell:
        found = [(name, -lag) for (name, lag), _ in chain.parts.reads[equation.name]]
        sentences += _reads(chain, equation.name, chain.center, found)
    for time in chain.shown:
        readout = chain.readout(time)
        for k, name in enumerate(readout):
            found = (
                [(readout[k - 1], 0)] if k else [(name, -lag) for name, lag, _ in chain.first(time)]
            )
            found += [(name, 0) for name, _ in chain.parts.beside(name)[:1]]
            sentences += _reads(chain, name, time, found)
    return " ".join(sentences)


def _reads(chain: Pieces, name: str, time: int, found: Sequence[tuple[str, int]]) -> Iterable[str]:
    first = 0 if not chain.alone else 1 - chain.center
    if found:
        sources = [_node(Vertex(read, time + lag + first), chain.alone) for read, lag in found]
        yield f"{_node(Vertex(name, time + first), chain.alone)} depends on {_listed(sources)}."


def _readings(scene: Scene) -> Iterable[str]:
    """A sentence for each node that reads others, as many as there is patience for."""
    folded = scene.request.kind == "folded"
    read: dict[Vertex, list[Arrow]] = {}
    for arrow in scene.arrows:
        if arrow.of in scene.item:
            read.setdefault(arrow.of, []).append(arrow)
    told = 0
    for item in _in_order(scene.items):
        arrows = read.get(item.node, [])
        if not arrows:
            continue
        if told + len(arrows) > MOST_TOLD:
            yield "And so on."
            return
        told += len(arrows)
        sources = [_node(arrow.by, folded) for arrow in arrows]
        yield f"{_node(item.node, folded)} reads {_listed(sources)}."


def _in_order(items: Sequence[Item]) -> list[Item]:
    return sorted(items, key=lambda item: item.node.time)


def _derivatives(arrows: Sequence[Arrow]) -> str:
    """The derivatives of the path, from the loss down."""
    words = [f"d {_node(a.of, False)} / d {_node(a.by, False)}" for a in arrows[:MOST_TOLD]]
    return ", ".join(words) + (", and so on" if len(arrows) > MOST_TOLD else "")


def _node(node: Vertex, folded: bool) -> str:
    if not folded:
        return f"{node.name}[{node.time}]"
    return f"{node.name}[t]" if node.time == 1 else f"{node.name}[t{node.time - 1:+d}]"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _steps(steps: int) -> str:
    return "1 time step" if steps == 1 else f"{steps} time steps"


def _ascii(text: str) -> str:
    """A title of a model file may hold any character; here it may not."""
    return text.encode("ascii", "replace").decode()
