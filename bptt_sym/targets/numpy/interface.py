"""What the functions of a module take and return: arrays with their names, sizes and meanings."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import cached_property

from sympy import Expr, Rational, S

from bptt_sym.algebra.decimals import with_decimals
from bptt_sym.algebra.expressions import Variable
from bptt_sym.graph.array_shapes import SEQUENCES, STEPS, Sizes, array_sizes
from bptt_sym.graph.build import Program
from bptt_sym.graph.graph import Key
from bptt_sym.graph.node import Node
from bptt_sym.model.mask import MASK
from bptt_sym.model.model import Declaration
from bptt_sym.render.plain import ascii_text
from bptt_sym.render.typeset import typeset
from bptt_sym.targets.numpy.python_names import PythonNames
from bptt_sym.targets.numpy.row_parts import Writing, names_in
from bptt_sym.targets.numpy.signature import Argument, Signature, signature

OVER_TIME: Sizes = (STEPS, SEQUENCES)


class Arguments:
    """The arrays that go into the functions of one program's module.

    Gradients are taken with respect to ``parameters``; ``constants`` are parameters without a
    gradient, which are arguments. ``initial_states`` are the initial values that are arguments of
    the states ``initial_entries``, ``initial_values`` those and the ones of what is given, and
    ``arguments`` all that ``value_and_grad`` takes beside the parameters.
    """

    def __init__(self, program: Program, names: PythonNames) -> None:
        self.program, self.model, self.names = program, program.model, names
        self.graph = program.graph
        self.nodes = self.graph.reachable()
        self.dimensions = [entry.name for entry in self.model.dimensions]
        leaves = (n for n in self.nodes if n.kind in ("given", "labels") and not n.time)
        self.last_targets = {node.detail for node in leaves}
        declared = self.model.declared
        # In this order their names are given out.
        self.parameters = [self._argument(entry, scalar=()) for entry in declared("parameter")]
        self.inputs = [self._argument(entry, *OVER_TIME) for entry in declared("input")]
        self.targets = [
            self._argument(entry, SEQUENCES, at=" of the last time step")
            if entry.name in self.last_targets
            else self._argument(entry, *OVER_TIME)
            for entry in declared("target")
        ]
        self.initial_entries = [entry for entry in declared("state") if entry.initial is None]
        self.initial_states = [self.initial_argument(entry) for entry in self.initial_entries]
        given = (e for e in self.given_before if e.initial is None)
        self.initial_values = [*self.initial_states, *map(self.initial_argument, given)]
        self.once = [self._argument(entry, SEQUENCES) for entry in declared("once")]
        self.constants = [self._argument(entry, scalar=()) for entry in declared("constant")]
        self.arguments = [
            *self.inputs, *self.once, *self.targets, *self.initial_values, *self.constants,
        ]  # fmt: skip

    @cached_property
    def given_before(self) -> list[Declaration]:
        """The inputs and targets that are read at later steps, too."""
        return [entry for entry in self.model.given if self.model.depth(entry.name)]

    @cached_property
    def input_fields(self) -> dict[Key, Argument]:
        """The arguments that inputs are, and their values before the first step, by the keys of
        the gradients with respect to them.
        """
        names = {self.names("value", e.name): e.name for e in self.model.varied_inputs}
        found: dict[Key, Argument] = {
            ("input", names[argument.name]): argument
            for argument in (*self.inputs, *self.once)
            if argument.name in names
        }
        for entry in self.given_before:
            if entry.initial is None and ("input", entry.name) in found:
                found["input", entry.name, "initial"] = self.initial_argument(entry)
        return found

    @cached_property
    def forward_arguments(self) -> list[Argument]:
        """What the forward pass takes: inputs, initial values, the targets that it reads or hands
        on to later steps.
        """
        values = [d.node for key, d in self.graph.definitions.items() if key[0] == "value"]
        nodes = self.graph.reachable(node for node in values if node in set(self.nodes))
        read = self.leaves(nodes) | {self.names("value", e.name) for e in self.given_before}
        targets = [target for target in self.targets if target.name in read]
        chosen = [*self.inputs, *self.once, *targets, *self.initial_values, *self.constants]
        return self._with_sizes(chosen, nodes)

    def loss_arguments(self, nodes: Iterable[Node], returned: Sequence[Argument]) -> list[Argument]:
        """What the loss takes, which computes these nodes of what the forward pass returned."""
        nodes = list(nodes)
        read = self.leaves(nodes)
        if read & {argument.name for argument in self.padded}:
            read.add(self.mask_name)
        return self._with_sizes([a for a in self.arguments if a.name in read], nodes, returned)

    def leaves(self, nodes: Iterable[Node]) -> set[str]:
        """The names of the arguments that nodes stand for."""
        found = set()
        for node in nodes:
            match node.kind:
                case "given" | "labels" | "parameter":
                    found.add(self.names("value", node.detail))
                case "initial":
                    found.add(self.names("initial", node.detail[0]))
        return found

    def _with_sizes(
        self, chosen: list[Argument], nodes: list[Node], known: Sequence[Argument] = ()
    ) -> list[Argument]:
        """Arguments with those others that tell the sizes which these or the nodes need."""
        present = [*self.parameters, *chosen, *known]
        missing = _names_in_sizes(present) | self.sizes_in(nodes)
        missing -= {size for argument in present for size in argument.shape}
        others = []
        for argument in self.arguments:
            if missing & set(argument.shape):
                others.append(argument)
                missing -= set(argument.shape)
        # One that tells a size can have another within a sum.
        return self._with_sizes([*chosen, *others], nodes, known) if others else chosen

    def sizes_in(self, nodes: Iterable[Node]) -> set[str]:
        """The dimensions that the shapes and the numbers in nodes are made of."""
        sizes = {size for node in nodes for size in (*node.sizes, *_sizes_of_detail(node))}
        return names_in(sizes) & set(self.dimensions)

    def initial_argument(self, entry: Declaration) -> Argument:
        """The values of a state or input before its first step, in the order of time."""
        depth = self.model.depth(entry.name)
        leading = (SEQUENCES,) if depth == 1 else (S(depth), SEQUENCES)
        where = "after the last" if entry.reverse else "before the first"
        meaning = f"{entry.name} {where} time step" + ("" if depth == 1 else "s, in order")
        sizes = (*leading, *array_sizes(entry.shape))
        return Argument(self.names("initial", entry.name), sizes, meaning)

    def _argument(
        self, entry: Declaration, *leading: Expr, at: str = "", scalar: Sizes = (S.One,)
    ) -> Argument:
        name = self.names("value", entry.name)
        kind = "given once for each sequence" if entry.kind == "once" else entry.kind
        meaning = (entry.meaning or kind) + at
        sizes = scalar if entry.shape == (1, 1) else array_sizes(entry.shape)
        if entry.labels:
            meaning += f", as labels from 0 to {sizes[0]} - 1"
            sizes = ()
        return Argument(name, (*leading, *sizes), meaning)

    # Masks.

    @property
    def mask_name(self) -> str:
        """The argument that tells where the sequences end."""
        return self.names("value", MASK)

    @cached_property
    def padded(self) -> list[Argument]:
        """The arguments that have padding behind the ends, which must not be computed with."""
        over_time = [e for e in self.model.given if not e.mask and e.name not in self.last_targets]
        names = {self.names("value", entry.name) for entry in over_time if self.model.masked}
        return [argument for argument in self.arguments if argument.name in names]


class Interface(Arguments):
    """The arrays that go into and come out of the functions, and what a module says of them."""

    @cached_property
    def kinds(self) -> dict[str, str]:
        """What kinds of values arguments hold, where not any numbers."""
        found = {}
        for entry in self.model.declarations:
            name = self.names("value", entry.name)
            if entry.labels:
                found[name] = f"labels of {array_sizes(entry.shape)[0]}"
            elif entry.mask:
                found[name] = "mask"
            elif entry.positive:
                found[name] = "positive"
        return found

    @cached_property
    def labels(self) -> list[tuple[str, Expr]]:
        """The names of one-hot arrays that are given as labels, with their sizes."""
        return [
            (self.names("value", entry.name), array_sizes(entry.shape)[0])
            for entry in self.model.declarations
            if entry.labels
        ]

    def label_checks(self, write: Writing, names: Collection[str]) -> list[str]:
        """The checks of those labels that the code reads, of some arguments."""
        return [
            f'check_labels("{name}", {name}, {write.size(size)})'
            for name, size in self.labels
            if name in write.used and name in names
        ]

    @property
    def has_scalars(self) -> bool:
        """Whether an input or target is a scalar."""
        return any(e.shape == (1, 1) for e in (*self.model.given, *self.model.declared("once")))

    @property
    def hidden_sizes(self) -> list[str]:
        """The dimensions that the code needs and no array has as a size of its own."""
        arrays = [*self.parameters, *self.arguments]
        needed = _names_in_sizes(arrays) | self.sizes_in(self.nodes)
        needed -= {size for entry in arrays for size in entry.shape}
        return [size for size in self.dimensions if size in needed]

    @property
    def drawn_sizes(self) -> list[str]:
        """The dimensions that the shapes of parameters are made of."""
        used = _names_in_sizes(self.parameters)
        return [size for size in self.dimensions if size in used]

    # What a layer has in the place of a loss.

    @property
    def is_layer(self) -> bool:
        """Whether the error signals of its outputs are given, and no loss."""
        return bool(self.model.outputs)

    @property
    def output_fields(self) -> list[Argument]:
        """The error signals of the outputs, by the names of these."""
        signals = {argument.name: argument for argument in self.targets}
        return [
            replace(signals[self.names("value", signal)], name=self.names("value", output))
            for output, signal in self.model.outputs.items()
        ]

    @property
    def signals(self) -> dict[str, str]:
        """The arguments that the error signals of outputs are, by the names of these."""
        named = self.model.outputs.items()
        return {self.names("value", name): self.names("value", signal) for name, signal in named}

    @property
    def final_signals(self) -> dict[str, tuple[str, int | None]]:
        """The arguments that the error signals of the State behind the last step are, each with
        its field there, and where in it that goes back several steps.
        """
        found: dict[str, tuple[str, int | None]] = {}
        for (state, lag), signal in self.model.final_signals.items():
            depth = self.model.depth(state)
            place = None if depth == 1 else depth - 1 - lag
            found[self.names("value", signal)] = self.names("value", state), place
        return found

    # What goes from step to step, and what is returned.

    @cached_property
    def state_entries(self) -> list[Declaration]:
        """The declarations of what one time step hands to the next."""
        states = [e for e in self.model.declared("state") if not e.reverse]
        return [*states, *self.given_before]

    @property
    def state_fields(self) -> list[Argument]:
        """What one time step hands to the next: the states, and what is given and read later."""
        return [
            replace(
                self.initial_argument(entry),
                name=self.names("value", entry.name),
                meaning=f"{entry.name} of the steps before, in order"
                if self.model.depth(entry.name) > 1
                else f"{entry.name} of the step before",
            )
            for entry in self.state_entries
        ]

    @property
    def is_onward(self) -> bool:
        """Whether all states go from step to step in the order of time."""
        return not any(entry.reverse for entry in self.model.declared("state"))

    @property
    def written(self) -> list[Argument]:
        """The model's own variables."""
        names = {equation.name for equation in self.model.equations}
        return [self.over_time(d.variable) for d in self.model.definitions if d.name in names]

    def over_time(self, variable: Variable) -> Argument:
        """A variable at all time steps."""
        sizes = (*OVER_TIME, *array_sizes(variable.shape))
        return Argument(self.names("value", variable.name), sizes, math_text(variable))

    @property
    def into_forward(self) -> Signature:
        return signature(self.forward_arguments)

    @property
    def into_all(self) -> Signature:
        """What ``loss`` and ``value_and_grad`` take."""
        return signature(self.arguments)

    def claim_names(self) -> None:
        """Gives the model's own names to what a module takes and returns."""
        for entry in self.model.declarations:
            self.names("value", entry.name)
        for definition in self.model.definitions:
            self.names("value", definition.name)
        for entry in (*self.state_entries, *self.model.declared("state")):
            self.names("initial", entry.name)


def math_text(expression: Expr, decimals: Collection[Rational] = ()) -> str:
    """An expression as comments and docstrings write it: s_{t-1} W_s."""
    return ascii_text(with_decimals(typeset(expression), decimals))


def _names_in_sizes(arguments: Iterable[Argument]) -> set[str]:
    """The dimensions that the sizes of arrays are made of."""
    return names_in({size for argument in arguments for size in argument.sizes} - {*OVER_TIME})


def _sizes_of_detail(node: Node) -> Sizes:
    """The sizes among what a node needs beside its operands."""
    match node.kind:
        case "size" | "one hot" | "scatter":
            return (node.detail,)
        case "head dot" | "head transpose" | "head contract":
            return (node.detail,)
        case "slice" | "pad" | "head spread" | "head sum":
            return tuple(node.detail)
    return ()
