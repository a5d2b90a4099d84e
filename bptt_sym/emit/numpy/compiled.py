"""The pieces of a fast module: its workspace, and one function for all that it computes."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bptt_sym.algebra.expressions import TIME
from bptt_sym.compiler.compiled import Compiled
from bptt_sym.compiler.graph import Definition, Key
from bptt_sym.compiler.order import Stage
from bptt_sym.compiler.storage import Storage
from bptt_sym.emit.numpy.arrays import Argument, Arrays
from bptt_sym.emit.numpy.bodies import initial_value
from bptt_sym.emit.numpy.buffers import shared_buffers
from bptt_sym.emit.numpy.emitter import Emitter
from bptt_sym.emit.numpy.names import Names
from bptt_sym.emit.numpy.printer import lagged_name
from bptt_sym.emit.numpy.views import shape_code
from bptt_sym.emit.numpy.writer import Block, time_span
from bptt_sym.program.batch import array_sizes


def _renamed(line: str, names: Mapping[str, str]) -> str:
    return _WORD.sub(lambda found: names.get(found[0], found[0]), line)


_LINE = 92
"""The most characters of a line of a loop's head."""

_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class FastBody:
    """What the template of a fast module lays out.

    ``buffers`` are the arrays of the workspace with their shapes; ``prologue`` names them and what
    shares their memory.
    """

    buffers: tuple[tuple[str, str], ...]
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
    initial_state: tuple[str, ...]
    step_arguments: tuple[Argument, ...]

    @property
    def initial_names(self) -> list[str]:
        """The arguments that are values before the first time step."""
        return [name for name, _ in self.initial_fields]


def fast_body(compiled: Compiled, arrays: Arrays, names: Names) -> FastBody:
    """The code of a compiled program."""
    return _Body(compiled, arrays, names).body()


