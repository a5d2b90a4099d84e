"""A graph as text: its stages, and one statement for each value with its shape.

What a text says is all that a graph holds, so that one can be made of it again.
"""

from __future__ import annotations

from collections.abc import Iterator

from sympy import Expr

from bptt_sym.graph.array_shapes import SEQUENCES, STEPS, Sizes
from bptt_sym.graph.graph import Graph, Key
from bptt_sym.graph.node import Node
from bptt_sym.graph.sites import sites_of
from bptt_sym.graph.stages import Stage, stages
from bptt_sym.memory.storage import Storages

ATOM, POWER, PRODUCT, SUM = range(4)
"""How loosely the text of a node holds together."""

HEADINGS = {
    None: "all time steps at once",
    "onward": "loop over t = 1, ..., T",
    "backward": "loop over t = T, ..., 1",
}

Text = tuple[str, int]
"""A text, and how loosely it holds together."""


def listing(graph: Graph, storages: Storages | None = None) -> str:
    """The graph as text; with ``storages``, the arrays that values lie in too."""
    return _Listing(graph, storages).text()


class _Listing:
    def __init__(self, graph: Graph, storages: Storages | None) -> None:
        self.graph, self.storages = graph, storages
        self.nodes = graph.reachable()
        self.sites, self.users, self.fixed = sites_of(graph), graph.users(), graph.fixed()
        self.keys: dict[Node, list[Key]] = {}
        known = set(self.nodes)
        for key, definition in graph.definitions.items():
            if definition.node in known and definition.node.operands:
                self.keys.setdefault(definition.node, []).append(key)
        for key, node in graph.results.items():
            if node.operands:
                self.keys.setdefault(node, []).append(key)
        self.names: dict[Node, str] = {}

    def text(self) -> str:
        blocks = [self.leaves(), self.begins()]
        blocks += [[*self.stage(stage)] for stage in stages(self.graph, self.sites)]
        blocks.append([*self.results()])
        if self.storages is not None:
            blocks.append([*self.arrays(self.storages)])
        return "\n".join("\n".join([*block, ""]) for block in blocks if len(block) > 1)

    def leaves(self) -> list[str]:
        """What the program is made of, with its shape."""
        found = {
            f"{node.kind} {node.detail} {_shape(node)}": None
            for node in self.nodes
            if node.kind in ("parameter", "given", "labels")
        }
        return ["leaves", *(f"  {leaf}" for leaf in sorted(found))]

    def begins(self) -> list[str]:
        """What is read before the first step."""
        lines = ["before the first step"]
        for key, definition in self.graph.definitions.items():
            if not all(node in self.users for node in definition.initial):
                continue
            for lag, node in enumerate(definition.initial, start=1):
                first = f"T+{lag}" if definition.reverse else f"{1 - lag}"
                shape = _shape_text((SEQUENCES, *node.sizes))
                lines.append(f"  {key_name(key)}[{first}]  {shape}  = {self.operand(node, SUM)}")
        return lines

    def stage(self, stage: Stage) -> Iterator[str]:
        yield f"{stage.phase}, {HEADINGS[stage.loop]}"
        rows = []
        for node in stage.nodes:
            if not self.is_inline(node):
                rows.append((self.name(node), _shape(node), self.expression(node)[0]))
                others = self.keys.get(node, [])[1:]
                rows += [(key_name(key), _shape(node), self.name(node)) for key in others]
        widths = [max((len(row[k]) for row in rows), default=0) for k in range(2)]
        for name, shape, right in rows:
            yield f"  {name.ljust(widths[0])}  {shape.ljust(widths[1])}  = {right}"

    def results(self) -> Iterator[str]:
        """Results and values that are leaves: they have no statement of their own."""
        yield "results"
        for key, node in self.graph.results.items():
            if not node.operands:
                yield f"  {key_name(key)} = {self.operand(node, SUM)}"
        for key, definition in self.graph.definitions.items():
            if not definition.node.operands and definition.node in self.users:
                yield f"  {key_name(key)} = {self.operand(definition.node, SUM)}"
        yield f"  kept {', '.join(key_name(key) for key in self.graph.kept)}"

    def arrays(self, storages: Storages) -> Iterator[str]:
        """Each array once: its shape, what comes first in it, and what lies in it."""
        yield "arrays"
        found = dict.fromkeys(storage for storage, _ in storages.places.values())
        rows = [
            (_shape_text(s.shape), " | ".join(self.operand(n, SUM) for n in s.lanes)) for s in found
        ]
        width = max((len(shape) for shape, _ in rows), default=0)
        yield from (f"  {shape.ljust(width)}  {lanes}" for shape, lanes in rows)

    # Names.

    def is_inline(self, node: Node) -> bool:
        """Whether a node stands inside the one that reads it, as it has no name of its own."""
        number = node.kind == "spread" and node.operands[0].kind == "number" and not node.time
        if not node.operands or node.kind == "part" or number:
            return node not in self.keys
        if node in self.keys or node in self.fixed:
            return False
        users = self.users[node]
        alone = len(users) == 1 and self.sites[users[0]] == self.sites[node]
        return alone and not (self.storages is not None and node in self.storages.places)

    def name(self, node: Node) -> str:
        """The name of what a node stands for, else a number."""
        if node not in self.names:
            keys = self.keys.get(node)
            self.names[node] = key_name(keys[0]) if keys else f"v{len(self.names) + 1}"
        return self.names[node]

    def operand(self, node: Node, within: int) -> str:
        text, looseness = self.expression(node) if self.is_inline(node) else (self.name(node), ATOM)
        return f"({text})" if looseness > within else text

    # Expressions.

    def expression(self, node: Node) -> Text:
        """What a node computes, and how loosely its text holds together."""
        operands = node.operands
        match node.kind:
            case "number":
                return str(node.detail), ATOM if node.detail >= 0 else SUM
            case "parameter" | "given" | "labels":
                return str(node.detail), ATOM
            case "lagged":
                key, lag = node.detail
                sign = "+" if self.graph.definitions[key].reverse else "-"
                return f"{key_name(key)}[t{sign}{lag}]", ATOM
            case "seed":
                return "dE", ATOM
            case "sum":
                return self.sum(node)
            case "times":
                return self.product(node)
            case "divide":
                left, right = self.operand(operands[0], PRODUCT), self.operand(operands[1], POWER)
                return f"{left} / {right}", PRODUCT
            case "power":
                return f"{self.operand(operands[0], ATOM)} ** ({node.detail})", POWER
            case "dot":
                left, right = self.operand(operands[0], PRODUCT), self.operand(operands[1], POWER)
                return f"{left} @ {right}", PRODUCT
            case "transpose":
                return f"{self.operand(operands[0], ATOM)}.T", ATOM
            case "apply":
                return f"{node.detail}({self.operand(operands[0], SUM)})", ATOM
        arguments = [self.operand(operand, SUM) for operand in operands]
        arguments += [*self.details(node)]
        return f"{node.kind.replace(' ', '_')}({', '.join(arguments)})", ATOM

    def details(self, node: Node) -> Iterator[str]:
        """What a kind needs beside its operands, and the shape that it is spread to."""
        match node.kind, node.detail:
            case "named" | "state" | "carried", key:
                yield f"of={key_name(key)}"
            case "final", (key, _):
                yield f"of={key_name(key)}"
            case "initial", (name, lag):
                yield f"{name}[{1 - lag}]"
            case "part", (position, widths, axis):
                yield f"number={position}, of={_shape_text(widths)}, axis={axis}"
            case "squash", (factor, shift):
                yield f"factor={factor}, shift={shift}"
            case "result", name:
                yield f"of={name}"
            case _, None:
                pass
            case _, tuple(detail):
                yield f"({', '.join(map(_plain, detail))})"
            case _, detail:
                yield _plain(detail)
        if node.kind in ("spread", "result", "stack", "identity", "initial", "state", "carried"):
            yield f"shape={_shape(node)}"

    def sum(self, node: Node) -> Text:
        coefficients, constant, place = node.detail
        terms = [
            (number < 0, shown if abs(number) == 1 else f"{_number(abs(number))} * {shown}")
            for number, operand in zip(coefficients, node.operands, strict=True)
            for shown in [self.operand(operand, POWER if abs(number) != 1 else PRODUCT)]
        ]
        if constant:
            terms.insert(place, (constant < 0, _number(abs(constant))))
        (negative, text), *others = terms
        text = f"-{text}" if negative else text
        return " ".join([text, *(f"{'-' if n else '+'} {t}" for n, t in others)]), SUM

    def product(self, node: Node) -> Text:
        texts = [self.operand(operand, POWER) for operand in node.operands]
        if node.detail == -1:
            return f"-{' * '.join(texts)}", SUM
        texts = texts if node.detail == 1 else [_number(node.detail), *texts]
        return " * ".join(texts), PRODUCT


def _number(number: object) -> str:
    text = str(number)
    return f"({text})" if "/" in text else text


def _plain(detail: object) -> str:
    return str(detail) if isinstance(detail, Expr | bool) else f"{detail}"


def _shape(node: Node) -> str:
    lead = [*([STEPS] if node.time else []), *([SEQUENCES] if node.batch else [])]
    return _shape_text((*lead, *node.sizes))


def _shape_text(sizes: Sizes) -> str:
    return f"({', '.join(map(str, sizes))}{',' if len(sizes) == 1 else ''})"


def key_name(key: Key) -> str:
    """How a key is written: h, dh, dW, dh0 and, for what is handed back, dh_back."""
    match key:
        case ("loss",):
            return "E"
        case ("value" | "given", name):
            return name
        case ("adjoint" | "gradient", name):
            return f"d{name}"
        case ("initial", name):
            return f"d{name}0"
        case ("carry", name, lag):
            return f"d{name}_back" + (lag if lag != "1" else "")
    raise AssertionError(f"no name for {key}")
