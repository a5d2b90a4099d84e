"""States at the edges of a sequence or of a part of it: before its first step, behind its last."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property

from bptt_sym.algebra.expressions import MatrixExpr, Parameter, Shape
from bptt_sym.compiler.graph import Key
from bptt_sym.compiler.order import Stage
from bptt_sym.compiler.sizes import array_sizes
from bptt_sym.emit.numpy.arrays import Arrays
from bptt_sym.emit.numpy.bodies import initial_value
from bptt_sym.emit.numpy.emitter import Emitter
from bptt_sym.emit.numpy.names import Names
from bptt_sym.emit.numpy.signature import Argument, Signature, signature
from bptt_sym.emit.numpy.views import shape_code
from bptt_sym.emit.numpy.writer import words
from bptt_sym.model.model import Declaration


class States:
    """The code that goes from the arguments to the arrays of states, and back from adjoints."""

    def __init__(self, emitter: Emitter, arrays: Arrays, names: Names) -> None:
        self.emitter, self.arrays, self.names = emitter, arrays, names
        self.graph = emitter.graph

    def carried_lines(self, stage: Stage) -> list[str]:
        """What a backward loop begins with."""
        emitter = self.emitter
        emitter.flushed()
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
            emitter.clock += 1
            if not self.arrays.is_onward:
                continue
            depth = self.arrays.model.depth(node.detail[1])
            index = "" if depth == 1 else f"[{depth - int(node.detail[2])}]"
            field = self.names("value", node.detail[1])
            emitter.block.lines += [
                "if final is not None:",
                f"    {name} += final.{field}{index}{self.turned}",
            ]
        return self.emitter.flushed()

    @property
    def turned(self) -> str:
        """What turns an array of a state from the public layout into that of the loops."""
        return ".swapaxes(-1, -2)" if self.emitter.layout == "features" else ""

    def sizes_of(self, name: str) -> tuple[str, ...]:
        variable = next(d.variable for d in self.arrays.model.definitions if d.name == name)
        return array_sizes(variable.shape)

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
                before += self.emitter.flushed()
                own.append(f"{name}[{row}] = {code}")
                index = "" if depth == 1 else f"[{depth - lag}]"
                given.append(
                    f"{name}[{row}] = start.{self.names('value', key[1])}{index}{self.turned}"
                )
        if not own or not self.arrays.is_onward:
            return [*before, *own]
        return [
            *before,
            "if start is None:",
            *(f"    {line}" for line in own),
            "else:",
            *(f"    {line}" for line in given),
        ]

    def before_first(self, state: str) -> str:
        """The gradient with respect to a state before the first time step, in the public layout."""
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

    def histories(self) -> Iterable[tuple[str, str]]:
        """For each field of the State its values over time, with those before the first step."""
        for entry in self.arrays.state_entries:
            field = self.names("value", entry.name)
            whole = self.names("all", entry.name)
            if entry.kind == "input":
                yield field, f"work.{whole}"
                continue
            stored = self.is_stored(("value", entry.name))
            yield field, f"work.{whole}{self.turned}" if stored else "None"

    def final(self) -> Iterable[str]:
        """For each field of the State a copy of its values behind the last step."""
        for entry, (_, code) in zip(self.arrays.state_entries, self.histories(), strict=True):
            depth = self.arrays.model.depth(entry.name)
            yield f"np.array({code}[{'T' if depth == 1 else f'T : T + {depth}'}])"

    def is_stored(self, key: Key) -> bool:
        """Whether a state has an array of its own with the values before the first step."""
        node = self.graph.definitions[key].node
        return node.kind == "state" and node.detail == key and node in self.emitter.places

    def initial_fields(self) -> Iterable[tuple[str, str]]:
        """The arguments before the first step, each with its field in the State."""
        for entry in self.arrays.state_entries:
            if entry.initial is None:
                yield self.names("initial", entry.name), self.names("value", entry.name)

    # One step.

    @property
    def _step_arguments(self) -> list[Argument]:
        before = dict(self.initial_fields())
        return [a for a in self.arrays.forward_arguments if a.name not in before]

    @property
    def into_step(self) -> Signature:
        """What ``step`` takes beside a State: its arguments, those over time of one step alone."""
        arguments = [replace(a, shape=_at_one_step(a.shape)) for a in self._step_arguments]
        found = signature(arguments, self.arrays.state_fields)
        return replace(found, counts=tuple(size for size in found.counts if size != "T"))

    @property
    def into_step_after(self) -> list[str]:
        """What ``step`` hands on, as the entries of a mapping: there is one time step."""
        arrays = [*self._step_arguments, *self.arrays.initial_values]
        code = {"T": "1", "B": self._sequences}
        counts = [f'"{size}": {code[size]}' for size in signature(arrays).counts]
        return [*Signature(tuple(self._step_arguments), ()).mapped, *counts]

    @property
    def _sequences(self) -> str:
        """The number of sequences of a State, or of a step without one."""
        if not self.arrays.state_fields:
            return "B"
        field = self.arrays.state_fields[0]
        return f"np.shape(state.{field.name})[{field.shape.index('B')}]"

    # The first State.

    @property
    def _starts(self) -> list[tuple[Declaration, MatrixExpr]]:
        """What a step hands on whose first values the model file gives, with these."""
        entries = self.arrays.state_entries
        return [(entry, entry.initial) for entry in entries if entry.initial is not None]

    def _in_starts(self, arguments: Iterable[Argument]) -> list[Argument]:
        """Those of the parameters that the first values are made of."""
        leaves = {leaf for _, initial in self._starts for leaf in initial.atoms(Parameter)}
        read = {self.names("value", leaf.name) for leaf in leaves}
        return [argument for argument in arguments if argument.name in read]

    @cached_property
    def initial_arguments(self) -> list[str]:
        """What tells the first State beside the parameters and B: values before the first step,
        frozen parameters, and sizes that no array among these has.
        """
        given = [f"{argument.name}: npt.ArrayLike" for argument in self._given]
        return [*given, *(f"{size}: int" for size in self._untold_sizes)]

    @property
    def _given(self) -> list[Argument]:
        names = dict(self.initial_fields())
        values = [a for a in self.arrays.initial_values if a.name in names]
        return [*values, *self._in_starts(self.arrays.constants)]

    @cached_property
    def _places_of_sizes(self) -> dict[str, str]:
        """Where the parameters and the arguments of the first State tell each size."""
        arrays = {f"params.{entry.name}": entry for entry in self.arrays.parameters}
        arrays |= {entry.name: entry for entry in self._given}
        places: dict[str, str] = {}
        for name, entry in arrays.items():
            for axis, size in enumerate(entry.shape):
                places.setdefault(size, f"np.shape({name})[{axis}]")
        return places

    @cached_property
    def _sizes_in_starts(self) -> set[str]:
        """The dimensions that the code of the first values names."""
        found: set[str] = set()
        for entry, initial in self._starts:
            own = {symbol.name for symbol in initial.free_symbols}
            found |= own & words([initial_value(self.arrays, entry)])
        return found

    @property
    def _untold_sizes(self) -> list[str]:
        untold = self._sizes_in_starts - self._places_of_sizes.keys()
        return [entry.name for entry in self.arrays.model.dimensions if entry.name in untold]

    def _first_shape(self, entry: Declaration) -> tuple[str, ...]:
        """The shape of the first values; for a size that nothing tells, one entry stands for all
        until the first step.
        """
        depth = self.arrays.model.depth(entry.name)
        sizes = array_sizes(entry.shape)
        if not _names_in(entry.shape) <= self._places_of_sizes.keys() | self._sizes_in_starts:
            sizes = ("1",) * len(sizes)
        return (*((str(depth),) if depth > 1 else ()), "B", *sizes)

    def initial_state(self) -> list[str]:
        """The body of the function that makes the first State."""
        values = []
        sizes = set(self._sizes_in_starts)
        for entry in self.arrays.state_entries:
            if entry.initial is None:
                values.append(f"np.array({self.names('initial', entry.name)})")
                continue
            shape = self._first_shape(entry)
            sizes |= _names_in(entry.shape) & words(shape)
            code = initial_value(self.arrays, entry)
            values.append(f"np.array(np.broadcast_to({code}, {shape_code(shape)}), dtype)")
        used = self._in_starts(self.arrays.parameters)
        lines = [f"{argument.name} = params.{argument.name}" for argument in used]
        for dimension in self.arrays.model.dimensions:
            if dimension.name in sizes & self._places_of_sizes.keys():
                lines.append(f"{dimension.name} = {self._places_of_sizes[dimension.name]}")
        if self._starts:
            constants = [argument.name for argument in self._in_starts(self.arrays.constants)]
            types = ", ".join(["np.float16", "*params", *constants])
            lines.append(f"dtype = np.result_type({types})")
        return [*lines, f"return State({', '.join(values)})"]


def _at_one_step(shape: tuple[str, ...]) -> tuple[str, ...]:
    return shape[1:] if shape[:1] == ("T",) else shape


def _names_in(shape: Shape) -> set[str]:
    """The dimensions that a shape is made of."""
    return {symbol.name for size in shape for symbol in size.free_symbols}
