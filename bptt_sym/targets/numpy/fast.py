"""The pieces of a fast module: its workspace, and one function for all that it computes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property

from bptt_sym.graph.array_shapes import SEQUENCES, STEPS
from bptt_sym.graph.graph import Graph
from bptt_sym.graph.node import Node
from bptt_sym.graph.stages import Stage
from bptt_sym.memory.compiled import Compiled
from bptt_sym.memory.storage import Storage
from bptt_sym.model.model import Declaration
from bptt_sym.targets.numpy.emitter import FOREVER, Emitter
from bptt_sym.targets.numpy.first_state import FirstState
from bptt_sym.targets.numpy.fitted import DEEPEST, WIDTH, fitted_lines
from bptt_sym.targets.numpy.interface import Interface
from bptt_sym.targets.numpy.precedence import Code
from bptt_sym.targets.numpy.python_names import PythonNames
from bptt_sym.targets.numpy.row_parts import shape_code
from bptt_sym.targets.numpy.signature import Argument
from bptt_sym.targets.numpy.states import States
from bptt_sym.targets.numpy.stepping import StepBody
from bptt_sym.targets.numpy.workspace import Workspace


class FastBody:
    """What the template of a fast module lays out: the code of a compiled program.

    ``reads_first`` are the lines that read the arguments of the forward pass and sizes,
    ``reads_later`` those for the loss and the backward pass; ``prologue`` names the arrays of the
    workspace and what shares their memory. ``unpadded`` are the arguments that have padding, with
    the arrays that they are copied into; ``used`` are the names that the code reads.
    """

    def __init__(self, compiled: Compiled, interface: Interface, names: PythonNames) -> None:
        self.interface, self.names, self.graph = interface, names, compiled.graph
        self.emitter = emitter = Emitter(compiled, names)
        self.states = States(emitter, interface, names)
        before, to_loss, after, for_inputs = stages_of(compiled)
        emitter.fused = fused(self.graph, to_loss)
        forward = [*self.states.initial_lines(), *self.lines(before)]
        self.kept = [*self.kept_code()]
        self.pin_kept()
        self.forward = [*forward, *emitter.flushed()]
        loss = self.lines(to_loss)
        self.value = emitter.plain(self.graph.results["loss",])
        loss += emitter.flushed()
        self.backward = [
            *self.lines(after),
            *self.results(),
            *self.inputs(for_inputs),
            *self.handed(),
        ]
        self.workspace = Workspace(emitter, reuse=compiled.reuse)
        views = self.workspace.views()
        self.histories = [*self.states.histories()]
        self.first_state = FirstState(interface, names)
        self.step = StepBody(interface.program) if interface.is_onward else None
        self.unpadded = {a.name: names.fresh(f"{a.name}_unpadded") for a in interface.padded}
        padded = {self.unpadded[a.name]: a.sizes for a in interface.padded}
        self.workspace.shapes.update(padded)
        self.labels = {self.unpadded.get(name) for name, _ in interface.labels}
        read = [a.name for a in interface.arguments if a.name in emitter.used]
        first = {argument.name for argument in interface.forward_arguments}
        self.loss = [*interface.label_checks(emitter, set(read) - first), *loss]
        checks = interface.label_checks(emitter, first)
        self.prologue = [*self.unpacked(), *views, *checks]
        seed = self.seed()
        sizes = [size for size in ("T", "B", *interface.dimensions) if size in emitter.used]
        self.reads_first = [f'{name} = arguments["{name}"]' for name in read if name in first]
        self.reads_first += [f'{size} = work.sizes["{size}"]' for size in sizes]
        self.reads_later = [f'{name} = arguments["{name}"]' for name in read if name not in first]
        self.reads_later += seed
        self.forward_fields = interface.written
        self.depths = [interface.model.depth(entry.name) for entry in interface.state_entries]
        self.initial_fields = dict(self.states.initial_fields())
        self.used = emitter.used | self.first_state.used | (self.step.used if self.step else set())

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
            view = emitter.atom(node, "rows")
            if isinstance(view, Code) or node.sizes != wanted.sizes:
                code = emitter.shown(view, "rows")
                sizes = (STEPS, SEQUENCES, *wanted.sizes)
                shape = shape_code(map(emitter.size, sizes))
                yield f"np.broadcast_to({code}, {shape}).copy()"
                continue
            lanes = {(view.storage, view.start + lane) for lane in range(view.count)}
            shared = view.storage in emitter.pseudo.values() or lanes & taken
            taken |= lanes
            yield emitter.shown(view, "rows") + (".copy()" if shared else "")

    def pin_kept(self) -> None:
        """What a layer's forward pass returned stays as it is on the way back."""
        for key in self.graph.kept if self.interface.is_layer else ():
            view = self.emitter.atom(self.graph.definitions[key].node, "rows")
            if not isinstance(view, Code | str):
                self.emitter.touched.setdefault(view.storage, []).append((FOREVER, False))

    def results(self) -> list[str]:
        """The gradients as they are returned, none of which shares memory with another."""
        emitter, claims = self.emitter, Claims()
        fields = []
        for name in self.interface.model.parameters:
            node = self.graph.results["gradient", name]
            emitter.explain((node,))
            copied = "" if claims.is_free(node) else ".copy()"
            fields.append(f"{self.names('value', name)}={emitter.plain(node)}{copied}")
        lines = [*emitter.flushed(), "gradients = Parameters("]
        lines += [*(f"    {field}," for field in fields), ")"]
        wanted = [*self.interface.state_entries, *self.interface.initial_entries]
        states = [s for s in self.interface.model.declared("state") if s in wanted]
        lines += self.firsts(state for state in states if state not in self.late)
        initial = [
            f"{self.names('initial', entry.name)}={self.first(entry.name)}"
            for entry in self.interface.initial_entries
        ]
        return [
            *lines,
            *fitted_lines(self.states.final(), "final_state = State(", ")"),
            *fitted_lines(initial, "initial = InitialState(", ")"),
        ]

    def inputs(self, stages: Iterable[Stage]) -> list[str]:
        """The gradients with respect to inputs, where they are asked for."""
        lines = self.lines(stages)
        firsts = self.firsts(self.late)
        fields = []
        for key, field in self.interface.input_fields.items():
            node = self.graph.results[key]
            self.emitter.explain((node,))
            if len(key) > 2:
                code = self.first(key[1])
            else:
                inner = self.emitter.shown(self.emitter.atom(node, "rows"), "rows")
                code = f"np.array({self.whole(inner, node, field)})"
            fields.append(f"{field.name}={code}")
        lines += [*self.emitter.flushed(), *firsts]
        lines += fitted_lines(fields, "by_inputs = Inputs(", ")")
        return [
            *(f"{self.first(entry.name)} = None" for entry in self.late),
            "by_inputs = None",
            'if until == "inputs":',
            *(f"    {line}" for line in lines),
        ]

    def whole(self, code: str, node: Node, field: Argument) -> str:
        """The code of a node that may be the same at all steps or for all sequences, as a field."""
        if len(field.sizes) == len(node.sizes) + node.time + node.batch:
            return code
        return f"np.broadcast_to({code}, {shape_code(map(self.emitter.size, field.sizes))})"

    def handed(self) -> list[str]:
        """The result, and the gradient with respect to the State before the first time step."""
        entries = self.interface.state_entries
        back = ", ".join(
            self.first(entry.name) if entry.kind == "state" or entry in self.late else "None"
            for entry in entries
        )
        checked = all(entry.kind == "state" and entry not in self.late for entry in entries)
        back = f"State({back})" if checked else f"State._make([{back}])"
        found = [self.value, "gradients", "initial", "final_state", "by_inputs"]
        end = "yield" if self.interface.is_layer else "return"
        return [*fitted_lines(found, "result = Result(", ")"), f"{end} result, {back}"]

    def firsts(self, entries: Iterable[Declaration]) -> list[str]:
        """The lines with the gradients with respect to what the first step reads."""
        lines: list[str] = []
        for entry in entries:
            code = self.states.before_first(entry.name)
            lines += code.lines(f"{self.first(entry.name)} = ", WIDTH - DEEPEST, packed=False)
        return lines

    @cached_property
    def late(self) -> list[Declaration]:
        """What a step hands on that only gradients with respect to inputs go back through."""
        sites, known = self.emitter.compiled.sites, self.graph.definitions
        varied = self.interface.model.varied_inputs
        found = []
        for entry in self.interface.state_entries:
            carries = [d.node for key, d in known.items() if key[:2] == ("carry", entry.name)]
            phases = {sites[node].phase for node in carries if node in sites}
            if entry in varied or "inputs" in phases:
                found.append(entry)
        return found

    def first(self, state: str) -> str:
        """The name of the gradient with respect to a state before its first step."""
        return f"d{self.names('value', state)}_first"

    def unpacked(self) -> list[str]:
        used = [a.name for a in self.interface.parameters if a.name in self.emitter.used]
        lines = [f"{name} = params.{name}" for name in used]
        return [*lines, *(["dtype = work.dtype"] if "dtype" in self.emitter.used else [])]

    def seed(self) -> list[str]:
        """The weights of the losses of the steps, where something reads them as an array."""
        if "seed" not in self.emitter.used:
            return []
        shape = f"({self.emitter.size(STEPS)}, {self.emitter.size(SEQUENCES)}, 1)"
        weights = "work.dtype.type(1) if weight is None else weight"
        return [f"seed = np.broadcast_to({weights}, {shape})"]


