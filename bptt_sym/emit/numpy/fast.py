"""The statements of a compiled program: one call of NumPy each, into arrays that are there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from bptt_sym.compiler.compiled import Compiled
from bptt_sym.compiler.graph import Key, Node
from bptt_sym.compiler.order import Stage, dependencies
from bptt_sym.compiler.pack import ENTRYWISE
from bptt_sym.compiler.stack import added
from bptt_sym.choices import Layout
from bptt_sym.compiler.storage import Storage
from bptt_sym.emit.numpy.names import Names
from bptt_sym.emit.numpy.views import View, code_of, tight

ONE, ZERO = Fraction(1), Fraction(0)
Atom = View | str
Item = tuple[Node, ...]


@dataclass
class Block:
    """Lines of code at once, or in a loop over the views that it zips."""

    lines: list[str] = field(default_factory=list)
    way: str | None = None
    before: list[str] = field(default_factory=list)
    zipped: dict[str, str] = field(default_factory=dict)


class Emitter:
    """Writes the stages of a compiled program as blocks of lines."""

    def __init__(self, compiled: Compiled, names: Names) -> None:
        self.compiled, self.names = compiled, names
        self.graph, self.storages = compiled.graph, compiled.storages
        self.packing, self.sites = compiled.packing, compiled.sites
        self.places = self.storages.places
        self.layout = compiled.layout
        self.blocks: list[Block] = []
        self.block = Block()
        self.plain_names: dict[tuple[Node, bool], str] = {}
        self.storage_names: dict[Storage, str] = {}
        self.pseudo: dict[Node, Storage] = {}
        self.touched: dict[Storage, list[tuple[int, bool]]] = {}
        self.in_place: list[tuple[int, Storage, Storage]] = []
        self.clock = 0
        self.has_temporaries = False
        self.fused: set[Node] = set()
        self.keys: dict[Node, list[Key]] = {}
        for key, definition in self.graph.definitions.items():
            self.keys.setdefault(definition.node, []).append(key)

    # Names.

    def name(self, storage: Storage) -> str:
        """The name of a storage: of what it holds, where that has a name."""
        if storage not in self.storage_names:
            known = [self.known_name(node) for node in storage.lanes]
            if len(known) == 1 and known[0]:
                role, of = known[0]
                chosen = self.names(role, of)
            elif all(known) and len(known) > 1:
                chosen = self.names.fresh(_joint_name([k for k in known if k]))
            else:
                chosen = self.names.fresh("a")
            self.storage_names[storage] = chosen
        return self.storage_names[storage]

    def known_name(self, node: Node) -> tuple[str, str] | None:
        """The role and the name of what a node stands for."""
        for key in sorted(self.keys.get(node, ()), key=lambda key: key[0] != "value"):
            role = {"value": "value", "adjoint": "adjoint", "carry": "carry"}[key[0]]
            return (role if key[2:] in ((), ("1",)) else f"{role} {key[2]}", key[1])
        return None

    def view_name(self, view: View) -> str:
        """The name of the array that a view is of: for what has a past, of the time that it is at."""
        storage = view.storage
        return self.past_name(storage, view.lag) if storage.depth else self.name(storage)

    def past_name(self, storage: Storage, lag: int) -> str:
        """The name of what a storage holds ``lag`` steps back."""
        if not lag:
            return self.name(storage)
        key = storage.lanes[0].detail
        if key[0] == "carry":
            return self.names("carry before", f"{key[1]}{'' if key[2] == '1' else key[2]}")
        role = "following" if storage.reverse else "previous"
        return self.names(role if lag == 1 else f"{role} {lag}", key[1])

    def whole_name(self, storage: Storage) -> str:
        """The name of an array with the values before the first step in it."""
        key = storage.lanes[0].detail
        if key[0] == "carry":
            return self.names("carry all", f"{key[1]}{'' if key[2] == '1' else key[2]}")
        return self.names("all", key[1])

    # Views.

    def touch(self, storage: Storage, *, writes: bool = False) -> None:
        self.touched.setdefault(storage, []).append((self.clock, writes))

    def shown(self, atom: Atom, layout: Layout, *, writes: bool = False) -> str:
        """The code of an atom where the current block stands."""
        if isinstance(atom, str):
            return atom
        self.touch(atom.storage, writes=writes)
        name = self.view_name(atom)
        code = code_of(atom, name, leading=atom.storage.over_time, layout=layout)
        if self.block.way is None:
            return code
        if atom.storage.over_time:
            source = code
            if source not in self.block.zipped:
                self.block.zipped[source] = self.names.fresh(f"{self.short_name(atom)}_t")
            return self.block.zipped[source]
        if code == name:
            return code
        line = next((l for l in self.block.before if l.endswith(f" = {code}")), None)
        if line is None:
            line = f"{self.names.fresh(self.short_name(atom) + '_v')} = {code}"
            self.block.before.append(line)
        return line.partition(" = ")[0]

    def short_name(self, view: View) -> str:
        if view.count == 1 and len(view.storage.lanes) > 1:
            known = self.known_name(view.storage.lanes[view.start])
            if known:
                return ("d" if known[0] == "adjoint" else "") + known[1]
        return self.view_name(view)

    def view(self, node: Node) -> View | None:
        """Where a node that varies over time lies."""
        if node in self.places:
            storage, lane = self.places[node]
            whole = len(storage.lanes) if node.kind == "dot" and node not in storage.lanes else 1
            return View(storage, lane, whole)
        match node.kind:
            case "join":
                if self.packing.is_run(node.operands) or len(node.operands) == 1:
                    storage, lane = self.places[node.operands[0]]
                    return View(storage, lane, len(node.operands))
            case "lagged":
                key, lag = node.detail
                storage, _ = self.places[self.graph.definitions[key].node]
                return View(storage, lag=lag if storage.depth else 0)
            case "given" if node.time:
                return View(self.pseudo_storage(node, self.given_name(node)))
            case "seed":
                return View(self.pseudo_storage(node, "seed"))
            case "weighted":
                if node in self.pseudo:
                    return View(self.pseudo[node])
        return None

    def over_time(self, node: Node) -> View:
        """Where a node that varies over time lies; it must be computed before."""
        found = self.view(node)
        if found is None:
            raise AssertionError(f"no place for a node of the kind {node.kind}: {node}")
        return found

    def given_name(self, node: Node) -> str:
        name, lag = node.detail
        if not lag:
            return self.names("value", name)
        return self.names("previous" if lag == 1 else f"previous {lag}", name)

    def pseudo_storage(self, node: Node, name: str, layout: Layout = "rows") -> Storage:
        """A storage for an array that is no buffer."""
        if node not in self.pseudo:
            self.pseudo[node] = Storage((node,), (node.width,), True, layout)
            self.storage_names[self.pseudo[node]] = name
        return self.pseudo[node]

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

    # What does not vary over time: expressions with names.

    def plain(self, node: Node, *, turned: bool = False) -> str:
        """The name of what does not vary over time, or of the transpose of a matrix of parameters."""
        match node.kind:
            case "number":
                return _number(node.detail)
            case "parameter":
                name = self.names("value", node.detail)
                return f"{name}.T" if turned else name
            case "transpose":
                return self.plain(node.operands[0], turned=not turned)
            case "final":
                storage, _ = self.places[self.graph.definitions[node.detail[0]].node]
                self.touch(storage)
                if storage.depth:
                    return f"({self.final_code(storage)} * (start is None))"
                # What a part of a sequence hands back goes to the part before it, not further.
                return f"({self.name(storage)} * (start is None))"
        if (node, turned) not in self.plain_names:
            text = self.plain_code(node, turned)
            if re.fullmatch(r"[\w.]+(\[[-\w:, ]+\])*(\.T)?", text):
                return text
            name = self.names.fresh(self.plain_hint(node))
            self.plain_names[node, turned] = name
            lines = self.block.lines if self.block.way is None else self.block.before
            lines.append(f"{name} = {text}")
            self.clock += 1
        return self.plain_names[node, turned]

    def final_code(self, storage: Storage) -> str:
        """What is carried out of a loop."""
        if not storage.depth:
            return self.name(storage)
        return f"{self.whole_name(storage)}[{'0' if storage.reverse else '-1'}]"

    def plain_hint(self, node: Node) -> str:
        known = self.known_name(node)
        if known:
            return ("d" if known[0] == "adjoint" else "") + known[1]
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
                return self.sum_text([self.operand_text(o, node) for o in operands], node.detail)
            case "times":
                texts = [self.operand_text(operand, node) for operand in operands]
                if node.detail == -1:
                    return f"-({' * '.join(texts)})"
                return " * ".join(([] if node.detail == 1 else [_number(node.detail)]) + texts)
            case "divide":
                left, right = (self.operand_text(operand, node) for operand in operands)
                return f"{left} / {right}"
            case "ufunc":
                return f"np.{node.detail}({self.operand_text(operands[0], node)})"
            case "squash":
                return self.squash_text(f"np.tanh({self.operand_text(operands[0], node)})", node)
            case "sigmoid":
                return f"sigmoid({self.operand_text(operands[0], node)})"
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
            case "code":
                return self.code_text(node, features)
            case "matrix entries":
                return f"np.sum({self.plain(operands[0])}, axis=(-2, -1))[..., None]"
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
        operands = [self.plain(operand, turned=turned) for operand in node.operands]
        if node.kind == "times":
            return " * ".join(([] if node.detail == 1 else [_number(node.detail)]) + operands)
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
        code = code_of(view, self.view_name(view), leading=True, layout=self.layout)
        return f"{code}[-1]"

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
            return f"np.full(({shape}), {_number(operand.detail)}, dtype)"
        return f"np.broadcast_to({self.operand_text(operand, node)}, ({shape}))"

    def code_text(self, node: Node, features: bool) -> str:
        text, entrywise = node.detail
        layout: Layout = "features" if features and entrywise else "rows"
        texts = [self.timeless(operand, layout) for operand in node.operands]
        shown = _filled(text, texts)
        return f"({shown}).swapaxes(-1, -2)" if features and not entrywise else shown

    def sum_text(self, texts: Sequence[str], detail: tuple[Sequence[Fraction], Fraction]) -> str:
        coefficients, constant = detail
        text = _number(constant) if constant else ""
        for coefficient, shown in zip(coefficients, texts, strict=True):
            size = abs(coefficient)
            term = shown if size == 1 else f"{_number(size)} * {shown}"
            if text:
                text += f" - {term}" if coefficient < 0 else f" + {term}"
            else:
                text = f"-{term}" if coefficient < 0 else term
        return text

    def squash_text(self, text: str, node: Node) -> str:
        factor, shift = node.detail
        text = text if factor == 1 else f"{_number(factor)} * {text}"
        return f"{text} + {_number(shift)}" if shift else text

    # Results.

    def rows(self, node: Node) -> View:
        """A node's array in rows; where it has the features first, of a copy."""
        view = self.over_time(node)
        storage = view.storage
        if storage.layout == "rows":
            return view
        if storage.twin is None:
            twin = Storage(
                storage.lanes, storage.widths, True, "rows", storage.depth, storage.reverse
            )
            storage.twin = twin
            source = self.name(storage)
            self.storage_names[twin] = self.names.fresh(f"{source}_rows")
            whole, copy = source, self.storage_names[twin]
            if storage.depth:
                whole = self.whole_name(storage)
            self.touch(storage)
            self.touch(twin, writes=True)
            self.block.lines.append(f"np.copyto({copy}, {whole}.swapaxes(1, 2))")
            self.clock += 1
        return View(storage.twin, view.start, view.count, view.form, view.lag)

    def matrix(self, node: Node) -> str:
        """All time steps and sequences of a node as the rows of a matrix."""
        view = self.rows(node)
        self.touch(view.storage)
        name = (
            self.storage_names[view.storage]
            if view.storage in self.storage_names
            else self.name(view.storage)
        )
        if view.storage.depth:
            name = self.twin_name(view)
        code = code_of(view, name, leading=True)
        return f"{code}.reshape(T * B, {node.width})"

    def twin_name(self, view: View) -> str:
        """The rows of a state at another time step."""
        storage = view.storage
        if storage not in self.storage_names or not self.storage_names[storage].endswith("_rows"):
            return self.view_name(view)
        name, depth = self.storage_names[storage], storage.depth
        return name + _time_span(depth, view.lag, storage.reverse)

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
            return f"np.sum({self.matrix(operand)}, axis=0)"
        return f"np.sum({self.shown(view, 'features')}, axis=(0, 2))"

    def total_code(self, node: Node) -> str:
        (operand,) = node.operands
        if operand in self.fused:
            one, other = operand.operands
            texts = [self.shown(self.atom(o, "rows"), "rows") for o in (one, other)]
            return f"np.dot({texts[0]}.reshape(-1), {texts[1]}.reshape(-1))"
        if not operand.time:
            return f"np.sum({self.plain(operand)})"
        view = self.over_time(operand)
        return f"np.sum({self.shown(view, view.storage.layout)})"

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
                return f"np.full(({shape}), {_number(operand.detail)}, dtype)"
            return f"np.broadcast_to({self.plain(operand)}, ({shape})).copy()"
        return self.plain(operand)

    # Items: what one group of calls computes.

    def is_emitted(self, node: Node) -> bool:
        return node in self.places and node.kind != "part" and node.time

    def needs(self, node: Node) -> list[Node]:
        """The emitted nodes that a node's calls read in the same stage."""
        found = []
        for operand in node.operands:
            found += [operand] if self.is_emitted(operand) else self.needs(operand)
        if node.kind == "lagged":
            for other in dependencies(self.graph, node):
                if self.sites[other] != self.sites[node] or self.sites[other].loop is None:
                    found += [other] if self.is_emitted(other) else []
        return found

    def items(self, stage: Stage) -> list[Item]:
        """The nodes of a stage in groups, in an order in which they can be computed."""
        emitted = [node for node in stage.nodes if self.is_emitted(node)]
        place = {node: k for k, node in enumerate(emitted)}
        group = {node: (node,) for node in emitted}
        bundles = dict.fromkeys(
            self.packing.lanes[node].bundle for node in emitted if node in self.packing.lanes
        )
        for bundle in bundles:
            if bundle[0].kind == "part":
                continue
            for start, stop in self.packing.alike_runs(bundle):
                run = bundle[start:stop]
                if len(run) > 1 and all(node in place for node in run):
                    trial = group | dict.fromkeys(run, run)
                    if self.ordered(trial, place, stage) is not None:
                        group = trial
        found = self.ordered(group, place, stage)
        if found is None:
            for node in emitted:
                if (
                    node.kind == "carried"
                    and self.places[node.operands[0]][0] is self.places[node][0]
                ):
                    self.storages.places.pop(node.operands[0])
                    self.storages.add((node.operands[0],), over_time=False)
            found = self.ordered(group, place, stage)
        assert found is not None
        return found

    def ordered(
        self, group: dict[Node, Item], place: dict[Node, int], stage: Stage
    ) -> list[Item] | None:
        """The groups in order; None where they wait for each other."""
        items = list(dict.fromkeys(group.values()))
        waits: dict[Item, set[Item]] = {item: set() for item in items}
        for item in items:
            for node in item:
                for other in self.needs(node):
                    if other in group and group[other] != item:
                        waits[item].add(group[other])
                    elif other in group and other is not node:
                        return None
        for item, before in self.waits_for_readers(group, stage):
            waits[item] |= before - {item}
        found: list[Item] = []
        left = sorted(items, key=lambda item: min(place[node] for node in item))
        done: set[Item] = set()
        while left:
            ready = next((item for item in left if waits[item] <= done), None)
            if ready is None:
                return None
            left.remove(ready)
            done.add(ready)
            found.append(ready)
        return found

    def waits_for_readers(
        self, group: dict[Node, Item], stage: Stage
    ) -> Iterator[tuple[Item, set[Item]]]:
        """What writes a carry waits for what reads the one of the step before."""
        for lagged in stage.nodes:
            if lagged.kind != "lagged" or lagged.detail[0][0] != "carry":
                continue
            carry, _ = self.places[self.graph.definitions[lagged.detail[0]].node]
            readers = {group[node] for node in group if lagged in self.leaves_read(node)}
            for node in group:
                if self.places[node][0] is carry:
                    yield group[node], readers

    def leaves_read(self, node: Node) -> set[Node]:
        """The nodes that are no calls of their own and are read by a node's calls."""
        found = set()
        for operand in node.operands:
            if not self.is_emitted(operand):
                found |= {operand} | self.leaves_read(operand)
        return found

    # Stages.

    def emit(self, stage: Stage) -> None:
        """Writes a stage's lines."""
        self.block = Block(way=stage.loop)
        self.blocks.append(self.block)
        start = self.clock
        items = self.items(stage)
        if stage.loop is None:
            self.emit_at_once(stage, items)
        else:
            self.clock += 1
            for item in items:
                self.emit_item(item)
            self.close_loop(start)
        self.clock += 1

    def emit_at_once(self, stage: Stage, items: Sequence[Item]) -> None:
        by_node = {node: item for item in items for node in item}
        done: set[Item] = set()
        emitted: set[Node] = set()

        def run(node: Node) -> None:
            item = by_node.get(node, (node,))
            if item in done or node in emitted:
                return
            done.add(item)
            for member in item:
                for operand in member.operands:
                    if operand in own:
                        run(operand)
                if member.kind == "lagged":
                    for other in dependencies(self.graph, member):
                        if other in own:
                            run(other)
            emitted.update(item)
            self.emit_node_at_once(item)

        own = set(stage.nodes)
        for node in stage.nodes:
            run(node)

    def emit_node_at_once(self, item: Item) -> None:
        node = item[0]
        if self.is_emitted(node):
            if node not in self.fused:
                self.emit_item(item)
        elif node.kind == "weighted" and node.time:
            self.emit_weighted(node)
        elif node.kind in ("contract", "batch sum", "total", "last", "result"):
            self.plain(node)

    def emit_weighted(self, node: Node) -> None:
        view = self.over_time(node.operands[0])
        layout = view.storage.layout
        inner = self.shown(view, layout)
        name = self.names.fresh("weighted")
        self.block.lines.append(f"{name} = {inner} if weight is None else {inner} * weight")
        self.clock += 1
        self.pseudo_storage(node, name, layout)
        # It may be the operand itself, whose memory nothing else may take.
        self.touched.setdefault(view.storage, []).append((10**9, False))

    def close_loop(self, start: int) -> None:
        """What lies over time is alive through all of the loop, and so is what it carries."""
        for storage, events in self.touched.items():
            persistent = storage.over_time or storage.lanes[0].kind == "carried"
            if persistent and any(clock > start for clock, _ in events):
                events += [(start, True), (self.clock, False)]

    def emit_item(self, item: Item) -> None:
        node = item[0]
        storage, _ = self.places[node]
        layout = storage.layout
        match node.kind:
            case "times":
                self.emit_product(item, layout)
            case "sum":
                self.emit_sum(item, layout)
            case "squash":
                self.emit_squash(item, layout)
            case "ufunc":
                self.calls(f"np.{node.detail}", item, self.packing.aligned(item), layout)
            case "divide":
                columns = [tuple(member.operands[k] for member in item) for k in range(2)]
                self.calls("np.divide", item, columns, layout)
            case _:
                self.emit_single(node, layout)
        self.clock += 1

    def target(self, nodes: Sequence[Node], form: str = "flat") -> View:
        storage, lane = self.places[nodes[0]]
        return View(storage, lane, len(nodes), form)  # type: ignore[arg-type]

    def line(self, text: str) -> None:
        self.block.lines.append(text)
        self.clock += 1

    def calls(
        self,
        function: str,
        item: Sequence[Node],
        columns: Sequence[Sequence[Node | None]],
        layout: Layout,
    ) -> None:
        """A function of columns of operands, into the lanes of an item; None is the target itself."""
        start = 0
        while start < len(item):
            stop = start + 1
            while stop < len(item) and all(
                self.continues(column[start : stop + 1], item[start], layout) for column in columns
            ):
                stop += 1
            self.call(
                function, item[start:stop], [column[start:stop] for column in columns], layout
            )
            start = stop

    def continues(self, nodes: Sequence[Node | None], target: Node, layout: Layout) -> bool:
        """Whether operands of neighbours are one view: neighbours too, or one for all."""
        if all(node is nodes[0] for node in nodes):
            first = nodes[0]
            return first is None or len(first.sizes) == 1 or not first.sizes
        known = [node for node in nodes if node is not None]
        if len(known) < len(nodes) or any(node.sizes != target.sizes for node in known):
            return False
        if not any(node.time for node in known):
            return all(node.is_constant and len(node.sizes) == 1 for node in known)
        if not self.packing.is_run(known):
            return False
        return self.places[known[0]][0].layout == layout

    def call(
        self,
        function: str,
        nodes: Sequence[Node],
        columns: Sequence[Sequence[Node | None]],
        layout: Layout,
    ) -> None:
        spread = len(nodes) > 1 and any(
            column[0] is not None
            and column[0] is column[-1]
            and (column[0].time or column[0].batch or column[0].sizes not in ((), ("1",)))
            for column in columns
        )
        stores = [
            self.places[n][0] for n in (nodes[0], *(c[0] for c in columns)) if n in self.places
        ]
        if spread and any(len(set(store.widths)) > 1 for store in stores):
            for k in range(len(nodes)):
                self.call(function, nodes[k : k + 1], [c[k : k + 1] for c in columns], layout)
            return
        form = "lanes" if spread else "flat"
        target = self.target(nodes, form)
        texts = []
        for column in columns:
            texts.append(self.column_code(column, target, layout, spread=spread))
        out = self.shown(target, layout, writes=True)
        self.note_in_place(target, columns)
        self.line(f"{function}({', '.join(texts)}, out={out})")

    def note_in_place(self, target: View, columns: Sequence[Sequence[Node | None]]) -> None:
        """Notes operands whose memory the target may take over, lane by lane."""
        if not target.is_whole:
            return
        for column in columns:
            node = column[0]
            if node is None or not node.time:
                continue
            view = self.view(node)
            if (
                view
                and view.start == 0
                and len(column) == len(view.storage.lanes)
                and (len(column) == 1 or column[0] is not column[-1])
            ):
                self.in_place.append((self.clock, view.storage, target.storage))

    def column_code(
        self, column: Sequence[Node | None], target: View, layout: Layout, *, spread: bool
    ) -> str:
        node = column[0]
        if node is None:
            return self.shown(target, layout)
        if len(column) > 1 and node is not column[-1]:
            if not node.time:
                return self.joined_constants([n for n in column if n is not None], layout, spread)
            storage, lane = self.places[node]
            form = "lanes" if spread else "flat"
            return self.shown(View(storage, lane, len(column), form), layout)  # type: ignore[arg-type]
        atom = self.atom(node, layout)
        if isinstance(atom, View) and spread:
            return self.beside_lanes(atom, layout)
        return self.shown(atom, layout)

    def beside_lanes(self, view: View, layout: Layout) -> str:
        """One vector beside several lanes: with an axis for them, where broadcasting needs it."""
        if self.block.way is not None and layout == "features":
            return self.shown(view, layout)
        base = self.shown(view, layout)
        if self.block.way is None:
            return f"{base}[:, None]" if layout == "features" else f"{base}[:, :, None]"
        return f"{base}[:, None]"

    def joined_constants(self, nodes: Sequence[Node], layout: Layout, spread: bool) -> str:
        parts = ", ".join(self.plain(node) for node in nodes)
        text = f"np.concatenate([{parts}])"
        lines = self.block.lines if self.block.way is None else self.block.before
        line = next((l for l in lines if l.endswith(f" = {text}")), None)
        if line is None:
            line = f"{self.names.fresh('b')} = {text}"
            lines.append(line)
            self.clock += 1
        name = line.partition(" = ")[0]
        if spread:
            count = len(nodes)
            shape = f"{count}, {nodes[0].width}"
            return (
                f"{name}.reshape({shape}, 1)"
                if layout == "features"
                else f"{name}.reshape({shape})"
            )
        return f"{name}[:, None]" if layout == "features" else name

    def emit_product(self, item: Item, layout: Layout) -> None:
        columns: list[Sequence[Node | None]] = list(self.packing.aligned(item))
        coefficient = item[0].detail
        if len(columns) == 1:
            self.number_call("np.multiply", item, columns[0], coefficient, layout)
            return
        self.calls("np.multiply", item, columns[:2], layout)
        for column in columns[2:]:
            self.calls("np.multiply", item, [[None] * len(item), column], layout)
        if coefficient != 1:
            self.number_call("np.multiply", item, [None] * len(item), coefficient, layout)

    def number_call(
        self,
        function: str,
        item: Sequence[Node],
        column: Sequence[Node | None],
        number: Fraction,
        layout: Layout,
    ) -> None:
        if function == "np.multiply" and number == -1:
            self.calls("np.negative", item, [column], layout)
            return
        start = 0
        while start < len(item):
            stop = start + 1
            while stop < len(item) and self.continues(
                column[start : stop + 1], item[start], layout
            ):
                stop += 1
            nodes = item[start:stop]
            target = self.target(nodes)
            if len(nodes) > 1 and column[start] is not None and column[start] is column[stop - 1]:
                stop, nodes = start + 1, item[start : start + 1]
                target = self.target(nodes)
            text = self.column_code(column[start:stop], target, layout, spread=False)
            out = self.shown(target, layout, writes=True)
            self.note_in_place(target, [column[start:stop]])
            self.line(f"{function}({text}, {_number(number)}, out={out})")
            start = stop

    def emit_sum(self, item: Item, layout: Layout) -> None:
        columns = self.packing.aligned(item)
        first = item[0]
        coefficient_of = dict(zip(first.operands, first.detail[0], strict=True))
        constant = first.detail[1]
        terms = sorted(
            ((coefficient_of[column[0]], column) for column in columns),
            key=lambda term: (abs(term[0]) == 1, term[0] < 0),
        )
        itself: list[Node | None] = [None] * len(item)
        (number, column), *rest = terms
        if abs(number) != 1:
            self.number_call("np.multiply", item, column, number, layout)
        elif rest and abs(rest[0][0]) == 1:
            other_number, other = rest.pop(0)
            if number == -1:
                # Both are taken off: the first is added with its sign turned at the end.
                self.calls("np.negative", item, [column], layout)
                self.calls("np.subtract", item, [itself, other], layout)
            else:
                function = "np.add" if other_number == 1 else "np.subtract"
                self.calls(function, item, [column, other], layout)
        elif constant and not rest:
            self.constant_call(item, column, number, constant, layout)
            return
        elif number == -1:
            self.calls("np.negative", item, [column], layout)
        else:
            self.calls("np.positive", item, [column], layout)
        for coefficient, other in rest:
            if abs(coefficient) == 1:
                function = "np.add" if coefficient == 1 else "np.subtract"
                self.calls(function, item, [itself, other], layout)
            else:
                self.add_multiple(item, coefficient, other, layout)
        if constant:
            self.number_call("np.add", item, itself, constant, layout)

    def constant_call(
        self,
        item: Item,
        column: Sequence[Node],
        number: Fraction,
        constant: Fraction,
        layout: Layout,
    ) -> None:
        """k + v or k - v."""
        if number == 1:
            self.number_call("np.add", item, column, constant, layout)
            return
        start = 0
        while start < len(item):
            stop = start + 1
            while (
                stop < len(item)
                and column[stop] is not column[start]
                and self.continues(column[start : stop + 1], item[start], layout)
            ):
                stop += 1
            target = self.target(item[start:stop])
            text = self.column_code(column[start:stop], target, layout, spread=False)
            out = self.shown(target, layout, writes=True)
            self.note_in_place(target, [column[start:stop]])
            self.line(f"np.subtract({_number(constant)}, {text}, out={out})")
            start = stop

    def add_multiple(
        self, item: Item, number: Fraction, column: Sequence[Node], layout: Layout
    ) -> None:
        for node, operand in zip(item, column, strict=True):
            target = self.target([node])
            text = self.column_code([operand], target, layout, spread=False)
            out = self.shown(target, layout, writes=True)
            self.line(f"np.add({out}, {_number(number)} * {text}, out={out})")

    def emit_squash(self, item: Item, layout: Layout) -> None:
        self.calls("np.tanh", item, self.packing.aligned(item), layout)
        start = 0
        while start < len(item):
            stop = start + 1
            while stop < len(item) and item[stop].detail == item[start].detail:
                stop += 1
            factor, shift = item[start].detail
            out = None
            for function, number, plain in (("np.multiply", factor, 1), ("np.add", shift, 0)):
                if number != plain:
                    out = self.shown(self.target(item[start:stop]), layout, writes=True)
                    self.line(f"{function}({out}, {_number(number)}, out={out})")
            start = stop

    def emit_single(self, node: Node, layout: Layout) -> None:
        target = self.target([node])
        if node.kind == "dot":
            self.emit_dot(node, layout)
            return
        match node.kind:
            case "entries" | "largest":
                axis = -2 if layout == "features" else -1
                inner = self.shown(self.atom(node.operands[0], layout), layout)
                out = self.shown(target, layout, writes=True)
                if node.kind == "entries":
                    self.line(f"np.sum({inner}, axis={axis}, keepdims=True, out={out})")
                else:
                    self.line(f"np.max(np.real({inner}), axis={axis}, keepdims=True, out={out})")
            case "matrix entries":
                inner = self.shown(self.atom(node.operands[0], layout), layout)
                out = self.shown(target, layout, writes=True)
                self.line(f"{out}[...] = np.sum({inner}, axis=(-2, -1))[..., None]")
            case "ending":
                inner = self.timeless(node.operands[0], layout)
                out = self.shown(target, layout, writes=True)
                self.line(f"{out}[:-1] = 0")
                self.line(f"{out}[-1] = {inner}")
            case "state" | "carried" | "spread":
                (operand,) = node.operands
                if (
                    operand in self.places
                    and self.places[operand][0] is target.storage
                    and node.kind != "spread"
                ):
                    return
                inner = self.shown(self.atom(operand, layout), layout)
                out = self.shown(target, layout, writes=True)
                self.line(f"{out}[...] = {inner}")
            case "join":
                self.emit_join(node, layout)
            case "sigmoid":
                inner = self.shown(self.atom(node.operands[0], layout), layout)
                self.line(f"{self.shown(target, layout, writes=True)}[...] = sigmoid({inner})")
            case "code":
                self.emit_code(node, layout)
            case _:
                raise AssertionError(f"no call for {node.kind}")

    def emit_join(self, node: Node, layout: Layout) -> None:
        target = self.shown(self.target([node]), layout, writes=True)
        widths = [operand.width for operand in node.operands]
        for k, operand in enumerate(node.operands):
            start, stop = added(widths[:k]), added(widths[: k + 1])
            span = f"{tight(start)}:{tight(stop)}"
            lead = ":, " if self.block.way is None else ""
            part = f"[{lead}{span}]" if layout == "features" else f"[..., {span}]"
            inner = self.shown(self.atom(operand, layout), layout)
            self.line(f"{target}{part} = {inner}")

    def emit_dot(self, node: Node, layout: Layout) -> None:
        vector, matrix = node.operands
        storage, lane = self.places[node]
        whole = (
            View(storage, 0, len(storage.lanes))
            if node not in storage.lanes
            else View(storage, lane)
        )
        at_once = self.block.way is None
        if not at_once or layout == "features":
            inner = self.shown(self.atom(vector, layout), layout)
            out = self.shown(whole, layout, writes=True)
            if layout == "features":
                self.line(f"np.matmul({self.plain(matrix, turned=True)}, {inner}, out={out})")
            else:
                self.line(f"np.matmul({inner}, {self.plain(matrix)}, out={out})")
            return
        if not vector.time:
            inner = self.timeless(vector, "rows")
            out = self.shown(whole, layout, writes=True)
            self.line(f"{out}[...] = {inner} @ {self.plain(matrix)}")
            return
        rows = self.matrix(vector)
        weights = self.plain(matrix)
        out = self.shown(whole, layout, writes=True)
        if whole.is_whole:
            out += f".reshape(T * B, {storage.width})"
            self.line(f"np.matmul({rows}, {weights}, out={out})")
        else:
            self.line(f"{out}[...] = ({rows} @ {weights}).reshape(T, B, {node.width})")

    def emit_code(self, node: Node, layout: Layout) -> None:
        text, entrywise = node.detail
        inner: Layout = layout if entrywise else "rows"
        texts = [self.shown(self.atom(operand, inner), inner) for operand in node.operands]
        out = self.shown(self.target([node]), inner, writes=True)
        code = _filled(text, texts)
        if text.startswith("np.einsum("):
            self.line(f"{code[:-1]}, out={out})")
        else:
            self.has_temporaries |= self.block.way is None
            self.line(f"{out}[...] = {code}")


