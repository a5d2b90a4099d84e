"""Values of a fast module as code, what does not vary over time by a name."""

from __future__ import annotations

from sympy import Expr

from bptt_sym.choices import Layout
from bptt_sym.graph.array_shapes import SEQUENCES, STEPS
from bptt_sym.graph.graph import Graph
from bptt_sym.graph.kinds import NUMBERS
from bptt_sym.graph.node import Node
from bptt_sym.memory.compiled import Compiled
from bptt_sym.memory.storage import Storage
from bptt_sym.targets.numpy.block import LINE
from bptt_sym.targets.numpy.precedence import ADDITIVE, CALL, MULTIPLICATIVE, Code, call, chain
from bptt_sym.targets.numpy.python_names import PythonNames
from bptt_sym.targets.numpy.row_parts import is_of_numbers, shape_code
from bptt_sym.targets.numpy.views import Atom, Views, summed_product, view_code

NAMED = ("parameter", "given", "labels", *NUMBERS, "seed")
"""What does not vary over time and is read by the name that it has, or as it stands."""


class Writer(Views):
    """Writes values into the current block, each that does not vary over time once.

    ``fused`` are products that only a sum of all entries reads, which the sum forms itself.
    """

    def __init__(self, compiled: Compiled, names: PythonNames) -> None:
        super().__init__(compiled, names)
        self.here: Layout = "rows"
        self.reader: Node | None = None
        self.plain_names: dict[Node, str] = {}
        self.copies: dict[Node, str] = {}
        self.fused: set[Node] = set()

    # As operands of an expression.

    @property
    def axis(self) -> int:
        return -2 if self.here == "features" else -1

    def written(self, node: Node, layout: Layout) -> Code:
        """A node as an expression of arrays in a layout."""
        before = self.here, self.reader
        self.here, self.reader = layout, node
        code = self.code(node)
        self.here, self.reader = before
        return code

    def operand(self, node: Node, binding: int = ADDITIVE) -> Code:
        if node.kind in NUMBERS:
            return self.code(node).within(binding)
        if node.time:
            return Code(self.shown(self.view(node), self.here))
        if self.reader is not None and self.reader.is_constant:
            return self.inlined(node).within(binding)
        return Code(self.timeless(node, self.here))

    def inner(self, node: Node) -> Code:
        return self.operand(node) if node.time else Code(self.plain(node))

    def leading(self, node: Node) -> tuple[Expr, ...]:
        return (*((STEPS,) if node.time else ()), *((SEQUENCES,) if node.batch else ()))

    def shape(self, node: Node) -> str:
        if not (node.batch and self.here == "features"):
            return super().shape(node)
        lead = (STEPS,) if node.time else ()
        return shape_code(map(self.size, (*lead, *node.sizes, SEQUENCES)))

    def inlined(self, node: Node) -> Code:
        """A sum or product of constants that is read once as it stands, else by its name."""
        entrywise = node.kind in ("times", "sum") and node.is_constant
        read_once = len(self.users.get(node, ())) <= 1
        if entrywise and read_once and node not in self.plain_names:
            return self.written(node, "rows")
        return Code(self.plain(node))

    # What does not vary over time.

    def atom(self, node: Node, layout: Layout) -> Atom:
        """A node as an operand of an entrywise call in a layout."""
        return self.view(node) if node.time else Code(self.timeless(node, layout))

    def timeless(self, node: Node, layout: Layout) -> str:
        """The code of what does not vary over time, as it stands beside arrays of a layout."""
        code = self.plain(node)
        if node.batch and node.sizes:
            return code if layout == self.layout_of(node) else f"{code}.swapaxes(-1, -2)"
        column = layout == "features" and len(node.sizes) == 1 and node.sizes[0] != 1
        return f"{code}[:, None]" if column else code

    def layout_of(self, node: Node) -> Layout:
        """How an array of one time step is laid out; labels have one axis, of the sequences."""
        return self.layout if node.batch and node.sizes and node.kind not in NAMED else "rows"

    def plain(self, node: Node) -> str:
        """The name of what does not vary over time."""
        if node.kind == "initial":
            turned = ".swapaxes(-1, -2)" if self.layout == "features" else ""
            return f"{self.initial_row(node)}{turned}"
        if node.kind in ("parameter", "given", "labels"):
            return self.use(self.names("value", node.detail))
        if node.kind in NUMBERS:
            return str(self.code(node))
        if self.is_atomic(node):
            return str(self.written(node, self.layout_of(node)).within(CALL))
        if node not in self.plain_names:
            code = self.timeless_code(node)
            name = self.plain_names[node] = self.titles.of_value(node)
            self.block.write_before(code.lines(f"{name} = ", LINE))
            self.clock += 1
        return self.plain_names[node]

    def is_atomic(self, node: Node) -> bool:
        """Whether a value is a name, a number, or a view of what has a name."""
        if node.kind in ("transpose", "part"):
            (whole,) = node.operands
            return node.kind == "part" or self.is_atomic(whole)
        if node.kind == "result":
            (whole,) = node.operands
            return whole.sizes == node.sizes and not (node.sizes == () and is_of_numbers(whole))
        return node.kind in (*NAMED, "initial")

    def timeless_code(self, node: Node) -> Code:
        match node.kind:
            case "final":
                storage, _ = self.places[self.graph.definitions[node.detail[0]].node]
                # What a part of a sequence hands back goes to the part before it, not further.
                return Code(f"{self.final_code(storage)} * (start is None)", MULTIPLICATIVE)
            case "last":
                return self.last_code(node)
            case "contract":
                return self.contract_code(node)
            case "scatter":
                labels, rows = node.operands
                shown = self.matrix(rows) if rows.time else self.timeless(rows, "rows")
                size = self.size(node.detail)
                return call(f"{self.use('scatter')}(", [self.operand(labels), shown, size])
            case "dot" if node.batch and self.layout == "features":
                vector, matrix = node.operands
                weights = Code(self.plain(turned(self.graph, matrix)))
                columns = Code(self.timeless(vector, "features"))
                return chain([("", weights), ("@ ", columns)], MULTIPLICATIVE)
            case "batch sum":
                return self.batch_sum_code(node)
            case "time sum":
                here, (operand,) = self.layout_of(node), node.operands
                return Code(f"{self.shown(self.atom(operand, here), here)}.sum(axis=0)")
            case "total":
                return self.total_code(node)
            case "beside" | "above":
                # A product with a transposed view takes up to five times as long.
                code = self.written(node, "rows")
                copies = any(map(_is_turned, node.operands))
                return call("np.ascontiguousarray(", [code]) if copies else code
        if node.batch and reads_rows(node):
            code = self.written(node, "rows")
            return Code(f"({code}).swapaxes(-1, -2)") if self.layout == "features" else code
        return self.written(node, self.layout_of(node))

    def contiguous(self, node: Node) -> str:
        """The name of a matrix with its rows in memory one after the other."""
        text = self.plain(node)
        if node.kind != "transpose":
            return text
        if node not in self.copies:
            name = text.replace(".", "_")
            self.copies[node] = self.before_loop(Code(f"np.ascontiguousarray({text})"), name)
        return self.copies[node]

    def final_code(self, storage: Storage) -> str:
        """What is carried out of a loop."""
        self.touch(storage)
        if not storage.depth:
            return self.use(self.titles(storage))
        return f"{self.use(self.titles.whole(storage))}[{'0' if storage.reverse else '-1'}]"

    def last_code(self, node: Node) -> Code:
        (operand,) = node.operands
        if not operand.time:
            return self.inner(operand)
        view = self.view(operand)
        self.touch(view.storage)
        code = view_code(self, view, self.use(self.view_name(view)), layout=self.layout_of(node))
        # A buffer may be taken by something else while this is still read.
        own = view.storage in self.pseudo.values()
        return Code(f"{code}[-1]" if own else f"np.array({code}[-1])")

    def contract_code(self, node: Node) -> Code:
        left, right = node.operands
        if left.time and right.time:
            first, second = f"{self.matrix(left)}.T", self.matrix(right)
        elif self.layout == "features":
            first, second = self.timeless(left, "features"), f"{self.timeless(right, 'features')}.T"
        else:
            first, second = f"{self.plain(left)}.T", self.plain(right)
        return chain([("", Code(first)), ("@ ", Code(second))], MULTIPLICATIVE)

    def batch_sum_code(self, node: Node) -> Code:
        (operand,) = node.operands
        if not operand.time:
            axis = 1 if self.layout_of(operand) == "features" else 0
            return Code(f"np.sum({self.plain(operand)}, axis={axis})")
        view = self.view(operand)
        if len(operand.sizes) > 1:
            return Code(f"np.sum({self.shown(view, 'rows')}, axis=(0, 1))")
        storage = view.storage
        if storage.layout == "rows" or storage.twin is not None:
            return Code(f"{self.matrix(operand)}.sum(axis=0)")
        return Code(f"{self.shown(view, 'features')}.sum(axis=(0, 2))")

    def total_code(self, node: Node) -> Code:
        (operand,) = node.operands
        if operand in self.fused:
            return Code(summed_product(self, operand))
        if not operand.time:
            return Code(f"np.sum({self.plain(operand)})")
        view = self.view(operand)
        return Code(f"{self.shown(view, view.storage.layout)}.sum()")


