"""The pieces of a fast module: its workspace, and one function for all that it computes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from bptt_sym.graph.array_shapes import SEQUENCES, STEPS
from bptt_sym.graph.graph import Graph
from bptt_sym.graph.node import Node
from bptt_sym.graph.stages import Stage
from bptt_sym.memory.compiled import Compiled
from bptt_sym.memory.storage import Storage
from bptt_sym.targets.numpy.emitter import Emitter
from bptt_sym.targets.numpy.first_state import FirstState
from bptt_sym.targets.numpy.fitted import fitted_lines
from bptt_sym.targets.numpy.interface import Interface
from bptt_sym.targets.numpy.python_names import PythonNames
from bptt_sym.targets.numpy.row_parts import shape_code, size_code
from bptt_sym.targets.numpy.signature import Argument
from bptt_sym.targets.numpy.states import States
from bptt_sym.targets.numpy.stepping import StepBody, step_body
from bptt_sym.targets.numpy.workspace import Workspace, memory


@dataclass(frozen=True)
class FastBody:
    """What the template of a fast module lays out.

    ``buffers`` are the arrays of the workspace with their shapes and types; ``prologue`` names them
    and what shares their memory. The forward pass reads the arguments ``read_first``, the loss and
    the backward pass ``read_later`` too. ``unpadded`` are the arguments that have padding, with the
    arrays that they are copied into; ``used`` are the names that the code reads.
    """

    returned: list[Argument]
    buffers: list[tuple[str, str, str]]
    unpadded: dict[str, str]
    read_first: list[str]
    read_later: list[str]
    prologue: list[str]
    forward: list[str]
    loss: list[str]
    backward: list[str]
    kept: list[str]
    value: str
    sizes: list[str]
    dimensions: list[str]
    memory: str
    has_temporaries: bool
    histories: list[tuple[str, str]]
    depths: list[int]
    initial_fields: dict[str, str]
    initial_arguments: list[str]
    initial_state: list[str]
    step: StepBody | None
    used: set[str]


def fast_body(compiled: Compiled, interface: Interface, names: PythonNames) -> FastBody:
    """The code of a compiled program."""
    return _Body(compiled, interface, names).body()


class _Body:
    def __init__(self, compiled: Compiled, interface: Interface, names: PythonNames) -> None:
        self.compiled, self.interface, self.names = compiled, interface, names
        self.emitter = Emitter(compiled, names)
        self.states = States(self.emitter, interface, names)
        self.graph = compiled.graph

    def body(self) -> FastBody:
        emitter, interface = self.emitter, self.interface
        forward, kept, loss, value, backward = self.phases()
        workspace = Workspace(emitter, reuse=self.compiled.reuse)
        views, histories = workspace.views(), [*self.states.histories()]
        first_state = FirstState(interface, self.names)
        step = step_body(interface.program) if interface.is_onward else None
        unpadded = {a.name: self.names.fresh(f"{a.name}_unpadded") for a in interface.padded}
        labels = {unpadded.get(name) for name, _ in interface.labels}
        shapes = workspace.shapes() | {unpadded[a.name]: a.sizes for a in interface.padded}
        first = {argument.name for argument in interface.forward_arguments}
        late = self.checked_labels(first=False)
        prologue = [*self.unpacked(), *views, *self.checked_labels(first=True), *self.seed()]
        read = [a.name for a in interface.arguments if a.name in emitter.used]
        dimensions = [entry.name for entry in interface.model.dimensions]
        sizes = {size for shape in shapes.values() for size in shape}
        measured = {symbol.name for size in sizes for symbol in size.free_symbols}
        return FastBody(
            returned=interface.written,
            buffers=[
                (name, shape_code(map(size_code, shape)), "int" if name in labels else "dtype")
                for name, shape in shapes.items()
            ],
            unpadded=unpadded,
            read_first=[name for name in read if name in first],
            read_later=[name for name in read if name not in first],
            prologue=prologue,
            forward=forward,
            loss=[*late, *loss],
            backward=backward,
            kept=kept,
            value=value,
            sizes=[size for size in ("T", "B", *dimensions) if size in emitter.used],
            dimensions=[size for size in dimensions if size in measured],
            memory=memory(shapes.values()),
            has_temporaries=emitter.has_temporaries,
            histories=histories,
            depths=[interface.model.depth(entry.name) for entry in interface.state_entries],
            initial_fields=dict(self.states.initial_fields()),
            initial_arguments=first_state.arguments,
            initial_state=first_state.body(),
            step=step,
            used=emitter.used | first_state.write.used | (step.used if step else set()),
        )

    def phases(self) -> tuple[list[str], list[str], list[str], str, list[str]]:
        """The lines of the forward pass and what it returns, of the loss and its name, and of the
        backward pass.
        """
        before, to_loss, after = self.stages()
        self.emitter.fused = fused(self.graph, to_loss)
        forward = [*self.states.initial_lines(), *self.lines(before)]
        kept = [*self.kept_code()]
        forward += self.emitter.flushed()
        loss = self.lines(to_loss)
        value = self.emitter.plain(self.graph.results["loss",])
        loss += self.emitter.flushed()
        return forward, kept, loss, value, [*self.lines(after), *self.returned(value)]

    def stages(self) -> tuple[list[Stage], list[Stage], list[Stage]]:
        """The stages of what the forward pass returns, of the loss, and of the backward pass."""
        wanted = [self.graph.definitions[key].node for key in self.graph.kept]
        handed_on = [d.node for key, d in self.graph.definitions.items() if key[0] == "given"]
        kept = set(self.graph.reachable([*wanted, *handed_on]))
        first = [stage for stage in self.compiled.stages if stage.phase == "forward"]
        forward = [replace(s, nodes=tuple(n for n in s.nodes if n in kept)) for s in first]
        loss = [replace(s, nodes=tuple(n for n in s.nodes if n not in kept)) for s in first]
        backward = [stage for stage in self.compiled.stages if stage.phase == "backward"]
        return [s for s in forward if s.nodes], [s for s in loss if s.nodes], backward

    def lines(self, stages: Iterable[Stage]) -> list[str]:
        lines: list[str] = []
        for stage in stages:
            lines += self.states.carried_lines(stage)
            self.emitter.write_stage(stage)
            lines += self.emitter.flushed()
        return lines

    def kept_code(self) -> Iterable[str]:
        """The values that the forward pass returns, in the public layout, each its own array."""
        emitter = self.emitter
        taken: set[tuple[Storage, int]] = set()
        for key in self.graph.kept:
            node = self.graph.definitions[key].node
            wanted = self.interface.graph.definitions[key].node
            view = emitter.view(node) if node.time else None
            if view is None or node.sizes != wanted.sizes:
                code = emitter.shown(view, "rows") if view else emitter.timeless(node, "rows")
                sizes = (STEPS, SEQUENCES, *wanted.sizes)
                shape = shape_code(map(emitter.size, sizes))
                yield f"np.broadcast_to({code}, {shape}).copy()"
                continue
            lanes = {(view.storage, view.start + lane) for lane in range(view.count)}
            shared = view.storage in emitter.pseudo.values() or lanes & taken
            taken |= lanes
            yield emitter.shown(view, "rows") + (".copy()" if shared else "")

    def returned(self, value: str) -> list[str]:
        """The gradients as they are returned, none of which shares memory with another."""
        emitter, claims = self.emitter, Claims()
        fields = []
        for argument, entry in zip(
            self.interface.parameters, self.interface.model.declared("parameter"), strict=True
        ):
            node = self.graph.results["gradient", entry.name]
            emitter.explain((node,))
            code = emitter.plain(node)
            fields.append(f"{argument.name}={code if claims.is_free(node) else f'{code}.copy()'}")
        lines = [*emitter.flushed(), "gradients = Parameters("]
        lines += [*(f"    {field}," for field in fields), ")"]
        wanted = [*self.interface.state_entries, *self.interface.initial_entries]
        states = [s for s in self.interface.model.declared("state") if s in wanted]
        lines += [f"{self.first(s.name)} = {self.states.before_first(s.name)}" for s in states]
        initial = ", ".join(
            f"{argument.name}={self.first(entry.name)}"
            for argument, entry in zip(
                self.interface.initial_states, self.interface.initial_entries, strict=True
            )
        )
        back = ", ".join(
            self.first(entry.name) if entry.kind == "state" else "None"
            for entry in self.interface.state_entries
        )
        inputs = any(entry.kind == "input" for entry in self.interface.state_entries)
        back = f"State._make([{back}])" if inputs else f"State({back})"
        result = [value, "gradients", f"InitialState({initial})", "final_state"]
        return [
            *lines,
            *fitted_lines(self.states.final(), "final_state = State(", ")"),
            *fitted_lines(result, "result = Result(", ")"),
            f"return result, {back}",
        ]

    def first(self, state: str) -> str:
        """The name of the gradient with respect to a state before its first step."""
        return f"d{self.names('value', state)}_first"

    def unpacked(self) -> list[str]:
        lines = []
        used = [a.name for a in self.interface.parameters if a.name in self.emitter.used]
        lines += [f"{name} = params.{name}" for name in used]
        if "dtype" in self.emitter.used:
            lines.append("dtype = work.dtype")
        return lines

    def checked_labels(self, *, first: bool) -> list[str]:
        """The check of labels that are read: those of the forward pass, or the others."""
        known = {argument.name for argument in self.interface.forward_arguments}
        return [
            f'check_labels("{name}", {name}, {self.emitter.size(size)})'
            for name, size in self.interface.labels
            if name in self.emitter.used and (name in known) == first
        ]

    def seed(self) -> list[str]:
        """The weights of the losses of the steps, where something reads them as an array."""
        if "seed" not in self.emitter.used:
            return []
        shape = f"({self.emitter.size(STEPS)}, {self.emitter.size(SEQUENCES)}, 1)"
        weights = "work.dtype.type(1) if weight is None else weight"
        return [f"seed = np.broadcast_to({weights}, {shape})"]


def fused(graph: Graph, stages: Iterable[Stage]) -> set[Node]:
    """Products that only a sum of all entries reads are formed by the sum itself."""
    users = graph.users()
    found = set()
    for stage in stages:
        for node in stage.nodes:
            if node.kind != "total":
                continue
            (inner,) = node.operands
            if (
                inner.kind == "times"
                and inner.detail == 1
                and len(inner.operands) == 2
                and users[inner] == [node]
                and all(o.time and o.batch and o.sizes == inner.sizes for o in inner.operands)
                and inner in stage.nodes
            ):
                found.add(inner)
    return found


class Claims:
    """The arrays that results have taken: each is one result's alone.

    Parts of one array are results of their own where they are different parts of one division.
    """

    def __init__(self) -> None:
        self._parts: dict[Node, list[tuple[object, ...]]] = {}

    def is_free(self, node: Node) -> bool:
        """Whether what a node stands for is an array that nothing else has; now it is taken."""
        part: tuple[object, ...] = ()
        while node.kind in ("transpose", "part") or _hands_on(node):
            if node.kind == "part":
                part = node.detail if not part else ()
            (node,) = node.operands
        taken = self._parts.setdefault(node, [])
        free = node.kind not in _SHARED and all(_are_apart(part, other) for other in taken)
        taken.append(part)
        return free


_SHARED = ("parameter", "given", "initial", "spread", "final", "slice", "stopped", "declared")
"""Arguments, and what may be a view of one."""


def _hands_on(node: Node) -> bool:
    """Whether a result is its operand as it is."""
    return node.kind == "result" and node.operands[0].sizes == node.sizes


def _are_apart(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    """Whether two parts, each a position in a division along an axis, do not overlap."""
    if not (one and other):
        return False
    (position, *division), (other_position, *other_division) = one, other
    return position != other_position and division == other_division
