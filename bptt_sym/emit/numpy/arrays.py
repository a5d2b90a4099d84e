"""Which quantities of a program are arrays over time, which are local, and what each is called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from bptt_sym.algebra.expressions import (
    TIME,
    Adjoint,
    MatrixExpr,
    Parameter,
    Variable,
)
from bptt_sym.algebra.pullback import leaves
from bptt_sym.compiler.sizes import array_sizes
from bptt_sym.emit.numpy.names import Names
from bptt_sym.emit.numpy.printer import Place, lagged_name
from bptt_sym.emit.numpy.signature import Argument, Signature, signature
from bptt_sym.model.mask import MASK
from bptt_sym.model.model import Declaration
from bptt_sym.program.batch import OPERATIONS_OF_BATCHES, Carry
from bptt_sym.program.program import Program, Stage, Statement, statements_of
from bptt_sym.render.plain import ascii_text
from bptt_sym.render.typeset import typeset


class Arrays:
    """The arrays of one program. A quantity is kept over time where a later stage reads it.

    ``numbers`` are those of equations, by their meanings, that comments name.
    """

    def __init__(
        self, program: Program, names: Names, numbers: Mapping[tuple[str, ...], int] | None = None
    ) -> None:
        self.program = program
        self.numbers = numbers or {}
        self.model = program.model
        self.names = names

    @cached_property
    def parameters(self) -> list[Argument]:
        """What gradients are taken by; a scalar has no axis."""
        return [self._argument(entry, scalar=()) for entry in self.model.declared("parameter")]

    @cached_property
    def constants(self) -> list[Argument]:
        """Parameters without a gradient, which are arguments."""
        return [self._argument(entry, scalar=()) for entry in self.model.declared("constant")]

    @cached_property
    def inputs(self) -> list[Argument]:
        return [self._argument(entry, "T", "B") for entry in self.model.declared("input")]

    @cached_property
    def targets(self) -> list[Argument]:
        entries = self.model.declared("target")
        return [
            self._argument(entry, "B", at=" of the last time step")
            if entry.name in self.last_targets
            else self._argument(entry, "T", "B")
            for entry in entries
        ]

    @cached_property
    def forward_arguments(self) -> list[Argument]:
        """What the forward pass takes: inputs, the targets that it reads, initial values."""
        statements = list(statements_of(self.program.forward))
        read = _names(_leaves(statements))
        targets = [t for t, entry in self._declared_targets if entry.name in read]
        chosen = [*self.inputs, *targets, *self.initial_values, *self.constants]
        return self._with_sizes(chosen, statements)

    @cached_property
    def loss_arguments(self) -> list[Argument]:
        """What the loss takes beside the forward pass: the inputs and targets that it reads."""
        found = _leaves([self.program.loss])
        read = _names(found)
        entries = self.model.declared("input")
        if read & {entry.name for entry in self.padded_entries}:
            read.add(MASK)
        inputs = [i for i, e in zip(self.inputs, entries, strict=True) if e.name in read]
        earlier = {leaf.name for leaf in found if _is_earlier(leaf)}
        initial = [
            self.initial_argument(entry)
            for entry in entries
            if entry.name in earlier and entry.initial is None
        ]
        constants = {leaf.name for leaf in found if isinstance(leaf, Parameter)}
        chosen = [
            *inputs,
            *(t for t, entry in self._declared_targets if entry.name in read),
            *initial,
            *(c for c, e in self._declared_constants if e.name in constants),
        ]
        return self._with_sizes(chosen, [self.program.loss], self.returned)

    @property
    def into_forward(self) -> Signature:
        return signature(self.forward_arguments)

    @property
    def into_loss_of(self) -> Signature:
        return signature(self.loss_arguments, self.returned)

    @property
    def into_all(self) -> Signature:
        """What ``loss`` and ``value_and_grad`` take."""
        return signature(self.arguments)

    def _with_sizes(
        self,
        chosen: list[Argument],
        statements: Iterable[Statement],
        known: Sequence[Argument] = (),
    ) -> list[Argument]:
        """Arguments with those others that tell the sizes which these or the statements need."""
        present = [*self.parameters, *chosen, *known]
        missing = _words(present) | self._sizes_in(statements)
        missing -= {size for argument in present for size in argument.shape}
        others = []
        for argument in self.arguments:
            if missing & set(argument.shape):
                others.append(argument)
                missing -= set(argument.shape)
        # One that tells a size can have another within a sum.
        return self._with_sizes([*chosen, *others], statements, known) if others else chosen

    def _sizes_in(self, statements: Iterable[Statement]) -> set[str]:
        """The dimensions that the shapes and the numbers in statements are made of."""
        names = {entry.name for entry in self.model.dimensions}
        parts = [part for s in statements for part in (s.target, s.expression)]
        return names & {symbol.name for part in parts for symbol in part.free_symbols}

    @property
    def arguments(self) -> list[Argument]:
        """What ``value_and_grad`` takes beside the parameters."""
        return [*self.inputs, *self.targets, *self.initial_values, *self.constants]

    @property
    def _declared_targets(self) -> list[tuple[Argument, Declaration]]:
        return list(zip(self.targets, self.model.declared("target"), strict=True))

    @property
    def _declared_constants(self) -> list[tuple[Argument, Declaration]]:
        return list(zip(self.constants, self.model.declared("constant"), strict=True))

    @cached_property
    def initial_states(self) -> list[Argument]:
        """The initial values of states that are arguments."""
        return [self.initial_argument(entry) for entry in self.initial_entries]

    @property
    def initial_entries(self) -> list[Declaration]:
        """The states whose initial values are arguments."""
        return [entry for entry in self.model.declared("state") if entry.initial is None]

    @property
    def initial_values(self) -> list[Argument]:
        """The initial values of states and of inputs that are arguments."""
        inputs = [
            self.initial_argument(entry)
            for entry in self.model.declared("input")
            if self.model.depth(entry.name) and entry.initial is None
        ]
        return [*self.initial_states, *inputs]

    @property
    def state_fields(self) -> list[Argument]:
        """What one time step hands to the next: the states, and inputs that are read later."""
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
    def state_entries(self) -> list[Declaration]:
        """The declarations of what one time step hands to the next."""
        states = [e for e in self.model.declared("state") if not e.reverse]
        return [*states, *(e for e in self.model.declared("input") if self.model.depth(e.name))]

    def initial_argument(self, entry: Declaration) -> Argument:
        """The values of a state or input before its first step, in the order of time."""
        depth = self.model.depth(entry.name)
        leading = ("B",) if depth == 1 else (str(depth), "B")
        where = "after the last" if entry.reverse else "before the first"
        meaning = f"{entry.name} {where} time step" + ("" if depth == 1 else "s, in order")
        return Argument(
            self.names("initial", entry.name), (*leading, *array_sizes(entry.shape)), meaning
        )

    def _argument(
        self,
        entry: Declaration,
        *leading: str,
        at: str = "",
        scalar: tuple[str, ...] = ("1",),
    ) -> Argument:
        name = self.names("value", entry.name)
        meaning = (entry.meaning or entry.kind) + at
        sizes = scalar if entry.shape == (1, 1) else array_sizes(entry.shape)
        if entry.labels:
            meaning += f", as labels from 0 to {sizes[0]} - 1"
            sizes = ()
        return Argument(name, (*leading, *sizes), meaning)

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

    @property
    def has_scalars(self) -> bool:
        """Whether an input or target is a scalar."""
        entries = (*self.model.declared("input"), *self.model.declared("target"))
        return any(entry.shape == (1, 1) for entry in entries)

    @property
    def hidden_sizes(self) -> list[str]:
        """The dimensions that the code needs and no array has as a size of its own."""
        arrays = [*self.parameters, *self.arguments]
        needed = _words(arrays) | self._sizes_in(self.program.statements)
        needed -= {size for entry in arrays for size in entry.shape}
        return [entry.name for entry in self.model.dimensions if entry.name in needed]

    @property
    def drawn_sizes(self) -> list[str]:
        """The dimensions that the shapes of parameters are made of."""
        sizes = {symbol for entry in self.model.declared("parameter") for symbol in entry.shape}
        used = {symbol.name for size in sizes for symbol in size.free_symbols}
        return [entry.name for entry in self.model.dimensions if entry.name in used]

    @cached_property
    def labels(self) -> list[tuple[str, str]]:
        """The names of one-hot arrays that are given as labels, with their sizes."""
        return [
            (self.names("value", entry.name), array_sizes(entry.shape)[0])
            for entry in self.model.declarations
            if entry.labels
        ]

    @property
    def padded_entries(self) -> list[Declaration]:
        """What has padding behind the ends of sequences, which must not be computed with."""
        entries = (*self.model.declared("input"), *self.model.declared("target"))
        over_time = [e for e in entries if not e.mask and e.name not in self.last_targets]
        return over_time if self.model.masked else []

    @property
    def mask_name(self) -> str:
        """The argument that tells where the sequences end."""
        return self.names("value", MASK)

    @property
    def padded(self) -> list[Argument]:
        """The arguments that have padding."""
        names = {self.names("value", entry.name) for entry in self.padded_entries}
        return [argument for argument in self.arguments if argument.name in names]

    @cached_property
    def returned(self) -> list[Argument]:
        """The fields of what the forward pass returns."""
        fields = [self._over_time(variable) for variable in self.kept]
        for earlier in self.earlier_states:
            meaning = f"{_math(earlier)}; shares memory with {earlier.name}"
            sizes = array_sizes(earlier.shape)
            fields.append(Argument(lagged_name(earlier, self.names), ("T", "B", *sizes), meaning))
        return fields

    def claim_names(self) -> None:
        """Gives the model's own names to what a module takes and returns."""
        for entry in self.model.declarations:
            self.names("value", entry.name)
        for definition in self.model.definitions:
            self.names("value", definition.name)
        for entry in (*self.state_entries, *self.model.declared("state")):
            self.names("initial", entry.name)

    @property
    def is_onward(self) -> bool:
        """Whether all states go from step to step in the order of time."""
        return not any(entry.reverse for entry in self.model.declared("state"))

    @property
    def written(self) -> list[Argument]:
        """The model's own variables, which a fast module returns."""
        names = {equation.name for equation in self.model.equations}
        return [self._over_time(d.variable) for d in self.model.definitions if d.name in names]

    def _over_time(self, variable: Variable) -> Argument:
        sizes = ("T", "B", *array_sizes(variable.shape))
        return Argument(self.names("value", variable.name), sizes, _math(variable))

    @cached_property
    def _after_forward(self) -> set[MatrixExpr]:
        """The leaves that the loss and the backward pass read."""
        return _leaves([self.program.loss, *self.program.backward_statements])

    @cached_property
    def last_targets(self) -> set[str]:
        """The targets that are read at the last time step alone."""
        targets = {entry.name for entry in self.model.declared("target")}
        always = _leaves(s for s in self.program.statements if s.when == "always")
        return targets - _names(always)

    @cached_property
    def kept(self) -> list[Variable]:
        """The variables that the forward pass returns: the model's, and what is read later."""
        written = {equation.name for equation in self.model.equations}
        later = _names(self._after_forward)
        return [
            statement.target
            for statement in statements_of(self.program.forward)
            if statement.target.name in written | later
        ]

    @cached_property
    def earlier_states(self) -> list[Variable]:
        """The states at other time steps than t that are read after the forward pass."""
        found = {leaf for leaf in self._after_forward if _is_earlier(leaf)}
        states = {state.name for state in self.model.states}
        return sorted(
            (leaf for leaf in found if leaf.name in states),
            key=lambda leaf: (leaf.name, abs(int(TIME - leaf.time))),
        )

    @cached_property
    def earlier_inputs(self) -> list[Variable]:
        """The inputs at earlier time steps that any statement reads."""
        found = {leaf for leaf in _leaves(self.program.statements) if _is_earlier(leaf)}
        inputs = {entry.name for entry in self.model.declared("input")}
        return sorted(
            (leaf for leaf in found if leaf.name in inputs),
            key=lambda leaf: (leaf.name, int(TIME - leaf.time)),
        )

    @cached_property
    def stored(self) -> set[str]:
        """The variables of the forward loops that are arrays over time."""
        kept = {variable.name for variable in self.kept}
        return kept | _names(_read_elsewhere(self.program.forward))

    @cached_property
    def stored_adjoints(self) -> set[str]:
        """The names of those of a backward loop whose adjoints are arrays over time."""
        outside = _read_elsewhere(self.program.backward) | _leaves(self.program.gradients)
        return {leaf.variable.name for leaf in outside if isinstance(leaf, Adjoint)}

    def forward_place(self, index: str) -> Place:
        """Where a statement of the forward pass or the loss stands."""
        loop = {
            statement.target.name
            for stage in self.program.forward
            if stage.loop
            for statement in stage.statements
        }
        local = (loop - self.stored) | self.last_targets
        return Place(index, lambda leaf: isinstance(leaf, Variable) and leaf.name in local)

    def backward_place(self, index: str) -> Place:
        """Where a statement of the backward pass or a gradient stands."""
        loop = {
            variable.name
            for stage in self.program.backward
            if stage.loop
            for variable in loop_adjoints(stage)
        }
        local = (loop - self.stored_adjoints) | self.program.at_last_step

        def bare(leaf: MatrixExpr) -> bool:
            if isinstance(leaf, Adjoint):
                return isinstance(leaf.variable, Parameter) or leaf.variable.name in local
            return isinstance(leaf, Variable) and leaf.name in self.last_targets

        return Place(index, bare)


