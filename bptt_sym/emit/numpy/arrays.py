"""Which quantities of a program are arrays over time, which are local, and what each is called."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from bptt_sym.algebra.expressions import (
    TIME,
    Adjoint,
    MatrixExpr,
    Parameter,
    Shape,
    Variable,
)
from bptt_sym.algebra.pullback import leaves
from bptt_sym.emit.numpy.names import Names
from bptt_sym.emit.numpy.printer import Place
from bptt_sym.model.model import Declaration
from bptt_sym.program.batch import BATCH_OPERATIONS
from bptt_sym.program.program import Program, Statement
from bptt_sym.render.plain import ascii_text
from bptt_sym.render.typeset import typeset


@dataclass(frozen=True)
class Argument:
    """An array that goes into or comes out of a function: its name, sizes and meaning."""

    name: str
    shape: tuple[str, ...]
    meaning: str

    @property
    def shape_text(self) -> str:
        return f"({', '.join(self.shape)}{',' if len(self.shape) == 1 else ''})"


class Arrays:
    """The arrays of one program. A quantity is kept over time where a later stage reads it."""

    def __init__(self, program: Program, names: Names) -> None:
        self.program = program
        self.names = names

    @cached_property
    def parameters(self) -> list[Argument]:
        return [self._argument(entry) for entry in self.program.model.declared("parameter")]

    @cached_property
    def inputs(self) -> list[Argument]:
        entries = self.program.model.declared("input")
        return [self._argument(entry, "T", "B") for entry in entries]

    @cached_property
    def targets(self) -> list[Argument]:
        entries = self.program.model.declared("target")
        return [
            self._argument(entry, "B", at=" of the last time step")
            if entry.name in self.last_targets
            else self._argument(entry, "T", "B")
            for entry in entries
        ]

    @cached_property
    def forward_arguments(self) -> list[Argument]:
        """What the forward pass takes: inputs, the targets that it reads, initial states."""
        read = _names(_leaves(self.program.forward.statements))
        targets = [t for t, entry in self._declared_targets if entry.name in read]
        return [*self.inputs, *targets, *self.initial_states]

    @cached_property
    def loss_arguments(self) -> list[Argument]:
        """What the loss takes beside the forward pass: the inputs and targets that it reads."""
        read = _names(_leaves([self.program.loss]))
        entries = self.program.model.declared("input")
        inputs = [i for i, e in zip(self.inputs, entries, strict=True) if e.name in read]
        return inputs + [t for t, entry in self._declared_targets if entry.name in read]

    @property
    def arguments(self) -> list[Argument]:
        """What ``value_and_grad`` takes beside the parameters."""
        return [*self.inputs, *self.targets, *self.initial_states]

    @property
    def _declared_targets(self) -> list[tuple[Argument, Declaration]]:
        return list(zip(self.targets, self.program.model.declared("target"), strict=True))

    @cached_property
    def initial_states(self) -> list[Argument]:
        return [
            Argument(
                self.names("initial", state.name),
                ("B", *sizes(state.shape)),
                f"{state.name} before the first time step",
            )
            for state in self.program.model.states
        ]

    def _argument(self, entry: Declaration, *leading: str, at: str = "") -> Argument:
        name = self.names("value", entry.name)
        meaning = (entry.meaning or entry.kind) + at
        return Argument(name, (*leading, *sizes(entry.shape)), meaning)

    @cached_property
    def returned(self) -> list[Argument]:
        """The fields of what the forward pass returns."""
        fields = [
            Argument(
                self.names("value", variable.name),
                ("T", "B", *sizes(variable.shape)),
                _math(variable),
            )
            for variable in self.kept
        ]
        for state in self.previous:
            meaning = f"{_math(state.at(TIME - 1))}; shares memory with {state.name}"
            name = self.names("previous", state.name)
            fields.append(Argument(name, ("T", "B", *sizes(state.shape)), meaning))
        return fields

    @cached_property
    def statements(self) -> list[Statement]:
        program = self.program
        return [*program.forward.statements, program.loss, *self._backward_statements]

    @property
    def _backward_statements(self) -> list[Statement]:
        program = self.program
        return [*program.carried, *program.backward.statements, *program.gradients]

    @cached_property
    def _after_forward(self) -> set[MatrixExpr]:
        """The leaves that the loss and the backward pass read."""
        return _leaves([self.program.loss, *self._backward_statements])

    @cached_property
    def last_targets(self) -> set[str]:
        """The targets that are read at the last time step alone."""
        targets = {entry.name for entry in self.program.model.declared("target")}
        always = _leaves(s for s in self.statements if s.when == "always")
        return targets - _names(always)

    @cached_property
    def kept(self) -> list[Variable]:
        """The variables that the forward pass returns: the model's, and what is read later."""
        written = {equation.name for equation in self.program.model.equations}
        later = _names(self._after_forward)
        return [
            statement.target
            for statement in self.program.forward.statements
            if statement.target.name in written | later
        ]

    @cached_property
    def previous(self) -> list[Variable]:
        """The states whose value at the step before is read after the forward pass."""
        found = {
            leaf.name
            for leaf in self._after_forward
            if isinstance(leaf, Variable) and leaf.time != TIME
        }
        return [state for state in self.program.model.states if state.name in found]

    @cached_property
    def stored(self) -> set[str]:
        """The variables of the forward loop that are arrays over time."""
        forward = self.program.forward
        outside = _leaves([*forward.before, *forward.after])
        kept = {variable.name for variable in self.kept}
        return kept | _names(outside)

    @cached_property
    def loop_adjoints(self) -> list[Variable]:
        """The variables whose adjoints the backward loop computes."""
        targets = (statement.target for statement in self.program.backward.loop)
        found = (target.variable for target in targets if isinstance(target, Adjoint))
        return list(dict.fromkeys(found))

    @cached_property
    def stored_adjoints(self) -> set[str]:
        """The names of those whose adjoints are arrays over time."""
        outside = _leaves([*self.program.backward.after, *self.program.gradients])
        return {leaf.variable.name for leaf in outside if isinstance(leaf, Adjoint)}

    def forward_place(self, index: str) -> Place:
        """Where a statement of the forward pass or the loss stands."""
        loop = {statement.target.name for statement in self.program.forward.loop}
        local = (loop - self.stored) | self.last_targets
        return Place(index, lambda leaf: isinstance(leaf, Variable) and leaf.name in local)

    def backward_place(self, index: str) -> Place:
        """Where a statement of the backward pass or a gradient stands."""
        loop = {variable.name for variable in self.loop_adjoints}
        local = (loop - self.stored_adjoints) | self.program.at_last_step

        def bare(leaf: MatrixExpr) -> bool:
            if isinstance(leaf, Adjoint):
                return isinstance(leaf.variable, Parameter) or leaf.variable.name in local
            return isinstance(leaf, Variable) and leaf.name in self.last_targets

        return Place(index, bare)


def sizes(shape: Shape) -> tuple[str, ...]:
    """The sizes of an array that holds a matrix; a vector has one, be it a row or a column."""
    rows, columns = shape
    if 1 in shape:
        return (str(columns if rows == 1 else rows),)
    return str(rows), str(columns)


def _leaves(statements: Iterable[Statement]) -> set[MatrixExpr]:
    found: set[MatrixExpr] = set()
    for statement in statements:
        found |= set(leaves(statement.expression, BATCH_OPERATIONS))
    return found


def _names(leaves: Iterable[MatrixExpr]) -> set[str]:
    return {leaf.name for leaf in leaves if isinstance(leaf, Variable)}


def _math(variable: Variable) -> str:
    return ascii_text(typeset(variable))
