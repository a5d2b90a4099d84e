"""The readable style: one statement for each equation, printed from the graph as it was built."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from sympy import Expr

from bptt_sym.derivation.derivation import Equation
from bptt_sym.graph.graph import Definition, Key, Node, Phase
from bptt_sym.graph.sizes import SEQUENCES, STEPS
from bptt_sym.graph.stages import Stage
from bptt_sym.targets.numpy.comments import Numbers, comment
from bptt_sym.targets.numpy.fitted import fitted_lines
from bptt_sym.targets.numpy.interface import Interface
from bptt_sym.targets.numpy.names import Names
from bptt_sym.targets.numpy.outline import Outline
from bptt_sym.targets.numpy.precedence import ADDITIVE, CALL, Code, call
from bptt_sym.targets.numpy.printer import Printer, lagged_role, role
from bptt_sym.targets.numpy.signature import Argument, Signature, signature
from bptt_sym.targets.numpy.spelling import shape_code

Block = list[str]

WIDTH = 88
"""The most characters of a line behind the indents of a function and of a loop."""


@dataclass(frozen=True)
class ReadableBody:
    """What the template of a readable module lays out; ``used`` are the names in its code."""

    returned: list[Argument]
    into_loss_of: Signature
    forward: list[Block]
    loss: list[Block]
    whole_loss: list[Block]
    backward: list[Block]
    used: set[str]


class Readable:
    """The bodies of a readable module's functions."""

    def __init__(
        self, outline: Outline, interface: Interface, names: Names, numbers: Numbers
    ) -> None:
        self.outline, self.interface, self.names = outline, interface, names
        self.numbers = numbers
        self.graph = outline.graph
        self.used: set[str] = set()

    def body(self) -> ReadableBody:
        """The bodies of all functions."""
        bodies = self.forward_body(), self.loss_body(), self.whole_loss(), self.backward_body()
        return ReadableBody(self.returned, self.into_loss_of, *bodies, self.used)

    # Arguments.

    @property
    def into_forward(self) -> Signature:
        return self.interface.into_forward

    @cached_property
    def into_loss_of(self) -> Signature:
        arguments = self.interface.loss_arguments(self.with_past(), self.returned)
        return signature(arguments, self.returned)

    @cached_property
    def returned(self) -> list[Argument]:
        """The fields of what the forward pass returns."""
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
        closing = fitted_lines([*values, *earlier], "return Forward(", ")")
        prologue = self.prologue(write, self.into_forward, self.outline.of_forward)
        return self.filled(write, [prologue, *computed, closing])

    def loss_body(self) -> list[Block]:
        """The loss of a forward pass."""
        write = self.printer("forward")
        loss = self.graph.results["loss",]
        code = write.code(loss).lines("return ", WIDTH)
        prepared = write.prepared(self.into_loss_of.arguments, self.outline.of_loss)
        places = self.places_of_sizes()
        needs_a_step = self.interface.program.loss != "sum" and "T" in places
        steps = ["if T == 0:", '    raise ValueError("the loss needs one time step or more")']
        if needs_a_step:
            write.use("T")
        lines = [
            *write.unpacked("params", self.interface.parameters),
            *write.unpacked("values", self.returned),
            *(f"{size} = {places[size]}" for size in write.sizes_used(places)),
        ]
        if "dtype" in write.used:
            leading = "params" if self.interface.parameters else "values"
            lines.append(f"dtype = np.result_type(*{leading})")
        block = [*lines, *(steps if needs_a_step else []), *prepared]
        block += [comment(e, self.numbers) for e in self.graph.equations["loss",]]
        return self.filled(write, [[*block, *code]])

    def whole_loss(self) -> list[Block]:
        """The loss of the arguments."""
        write = self.printer("forward")
        calls = self.calls(write)
        calls[-1] = calls[-1].replace("value = ", "return ", 1)
        into_all = self.interface.into_all
        told = [size for size in self.into_forward.counts if size not in into_all.counts]
        sizes = [f'{size} = sizes["{size}"]' for size in told]
        write.used |= {"sizes"} if told else set()
        return self.filled(write, [[*write.checked(into_all), *sizes, *calls]])

    def calls(self, write: Statements) -> Block:
        write.used |= {"params"}
        for into in (self.into_forward, self.into_loss_of):
            write.used |= {argument.name for argument in into.arguments} | set(into.counts)
        return [
            f"values = forward(params{self.into_forward.passed})",
            f"value = loss_of(params, values{self.into_loss_of.passed})",
        ]

    def backward_body(self) -> list[Block]:
        """The gradient: adjoints of all steps at once, the recurrences backward, sums over time."""
        write = self.printer("backward")
        computed = write.stages()
        final = self.final_state(write)
        model = self.interface.model
        by_parameters = ", ".join(write.own(("gradient", name)) for name in model.parameters)
        by_states = ", ".join(
            write.own(("initial", entry.name)) for entry in self.interface.initial_entries
        )
        results = [
            "value", f"Parameters({by_parameters})", f"InitialState({by_states})", "final"
        ]  # fmt: skip
        calls = self.calls(write)
        prologue = self.prologue(write, self.interface.into_all, self.outline.of_backward, calls)
        prologue += write.unpacked("values", self.returned)
        closing = fitted_lines(results, "return Result(", ")")
        return self.filled(write, [prologue, *computed, final, closing])

    def filled(self, write: Statements, blocks: Iterable[Block]) -> list[Block]:
        self.used |= write.used
        return [block for block in blocks if block]

    # Pieces.

    def places_of_sizes(self) -> dict[str, str]:
        """Where the arrays that the loss has at hand tell each size."""
        at_hand = {f"params.{entry.name}": entry.shape for entry in self.interface.parameters}
        at_hand |= {f"values.{entry.name}": entry.shape for entry in self.returned}
        at_hand |= {entry.name: entry.shape for entry in self.into_loss_of.arguments}
        places: dict[str, str] = {}
        for name, shape in at_hand.items():
            for axis, size in enumerate(shape):
                places.setdefault(size, f"{name}.shape[{axis}]")
        return places

    def prologue(
        self, write: Statements, into: Signature, nodes: Sequence[Node], calls: Block | None = None
    ) -> Block:
        """What a function begins with: its parameters, the check of its arguments, the sizes.

        ``calls`` come before the arguments are brought into the form that the blocks read.
        """
        prepared = write.prepared(into.arguments, nodes)
        told = {s for a in (*self.interface.parameters, *into.arguments) for s in a.shape}
        used = write.sizes_used(told | set(into.counts))
        values = ", ".join(f'sizes["{size}"]' for size in used)
        sizes = [f"{', '.join(used)} = {values}"] if used else []
        write.used |= {"sizes"} if used else set()
        return [
            *write.checked(into),
            *write.unpacked("params", self.interface.parameters),
            *sizes,
            *(calls or []),
            *prepared,
        ]

    def final_state(self, write: Statements) -> Block:
        """The State behind the last step, in arrays of its own."""
        fields, lines = [], []
        for entry in self.interface.state_entries:
            value, depth = write.use(self.names("value", entry.name)), write.depth(entry.name)
            key = ("given" if entry.kind == "input" else "value", entry.name)
            first = write.first_values(key)
            if entry.initial is not None:
                sizes = self.graph.definitions[key].sizes
                leading: tuple[Expr, ...] = (SEQUENCES,)
                shape = [*([str(depth)] if depth > 1 else []), *map(write.size, (*leading, *sizes))]
                first = f"np.broadcast_to({first}, ({', '.join(shape)}))"
            dtype = write.use("dtype")
            if depth == 1:
                write.use("T")
                fields.append(f"np.array({value}[-1] if T else {first}, {dtype})")
            else:
                closing = f"], dtype={dtype})[-{depth}:]"
                joined = call("np.concatenate([", [first, f"{value}[-{depth}:]"], closing)
                name = self.names.fresh(f"{value}_last")
                lines += joined.lines(f"{name} = ", WIDTH)
                fields.append(f"np.array({name})")
        return [*lines, *fitted_lines(fields, "final = State(", ")")]