OF_ROWS = frozenset({
    "softmax", "log softmax", "logsumexp", "variance", "layer norm", "inverse deviation",
    "rms norm", "inverse rms", "greatest share", "least share", "norm", "direction",
    "cumulative sum", "reshaped", "slice", "pad",
    "outer", "transpose", "one hot", "gather", "lift", "across", "axis sum", "inverse", "solution",
    "determinant", "log determinant",
    "head dot", "head contract", "head transpose", "head spread", "head sum",
})  # fmt: skip
"""Kinds whose code is right for arrays in rows alone."""


def reads_rows(node: Node) -> bool:
    """Whether the code of a node is right for arrays in rows alone."""
    mixed = len({(part.time, part.batch) for part in node.operands}) > 1
    return node.kind in OF_ROWS or (node.kind == "join" and mixed)


def _is_turned(node: Node) -> bool:
    """Whether a constant is made of transposes."""
    return node.kind == "transpose" or (
        node.kind in ("times", "sum") and any(map(_is_turned, node.operands))
    )


def turned(graph: Graph, matrix: Node) -> Node:
    """The transpose of a matrix of parameters, made of theirs without a transposing copy."""
    match matrix.kind:
        case "transpose":
            return matrix.operands[0]
        case "times" if matrix.is_constant:
            parts = [turned(graph, o) if len(o.sizes) == 2 else o for o in matrix.operands]
            return graph.times(matrix.detail, parts)
        case "beside" | "above":
            other = "above" if matrix.kind == "beside" else "beside"
            return graph.make(other, [turned(graph, operand) for operand in matrix.operands])
    return graph.make("transpose", [matrix])