def _joint_name(known: Sequence[tuple[str, str]]) -> str:
    """A name for several quantities side by side: z_i, z_f as z_if, i and f as if_."""
    prefix = "d" if known[0][0] == "adjoint" else ""
    split = [name.rpartition("_") for _, name in known]
    shared = {head for head, _, _ in split}
    head = f"{shared.pop()}_" if len(shared) == 1 and "" not in shared else ""
    rest = [tail for _, _, tail in split] if head else [name for _, name in known]
    return prefix + head + ("" if all(len(part) == 1 for part in rest) else "_").join(rest)


def _filled(text: str, operands: Iterable[str]) -> str:
    for k, operand in enumerate(operands):
        simple = re.fullmatch(r"[\w.]+(\[[^\]]*\])*(\(.*\))?", operand)
        text = text.replace(f"<{k}>", operand if simple else f"({operand})")
    return text


def _number(number: Fraction) -> str:
    return str(number.numerator) if number.denominator == 1 else repr(float(number))


def _time_span(depth: int, lag: int, reverse: bool) -> str:
    """The steps of an array of a state, with those before its first, for the value or a lag."""
    if reverse:
        return f"[{lag}:][:T]" if lag else "[:T]"
    return f"[{depth - lag}:-{lag}]" if lag else f"[{depth}:]"


__all__ = ["ENTRYWISE", "Block", "Emitter"]
