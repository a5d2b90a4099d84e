"""The code of what does not vary over time: parameters, last values, sums over time, results."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from bptt_sym.algebra.operations import is_entrywise
from bptt_sym.choices import Layout
from bptt_sym.compiler.compiled import Compiled
from bptt_sym.compiler.graph import Node
from bptt_sym.compiler.sizes import added
from bptt_sym.compiler.storage import Storage
from bptt_sym.emit.numpy.functions import FUNCTIONS
from bptt_sym.emit.numpy.names import Names
from bptt_sym.emit.numpy.precedence import CALL, UNARY, Code, number_code
from bptt_sym.emit.numpy.spelling import written
from bptt_sym.emit.numpy.views import code_of, tight
from bptt_sym.emit.numpy.writer import Atom, Writer, label


class Timeless(Writer):
    """Writes expressions with names of their own, each once.

    ``fused`` are products that only a sum of all entries reads, which the sum forms itself.
    """

    def __init__(self, compiled: Compiled, names: Names) -> None:
        super().__init__(compiled, names)
        self.plain_names: dict[tuple[Node, bool], str] = {}
        self.turned_names: dict[str, str] = {}
        self.fused: set[Node] = set()

    def atom(self, node: Node, layout: Layout) -> Atom:
        """A node as an operand of an entrywise call in a layout."""
        if node.time:
            return self.over_time(node)
        return self.timeless(node, layout)

    def timeless(self, node: Node, layout: Layout) -> str:
        """The code of what does not vary over time, as it stands beside arrays of a layout."""
        code = self.plain(node)
        if node.batch:
            return code if layout == self.layout else f"{code}.swapaxes(-1, -2)"
        column = layout == "features" and len(node.sizes) == 1 and node.sizes != ("1",)
        return f"{code}[:, None]" if column else code

    def plain(self, node: Node, *, turned: bool = False) -> str:
        """The name of what does not vary over time, or of the transpose of such a matrix."""
        match node.kind:
            case "number":
                return number_code(node.detail)
            case "parameter":
                name = self.names("value", node.detail)
                return f"{name}.T" if turned else name
            case "transpose":
                return self.plain(node.operands[0], turned=not turned)
            case "final":
                storage, _ = self.places[self.graph.definitions[node.detail[0]].node]
                # What a part of a sequence hands back goes to the part before it, not further.
                return f"({self.final_code(storage)} * (start is None))"
        if (node, turned) not in self.plain_names:
            text = self.plain_code(node, turned)
            if re.fullmatch(r"[\w.]+(\[[-\w:, ]+\])*(\.T)?", text):
                return text
            is_loss = node is self.graph.results["loss",]
            name = (
                self.names("value", self.loss_name)
                if is_loss
                else self.names.fresh(self.plain_hint(node))
            )
            self.plain_names[node, turned] = name
            if node.is_constant and len(node.sizes) == 2 and ".T" in text:
                text = f"np.ascontiguousarray({text})"
            self.named_before(f"{name} = {text}")
        return self.plain_names[node, turned]

    def contiguous(self, node: Node, *, turned: bool = False) -> str:
        """The name of a matrix with its rows in memory one after the other.

        A product with it takes from 0.2 to 0.85 of the time that one with a transposed view takes.
        """
        text = self.plain(node, turned=turned)
        if not text.endswith(".T"):
            return text
        if text not in self.turned_names:
            self.turned_names[text] = self.names.fresh(text.replace(".", "_"))
            self.named_before(f"{self.turned_names[text]} = np.ascontiguousarray({text})")
        return self.turned_names[text]

    def named_before(self, line: str) -> None:
        """Writes a line where it is written once: in a loop, before it."""
        lines = self.block.lines if self.block.way is None else self.block.before
        lines.append(line)
        self.clock += 1

    def final_code(self, storage: Storage) -> str:
        """What is carried out of a loop."""
        self.touch(storage)
        if not storage.depth:
            return self.name(storage)
        return f"{self.whole_name(storage)}[{'0' if storage.reverse else '-1'}]"

    def inlined(self, node: Node, *, turned: bool = False) -> str:
        """What is read once, as a term of a sum or beside others; else its name."""
        entrywise = node.kind in ("times", "sum") and node.is_constant
        if entrywise and len(self.users[node]) == 1 and (node, turned) not in self.plain_names:
            return self.plain_code(node, turned)
        return self.plain(node, turned=turned)

    def plain_hint(self, node: Node) -> str:
        known = self.known_name(node) or self.results.get(node)
        if known:
            return label(*known)
        if node.kind == "last" and (known := self.known_name(node.operands[0])):
            return f"{known[1]}_last"
        hints = {"beside": "W", "above": "W", "contract": "dW", "batch sum": "db", "total": "total"}
        return hints.get(node.kind, "v")

    def plain_code(self, node: Node, turned: bool) -> str:
        operands = node.operands
        if turned and node.kind in ("times", "beside", "above"):
            return self.matrix_code(node, turned)
        if turned:
            return f"{self.plain(node)}.T"
        features = node.batch and self.layout == "features"
        axis = -2 if features else -1
        match node.kind:
            case "beside" | "above":
                return self.matrix_code(node, turned)
            case "initial":
                return self.initial_code(node)
            case "given":
                return self.names("value", node.detail[0]) + (".T" if features else "")
            case "last":
                return self.last_code(operands[0])
            case "sum":
                is_product = [o.kind == "times" and node.is_constant for o in operands]
                texts = [
                    self.inlined(o) if product else self.operand_text(o, node)
                    for o, product in zip(operands, is_product, strict=True)
                ]
                return self.sum_text(texts, node.detail)
            case "times":
                texts = [self.operand_text(operand, node) for operand in operands]
                if node.detail == -1:
                    return f"-({' * '.join(texts)})"
                return " * ".join(([] if node.detail == 1 else [number_code(node.detail)]) + texts)
            case "divide":
                left, right = (self.operand_text(operand, node) for operand in operands)
                return f"{left} / {right}"
            case "apply" | "sigmoid":
                return FUNCTIONS[node.detail or node.kind].text.format(
                    self.operand_text(operands[0], node)
                )
            case "squash":
                return self.squash_text(f"np.tanh({self.operand_text(operands[0], node)})", node)
            case "dot":
                return self.plain_dot(node)
            case "entries":
                inner = self.operand_text(operands[0], node)
                return f"np.sum({inner}, axis={axis}, keepdims=True)"
            case "largest":
                inner = self.operand_text(operands[0], node)
                return f"np.max(np.real({inner}), axis={axis}, keepdims=True)"
            case "spread":
                return self.spread_code(node)
            case "operation":
                return self.operation_text(node, features)
            case "weighted":
                inner = self.plain(operands[0])
                return f"({inner} if weight is None else {inner} * weight[-1])"
            case "stack":
                return f"np.stack([{', '.join(map(self.plain, operands))}])"
            case "join":
                axis = -2 if features else -1
                parts = ", ".join(self.operand_text(operand, node) for operand in operands)
                return f"np.concatenate([{parts}], axis={axis})"
            case "contract":
                return self.contract_code(node)
            case "batch sum":
                return self.batch_sum_code(node)
            case "total":
                return self.total_code(node)
            case "part":
                return self.part_code(node)
            case "result":
                return self.result_code(node)
        raise AssertionError(f"no code for {node.kind}")

    def operand_text(self, operand: Node, node: Node) -> str:
        """An operand of a value that does not vary over time."""
        layout: Layout = self.layout if node.batch else "rows"
        return self.timeless(operand, layout)

    def matrix_code(self, node: Node, turned: bool) -> str:
        """A matrix of parameters, transposed where asked, without a transposing copy."""
        if node.kind == "times":
            operands = [self.plain(operand, turned=turned) for operand in node.operands]
            return " * ".join(([] if node.detail == 1 else [number_code(node.detail)]) + operands)
        operands = [self.inlined(operand, turned=turned) for operand in node.operands]
        axis = (1 if node.kind == "beside" else 0) ^ turned
        return f"np.concatenate([{', '.join(operands)}], axis={axis})"

    def initial_code(self, node: Node) -> str:
        state, lag = node.detail
        depth = self.graph.definitions["value", state].depth
        name = self.names("initial", state)
        if depth > 1:
            reverse = self.graph.definitions["value", state].reverse
            name += f"[{lag - 1 if reverse else depth - lag}]"
        return f"{name}.swapaxes(-1, -2)" if self.layout == "features" else name

    def last_code(self, node: Node) -> str:
        if not node.time:
            return self.plain(node)
        view = self.over_time(node)
        self.touch(view.storage)
        code = f"{code_of(view, self.view_name(view), leading=True, layout=self.layout)}[-1]"
        # A buffer may be taken by something else while this is still read.
        return code if view.storage in self.pseudo.values() else f"np.array({code})"

    def plain_dot(self, node: Node) -> str:
        vector, matrix = node.operands
        if node.batch and self.layout == "features":
            return f"{self.plain(matrix, turned=True)} @ {self.plain(vector)}"
        return f"{self.plain(vector)} @ {self.plain(matrix)}"

    def spread_code(self, node: Node) -> str:
        (operand,) = node.operands
        sizes = node.sizes
        if node.batch:
            sizes = (*sizes, "B") if self.layout == "features" else ("B", *sizes)
        shape = ", ".join(sizes) + ("," if len(sizes) == 1 else "")
        if operand.kind == "number":
            return f"np.full(({shape}), {number_code(operand.detail)}, dtype)"
        return f"np.broadcast_to({self.operand_text(operand, node)}, ({shape}))"

    def operand_codes(self, node: Node, layout: Layout) -> list[Code]:
        """The operands of an operation: names, views of arrays, calls or numbers."""
        return [
            Code(
                self.shown(self.atom(operand, layout), layout),
                UNARY if operand.kind == "number" and operand.detail < 0 else CALL,
            )
            for operand in node.operands
        ]

    def operation_text(self, node: Node, features: bool) -> str:
        entrywise = is_entrywise(node.detail)
        layout: Layout = "features" if features and entrywise else "rows"
        shown = written(node.detail, self.operand_codes(node, layout))
        return f"({shown}).swapaxes(-1, -2)" if features and not entrywise else shown

    def sum_text(self, texts: Sequence[str], detail: tuple[Sequence[Fraction], Fraction]) -> str:
        coefficients, constant = detail
        text = number_code(constant) if constant else ""
        for coefficient, shown in zip(coefficients, texts, strict=True):
            size = abs(coefficient)
            term = shown if size == 1 else f"{number_code(size)} * {shown}"
            if text:
                text += f" - {term}" if coefficient < 0 else f" + {term}"
            else:
                text = f"-{term}" if coefficient < 0 else term
        return text

    def squash_text(self, text: str, node: Node) -> str:
        factor, shift = node.detail
        text = text if factor == 1 else f"{number_code(factor)} * {text}"
        return f"{text} + {number_code(shift)}" if shift else text

    def contract_code(self, node: Node) -> str:
        left, right = node.operands
        if left.time and right.time:
            return f"{self.matrix(left)}.T @ {self.matrix(right)}"
        one, other = (self.operand_text(operand, operand) for operand in (left, right))
        if self.layout == "features":
            return f"{one} @ {other}.T"
        return f"{one}.T @ {other}"

    def batch_sum_code(self, node: Node) -> str:
        (operand,) = node.operands
        if not operand.time:
            return f"np.sum({self.plain(operand)}, axis={1 if self.layout == 'features' else 0})"
        view = self.over_time(operand)
        if len(operand.sizes) > 1:
            code = self.shown(view, "rows")
            return f"np.sum({code}, axis=(0, 1))"
        storage = view.storage
        if storage.layout == "rows" or storage.twin is not None:
            return f"{self.matrix(operand)}.sum(axis=0)"
        return f"{self.shown(view, 'features')}.sum(axis=(0, 2))"

    def total_code(self, node: Node) -> str:
        (operand,) = node.operands
        if operand in self.fused:
            one, other = operand.operands
            texts = [self.shown(self.atom(o, "rows"), "rows") for o in (one, other)]
            return f"np.dot({texts[0]}.reshape(-1), {texts[1]}.reshape(-1))"
        if not operand.time:
            return f"np.sum({self.plain(operand)})"
        view = self.over_time(operand)
        return f"{self.shown(view, view.storage.layout)}.sum()"

    def part_code(self, node: Node) -> str:
        position, widths, axis = node.detail
        start, stop = added(widths[:position]), added(widths[: position + 1])
        span = f"{tight(start)}:{tight(stop) if position + 1 < len(widths) else ''}"
        whole = self.plain(node.operands[0])
        return f"{whole}[:, {span}]" if len(node.sizes) == 2 and axis else f"{whole}[{span}]"

    def result_code(self, node: Node) -> str:
        (operand,) = node.operands
        if operand.kind == "number" or operand.sizes != node.sizes:
            shape = ", ".join(node.sizes) + ("," if len(node.sizes) == 1 else "")
            if operand.kind == "number":
                return f"np.full(({shape}), {number_code(operand.detail)}, dtype)"
            return f"np.broadcast_to({self.plain(operand)}, ({shape})).copy()"
        return self.plain(operand)