class _Body:
    def __init__(self, compiled: Compiled, arrays: Arrays, names: Names) -> None:
        self.compiled, self.arrays, self.names = compiled, arrays, names
        self.emitter = Emitter(compiled, names)
        self.graph = compiled.graph
        self.vectors: dict[str, str] = {}
        self.more: dict[str, tuple[str, ...]] = {}

    def body(self) -> FastBody:
        emitter = self.emitter
        kept_nodes = set(self.graph.reachable([d.node for d in self.kept_definitions()]))
        forward: list[Stage] = []
        loss: list[Stage] = []
        backward: list[Stage] = []
        for stage in self.compiled.stages:
            if stage.phase == "backward":
                backward.append(stage)
                continue
            kept = tuple(node for node in stage.nodes if node in kept_nodes)
            rest = tuple(node for node in stage.nodes if node not in kept_nodes)
            forward += [replace(stage, nodes=kept)] if kept else []
            loss += [replace(stage, nodes=rest)] if rest else []
        self.fuse(loss)
        initial = self.initial_lines()
        forward_lines = self.lines(forward)
        emitter.block = Block()
        kept_code = list(self.kept_code())
        forward_lines += self.flushed()
        loss_lines = self.lines(loss)
        emitter.block = Block()
        value = emitter.plain(self.graph.results["loss",])
        loss_lines += self.flushed()
        backward_lines = self.lines(backward)
        emitter.block = Block()
        results = {
            key: emitter.plain(node) for key, node in self.graph.results.items() if key != ("loss",)
        }
        backward_lines += self.flushed()
        backward_lines += self.returned(value, results)
        owners = shared_buffers(
            {s: e for s, e in emitter.touched.items() if s not in emitter.pseudo.values()},
            emitter.in_place,
            reuse=self.compiled.reuse,
        )
        prologue = self.prologue(owners)
        same = self.same_arrays(owners)
        initial, forward_lines, kept_code, loss_lines, backward_lines = (
            [_renamed(line, same) for line in lines]
            for lines in (initial, forward_lines, kept_code, loss_lines, backward_lines)
        )
        code = [*prologue, *initial, *forward_lines, *loss_lines, *backward_lines, *kept_code]
        prepared = self.prepared(code)
        late = self.one_hot(self.words(code), forward=False)
        code += [*prepared, *late]
        shapes = {self.buffer_name(s): s.shape for s in dict.fromkeys(owners.values())} | self.more
        return FastBody(
            buffers=tuple((name, shape_code(shape)) for name, shape in shapes.items()),
            prologue=(*self.unpacked(code), *prologue, *prepared),
            forward=(*initial, *forward_lines),
            loss=(*late, *loss_lines),
            backward=tuple(backward_lines),
            kept=tuple(kept_code),
            value=value,
            sizes=tuple(self.sizes(code)),
            dimensions=tuple(
                entry.name
                for entry in self.arrays.model.dimensions
                if entry.name in self.words(size for shape in shapes.values() for size in shape)
            ),
            memory=self.memory(shapes.values()),
            has_temporaries=emitter.has_temporaries,
            is_onward=not any(entry.reverse for entry in self.arrays.state_entries),
            histories=tuple(self.histories()),
            depths=tuple(self.arrays.model.depth(e.name) for e in self.arrays.state_entries),
            initial_fields=tuple(self.initial_fields()),
            initial_state=tuple(self.initial_state()),
            step_arguments=tuple(
                argument
                for argument in self.arrays.forward_arguments
                if argument.name not in dict(self.initial_fields())
            ),
        )

    def kept_definitions(self) -> list[Definition]:
        return [self.graph.definitions[key] for key in self.graph.kept]

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
            lines += self.carried_lines(stage)
            lines += self.block_lines(self.emitter.write_stage(stage))
        return lines

    def block_lines(self, block: Block) -> list[str]:
        if block.way is None:
            return block.lines
        if not block.lines:
            return block.before
        turn = "[::-1]" if block.way == "backward" else ""
        names = ", ".join(block.zipped.values()) or "_"
        sources = [f"{source}{turn}" for source in block.zipped] or ["range(T)"]
        zipped = f"zip({', '.join(sources)})" if len(sources) > 1 else sources[0]
        header = [f"for {names} in {zipped}:"]
        if len(header[0]) > _LINE:
            broken = textwrap.wrap(
                f"{names},", _LINE, initial_indent="    ", subsequent_indent="    "
            )
            header = [
                "for (",
                *broken,
                ") in zip(",
                *(f"    {source}," for source in sources),
                "):",
            ]
        return [*block.before, *header, *(f"    {line}" for line in block.lines)]

    def flushed(self) -> list[str]:
        lines = list(self.emitter.block.lines)
        self.emitter.block = Block()
        return lines

    def carried_lines(self, stage: Stage) -> list[str]:
        """What a backward loop begins with."""
        emitter = self.emitter
        emitter.block = Block()
        for node in stage.nodes:
            if node.kind not in ("carried", "state") or node.detail[0] != "carry":
                continue
            definition = self.graph.definitions[node.detail]
            storage, _ = emitter.places[node]
            name = emitter.name(storage)
            if storage.depth:
                name = f"{emitter.whole_name(storage)}[{'T' if storage.reverse else '0'}]"
            (initial,) = definition.initial
            zero = initial.kind == "spread" and initial.operands[0].kind == "number"
            start = "0" if zero and not initial.operands[0].detail else emitter.plain(initial)
            emitter.touch(storage, writes=True)
            emitter.block.lines.append(
                f"{name} = {start}" if storage.depth else f"{name}[...] = {start}"
            )
            depth = self.arrays.model.depth(node.detail[1])
            index = "" if depth == 1 else f"[{depth - int(node.detail[2])}]"
            field = self.state_field(node.detail[1])
            emitter.block.lines += [
                "if final is not None:",
                f"    {name} += final.{field}{index}{self.turned}",
            ]
            emitter.clock += 1
        return self.flushed()

    @property
    def turned(self) -> str:
        """What turns an array of a state from the public layout into that of the loops."""
        return ".swapaxes(-1, -2)" if self.compiled.layout == "features" else ""

    def state_field(self, name: str) -> str:
        return self.names("value", name)

    def kept_code(self) -> Iterable[str]:
        """The values that the forward pass returns, in the public layout."""
        emitter = self.emitter
        for key in self.graph.kept:
            node = self.graph.definitions[key].node
            sizes = self.sizes_of(key[1])
            view = emitter.view(node) if node.time else None
            if view is None or node.sizes != sizes:
                code = emitter.shown(view, "rows") if view else emitter.timeless(node, "rows")
                yield f"np.broadcast_to({code}, {shape_code(('T', 'B', *sizes))})"
            else:
                yield emitter.shown(view, "rows")

    def sizes_of(self, name: str) -> tuple[str, ...]:
        variable = next(d.variable for d in self.arrays.model.definitions if d.name == name)
        return array_sizes(variable.shape)

    def returned(self, value: str, results: Mapping[Key, str]) -> list[str]:
        """The gradients as they are returned, none of which shares memory with another."""
        lines = ["gradients = Parameters("]
        given: set[str] = set()
        for argument, entry in zip(
            self.arrays.parameters, self.arrays.model.declared("parameter"), strict=True
        ):
            code = results["gradient", entry.name]
            again = f"{code}.copy()" if code in given else code
            lines.append(f"    {argument.name}={again},")
            given.add(code)
        lines.append(")")
        for state in self.arrays.model.declared("state"):
            lines.append(f"d{self.state_field(state.name)}_first = {self.before_first(state.name)}")
        fields = ", ".join(
            f"{argument.name}=d{self.state_field(entry.name)}_first"
            for argument, entry in zip(
                self.arrays.initial_states, self.arrays.initial_entries, strict=True
            )
        )
        states = ", ".join(
            f"d{self.state_field(entry.name)}_first" if entry.kind == "state" else "None"
            for entry in self.arrays.state_entries
        )
        return [*lines, f"return {value}, gradients, InitialState({fields}), State({states})"]

    def before_first(self, state: str) -> str:
        """The gradient by a state before the first time step, in the public layout."""
        depth = self.arrays.model.depth(state)
        carried = []
        for lag in range(1, depth + 1):
            definition = self.graph.definitions.get(("carry", state, str(lag)))
            place = self.emitter.places.get(definition.node) if definition else None
            if place is None:
                sizes = self.sizes_of(state)
                carried.append(f"np.zeros({shape_code(('B', *sizes))}, dtype)")
            else:
                carried.append(f"{self.emitter.final_code(place[0])}{self.turned}")
        if depth == 1:
            return f"np.array({carried[0]})"
        reverse = self.arrays.model.declaration(state).reverse
        ordered = carried if reverse else carried[::-1]
        return f"np.stack([{', '.join(ordered)}])"

    # The workspace.

    def buffer_name(self, storage: Storage) -> str:
        name = self.emitter.storage_names[storage]
        if storage.depth and storage.twin is None and name.endswith("_rows"):
            return name
        return self.emitter.whole_name(storage) if storage.depth else name

    def prologue(self, owners: dict[Storage, Storage]) -> list[str]:
        lines = []
        same = self.same_arrays(owners)
        for storage, owner in owners.items():
            name, buffer = self.buffer_name(storage), self.buffer_name(owner)
            if name not in same:
                shape = (
                    f".reshape({', '.join(storage.shape)})" if storage.shape != owner.shape else ""
                )
                lines.append(f"{name} = work.{buffer}{shape}")
            if storage.depth and not name.endswith("_rows"):
                lines += self.state_views(storage, name)
        return lines

    def same_arrays(self, owners: Mapping[Storage, Storage]) -> dict[str, str]:
        """Names without a meaning for arrays that have another such name."""
        names = {s: (self.buffer_name(s), self.buffer_name(owner)) for s, owner in owners.items()}
        return {
            name: first
            for storage, (name, first) in names.items()
            if name != first
            and storage.shape == owners[storage].shape
            and {name, first} <= self.emitter.unnamed
        }

    def state_views(self, storage: Storage, name: str) -> list[str]:
        """Views of an array with a past: the values, and those of steps before."""
        return [
            f"{self.emitter.past_name(storage, lag)} = "
            f"{name}{time_span(storage.depth, lag, storage.reverse)}"
            for lag in range(storage.depth + 1)
        ]

    def initial_lines(self) -> list[str]:
        """States before their first step: as the model has them, or those of an earlier part."""
        before: list[str] = []
        own: list[str] = []
        given: list[str] = []
        for key, definition in self.graph.definitions.items():
            if key[0] != "value" or not self.is_stored(key):
                continue
            name, depth = self.names("all", key[1]), definition.depth
            for lag, initial in enumerate(definition.initial, start=1):
                row = f"T + {lag - 1}" if definition.reverse else f"{depth - lag}"
                row = row.removesuffix(" + 0")
                zero = initial.kind == "spread" and initial.operands[0].kind == "number"
                code = self.emitter.plain(initial.operands[0] if zero else initial)
                before += self.flushed()
                own.append(f"{name}[{row}] = {code}")
                index = "" if depth == 1 else f"[{lag - 1 if definition.reverse else depth - lag}]"
                given.append(
                    f"{name}[{row}] = start.{self.state_field(key[1])}{index}{self.turned}"
                )
        if not own:
            return []
        return [
            *before,
            "if start is None:",
            *(f"    {line}" for line in own),
            "else:",
            *(f"    {line}" for line in given),
        ]

    def histories(self) -> Iterable[tuple[str, str]]:
        """For each field of the State its values over time, with those before the first step."""
        for entry in self.arrays.state_entries:
            field = self.state_field(entry.name)
            whole = self.names("all", entry.name)
            if entry.kind == "input":
                yield field, f"work.{whole}"
                continue
            stored = self.is_stored(("value", entry.name))
            yield field, f"work.{whole}{self.turned}" if stored else "None"

    def is_stored(self, key: Key) -> bool:
        """Whether a state has an array of its own with the values before the first step."""
        node = self.graph.definitions[key].node
        return node.kind == "state" and node.detail == key and node in self.emitter.places

    def initial_fields(self) -> Iterable[tuple[str, str]]:
        """The arguments before the first step, each with its field in the State."""
        for entry in self.arrays.state_entries:
            if entry.initial is None:
                yield self.names("initial", entry.name), self.state_field(entry.name)

    def initial_state(self) -> list[str]:
        """The body of the function that makes the first State."""
        values = []
        for entry in self.arrays.state_entries:
            if entry.initial is None:
                values.append(f"np.array({self.names('initial', entry.name)})")
                continue
            depth = self.arrays.model.depth(entry.name)
            shape = shape_code(
                (*((str(depth),) if depth > 1 else ()), "B", *array_sizes(entry.shape))
            )
            code = initial_value(self.arrays, entry)
            values.append(f"np.array(np.broadcast_to({code}, {shape}), dtype)")
        words = self.words(values)
        used = [a.name for a in self.arrays.parameters if a.name in words]
        sizes = [e.name for e in self.arrays.model.dimensions if e.name in words]
        lines = [f"{name} = params.{name}" for name in used]
        if sizes:
            lines.append("sizes = check_shapes(**params._asdict())")
            lines += [f'{size} = sizes["{size}"]' for size in sizes]
        if "dtype" in words:
            lines.append("dtype = np.result_type(*params)")
        return [*lines, f"return State({', '.join(values)})"]

    def unpacked(self, code: Sequence[str]) -> list[str]:
        words = self.words(code)
        lines = []
        used = [a.name for a in self.arrays.parameters if a.name in words]
        if len(used) == len(self.arrays.parameters) > 1:
            lines.append(f"{', '.join(used)} = params")
        else:
            lines += [f"{name} = params.{name}" for name in used]
        if "dtype" in words or self.arrays.labels:
            lines.append("dtype = work.dtype")
        return lines

    def prepared(self, code: Sequence[str]) -> list[str]:
        """Arguments in the form that statements read."""
        words = self.words(code)
        earlier = {
            (variable.name, int(TIME - variable.time)): name
            for variable in self.arrays.earlier_inputs
            if (name := lagged_name(variable, self.names)) in words
        }
        read = words | {self.names("value", name) for name, _ in earlier}
        lines = self.one_hot(read, forward=True)
        for name in dict.fromkeys(name for name, _ in earlier):
            lines += self.earlier_input(name, {k: v for (n, k), v in earlier.items() if n == name})
        if "seed" in words:
            lines.append(
                "seed = np.broadcast_to(dtype.type(1) if weight is None else weight, (T, B, 1))"
            )
        return lines

    def one_hot(self, words: Collection[str], *, forward: bool) -> list[str]:
        """Labels as vectors, where they are read: those of the forward pass, or the others."""
        first = {argument.name for argument in self.arrays.forward_arguments}
        shapes = {argument.name: argument.shape for argument in self.arrays.arguments}
        for name, size in self.arrays.labels:
            if name in words and name not in self.vectors:
                self.vectors[name] = self.names.fresh(f"{name}_vectors")
                self.more[self.vectors[name]] = (*shapes[name], size)
        return [
            f'{name} = one_hot("{name}", {name}, {size}, dtype, work.{self.vectors[name]})'
            for name, size in self.arrays.labels
            if name in words and (name in first) == forward
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
            f"{whole}[:{depth}] = {own} if start is None else start.{self.state_field(name)}",
            f"{whole}[{depth}:] = {value}",
            *(f"{view} = {whole}[{depth - lag}:][:T]" for lag, view in views.items()),
        ]

    def sizes(self, code: Sequence[str]) -> list[str]:
        words = self.words(code)
        dimensions = (entry.name for entry in self.arrays.model.dimensions)
        return [size for size in ("T", "B", *dimensions) if size in words]

    def words(self, code: Iterable[str]) -> set[str]:
        return {word for line in code for word in _WORD.findall(line)}

    def memory(self, shapes: Iterable[Sequence[str]]) -> str:
        """The numbers that the workspace holds, as a formula of the sizes."""
        counts: dict[str, int] = {}
        for shape in shapes:
            number, rest = 1, []
            for size in shape:
                factors = [f"({size})"] if " " in size else size.split("*")
                number *= math.prod(int(factor) for factor in factors if factor.isdigit())
                rest += [factor for factor in factors if not factor.isdigit()]
            key = "*".join(rest)
            counts[key] = counts.get(key, 0) + number
        terms = ((key, count) for key, count in counts.items() if count)
        return " + ".join(
            key if count == 1 and key else f"{count}*{key}".rstrip("*") for key, count in terms
        )