def loop_adjoints(stage: Stage) -> list[Variable]:
    """The variables whose adjoints a backward loop computes."""
    targets = (statement.target for statement in stage.statements)
    return list(dict.fromkeys(target.variable for target in targets if isinstance(target, Adjoint)))


def _words(arguments: Iterable[Argument]) -> set[str]:
    """The names that the sizes of arrays are made of."""
    sizes = (size for argument in arguments for size in argument.shape)
    return {word for size in sizes for word in re.findall(r"[A-Za-z]\w*", size)}


def _is_earlier(leaf: MatrixExpr) -> bool:
    return isinstance(leaf, Variable) and leaf.time != TIME


def _read_elsewhere(stages: Sequence[Stage]) -> set[MatrixExpr]:
    """The leaves that a stage reads of another one."""
    found: set[MatrixExpr] = set()
    for stage in stages:
        own = {_target_name(statement.target) for statement in stage.statements}
        found |= {
            leaf
            for leaf in _leaves([*stage.carried, *stage.statements])
            if not stage.loop or _target_name(leaf) not in own
        }
    return found


def _target_name(target: MatrixExpr) -> tuple[bool, str]:
    """A name, and whether it is that of an adjoint."""
    of_adjoint = isinstance(target, Adjoint | Carry)
    return of_adjoint, (target.variable if of_adjoint else target).name


def _leaves(statements: Iterable[Statement]) -> set[MatrixExpr]:
    found: set[MatrixExpr] = set()
    for statement in statements:
        found |= set(leaves(statement.expression, OPERATIONS_OF_BATCHES))
    return found


def _names(leaves: Iterable[MatrixExpr]) -> set[str]:
    return {leaf.name for leaf in leaves if isinstance(leaf, Variable)}


def _math(variable: Variable) -> str:
    return ascii_text(typeset(variable))
