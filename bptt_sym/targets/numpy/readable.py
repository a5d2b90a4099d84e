"""The readable style: one statement for each equation, printed from the graph as it was built."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from itertools import chain

from sympy import S

from bptt_sym.graph.array_shapes import SEQUENCES
from bptt_sym.graph.graph import Phase
from bptt_sym.graph.node import Node
from bptt_sym.targets.numpy.comments import Numbers, comments
from bptt_sym.targets.numpy.first_state import state_key
from bptt_sym.targets.numpy.fitted import fitted_lines
from bptt_sym.targets.numpy.interface import Interface
from bptt_sym.targets.numpy.outline import Outline
from bptt_sym.targets.numpy.precedence import Code, call
from bptt_sym.targets.numpy.printer import lagged_role
from bptt_sym.targets.numpy.prologue import Prologue
from bptt_sym.targets.numpy.python_names import PythonNames
from bptt_sym.targets.numpy.row_parts import shape_code
from bptt_sym.targets.numpy.signature import Argument, Signature, places_of_sizes, signature
from bptt_sym.targets.numpy.statements import WIDTH, Block, Statements


class ReadableBody:
    """What the template of a readable module lays out: the bodies of its functions, as blocks.

    ``used`` are the names in their code.
    """

    def __init__(
        self, outline: Outline, interface: Interface, names: PythonNames, numbers: Numbers
    ) -> None:
        self.outline, self.interface, self.names = outline, interface, names
        self.numbers = numbers
        self.graph = outline.graph
        self.used: set[str] = set()
        self.forward = self.forward_body()
        self.loss = self.loss_body()
        self.whole_loss = self.whole_loss_body()
        self.backward = self.backward_body()

    # Arguments.

    @cached_property
    def into_loss_of(self) -> Signature:
        arguments = self.interface.loss_arguments(self.with_past(), self.returned)
        return signature(arguments, self.returned)

    @cached_property
    def returned(self) -> list[Argument]:
        """What the forward pass returns of what it computes."""
        variables = {d.name: d.variable for d in self.interface.model.definitions}
        fields = [self.interface.over_time(variables[key[1]]) for key in self.outline.returned]
        for key, lag in self.outline.returned_lags:
            reverse = self.graph.definitions[key].reverse
            variable = variables[key[1]]
            earlier = variable.at(variable.time + (lag if reverse else -lag))
            argument = self.interface.over_time(earlier)
            meaning = f"{argument.meaning}; shares memory with {variable.name}"
            name = self.names(*lagged_role(key, lag, reverse=reverse))
            fields.append(Argument(name, argument.sizes, meaning))
        return fields

    @property
    def handed_back(self) -> list[Argument]:
        """What the forward pass returns of what it was given."""
        return []

    @property
    def forward_fields(self) -> list[Argument]:
        """The fields of what the forward pass returns."""
        return [*self.returned, *self.handed_back]

    def with_past(self) -> list[Node]:
        """What the loss writes, and what the past of inputs that it reads is made of."""
        nodes = list(self.outline.of_loss)
        for node in self.outline.of_loss:
            if node.kind == "lagged" and node.detail[0][0] == "given":
                definition = self.graph.definitions[node.detail[0]]
                nodes += self.outline.printed([definition.node, *definition.initial], "forward")
        return nodes

    # Functions.

    def printer(self, phase: Phase) -> Statements:
        return Statements(self.outline, self.interface, self.names, self.numbers, phase)

    def forward_body(self) -> list[Block]:
        """The forward pass: stage by stage, all steps at once or in a loop."""
        write = self.printer("forward")
        computed = write.stages()
        values = [write.own(key) for key in self.outline.returned]
        earlier = [write.lagged_name(key, lag) for key, lag in self.outline.returned_lags]
        given = [write.use(argument.name) for argument in self.handed_back]
        closing = fitted_lines([*values, *earlier, *given], "return Forward(", ")")
        prologue = Prologue(write, self.interface).lines(self.interface.into_forward)
        return self.filled(write, [prologue, *computed, closing])

    def loss_body(self) -> list[Block]:
        """The loss of a forward pass."""
        write = self.printer("forward")
        loss = self.graph.results["loss",]
        prologue = Prologue(write, self.interface)
        code = write.code(loss).lines("return ", WIDTH)
        prepared = prologue.prepared(self.into_loss_of.arguments)
        places = self.places_of_sizes()
        needs_a_step = self.interface.program.reduction.needs_a_step and "T" in places
        steps = ["if T == 0:", '    raise ValueError("the loss needs one time step or more")']
        if needs_a_step:
            write.use("T")
        lines = [
            *prologue.unpacked("params", self.interface.parameters),
            *prologue.unpacked("values", self.returned, self.handed_back),
            *(f"{size} = {places[size]}" for size in prologue.sizes_used(places)),
        ]
        if "dtype" in write.used:
            leading = "params" if self.interface.parameters else "values"
            lines.append(f"dtype = np.result_type(*{leading})")
        block = [*lines, *(steps if needs_a_step else []), *prepared]
        block += comments(self.graph.equations["loss",], self.numbers, self.graph.decimals)
        return self.filled(write, [[*block, *code]])

    def whole_loss_body(self) -> list[Block]:
        """The loss of the arguments."""
        write = self.printer("forward")
        calls = self.calls(write)
        calls[-1] = calls[-1].replace("value = ", "return ", 1)
        into_all = self.interface.into_all
        told = [size for size in self.interface.into_forward.counts if size not in into_all.counts]
        sizes = [f'{size} = sizes["{size}"]' for size in told]
        write.used |= {"sizes"} if told else set()
        return self.filled(
            write, [[*Prologue(write, self.interface).checked(into_all), *sizes, *calls]]
        )

    def calls(self, write: Statements) -> Block:
        write.used |= {"params"}
        for into in (self.interface.into_forward, self.into_loss_of):
            write.used |= {argument.name for argument in into.arguments} | set(into.counts)
        return [
            f"values = forward(params{self.interface.into_forward.passed})",
            f"value = loss_of(params, values{self.into_loss_of.passed})",
        ]

    def backward_body(self) -> list[Block]:
        """The gradient: adjoints of all steps at once, the recurrences backward, sums over time."""
        write = self.printer("backward")
        computed = write.stages()
        by_inputs = self.inputs_block(write)
        model = self.interface.model
        entries = self.interface.initial_entries
        gradients = call("Parameters(", [write.own(("gradient", n)) for n in model.parameters])
        states = call("InitialState(", [write.own(("initial", entry.name)) for entry in entries])
        begin, closing = self.around(write, gradients, states)
        return self.filled(write, [begin, *computed, *closing[:-1], by_inputs, closing[-1]])

    def around(self, write: Statements, gradients: Code, states: Code) -> tuple[Block, list[Block]]:
        """What a backward pass begins and ends with: the loss, what is returned."""
        prologue = Prologue(write, self.interface)
        final = self.final_state(write)
        begin = prologue.lines(self.interface.into_all, self.calls(write))
        begin += prologue.unpacked("values", self.returned)
        result = call("Result(", ["value", gradients, states, "final", "by_inputs"])
        return begin, [final, result.lines("return ", WIDTH)]

    def inputs_block(self, write: Statements) -> Block:
        """The gradients with respect to inputs, where they are asked for."""
        blocks = [block for block in write.for_inputs() if block]
        fields = call("Inputs(", map(write.own, self.interface.input_fields))
        lines = [*chain.from_iterable(blocks), *fields.lines("by_inputs = ", WIDTH)]
        return ["by_inputs = None", "if inputs:", *(f"    {line}" for line in lines)]

    def filled(self, write: Statements, blocks: Iterable[Block]) -> list[Block]:
        self.used |= write.used
        return [block for block in blocks if block]

    # Pieces.

    def places_of_sizes(self) -> dict[str, str]:
        """Where the arrays that the loss has at hand tell each size."""
        at_hand = {f"params.{entry.name}": entry for entry in self.interface.parameters}
        at_hand |= {f"values.{entry.name}": entry for entry in self.returned}
        at_hand |= {entry.name: entry for entry in self.into_loss_of.arguments}
        return places_of_sizes(at_hand, "{}.shape[{}]")

    def final_state(self, write: Statements) -> Block:
        """The State behind the last step, in arrays of its own."""
        fields, lines = [], []
        prologue = Prologue(write, self.interface)
        for entry in self.interface.state_entries:
            key, depth = state_key(entry), self.interface.model.depth(entry.name)
            value, first = write.use(self.names("value", entry.name)), write.first_values(key)
            if entry.initial is not None:
                past = (S(depth),) if depth > 1 else ()
                sizes = (*past, SEQUENCES, *self.graph.definitions[key].sizes)
                first = call("np.broadcast_to(", [first, shape_code(map(write.size, sizes))])
                if len(first.text) > WIDTH // 2:
                    name = self.names.fresh(f"{value}_first")
                    lines += first.lines(f"{name} = ", WIDTH)
                    first = Code(name)
            dtype = write.use("dtype")
            if depth == 1:
                write.use("T")
                last = prologue.dense(value, "[-1]")
                fields.append(f"np.array({last} if T else {first}, {dtype})")
            else:
                closing = f"], dtype={dtype})[-{depth}:]"
                last = prologue.dense(value, f"[-{depth}:]")
                joined = call("np.concatenate([", [first, last], closing)
                name = self.names.fresh(f"{value}_last")
                lines += joined.lines(f"{name} = ", WIDTH)
                fields.append(f"np.array({name})")
        return [*lines, *fitted_lines(fields, "final = State(", ")")]
