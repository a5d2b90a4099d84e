"""The statements of a readable function, and what it begins with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bptt_sym.derivation.derivation import DerivedEquation
from bptt_sym.graph.array_shapes import SEQUENCES
from bptt_sym.graph.graph import Definition, Key
from bptt_sym.graph.kinds import NUMBERS
from bptt_sym.graph.node import Node
from bptt_sym.graph.stages import Stage
from bptt_sym.targets.numpy.comments import comments
from bptt_sym.targets.numpy.placed_printer import PlacedPrinter
from bptt_sym.targets.numpy.precedence import Code
from bptt_sym.targets.numpy.row_parts import shape_code, time_span

Block = list[str]

WIDTH = 88
"""The most characters of a line behind the indents of a function and of a loop."""


class Statements(PlacedPrinter):
    """Writes the statements of one function, where the current loop stands."""

    def own(self, key: Key) -> str:
        """A value as an array that nothing else has."""
        name = self.name(key)
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
                if inner.sizes != node.sizes or inner.kind in NUMBERS:
                    return inner.kind in NUMBERS
                return not self.outline.is_named(inner, self.phase) and self.is_new(inner)
            case "final":
                carry = node.detail[0]
                begun = self.graph.definitions[carry].initial
                local = carry not in self.outline.over_time
                return local and self.owns(carry) and all(map(self.is_new, begun))
            case "spread":
                return node.operands[0].kind == "number"
            case "named" if node.operands[0].kind == "final":
                return self.is_new(*node.operands)
            case "named" | "part" | "slice" | "last" | "lift" | "declared" | "stopped":
                return False
        return bool(node.operands)

    # Statements.

    def stages(self) -> list[Block]:
        """The stages of a pass as blocks of lines, the results of the program in the last."""
        if self.phase == "forward":
            return self.blocks(self.outline.stages, ("value",))
        always = [stage for stage in self.outline.stages if stage.phase != "inputs"]
        results = (key for key in self.graph.results if key[0] in ("gradient", "initial"))
        return [*self.blocks(always, ("adjoint", "carry")), self.at_once(results)]

    def for_inputs(self) -> list[Block]:
        """What the gradients with respect to inputs need beside the backward pass, and these."""
        stages = [stage for stage in self.outline.stages if stage.phase == "inputs"]
        results = (key for key in self.graph.results if key[0] == "input")
        return [*self.blocks(stages, ("adjoint", "carry")), self.at_once(results)]

    def blocks(self, stages: Iterable[Stage], kinds: Sequence[str]) -> list[Block]:
        """The statements of stages for keys of some kinds."""
        found: list[Block] = []
        for stage in stages:
            keys = [self.outline.keys[node] for node in stage.nodes if node in self.outline.keys]
            keys = self.ordered([key for key in keys if key[0] in kinds], stage)
            found.append(self.loop(stage, keys) if stage.loop else self.at_once(keys))
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
            lines += self.explained(key)
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
                before += comments(self.begins(key), self.numbers, self.graph.decimals)
                (initial,) = self.definition(key).initial
                name = self.name(key)
                before += self.code(initial).lines(f"{name} = ", WIDTH)
        for key in (*others, *carries):
            if self.has_past(key):
                before += self.past(key)
            elif key in self.outline.over_time:
                before.append(self.allocation(key))
        self.in_loop = True
        self.used.discard("t")
        lines: Block = []
        for key in (*others, *carries):
            lines += [*self.explained(key), *self.statement(key, into_array=True)]
        self.in_loop = False
        self.use("T")
        steps = "range(T)" if stage.loop == "onward" else "reversed(range(T))"
        step = "t" if "t" in self.used else "_"
        return [*before, f"for {step} in {steps}:", *(f"    {line}" for line in lines)]

    def begins(self, key: Key) -> Sequence[DerivedEquation]:
        return self.graph.equations.get(("begin", *key[1:]), ())

    def explained(self, key: Key) -> Block:
        return comments(self.graph.equations.get(key, ()), self.numbers, self.graph.decimals)

    def statement(self, key: Key, *, into_array: bool) -> Block:
        node = self.outline.node_of[key]
        target = self.place(key) if self.in_loop or not into_array else self.current(key)
        if node.kind == "sum" and node.operands[-1].kind == "ending":
            return self.with_ending(key, node, target)
        code = self.code(node)
        # A carry that is handed on as it is needs no line.
        return [] if code.text == target else code.lines(f"{target} = ", WIDTH)

    def current(self, key: Key) -> str:
        """The part of an array with a past that holds the values."""
        depth, reverse = self.definition(key).depth, self.definition(key).reverse
        return f"{self.whole(key)}[{f':-{depth}' if reverse else f'{depth}:'}]"

    def with_ending(self, key: Key, node: Node, target: str) -> Block:
        """A sum to which the last time step adds a term."""
        terms = self.graph.terms(node, node.operands)
        base = self.graph.with_axes(self.graph.total(terms[:-1]), node.axes)
        (ending,) = node.operands[-1].operands
        place = self.place(key)
        if self.in_loop:
            first = self.inner(base).lines(f"{place} = ", WIDTH)
            whole = self.graph.total([*terms[:-1], (terms[-1][0], ending)])
            second = self.code(whole).lines(f"{place} = ", WIDTH)
            self.use("t")
            return [*first, "if t == T - 1:", *(f"    {line}" for line in second)]
        first = self.inner(base).lines(f"{target} = ", WIDTH)
        own = target != place or self.is_new(base)
        copied = [] if own else [f"{place} = {place}.copy()"]
        return [*first, *copied, *self.inner(ending).lines(f"{target}[-1] += ", WIDTH)]

    # Arrays.

    def array_shape(self, key: Key) -> list[str]:
        return [self.size(size) for size in (SEQUENCES, *self.definition(key).sizes)]

    def allocation(self, key: Key) -> str:
        shape = shape_code([self.use("T"), *self.array_shape(key)])
        return f"{self.name(key)} = np.empty({shape}, {self.use('dtype')})"

    def past(self, key: Key, lags: Sequence[int] | None = None) -> Block:
        """The array of a state with its initial values, and views of it shifted in time."""
        definition = self.definition(key)
        depth, reverse = definition.depth, definition.reverse
        whole = self.whole(key)
        self.use("T")
        full = shape_code([f"T + {depth}", *self.array_shape(key)])
        row = ("T" if depth == 1 else "T:") if reverse else ("0" if depth == 1 else f":{depth}")
        lines = [
            f"{whole} = np.empty({full}, {self.use('dtype')})",
            *self.first_values(key).lines(f"{whole}[{row}] = ", WIDTH),
        ]
        views = {
            self.lagged_name(key, lag): time_span(depth, lag, reverse=reverse)
            for lag in reversed(lags or self.outline.lags(key))
        }
        carried = key[0] == "carry" and self.outline.sites[definition.node].loop is not None
        if key[0] == "value" or carried:
            views[self.name(key)] = time_span(depth, 0, reverse=reverse)
        targets, sources = ", ".join(views), ", ".join(whole + view for view in views.values())
        line = f"{targets} = {sources}"
        if len(line) > WIDTH:
            return [*lines, *(f"{view} = {whole}{span}" for view, span in views.items())]
        return [*lines, line] if views else lines

    def first_values(self, key: Key) -> Code:
        """What the rows of an array before the first step hold."""
        initial = self.definition(key).initial[0]
        if initial.kind == "initial":
            return Code(self.use(self.names("initial", initial.detail[0])))
        return self.operand(initial.operands[0] if initial.kind == "spread" else initial)