def stages_of(compiled: Compiled) -> tuple[list[Stage], ...]:
    """The stages of what the forward pass returns, of the loss, of the backward pass, and of what
    the gradients with respect to inputs need beside it.
    """
    graph = compiled.graph
    wanted = [graph.definitions[key].node for key in graph.kept]
    handed_on = [d.node for key, d in graph.definitions.items() if key[0] == "given"]
    kept = set(graph.reachable([*wanted, *handed_on]))
    first = [stage for stage in compiled.stages if stage.phase == "forward"]
    forward = [replace(s, nodes=tuple(n for n in s.nodes if n in kept)) for s in first]
    loss = [replace(s, nodes=tuple(n for n in s.nodes if n not in kept)) for s in first]
    backward = [stage for stage in compiled.stages if stage.phase == "backward"]
    inputs = [stage for stage in compiled.stages if stage.phase == "inputs"]
    return [s for s in forward if s.nodes], [s for s in loss if s.nodes], backward, inputs


def fused(graph: Graph, stages: Iterable[Stage]) -> set[Node]:
    """Products that only a sum of all entries reads are formed by the sum itself."""
    users = graph.users()
    return {
        inner
        for stage in stages
        for node in stage.nodes
        for inner in node.operands
        if node.kind == "total"
        and inner.kind == "times"
        and inner.detail == 1
        and len(inner.operands) == 2
        and users[inner] == [node]
        and all(o.time and o.batch and o.sizes == inner.sizes for o in inner.operands)
        and inner in stage.nodes
    }


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
