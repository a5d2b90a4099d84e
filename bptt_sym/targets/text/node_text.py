"""What nodes compute as text: sums, products and powers as such, all other kinds as calls."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from fractions import Fraction

from bptt_sym.graph.array_shapes import SEQUENCES, STEPS, Sizes
from bptt_sym.graph.graph import Graph, Key
from bptt_sym.graph.node import Node
from bptt_sym.targets.text.key_names import SEED

ATOM, POWER, PRODUCT, SUM, COMPARISON = range(5)
"""How loosely the text of a node holds together."""

OPERATORS = (
    *("sum", "times", "divide", "power", "dot", "transpose"),
    *("comparison", "choice", "apply"),
)
"""Kinds that are no calls by their own name."""

ALONG = (
    *("softmax", "log softmax", "logsumexp", "variance", "layer norm", "inverse deviation"),
    *("rms norm", "inverse rms", "greatest", "least", "greatest share", "least share"),
    *("norm", "direction"),
)
"""Kinds whose detail is an axis, where there is one."""

Text = tuple[str, int]
"""A text, and how loosely it holds together."""


class NodeText(ABC):
    """Writes nodes; which of them have names of their own is told by who extends it."""

    graph: Graph
    key_names: dict[Key, str]

    @abstractmethod
    def is_inline(self, node: Node) -> bool:
        """Whether a node stands inside the one that reads it."""

    @abstractmethod
    def name(self, node: Node) -> str:
        """The name of a node that is not inline."""

    def right_side(self, node: Node) -> str:
        """A node where no operation reads it."""
        return self.expression(node)[0] if self.is_inline(node) else self.name(node)

    def operand(self, node: Node, within: int) -> str:
        """A node as an operand, in brackets if it holds together more loosely."""
        if not self.is_inline(node):
            return self.name(node)
        text, looseness = self.expression(node, self.shape_argument(node))
        return f"({text})" if looseness > within else text

    def is_told(self, node: Node) -> bool:
        """Whether the axes of a node that is no call are not those that its operands make."""
        return node.kind in OPERATORS and node.axes != node.implied

    def shape_argument(self, node: Node) -> list[str]:
        """What a call says inside another expression, where no column tells its shape."""
        evident = node.kind == "final" or node.axes == node.implied
        return [] if evident else [f"shape={shape(node)}"]

    def expression(self, node: Node, last: list[str] | None = None) -> Text:
        """What a node computes, and how loosely its text holds together.

        ``last`` are arguments of a call behind the others.
        """
        operands = node.operands
        match node.kind:
            case "number":
                return _number(node.detail)
            case "parameter" | "given" | "labels":
                return str(node.detail), ATOM
            case "lagged":
                key, lag = node.detail
                sign = "+" if self.graph.definitions[key].reverse else "-"
                return f"{self.key_names[key]}[t{sign}{lag}]", ATOM
            case "seed":
                return self.key_names[SEED], ATOM
            case "sum":
                return self.sum(node)
            case "times":
                return self.product(node)
            case "power":
                whole = node.detail.denominator == 1
                exponent = str(node.detail) if whole else f"({node.detail})"
                return f"{self.operand(operands[0], ATOM)} ** {exponent}", POWER
            case "dot" | "divide" if any(operand.kind != "number" for operand in operands):
                left, right = self.operand(operands[0], PRODUCT), self.operand(operands[1], POWER)
                return f"{left} {'@' if node.kind == 'dot' else '/'} {right}", PRODUCT
            case "transpose":
                return f"{self.operand(operands[0], ATOM)}.T", ATOM
            case "comparison":
                return self.comparison(node), COMPARISON
            case "choice":
                chosen = (self.operand(operand, COMPARISON) for operand in operands[2:])
                return f"where({self.order(node, node.detail)}, {', '.join(chosen)})", ATOM
            case "apply":
                return f"{node.detail}({self.operand(operands[0], COMPARISON)})", ATOM
        arguments = [self.operand(operand, COMPARISON) for operand in operands]
        arguments += [*self.details(node), *(last or [])]
        name = node.detail if node.kind == "extremum" else node.kind.replace(" ", "_")
        return f"{name}({', '.join(arguments)})", ATOM

    def details(self, node: Node) -> Iterator[str]:
        """What a kind needs beside its operands."""
        match node.kind, node.detail:
            case ("named" | "state" | "carried", key) | ("final", (key, _)):
                yield f"of={self.key_names[key]}"
            case "initial", (name, lag):
                yield f"{name}[{1 - lag}]"
            case "part", (position, widths, axis):
                yield f"number={position}, of={shape_text(widths)}"
                yield from [] if axis == -1 else [f"axis={axis}"]
            case "cumulative sum", (axis, backward):
                yield from [] if axis is None else [f"axis={axis}"]
                yield from ["backward=1"] if backward else []
            case "reshaped", sizes:
                yield f"sizes={shape_text(sizes)}"
            case kind, int(axis) if kind in ALONG:
                yield f"axis={axis}"
            case "squash", (factor, shift):
                yield f"factor={factor}, shift={shift}"
            case "slice", (start, stop):
                yield f"start={start}, stop={stop}"
            case "pad", (start, size):
                yield f"start={start}, size={size}"
            case "head dot" | "head transpose" | "head contract", heads:
                yield f"heads={heads}"
            case "head spread", (own, own_rows, heads, rows, columns):
                yield f"own={own}, own_rows={own_rows}"
                yield f"heads={heads}, rows={rows}, columns={columns}"
            case "head sum", (heads, own, rows, columns):
                yield f"heads={heads}, own={own}, rows={rows}, columns={columns}"
            case "axis sum", axis:
                yield f"axis={axis}"
            case "result", name:
                yield f"of={name}"
            case "size", size:
                yield str(size)
            case "one hot" | "scatter", size:
                yield f"size={size}"

    def comparison(self, node: Node) -> str:
        strict, negated = node.detail
        return f"not {self.order(node, strict)}" if negated else self.order(node, strict)

    def order(self, node: Node, strict: bool) -> str:
        left, right = (self.operand(operand, SUM) for operand in node.operands[:2])
        return f"{left} {'>' if strict else '>='} {right}"

    def sum(self, node: Node) -> Text:
        """The terms of a sum; a product with a number that is one operand stands in brackets."""
        _, constant, place = node.detail
        terms = [
            (number < 0, self.term(abs(number), operand))
            for operand, number in node.coefficients.items()
        ]
        if constant:
            terms.insert(place, (constant < 0, _number(abs(constant))[0]))
        (negative, text), *others = terms
        text = f"-{text}" if negative else text
        return " ".join([text, *(f"{'-' if n else '+'} {t}" for n, t in others)]), SUM

    def term(self, number: Fraction, operand: Node) -> str:
        product = operand.kind == "times" and self.is_inline(operand)
        if product and operand.detail != 1:
            text = f"({self.product(operand)[0]})"
        else:
            text = self.operand(operand, PRODUCT if number == 1 or product else POWER)
        return text if number == 1 else f"{_number(number)[0]} * {text}"

    def product(self, node: Node) -> Text:
        texts = [self.operand(operand, POWER) for operand in node.operands]
        number = abs(node.detail)
        text = " * ".join(texts if number == 1 else [_number(number)[0], *texts])
        return (text, PRODUCT) if node.detail > 0 else (f"-{text}", SUM)


def _number(number: Fraction) -> Text:
    """A number; 1/2 is written without spaces."""
    if number < 0:
        return str(number), SUM
    return str(number), ATOM if number.denominator == 1 else PRODUCT


def shape(node: Node) -> str:
    """All axes of a node: of time steps, of sequences, and of one time step of one of them."""
    lead: Sizes = (*([STEPS] if node.time else []), *([SEQUENCES] if node.batch else []))
    return shape_text((*lead, *node.sizes))


def shape_text(sizes: Sizes) -> str:
    """Sizes as a tuple."""
    return f"({', '.join(map(str, sizes))}{',' if len(sizes) == 1 else ''})"
