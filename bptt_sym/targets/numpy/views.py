"""Views of arrays as code: lanes of a storage, at once or for one time step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bptt_sym.choices import Layout
from bptt_sym.graph.array_shapes import SEQUENCES, STEPS, added
from bptt_sym.graph.node import Node
from bptt_sym.memory.compiled import Compiled
from bptt_sym.memory.storage import Storage
from bptt_sym.targets.numpy.block import LINE, Block
from bptt_sym.targets.numpy.precedence import Code
from bptt_sym.targets.numpy.printer import Printer
from bptt_sym.targets.numpy.python_names import PythonNames
from bptt_sym.targets.numpy.row_parts import Writing, span_code, time_span
from bptt_sym.targets.numpy.titles import Titles

Form = Literal["flat", "lanes"]


@dataclass(frozen=True)
class View:
    """``count`` lanes of a storage from ``start`` on, ``lag`` steps back.

    In the form "lanes" each lane has an axis position of its own, so that one vector can stand
    beside all of them.
    """

    storage: Storage
    start: int = 0
    count: int = 1
    form: Form = "flat"
    lag: int = 0

    @property
    def is_whole(self) -> bool:
        return self.start == 0 and self.count == len(self.storage.lanes)


def view_code(write: Writing, view: View, name: str, *, layout: Layout | None = None) -> str:
    """The code of a view of the array with this name, with its axis of time where it has one."""
    storage = view.storage
    text = name
    features = storage.layout == "features"
    if not view.is_whole:
        last = view.start + view.count
        stop = added(storage.widths[:last]) if last < len(storage.lanes) else None
        span = span_code(write, added(storage.widths[: view.start]), stop)
        lead = ":, " if storage.over_time else ""
        text += f"[{lead}{span}]" if features else f"[..., {span}]"
    if view.form == "lanes":
        size, count = write.size(storage.widths[view.start]), str(view.count)
        sequences = write.size(SEQUENCES)
        axes = [count, size, sequences] if features else [sequences, count, size]
        over_time = [write.size(STEPS)] if storage.over_time else []
        text += f".reshape({', '.join([*over_time, *axes])})"
    if layout is not None and layout != storage.layout:
        text += ".swapaxes(-1, -2)"
    return text


Atom = View | Code
"""An operand as it stands in a call: a view of an array, or code."""


class Views(Printer):
    """Writes views of arrays over time into the current block.

    ``touched`` tells when each array is written and read, by a clock that goes on with the lines;
    ``in_place`` tells which array a call could write over another one; ``has_temporaries`` whether
    something over all time steps is computed that no call writes into an array.
    """

    def __init__(self, compiled: Compiled, names: PythonNames) -> None:
        super().__init__(compiled.graph, names)
        self.compiled = compiled
        self.places = compiled.storages.places
        self.packing, self.sites = compiled.packing, compiled.sites
        self.layout = compiled.layout
        self.titles = Titles(compiled.graph, names, compiled.program.model.loss.name)
        self.users = self.titles.users
        self.block = Block()
        self.clock = 0
        self.touched: dict[Storage, list[tuple[int, bool]]] = {}
        self.in_place: list[tuple[int, Storage, Storage]] = []
        self.pseudo: dict[Node, Storage] = {}
        self.has_temporaries = False

    # Lines.

    def flushed(self) -> list[str]:
        """The lines of the current block, after which a new one begins."""
        block, self.block = self.block, Block()
        if block.way is not None:
            self.use("T")
        return block.code()

    def line(self, *texts: str) -> None:
        self.block.write(texts)
        self.clock += 1

    def touch(self, storage: Storage, *, writes: bool = False) -> None:
        self.touched.setdefault(storage, []).append((self.clock, writes))

    # What varies over time.

    def shown(self, atom: Atom, layout: Layout, *, writes: bool = False) -> str:
        """The code of an atom where the current block stands."""
        if isinstance(atom, Code):
            return str(atom)
        self.touch(atom.storage, writes=writes)
        code = view_code(self, atom, self.use(self.view_name(atom)), layout=layout)
        if self.block.way is None:
            return code
        if atom.storage.over_time:
            zipped = self.block.zipped
            if code not in zipped:
                zipped[code] = self.names.fresh(f"{self.short_name(atom)}_t")
            return zipped[code]
        if code == self.view_name(atom):
            return code
        return self.before_loop(Code(code), f"{self.short_name(atom)}_v")

    def before_loop(self, code: Code, name: str) -> str:
        """The name of what is written once, before a loop."""
        known = self.block.named
        if code.text not in known:
            known[code.text] = self.names.fresh(name)
            self.block.write_before(code.lines(f"{known[code.text]} = ", LINE))
            self.clock += 1
        return known[code.text]

    def view_name(self, view: View) -> str:
        """The name of the array that a view is of, at its time."""
        storage = view.storage
        return self.titles.past(storage, view.lag) if storage.depth else self.titles(storage)

    def short_name(self, view: View) -> str:
        lanes = view.storage.lanes
        known = self.titles.known(lanes[view.start])
        alone = view.count == 1 and len(lanes) > 1
        return self.titles.label(known) if known and alone else self.view_name(view)

    def view(self, node: Node) -> View:
        """Where a node that varies over time lies; it must be computed before."""
        if node in self.places:
            storage, lane = self.places[node]
            whole = node.kind in ("dot", "gather") and node not in storage.lanes
            return View(storage, lane, len(storage.lanes) if whole else 1)
        match node.kind:
            case "join" if self.packing.is_run(node.operands) or len(node.operands) == 1:
                storage, lane = self.places[node.operands[0]]
                return View(storage, lane, len(node.operands))
            case "lagged":
                key, lag = node.detail
                storage, _ = self.places[self.graph.definitions[key].node]
                return View(storage, lag=lag if storage.depth else 0)
            case "given" | "labels" if node.time:
                return View(self.pseudo_storage(node, self.names("value", node.detail)))
            case "seed":
                return View(self.pseudo_storage(node, "seed"))
            case "weighted" if node in self.pseudo:
                return View(self.pseudo[node])
        raise AssertionError(f"no place for a node of the kind {node.kind}: {node}")

    def pseudo_storage(self, node: Node, name: str, layout: Layout = "rows") -> Storage:
        """A storage for an array that is no buffer."""
        if node not in self.pseudo:
            self.pseudo[node] = Storage((node,), (node.width,), True, layout)
            self.titles.given[self.pseudo[node]] = name
        return self.pseudo[node]

    def rows(self, node: Node) -> View:
        """A node's array in rows; where it has the features first, of a copy."""
        view = self.view(node)
        storage = view.storage
        if storage.layout == "rows":
            return view
        if storage.twin is None:
            twin = Storage(
                storage.lanes, storage.widths, True, "rows", storage.depth, storage.reverse
            )
            storage.twin = twin
            source = self.titles(storage)
            copy = self.titles.given[twin] = self.names.fresh(f"{source}_rows")
            whole = self.titles.whole(storage) if storage.depth else source
            self.touch(storage)
            self.touch(twin, writes=True)
            self.line(f"np.copyto({self.use(copy)}, {self.use(whole)}.swapaxes(1, 2))")
        return View(storage.twin, view.start, view.count, view.form, view.lag)

    def matrix(self, node: Node) -> str:
        """All time steps and sequences of a node as the rows of a matrix."""
        view = self.rows(node)
        storage = view.storage
        self.touch(storage)
        name = self.view_name(view)
        if storage.depth and self.is_twin(storage):
            span = time_span(storage.depth, view.lag, reverse=storage.reverse)
            name = self.titles(storage) + span
        code = view_code(self, view, self.use(name))
        return f"{code}.reshape({self.count()}, {self.size(node.width)})"

    def is_twin(self, storage: Storage) -> bool:
        """Whether an array is the copy in rows of another one."""
        return any(other.twin is storage for other in self.touched)

    def count(self) -> str:
        """The number of all time steps and sequences."""
        return f"{self.size(STEPS)} * {self.size(SEQUENCES)}"


def summed_product(write: Views, product: Node) -> str:
    """The sum of the entries of a product of two arrays, without an array for it."""
    views = list(map(write.view, product.operands))
    layouts = {view.storage.layout for view in views}
    if len(layouts) == 1:
        one, other = (write.shown(view, *layouts) for view in views)
        return f"np.dot({one}.reshape(-1), {other}.reshape(-1))"
    # Flattened, one of them would be copied.
    one, other = (write.shown(view, "rows") for view in views)
    axes = "tbij"[: 2 + len(product.sizes)]
    return f'np.einsum("{axes},{axes}->", {one}, {other})'