class Statements(Printer):
    """Writes the statements of one function, where the current loop stands."""

    def __init__(
        self,
        outline: Outline,
        interface: Interface,
        names: Names,
        numbers: Numbers,
        phase: Phase,
    ) -> None:
        super().__init__(outline.graph, names)
        self.phase = phase
        self.outline, self.interface, self.numbers = outline, interface, numbers
        self.in_loop = False

    # Expressions.

    def operand(self, node: Node, binding: int = ADDITIVE) -> Code:
        if self.outline.is_named(node, self.phase):
            return Code(self.place(self.outline.keys[node]))
        if node.operands or node.kind in ("number", "size", "identity"):
            return self.code(node).within(binding)
        return Code(self.leaf(node))

    def code(self, node: Node) -> Code:
        if node.kind == "last" and self.in_loop:
            # Read at the last step alone, it is what stands there.
            return self.operand(node.operands[0], CALL)
        return super().code(node)

    def inner(self, node: Node) -> Code:
        return super().inner(node) if self.outline.is_named(node, self.phase) else self.code(node)

    def leading(self, node: Node) -> tuple[Expr, ...]:
        over_time = (STEPS,) if node.time and not self.in_loop else ()
        return (*over_time, *((SEQUENCES,) if node.batch else ()))

    def place(self, key: Key) -> str:
        """The name of a statement's value, with its step in a loop."""
        name = self.use(self.names(*role(key)))
        return f"{name}[t]" if self.in_loop and key in self.outline.over_time else name

    def leaf(self, node: Node) -> str:
        step = "[t]" if self.in_loop and node.time else ""
        match node.kind:
            case "initial":
                return self.initial_row(node)
            case "final":
                key = node.detail[0]
                if key not in self.outline.over_time:
                    return self.use(self.names(*role(key)))
                reverse = self.graph.definitions[key].reverse
                return f"{self.whole(key)}[{'0' if reverse else '-1'}]"
            case "lagged":
                key, lag = node.detail
                if key[0] == "carry" and key not in self.outline.over_time:
                    return self.use(self.names(*role(key)))
                return self.lagged_name(key, lag) + step
        return self.use(self.names("value", node.detail)) + step

    def lagged_name(self, key: Key, lag: int) -> str:
        reverse = self.graph.definitions[key].reverse
        return self.use(self.names(*lagged_role(key, lag, reverse=reverse)))

    def whole(self, key: Key) -> str:
        """The name of the array with the values before the first step."""
        if key[0] == "carry":
            return self.use(self.names("carry all", lagged_role(key, 1, reverse=False)[1]))
        return self.use(self.names("all", key[1]))

    # Statements.

    def stages(self) -> list[Block]:
        """The stages of a phase as blocks of lines, the results of the program in the last."""
        kinds = ("value",) if self.phase == "forward" else ("adjoint", "carry")
        found: list[Block] = []
        for stage in self.outline.stages:
            keys = [self.outline.keys[node] for node in stage.nodes if node in self.outline.keys]
            keys = self.ordered([key for key in keys if key[0] in kinds], stage)
            found.append(self.loop(stage, keys) if stage.loop else self.at_once(keys))
        if self.phase == "backward":
            found.append(self.at_once(key for key in self.graph.results if key != ("loss",)))
        return found

    def ordered(self, keys: Sequence[Key], stage: Stage) -> list[Key]:
        """Keys of a stage in the order of the derivation, as far as one does not need another."""
        place = {key: number for number, key in enumerate(self.graph.equations)}
        left = sorted(keys, key=place.__getitem__)
        needs = {key: self.outline.needs(key, in_loop=stage.loop is not None) for key in keys}
        found: list[Key] = []
        while left:
            ready = next(key for key in left if not needs[key] & set(left))
            left.remove(ready)
            found.append(ready)
        return found

    def at_once(self, keys: Iterable[Key]) -> Block:
        lines: Block = []
        for key in keys:
            begun = self.has_past(key)
            lines += self.past(key) if begun else []
            lines += self.comments(key)
            lines += self.statement(key, into_array=begun)
        return lines

    def has_past(self, key: Key) -> bool:
        """Whether the value is kept with what comes before its first step."""
        return key in self.outline.over_time and bool(self.definition(key).initial)

    def definition(self, key: Key) -> Definition:
        return self.graph.definitions.get(key) or Definition(self.graph.results[key])

    def loop(self, stage: Stage, keys: Sequence[Key]) -> Block:
        """A loop, with what its arrays and what it carries begin with."""
        if not keys:
            return []
        carries = [k for k in self.graph.definitions if k in keys and k[0] == "carry"]
        others = [key for key in keys if key not in carries]
        before: Block = []
        for key in carries:
            if not self.has_past(key):
                before += [comment(e, self.numbers) for e in self.begins(key)]
                (initial,) = self.definition(key).initial
                name = self.use(self.names(*role(key)))
                before += self.code(initial).lines(f"{name} = ", WIDTH)
        for key in (*others, *carries):
            if self.has_past(key):
                before += self.past(key)
            elif key in self.outline.over_time:
                before.append(self.allocation(key))
        self.in_loop = True
        lines: Block = []
        for key in (*others, *carries):
            lines += [*self.comments(key), *self.statement(key, into_array=True)]
        self.in_loop = False
        self.use("T")
        steps = "range(T)" if stage.loop == "onward" else "reversed(range(T))"
        return [*before, f"for t in {steps}:", *(f"    {line}" for line in lines)]

    def begins(self, key: Key) -> Sequence[Equation]:
        return self.graph.equations.get(("begin", *key[1:]), ())

    def comments(self, key: Key) -> Block:
        return [comment(e, self.numbers) for e in self.graph.equations.get(key, ())]

    def statement(self, key: Key, *, into_array: bool) -> Block:
        node = self.outline.node_of[key]
        target = self.place(key) if self.in_loop or not into_array else self.current(key)
        if node.kind == "sum" and node.operands[-1].kind == "ending":
            return self.with_ending(key, node, target)
        return self.code(node).lines(f"{target} = ", WIDTH)

    def current(self, key: Key) -> str:
        """The part of an array with a past that holds the values."""
        definition = self.definition(key)
        return f"{self.whole(key)}[{':-1' if definition.reverse else f'{definition.depth}:'}]"

    def with_ending(self, key: Key, node: Node, target: str) -> Block:
        """A sum to which the last time step adds a term."""
        terms = self.graph.terms(node, node.operands)
        base = self.graph.total(terms[:-1])
        (ending,) = node.operands[-1].operands
        place = self.place(key)
        if self.in_loop:
            first = self.code(base).lines(f"{place} = ", WIDTH)
            whole = self.graph.total([*terms[:-1], (terms[-1][0], ending)])
            second = self.code(whole).lines(f"{place} = ", WIDTH)
            return [*first, "if t == T - 1:", *(f"    {line}" for line in second)]
        first = self.code(base).lines(f"{target} = ", WIDTH)
        own = target != place or self.is_new(base)
        copied = [] if own else [f"{place} = {place}.copy()"]
        return [*first, *copied, *self.code(ending).lines(f"{place}[-1] += ", WIDTH)]

    # Arrays.

    def array_shape(self, key: Key) -> list[str]:
        definition = self.definition(key)
        sizes = definition.sizes if definition.initial else definition.node.sizes
        return [self.size(size) for size in (SEQUENCES, *sizes)]

    def allocation(self, key: Key) -> str:
        name = self.use(self.names(*role(key)))
        shape = shape_code([self.use("T"), *self.array_shape(key)])
        return f"{name} = np.empty({shape}, {self.use('dtype')})"

    def past(self, key: Key) -> Block:
        """The array of a state with its initial values, and views of it shifted in time."""
        definition = self.definition(key)
        depth, reverse = definition.depth, definition.reverse
        whole = self.whole(key)
        self.use("T")
        full = shape_code([f"T + {depth}", *self.array_shape(key)])
        row = ("T" if depth == 1 else "T:") if reverse else ("0" if depth == 1 else f":{depth}")
        lines = [
            f"{whole} = np.empty({full}, {self.use('dtype')})",
            f"{whole}[{row}] = {self.first_values(key)}",
        ]
        views = {self.lagged_name(key, lag): self.span(depth, lag, reverse=reverse)
                 for lag in reversed(self.lags(key))}  # fmt: skip
        if key[0] != "given":
            views[self.use(self.names(*role(key)))] = self.span(depth, 0, reverse=reverse)
        targets, sources = ", ".join(views), ", ".join(whole + view for view in views.values())
        return [*lines, f"{targets} = {sources}"] if views else lines

    def lags(self, key: Key) -> list[int]:
        return self.outline.lags(key, self.outline.nodes)

    def span(self, depth: int, lag: int, *, reverse: bool) -> str:
        if reverse:
            return f"[{lag or ''}:][:T]" if lag else "[:T]"
        return f"[{depth - lag or ''}:-{lag}]" if lag else f"[{depth}:]"

    def first_values(self, key: Key) -> str:
        """What the rows of an array before the first step hold."""
        initial = self.definition(key).initial[0]
        if initial.kind == "initial":
            return self.use(self.names("initial", initial.detail[0]))
        inner = initial.operands[0] if initial.kind == "spread" else initial
        return str(self.operand(inner))

    def depth(self, name: str) -> int:
        return self.interface.model.depth(name)

    # What functions begin with.

    def sizes_used(self, known: Iterable[str]) -> list[str]:
        """The sizes that the code reads, of those that are known."""
        dimensions = (entry.name for entry in self.interface.model.dimensions)
        return [s for s in ("T", "B", *dimensions) if s in self.used and s in set(known)]

    def unpacked(self, source: str, fields: Sequence[Argument]) -> Block:
        """The fields of a tuple that the code reads, as local names."""
        used = [field.name for field in fields if field.name in self.used]
        self.used |= {source} if used else set()
        if len(used) == len(fields) > 1:
            return [f"{', '.join(used)} = {source}"]
        return [f"{name} = {source}.{name}" for name in used]

    def checked(self, into: Signature) -> Block:
        """Parameters and arguments as arrays of one type, and of these what the code reads."""
        read = [argument.name for argument in into.arguments if argument.name in self.used]
        wanted = self.used | ({"arguments"} if read else set()) | {"params"}
        found = [
            name if name in wanted else "_" for name in ("params", "arguments", "sizes", "dtype")
        ]
        lines = fitted_lines(into.mapped, f"{', '.join(found)} = checked(params, {{", "})")
        if len(read) == len(into.arguments) > 1:
            return [*lines, f"{', '.join(read)} = arguments.values()"]
        return [*lines, *(f'{name} = arguments["{name}"]' for name in read)]

    def prepared(self, arguments: Sequence[Argument], nodes: Sequence[Node]) -> Block:
        """Arguments in the form that statements read: without padding, labels checked, those of
        earlier steps.
        """
        earlier = {n.detail[0] for n in nodes if n.kind == "lagged" and n.detail[0][0] == "given"}
        pasts: Block = []
        for key in sorted(earlier):
            value = self.use(self.names("value", key[1]))
            first, begun, *views = self.past(key)
            pasts += [first, begun, f"{self.current(key)} = {self.dense(value)}", *views]
        taken = {argument.name for argument in arguments}
        lines = []
        for argument in self.interface.padded:
            if argument.name in self.used & taken:
                mask = self.use(self.interface.mask_name)
                lines.append(f"{argument.name} = without_padding({argument.name}, {mask})")
        for name, size in self.interface.labels:
            if name in self.used & taken:
                lines.append(f'check_labels("{name}", {name}, {self.size(size)})')
        return [*lines, *pasts]

    def dense(self, name: str) -> str:
        """An input as vectors."""
        sizes = dict(self.interface.labels)
        if name not in sizes:
            return name
        return f"one_hot({name}, {self.size(sizes[name])}, {self.use('dtype')})"

    # Results.

    def own(self, key: Key) -> str:
        """A result as an array that nothing else has."""
        name = self.use(self.names(*role(key)))
        return name if self.owns(key) else f"{name}.copy()"

    def owns(self, key: Key) -> bool:
        """Whether a value is an array that nothing else has: one that a loop writes into, or that
        the code of its statement makes.
        """
        node = self.outline.node_of[key]
        if self.outline.sites[node].loop is not None and key in self.outline.over_time:
            return True
        return self.is_new(node)

    def is_new(self, node: Node) -> bool:
        """Whether the code of a node makes a new array, and is no view of another one."""
        match node.kind:
            case "transpose":
                (inner,) = node.operands
                return not self.outline.is_named(inner, self.phase) and self.is_new(inner)
            case "result":
                (inner,) = node.operands
                if inner.sizes != node.sizes or inner.kind in ("number", "size"):
                    return inner.kind in ("number", "size")
                return not self.outline.is_named(inner, self.phase) and self.is_new(inner)
            case "final":
                carry = node.detail[0]
                begun = self.definition(carry).initial
                local = carry not in self.outline.over_time
                return local and self.owns(carry) and all(map(self.is_new, begun))
            case "spread":
                return node.operands[0].kind == "number"
            case "named" if node.operands[0].kind == "final":
                return self.is_new(*node.operands)
            case "named" | "part" | "slice" | "last" | "lift" | "declared" | "stopped":
                return False
        return bool(node.operands)
