"""What a recurrent network is: the equations of one time step, as data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from sympy import Expr, S

from bptt_sym.algebra.expressions import (
    TIME,
    MatrixExpr,
    OneMatrix,
    Parameter,
    Shape,
    Variable,
    add,
)
from bptt_sym.algebra.pullback import leaves, pullback
from bptt_sym.model.conventions import COURSE, Notation

Kind = Literal[
    "input", "target", "once", "parameter", "constant", "state", "value", "loss", "regularizer"
]


TERMINAL, OF_PARAMETERS = "_last", "_params"
"""What the names of losses that are added once end with, behind the name of the loss E."""

INITS = ("zeros", "ones", "normal", "uniform", "glorot", "orthogonal")
"""The ways to draw a parameter, the last two of them for matrices alone."""


@dataclass(frozen=True)
class Declaration:
    """A name with its shape (rows, columns) as symbols.

    A ``constant`` is a parameter without a gradient, and what is given ``once`` for each sequence
    is the same at all of its time steps. ``labels`` marks one-hot vectors, which code
    takes as whole numbers, ``mask`` a scalar that is 0 behind the end of a sequence and 1 before,
    ``positive`` what is drawn positive. ``initial`` is the value before the first step, an
    expression of parameters; without one it is an argument. A state that is ``reverse`` runs from
    the last step to the first. ``init`` is how code draws a parameter, where the model file
    says it: one of INITS or the number that it is filled with. A quantity with ``heads`` has so
    many of them, the rows of one below those of the other.
    """

    name: str
    kind: Kind
    shape: Shape
    meaning: str = ""
    labels: bool = False
    mask: bool = False
    positive: bool = False
    reverse: bool = False
    initial: MatrixExpr | None = None
    init: str | float | None = None
    heads: Expr | None = None

    @property
    def sizes(self) -> tuple[Expr, ...]:
        """Rows and columns, with heads in front and of a head where it has some."""
        rows, columns = self.shape
        return self.shape if self.heads is None else (self.heads, rows / self.heads, columns)

    @property
    def remark(self) -> str:
        """What else is said of it, in words."""
        switches = ("labels", "mask", "positive", "reverse")
        said = [name for name in switches if getattr(self, name)]
        return ", ".join([*said, *([] if self.init is None else [f"init {self.init}"])])

    @property
    def is_timeless(self) -> bool:
        """Whether it is the same at every time step."""
        return self.kind in ("parameter", "constant", "once", "regularizer")

    @property
    def symbol(self) -> Variable | Parameter:
        """The symbol: at time step t, or without time for what is the same at every step."""
        if self.is_timeless:
            return Parameter(self.name, *self.shape)
        return Variable(self.name, *self.shape, TIME)


@dataclass(frozen=True)
class Formula:
    """A function of one variable z by its formula, as an expression in ARGUMENT.

    ``derivative`` is one that the user declares; without it, it follows from the formula.
    """

    text: str
    value: MatrixExpr
    derivative: MatrixExpr | None = None

    def __str__(self) -> str:
        return self.text

    @property
    def slope(self) -> MatrixExpr:
        """The derivative, an expression in ARGUMENT."""
        if self.derivative is not None:
            return self.derivative
        reached = pullback(self.value, OneMatrix(1, 1))
        return add(*(term for leaf, term in reached if leaf == ARGUMENT), like=ARGUMENT)


ARGUMENT = Variable("z", S.One, S.One, TIME)
"""The variable of a formula."""


@dataclass(frozen=True)
class Dimension:
    """The name of a size, such as n, and what it counts."""

    name: str
    meaning: str = ""


@dataclass(frozen=True)
class Equation:
    """One equation of a time step: ``variable`` = ``expression``.

    The argument of a function has a name of its own, the pre-activation: s = phi(z) with
    z = x W_x + s W_s. ``preactivations`` holds these in the order in which they are computed.
    What is ``timeless`` is the same at every step, and is printed so.
    """

    variable: Variable
    expression: MatrixExpr
    preactivations: tuple[Equation, ...] = ()
    timeless: bool = False

    @property
    def name(self) -> str:
        return self.variable.name

    @property
    def left(self) -> Variable | Parameter:
        """The left side as it is printed."""
        return Parameter(self.name, *self.variable.shape) if self.timeless else self.variable

    def left_at(self, time: Expr) -> Variable | Parameter:
        """The left side at a time step."""
        return self.left if self.timeless else self.variable.at(time)

    @cached_property
    def written(self) -> MatrixExpr:
        """The right side as the user wrote it, its pre-activations put back in place."""
        expression = self.expression
        # A later one may read an earlier one.
        for equation in reversed(self.preactivations):
            expression = expression.xreplace({equation.variable: equation.expression})
        return expression

    def reads(self) -> Iterator[Variable]:
        """The variables that the written equation reads, each once."""
        return iter(
            dict.fromkeys(leaf for leaf in leaves(self.written) if isinstance(leaf, Variable))
        )


@dataclass(frozen=True)
class Model:
    """A recurrent network: row vectors, the equations of one time step in order, a loss.

    ``functions`` maps each function that stays symbolic in derivations to the known function, or
    the formula, that generated code uses unless told otherwise. ``latex`` says how names are
    typeset in the derivation's ``notation``, ``vectors`` whether a vector is a row or a column;
    ``transposed`` says that the model file has it the other way round. ``loss`` is the equation of
    the loss of one step; with ``ends`` it counts at the last step alone. Added once to what the
    losses of all steps make up are the ``terminal`` loss, of the last step, and the
    ``regularizer``, which reads parameters alone.
    A layer has ``outputs`` in the place of a loss: the name of each with that of its error signal,
    the derivative of the loss above with respect to it, which is given like a target. Its ``loss``
    stands in for that one, and sums over all steps. ``final_signals`` are those of the State behind
    the last step: by a name of a state and how many steps before the last it is read.
    ``layers`` tells of each name that a layer has of its own which name of the file it is of, and
    the number of the layer.
    ``reference`` is what the model is called on the command line: its name or its file.
    """

    name: str
    reference: str
    title: str
    description: str
    source: str
    dimensions: tuple[Dimension, ...]
    declarations: tuple[Declaration, ...]
    functions: dict[str, str | Formula]
    equations: tuple[Equation, ...]
    loss: Equation
    notation: Notation = COURSE
    vectors: str = "rows"
    transposed: bool = False
    layers: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    ends: bool = False
    terminal: Equation | None = None
    regularizer: Equation | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)
    final_signals: Mapping[tuple[str, int], str] = field(default_factory=dict)

    @property
    def latex(self) -> Mapping[str, str]:
        """The LaTeX of names that have one of their own."""
        return self.notation.latex

    def declared(self, kind: Kind) -> tuple[Declaration, ...]:
        """The declarations of one kind, in the order of the model file."""
        return tuple(entry for entry in self.declarations if entry.kind == kind)

    @property
    def given(self) -> tuple[Declaration, ...]:
        """What is given at every time step: inputs, then targets."""
        return (*self.declared("input"), *self.declared("target"))

    @property
    def handed_on(self) -> tuple[Declaration, ...]:
        """What may be read at other time steps: states, then what is given."""
        return (*self.declared("state"), *self.given)

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """The parameters by name, in the order of the model file."""
        return {entry.name: entry.symbol for entry in self.declared("parameter")}

    @cached_property
    def sources(self) -> dict[str, Parameter]:
        """What gradients are taken with respect to, of which each time step has its own copy:
        the parameters, and what is given once for each sequence.
        """
        return self.parameters | {entry.name: entry.symbol for entry in self.declared("once")}

    @cached_property
    def varied_inputs(self) -> tuple[Declaration, ...]:
        """The inputs that gradients can be taken with respect to, those of each time step before
        those given once: no labels, and no mask.
        """
        entries = (*self.declared("input"), *self.declared("once"))
        return tuple(entry for entry in entries if not (entry.labels or entry.mask))

    @cached_property
    def states(self) -> tuple[Variable, ...]:
        """The states at step t, in the order of the model file."""
        return tuple(entry.symbol for entry in self.declared("state"))

    def depth(self, name: str) -> int:
        """How many steps back a state, an input or a target is read at most."""
        return self._depths.get(name, 0)

    @cached_property
    def _depths(self) -> dict[str, int]:
        found = {state.name: 1 for state in self.states}
        for definition in self.definitions:
            for leaf in leaves(definition.expression):
                if isinstance(leaf, Variable):
                    lag = abs(int(TIME - leaf.time))
                    found[leaf.name] = max(found.get(leaf.name, 0), lag)
        return found

    @property
    def masked(self) -> bool:
        """Whether a mask is among its inputs."""
        return any(entry.mask for entry in self.declarations)

    def role(self, entry: Declaration) -> str:
        """What a declaration is called: its kind, or the error signal of an output."""
        return "signal" if entry.name in self.outputs.values() else entry.kind

    def declaration(self, name: str) -> Declaration:
        """The declaration of a name."""
        return next(entry for entry in self.declarations if entry.name == name)

    def symbol(self, name: str) -> Variable | Parameter:
        """What a name stands for, at step t where it varies: pre-activations have one, too."""
        defined = (definition.variable for definition in self.definitions)
        named = next((variable for variable in defined if variable.name == name), None)
        return self.declaration(name).symbol if named is None else named

    @cached_property
    def losses(self) -> tuple[Equation, ...]:
        """The loss of a step, and the terminal one where there is one beside it."""
        return (self.loss,) if self.terminal is None else (self.loss, self.terminal)

    @property
    def added(self) -> tuple[Equation, ...]:
        """What is added once to what the losses of the steps make up."""
        return tuple(entry for entry in (self.terminal, self.regularizer) if entry is not None)

    @property
    def total(self) -> str:
        """The name of the whole, of which the losses are parts."""
        return self.loss.name.removesuffix(TERMINAL) if self.ends and self.added else self.loss.name

    @cached_property
    def all_equations(self) -> tuple[Equation, ...]:
        """The equations of a step and its losses, without the pre-activations."""
        return (*self.equations, *self.losses)

    @property
    def computed(self) -> tuple[Equation, ...]:
        """Every equation, pre-activations and what is of no time step among them."""
        alone = () if self.regularizer is None else (self.regularizer,)
        return (*self.definitions, *alone)

    @property
    def written_equations(self) -> tuple[Equation, ...]:
        """All equations that the model file has, without the pre-activations."""
        return (*self.equations, self.loss, *self.added)

    def with_equations(self, changed: Callable[[Equation], Equation]) -> Model:
        """The model with each of its equations changed."""
        return replace(
            self,
            equations=tuple(map(changed, self.equations)),
            loss=changed(self.loss),
            terminal=None if self.terminal is None else changed(self.terminal),
            regularizer=None if self.regularizer is None else changed(self.regularizer),
        )

    @cached_property
    def definitions(self) -> tuple[Equation, ...]:
        """Every equation of a step in the order of computation, pre-activations among them."""
        ordered: list[Equation] = []
        for equation in self.all_equations:
            ordered += [*equation.preactivations, equation]
        return tuple(ordered)
