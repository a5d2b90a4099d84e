"""The pieces of a fast module: its workspace, and one function for all that it computes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bptt_sym.algebra.expressions import TIME
from bptt_sym.compiler.compiled import Compiled
from bptt_sym.compiler.graph import Key
from bptt_sym.compiler.order import Stage
from bptt_sym.compiler.sizes import array_sizes
from bptt_sym.compiler.storage import Storage
from bptt_sym.emit.numpy.arrays import Arrays
from bptt_sym.emit.numpy.bodies import initial_value
from bptt_sym.emit.numpy.emitter import Emitter
from bptt_sym.emit.numpy.names import Names
from bptt_sym.emit.numpy.ownership import Claims
from bptt_sym.emit.numpy.printer import lagged_name
from bptt_sym.emit.numpy.signature import Signature
from bptt_sym.emit.numpy.states import States
from bptt_sym.emit.numpy.views import shape_code
from bptt_sym.emit.numpy.workspace import Workspace, memory
from bptt_sym.emit.numpy.writer import renamed, words


@dataclass(frozen=True)
class FastBody:
    """What the template of a fast module lays out.

    ``buffers`` are the arrays of the workspace with their shapes and types; ``prologue`` names them
    and what shares their memory. The forward pass reads the arguments ``read_first``, the loss and
    the backward pass ``read_later`` too. ``unpadded`` are the arguments that have padding, with the
    arrays that they are copied into.
    """

    buffers: tuple[tuple[str, str, str], ...]
    unpadded: tuple[tuple[str, str], ...]
    read_first: tuple[str, ...]
    read_later: tuple[str, ...]
    prologue: tuple[str, ...]
    forward: tuple[str, ...]
    loss: tuple[str, ...]
    backward: tuple[str, ...]
    kept: tuple[str, ...]
    value: str
    sizes: tuple[str, ...]
    dimensions: tuple[str, ...]
    memory: str
    has_temporaries: bool
    is_onward: bool
    histories: tuple[tuple[str, str], ...]
    depths: tuple[int, ...]
    initial_fields: tuple[tuple[str, str], ...]
    initial_arguments: tuple[str, ...]
    initial_state: tuple[str, ...]
    into_step: Signature
    into_step_after: list[str]


def fast_body(compiled: Compiled, arrays: Arrays, names: Names) -> FastBody:
    """The code of a compiled program."""
    return _Body(compiled, arrays, names).body()


class _Body:
    def __init__(self, compiled: Compiled, arrays: Arrays, names: Names) -> None:
        self.compiled, self.arrays, self.names = compiled, arrays, names
        self.emitter = Emitter(compiled, names)
        self.states = States(self.emitter, arrays, names)
        self.graph = compiled.graph
        self.vectors: dict[str, str] = {}
        self.more: dict[str, tuple[str, ...]] = {}

    def body(self) -> FastBody:
        phases, kept, value = self.phases()
        workspace = Workspace(self.emitter, reuse=self.compiled.reuse)
        same = workspace.same_names()
        kept = [renamed(line, same) for line in kept]
        forward, loss, backward = ([renamed(line, same) for line in lines] for lines in phases)
        views = workspace.views()
        prepared = self.prepared([*views, *forward, *loss, *backward, *kept])
        code = [*views, *prepared, *forward, *loss, *backward, *kept]
        late = self.one_hot(words(code), forward=False)
        unpadded = {a.name: self.names.fresh(f"{a.name}_unpadded") for a in self.arrays.padded}
        shapes = workspace.shapes() | self.more
        shapes |= {unpadded[a.name]: a.shape for a in self.arrays.padded}
        labels = {unpadded.get(name) for name, _ in self.arrays.labels}
        used, measured = words([*code, *late]), words(s for shape in shapes.values() for s in shape)
        dimensions = [entry.name for entry in self.arrays.model.dimensions]
        fields = tuple(self.states.initial_fields())
        first = [argument.name for argument in self.arrays.forward_arguments]
        read = [argument.name for argument in self.arrays.arguments if argument.name in used]
        return FastBody(
            buffers=tuple(
                (name, shape_code(shape), "int" if name in labels else "dtype")
                for name, shape in shapes.items()
            ),
            unpadded=tuple(unpadded.items()),
            read_first=tuple(name for name in read if name in first),
            read_later=tuple(name for name in read if name not in first),
            prologue=(*self.unpacked(used), *views, *prepared),
            forward=tuple(forward),
            loss=(*late, *loss),
            backward=tuple(backward),
            kept=tuple(kept),
            value=value,
            sizes=tuple(size for size in ("T", "B", *dimensions) if size in used),
            dimensions=tuple(size for size in dimensions if size in measured),
            memory=memory(shapes.values()),
            has_temporaries=self.emitter.has_temporaries,
            is_onward=self.arrays.is_onward,
            histories=tuple(self.states.histories()),
            depths=tuple(self.arrays.model.depth(e.name) for e in self.arrays.state_entries),
            initial_fields=fields,
            initial_arguments=tuple(self.states.initial_arguments),
            initial_state=tuple(self.states.initial_state()),
            into_step=self.states.into_step,
            into_step_after=self.states.into_step_after,
        )

    def phases(self) -> tuple[list[list[str]], list[str], str]:
        """The lines of the forward pass, of the loss and of the backward pass; what the forward
        pass returns; and the loss.
        """
        emitter = self.emitter
        before, to_loss, backward = self.stages()
        self.fuse(to_loss)
        forward = [*self.states.initial_lines(), *self.lines(before)]
        kept = list(self.kept_code())
        forward += emitter.flushed()
        loss = self.lines(to_loss)
        value = emitter.plain(self.graph.results["loss",])
        loss += emitter.flushed()
        last = self.lines(backward)
        results = {
            key: emitter.plain(node) for key, node in self.graph.results.items() if key != ("loss",)
        }
        last += emitter.flushed()
        return [forward, loss, [*last, *self.returned(value, results)]], kept, value

    def stages(self) -> tuple[list[Stage], list[Stage], list[Stage]]:
        """The stages of what the forward pass returns, of the loss, and of the backward pass."""
        wanted = [self.graph.definitions[key].node for key in self.graph.kept]
        kept_nodes = set(self.graph.reachable(wanted))
        first = [stage for stage in self.compiled.stages if stage.phase == "forward"]
        forward = [replace(s, nodes=tuple(n for n in s.nodes if n in kept_nodes)) for s in first]
        loss = [replace(s, nodes=tuple(n for n in s.nodes if n not in kept_nodes)) for s in first]
        backward = [stage for stage in self.compiled.stages if stage.phase == "backward"]
        return [s for s in forward if s.nodes], [s for s in loss if s.nodes], backward

    def fuse(self, stages: Iterable[Stage]) -> None:
        """Products that only a sum of all entries reads are formed by the sum itself."""
        users = self.graph.users()
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
                    self.emitter.fused.add(inner)

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
            sizes = self.states.sizes_of(key[1])
            view = emitter.view(node) if node.time else None
            if view is None or node.sizes != sizes:
                code = emitter.shown(view, "rows") if view else emitter.timeless(node, "rows")
                yield f"np.broadcast_to({code}, {shape_code(('T', 'B', *sizes))}).copy()"
                continue
            lanes = {(view.storage, view.start + lane) for lane in range(view.count)}
            shared = view.storage in emitter.pseudo.values() or lanes & taken
            taken |= lanes
            yield emitter.shown(view, "rows") + (".copy()" if shared else "")

    def returned(self, value: str, results: Mapping[Key, str]) -> list[str]:
        """The gradients as they are returned, none of which shares memory with another."""
        lines = ["gradients = Parameters("]
        claims = Claims()
        for argument, entry in zip(
            self.arrays.parameters, self.arrays.model.declared("parameter"), strict=True
        ):
            key = ("gradient", entry.name)
            code, free = results[key], claims.is_free(self.graph.results[key])
            lines.append(f"    {argument.name}={code if free else f'{code}.copy()'},")
        lines.append(")")
        for state in self.arrays.model.declared("state"):
            first = self.states.before_first(state.name)
            lines.append(f"{self.first(state.name)} = {first}")
        fields = ", ".join(
            f"{argument.name}={self.first(entry.name)}"
            for argument, entry in zip(
                self.arrays.initial_states, self.arrays.initial_entries, strict=True
            )
        )
        states = ", ".join(
            self.first(entry.name) if entry.kind == "state" else "None"
            for entry in self.arrays.state_entries
        )
        final = ", ".join(self.states.final())
        return [
            *lines,
            f"result = Result({value}, gradients, InitialState({fields}), State({final}))",
            f"return result, State({states})",
        ]

    def first(self, state: str) -> str:
        """The name of the gradient with respect to a state before its first step."""
        return f"d{self.names('value', state)}_first"

    def unpacked(self, read: Collection[str]) -> list[str]:
        lines = []
        used = [a.name for a in self.arrays.parameters if a.name in read]
        if len(used) == len(self.arrays.parameters) > 1:
            lines.append(f"{', '.join(used)} = params")
        else:
            lines += [f"{name} = params.{name}" for name in used]
        if "dtype" in read or self.arrays.labels:
            lines.append("dtype = work.dtype")
        return lines

    def prepared(self, code: Sequence[str]) -> list[str]:
        """Arguments in the form that statements read."""
        read = words(code)
        earlier = {
            (variable.name, int(TIME - variable.time)): name
            for variable in self.arrays.earlier_inputs
            if (name := lagged_name(variable, self.names)) in read
        }
        # A step hands on what the model reads later, even where nothing of that is left in code.
        handed_on = sorted(e.name for e in self.arrays.state_entries if e.kind == "input")
        values = {self.names("value", name) for name in handed_on}
        lines = self.one_hot(read | values, forward=True)
        for name in handed_on:
            lines += self.earlier_input(name, {k: v for (n, k), v in earlier.items() if n == name})
        if "seed" in read:
            lines.append(
                "seed = np.broadcast_to(dtype.type(1) if weight is None else weight, (T, B, 1))"
            )
        return lines

    def one_hot(self, read: Collection[str], *, forward: bool) -> list[str]:
        """Labels as vectors, where they are read: those of the forward pass, or the others."""
        first = {argument.name for argument in self.arrays.forward_arguments}
        shapes = {argument.name: argument.shape for argument in self.arrays.arguments}
        for name, size in self.arrays.labels:
            if name in read and name not in self.vectors:
                self.vectors[name] = self.names.fresh(f"{name}_vectors")
                self.more[self.vectors[name]] = (*shapes[name], size)
        return [
            f'{name} = one_hot("{name}", {name}, {size}, dtype, work.{self.vectors[name]})'
            for name, size in self.arrays.labels
            if name in read and (name in first) == forward
        ]

    def earlier_input(self, name: str, views: Mapping[int, str]) -> list[str]:
        """Views of an input with its initial values in front."""
        entry = self.arrays.model.declaration(name)
        depth = self.arrays.model.depth(name)
        value, whole = self.names("value", name), self.names("all", name)
        self.more[whole] = (f"T + {depth}", "B", *array_sizes(entry.shape))
        own = initial_value(self.arrays, entry)
        return [
            f"{whole} = work.{whole}",
            f"{whole}[:{depth}] = {own} if start is None else start.{value}",
            f"{whole}[{depth}:] = {value}",
            *(f"{view} = {whole}[{depth - lag}:][:T]" for lag, view in views.items()),
        ]
