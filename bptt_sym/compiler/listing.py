"""A graph as a person reads it: its stages, and one statement for each value with its shape."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_sym.algebra.expressions import Expr, OneMatrix, Size, ZeroMatrix, split_coefficient
from bptt_sym.algebra.functions import Elementwise
from bptt_sym.compiler.graph import Graph, Key, Node, Operand
from bptt_sym.compiler.order import Stage, stages
from bptt_sym.compiler.sites import sites_of
from bptt_sym.compiler.sizes import added, size_text
from bptt_sym.compiler.storage import Storages

ATOM, PRODUCT, SUM = range(3)
"""How loosely the text of a node holds together."""

FUNCTIONS = {
    "entries": "sum", "total": "sum", "batch sum": "sum",
    "largest": "max", "ending": "at_last_step",
}  # fmt: skip
"""How kinds are written that only read one operand."""

HEADINGS = {
    None: "all time steps at once",
    "onward": "loop over t = 1, ..., T",
    "backward": "loop over t = T, ..., 1",
}


def listing(graph: Graph, storages: Storages | None = None) -> str:
    """The graph's stages as text; with ``storages``, the arrays that values lie in too."""
    return _Listing(graph, storages).text()


class _Listing:
    def __init__(self, graph: Graph, storages: Storages | None) -> None:
        self.graph, self.storages = graph, storages
        self.sites, self.users, self.fixed = sites_of(graph), graph.users(), graph.fixed()
        self.known = {d.node: key for key, d in reversed(graph.definitions.items())}
        self.known |= {node: key for key, node in graph.results.items() if not _is_leaf(node)}
        self.names: dict[Node, str] = {}

    def text(self) -> str:
        blocks = ["\n".join(self.stage(stage)) for stage in stages(self.graph, self.sites)]
        results = [
            f"  {_result_name(key)} = {self.operand(node, SUM)}"
            for key, node in self.graph.results.items()
            if self.known.get(node) != key
        ]
        blocks += ["\n".join(["results", *results])] if results else []
        if self.storages is not None:
            blocks.append("\n".join(["arrays", *self.arrays(self.storages)]))
        return "\n\n".join(block for block in blocks if block.count("\n")) + "\n"

    def stage(self, stage: Stage) -> Iterator[str]:
        yield f"{stage.phase}, {HEADINGS[stage.loop]}"
        rows = []
        for node in stage.nodes:
            if not self.is_inline(node):
                right = self.expression(node)[0]
                rows.append((self.name(node), _shape(node), right))
        widths = [max((len(row[k]) for row in rows), default=0) for k in range(2)]
        for name, shape, right in rows:
            yield f"  {name.ljust(widths[0])}  {shape.ljust(widths[1])}  = {right}"

    def arrays(self, storages: Storages) -> Iterator[str]:
        """Each array once: its shape, what comes first in it, and what lies in it."""
        found = dict.fromkeys(storage for storage, _ in storages.places.values())
        rows = [
            (
                f"({', '.join(storage.shape)})",
                " | ".join(self.operand(n, SUM) for n in storage.lanes),
            )
            for storage in found
        ]
        width = max((len(shape) for shape, _ in rows), default=0)
        for shape, lanes in rows:
            yield f"  {shape.ljust(width)}  {lanes}"

    # Names.

    def is_inline(self, node: Node) -> bool:
        """Whether a node stands inside the one that reads it, as it has no name of its own."""
        number = node.kind == "spread" and node.operands[0].kind == "number" and not node.time
        if _is_leaf(node) or node.kind == "part" or number:
            return True
        if node in self.known or node in self.fixed:
            return False
        users = self.users[node]
        return (
            len(users) == 1
            and self.sites[users[0]] == self.sites[node]
            and not self.is_placed(node)
        )

    def is_placed(self, node: Node) -> bool:
        return self.storages is not None and node in self.storages.places

    def name(self, node: Node) -> str:
        """The name of what a node stands for, else a number."""
        if node not in self.names:
            key = self.known.get(node)
            self.names[node] = _result_name(key) if key else f"v{len(self.names) + 1}"
        return self.names[node]

    def operand(self, node: Node, within: int) -> str:
        text, looseness = self.expression(node) if self.is_inline(node) else (self.name(node), ATOM)
        return f"({text})" if looseness > within else text

    # Expressions.

    def expression(self, node: Node) -> tuple[str, int]:
        """What a node computes, and how loosely its text holds together."""
        operands = node.operands
        match node.kind:
            case "number":
                return str(node.detail), ATOM if node.detail >= 0 else SUM
            case "parameter":
                return str(node.detail), ATOM
            case "lagged" | "final" | "given" | "initial" | "seed":
                return self.leaf(node), ATOM
            case "sum":
                return self.sum(node), SUM
            case "times":
                return self.product(node)
            case "divide":
                left, right = self.operand(operands[0], PRODUCT), self.operand(operands[1], ATOM)
                return f"{left} / {right}", PRODUCT
            case "squash":
                return self.squash(node)
            case "dot":
                left, right = (self.operand(operand, ATOM) for operand in operands)
                return f"{left} @ {right}", PRODUCT
            case "contract":
                left, right = (self.operand(operand, ATOM) for operand in operands)
                return f"sum({left}.T @ {right})", ATOM
            case "last":
                return f"{self.operand(operands[0], ATOM)}[T]", ATOM
            case "weighted":
                return f"dE * {self.operand(operands[0], ATOM)}", PRODUCT
            case "transpose":
                return f"{self.operand(operands[0], ATOM)}.T", ATOM
            case "beside" | "join":
                return f"[{' '.join(self.operand(o, ATOM) for o in operands)}]", ATOM
            case "above" | "stack":
                return f"[{'; '.join(self.operand(o, SUM) for o in operands)}]", ATOM
            case "part":
                return self.part(node), ATOM
            case "operation":
                return self.operation(node), ATOM
            case "state" | "carried" | "result":
                return self.operand(operands[0], SUM), SUM
            case "apply":
                name = node.detail
            case _:
                name = FUNCTIONS.get(node.kind, node.kind)
        return f"{name}({', '.join(self.operand(o, SUM) for o in operands)})", ATOM

    def operation(self, node: Node) -> str:
        """The operation as a call of its name, the numbers and sizes of it among its arguments."""

        def text(part: Expr) -> str:
            if isinstance(part, Operand):
                return self.operand(node.operands[part.position], SUM)
            coefficient, rest = split_coefficient(part)
            if isinstance(rest, OneMatrix | ZeroMatrix):
                return str(coefficient if isinstance(rest, OneMatrix) else 0)
            return str(part)

        match node.detail:
            case Size(number=number):
                return size_text(number)
            case Elementwise(function=name, operand=operand):
                return f"{name}({text(operand)})"
        return f"{type(node.detail).__name__}({', '.join(map(text, node.detail.args))})"

    def leaf(self, node: Node) -> str:
        match node.kind:
            case "lagged":
                key, lag = node.detail
                sign = "+" if self.graph.definitions[key].reverse else "-"
                return f"{_result_name(key)}[t{sign}{lag}]"
            case "final":
                key, _ = node.detail
                return f"{_result_name(key)}[{'1' if self.graph.definitions[key].reverse else 'T'}]"
            case "given":
                name, lag = node.detail
                return f"{name}[t-{lag}]" if lag else name
            case "initial":
                return f"{node.detail[0]}[{1 - node.detail[1]}]"
        return "dE"

    def sum(self, node: Node) -> str:
        coefficients, constant = node.detail
        text = str(constant) if constant else ""
        for coefficient, operand in zip(coefficients, node.operands, strict=True):
            shown = self.operand(operand, PRODUCT)
            if abs(coefficient) != 1:
                shown = f"{abs(coefficient)} * {shown}"
            sign = "-" if coefficient < 0 else "+"
            text += f" {sign} {shown}" if text else shown if coefficient > 0 else f"-{shown}"
        return text

    def product(self, node: Node) -> tuple[str, int]:
        texts = [self.operand(operand, ATOM) for operand in node.operands]
        if node.detail == -1:
            return f"-{' * '.join(texts)}", SUM
        texts = texts if node.detail == 1 else [str(node.detail), *texts]
        return " * ".join(texts), PRODUCT

    def squash(self, node: Node) -> tuple[str, int]:
        factor, shift = node.detail
        text = f"tanh({self.operand(node.operands[0], SUM)})"
        text = text if factor == 1 else f"{factor} * {text}"
        return (f"{text} + {shift}", SUM) if shift else (text, PRODUCT)

    def part(self, node: Node) -> str:
        position, widths, axis = node.detail
        whole = self.operand(node.operands[0], ATOM)
        span = f"{added(widths[:position]) or 0}:{added(widths[: position + 1])}"
        return f"{whole}[:, {span}]" if axis and len(node.sizes) > 1 else f"{whole}[{span}]"


def _is_leaf(node: Node) -> bool:
    return not node.operands


def _shape(node: Node) -> str:
    lead = [*(["T"] if node.time else []), *(["B"] if node.batch else [])]
    sizes = [*lead, *node.sizes]
    return f"({', '.join(sizes)})" if sizes else "number"


def _result_name(key: Key) -> str:
    match key:
        case ("loss",):
            return "E"
        case ("value", name):
            return name
        case ("adjoint" | "gradient" | "initial", name):
            return f"d{name}" if key[0] != "initial" else f"d{name}0"
        case ("carry", name, lag):
            return f"d{name}_back" + (lag if lag != "1" else "")
    raise AssertionError(f"no name for {key}")
