"""The function of a fast module that makes the State before the first time step."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from sympy import Expr, S

from bptt_sym.graph.array_shapes import SEQUENCES, Sizes
from bptt_sym.graph.graph import Graph, Key
from bptt_sym.graph.node import Node
from bptt_sym.model.model import Declaration
from bptt_sym.targets.numpy.block import LINE
from bptt_sym.targets.numpy.interface import Interface
from bptt_sym.targets.numpy.precedence import ADDITIVE, Code, call
from bptt_sym.targets.numpy.printer import Printer
from bptt_sym.targets.numpy.python_names import PythonNames
from bptt_sym.targets.numpy.row_parts import names_in, shape_code
from bptt_sym.targets.numpy.signature import Argument, places_of_sizes


def state_key(entry: Declaration) -> Key:
    """The key of what a step hands on."""
    return ("given" if entry.kind in ("input", "target") else "value"), entry.name


def begun_with(graph: Graph, key: Key) -> Node:
    """What a state begins with, not spread over entries and sequences."""
    initial = graph.definitions[key].initial[0]
    return initial.operands[0] if initial.kind == "spread" else initial


class FirstState(Printer):
    """What ``initial_state`` takes, and its body, which is made of parameters and sizes alone."""

    def __init__(self, interface: Interface, names: PythonNames) -> None:
        super().__init__(interface.graph, names)
        self.interface, self.dimensions = interface, interface.dimensions
        self.codes = {
            entry.name: self.operand(begun_with(self.graph, state_key(entry)))
            for entry in self.begun
        }

    def operand(self, node: Node, binding: int = ADDITIVE) -> Code:
        if node.kind == "parameter":
            return Code(self.use(self.names("value", node.detail)))
        return self.code(node).within(binding)

    def leading(self, node: Node) -> tuple[Expr, ...]:
        return (SEQUENCES,) if node.batch else ()

    @property
    def begun(self) -> list[Declaration]:
        """What a step hands on whose first values the model file gives."""
        return [entry for entry in self.interface.state_entries if entry.initial is not None]

    def read(self, arguments: Iterable[Argument]) -> list[Argument]:
        """Those of the parameters that the first values are made of."""
        return [argument for argument in arguments if argument.name in self.used]

    @property
    def given(self) -> list[Argument]:
        """Values before the first step, and frozen parameters."""
        names = {self.names("initial", e.name) for e in self.interface.state_entries}
        values = [a for a in self.interface.initial_values if a.name in names]
        return [*values, *self.read(self.interface.constants)]

    @cached_property
    def places_of_sizes(self) -> dict[str, str]:
        """Where the parameters and the arguments tell each size."""
        arrays = {f"params.{entry.name}": entry for entry in self.interface.parameters}
        arrays |= {entry.name: entry for entry in self.given}
        return places_of_sizes(arrays, "np.shape({})[{}]")

    @cached_property
    def untold(self) -> list[str]:
        """The sizes that the code needs and no array tells."""
        known = self.places_of_sizes
        return [size for size in self.dimensions if size in self.used and size not in known]

    @property
    def arguments(self) -> list[str]:
        """What tells the first State beside the parameters and B: values before the first step,
        frozen parameters, and sizes that no array among these has.
        """
        given = [f"{argument.name}: npt.ArrayLike" for argument in self.given]
        return [*given, *(f"{size}: int" for size in self.untold)]

    def first_shape(self, entry: Declaration) -> Sizes:
        """The shape of the first values; for sizes that nothing tells, one entry stands for all
        until the first step, but in a value that has more.
        """
        depth = self.interface.model.depth(entry.name)
        sizes = self.graph.definitions[state_key(entry)].sizes
        if not self.is_told(sizes):
            sizes = (S.One,) * len(sizes)
        return (*((S(depth),) if depth > 1 else ()), SEQUENCES, *sizes)

    def is_told(self, sizes: Sizes) -> bool:
        """Whether the parameters and the arguments tell these sizes."""
        return names_in(sizes) <= self.places_of_sizes.keys() | set(self.untold)

    def first_values(self, entry: Declaration) -> Code:
        """The code of the first values, for all sequences."""
        shape = shape_code(map(self.size, self.first_shape(entry)))
        value = self.codes[entry.name]
        if self.is_told(self.graph.definitions[state_key(entry)].sizes):
            return call("np.array(", [call("np.broadcast_to(", [value, shape]), "dtype"])
        return call("np.add(", [call("np.zeros(", [shape, "dtype"]), value])

    def body(self) -> list[str]:
        """The lines of the function."""
        values: list[Code] = []
        for entry in self.interface.state_entries:
            if entry.initial is None:
                values.append(Code(f"np.array({self.names('initial', entry.name)})"))
                continue
            values.append(self.first_values(entry))
        used = self.read(self.interface.parameters)
        told = [s for s in self.dimensions if s in self.places_of_sizes and s in self.used]
        lines = ["params = parameters_of(params)"] if used or told or self.begun else []
        lines += [f"{argument.name} = params.{argument.name}" for argument in used]
        lines += [f"{size} = {self.places_of_sizes[size]}" for size in told]
        if self.begun:
            constants = [argument.name for argument in self.read(self.interface.constants)]
            types = ", ".join(["np.float16", "*params", *constants])
            lines.append(f"dtype = np.result_type({types})")
        return [*lines, *call("State(", values).lines("return ", LINE)]
