"""A derivation in numbers: what each of its equations, contributions and factors is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from bptt_sym.algebra.blocks import StateTuple
from bptt_sym.algebra.expressions import (
    TIME,
    Adjoint,
    Expr,
    MatrixExpr,
    Parameter,
    PartialDerivative,
    Variable,
    at_step,
)
from bptt_sym.algebra.over_time import TimeProduct, TimeSum
from bptt_sym.derivation.derivation import Derivation, DerivedEquation, Section
from bptt_sym.derivation.derivative_values import DerivativeValues
from bptt_sym.derivation.network_values import NetworkValues

Array = Any


@dataclass(frozen=True)
class DerivationValues:
    """A derivation, and the values of the network that it is about.

    ``sizes`` is the number of each dimension; ``given`` names the arrays that were given and
    ``drawn`` those that were drawn, with the ``seed``. ``words`` are those of the command that
    takes these values.
    Jacobians have a row for each entry of the numerator and a column for each of the denominator;
    a gradient has the shape of what it is taken with respect to, at all levels.
    """

    derivation: Derivation
    network: NetworkValues
    sizes: Mapping[str, int]
    given: tuple[str, ...]
    drawn: tuple[str, ...]
    seed: int
    words: tuple[str, ...] = ()

    @cached_property
    def derivatives(self) -> DerivativeValues:
        """The values of all that stands in the equations."""
        sections = (s for s in self.derivation.sections if s.topic == "adjoints" and not s.general)
        said = {e.left: e.right for section in sections for e in section.equations}
        adjoints = {left: right for left, right in said.items() if isinstance(left, Adjoint)}
        return DerivativeValues(self.network, adjoints)

    def value(self, expression: MatrixExpr) -> Array:
        """The matrix that an expression of numbered time steps is."""
        return self.derivatives.value(expression)

    def in_shape(self, equation: DerivedEquation, value: Array) -> Array:
        """The value of an equation in the shape of the parameter or input that it is a gradient
        with respect to, where it is one.
        """
        by = source_of(equation)
        return value if by is None else value.reshape(self.network.shape(by))

    def instances(self, section: Section, place: int) -> list[DerivedEquation]:
        """The equations of a line of a section at the time steps that it has numbers for.

        That is itself, where it names its steps. One about any step t stands for those steps from
        which a path leads to the loss. One about N steps, or about steps i or j, has none.
        """
        equations = (section.equations[k] for k in section.places[place])
        return [found for equation in equations for found in self.at_steps(section, equation)]

    def at_steps(self, section: Section, line: DerivedEquation) -> Iterator[DerivedEquation]:
        """An equation at the steps that it has numbers for."""
        symbols = _time_symbols(line)
        if not symbols:
            yield line
        elif symbols == {TIME} and section.topic in ("factors", "definitions"):
            for time in range(self.network.steps, 0, -1):
                found = _moved(line, time)
                if self._is_there(found):
                    yield found

    def _is_there(self, equation: DerivedEquation) -> bool:
        """Whether a derivative is one of the steps that lead to the loss, and has a value."""
        left = equation.left
        assert isinstance(left, PartialDerivative)
        of = left.of.components if isinstance(left.of, StateTuple) else (left.of,)
        if self.reached.isdisjoint(of) or not self._leads_on(left.by):
            return False
        try:
            self.value(left)
            self.value(equation.right)
        except KeyError:
            return False
        return True

    def _leads_on(self, by: Expr) -> bool:
        """Whether a derivative with respect to it is a factor of some gradient."""
        if not isinstance(by, Variable) or isinstance(by, StateTuple):
            return True
        model = self.derivation.model
        if self.network.is_computed(by) or any(by.name == e.name for e in self.derivation.inputs):
            return True
        return model.declaration(by.name).initial is not None

    @cached_property
    def reached(self) -> set[Expr]:
        """The quantities that the loss depends on."""
        network = self.network
        steps, model = network.steps, network.model
        waiting = [model.loss.variable.at(time) for time in network.reduction.losses(steps)]
        waiting += [entry.left_at(steps) for entry in model.added]
        found: set[Expr] = set(waiting)
        while waiting:
            symbol = waiting.pop()
            try:
                read = network.definition(symbol).atoms(Variable, Parameter)
            except KeyError:
                continue
            waiting += read - found
            found |= read
        return found

    # The quantities that the loss follows from.

    def quantities(self, *, computed: bool) -> Iterator[Expr]:
        """Those that are given, or those that are computed, which the loss depends on: what is the
        same at each step, then the values before the first step, then one step after the other.
        """
        model, steps = self.derivation.model, self.network.steps
        first = 1 - max((model.depth(entry.name) for entry in model.handed_on), default=0)
        timed = [entry.symbol for entry in model.handed_on]
        timed += [e.variable for e in model.definitions if e.variable not in timed]
        alone = [entry.symbol for entry in model.declarations if entry.is_timeless]
        order: list[Expr] = [*alone]
        if computed:
            timed = [e.variable for e in model.definitions]
        for time in range(first, 2 * steps + 1):
            order += [symbol.at(time) for symbol in timed]
        for symbol in dict.fromkeys(order):
            if symbol in self.reached and self._is_computed(symbol) == computed:
                yield symbol

    def _is_computed(self, symbol: Expr) -> bool:
        if isinstance(symbol, Variable):
            return self.network.is_computed(symbol)
        regularizer = self.derivation.model.regularizer
        return regularizer is not None and symbol == regularizer.left

    # What a derivation is made of, by name.

    @property
    def loss(self) -> float:
        """The value of what is derived."""
        return float(self.value(self.derivation.objective())[0, 0])

    def concrete(self) -> Iterator[DerivedEquation]:
        """The equations about this number of steps."""
        for section in self.derivation.sections:
            for equation in section.equations:
                if section.topic not in ("factors", "definitions") and not _time_symbols(equation):
                    yield equation

    @cached_property
    def gradients(self) -> Mapping[Expr, Array]:
        """The gradient with respect to each parameter, and to each input at its steps."""
        found = {}
        for equation in self.concrete():
            by = source_of(equation)
            if by is not None and equation.left is not None:
                found[by] = self.in_shape(equation, self.value(equation.right))
        return found

    @cached_property
    def contributions(self) -> Mapping[Parameter, Mapping[int, Array]]:
        """The gradients with respect to the copies of each parameter, by their steps."""
        found: dict[Parameter, dict[int, Array]] = {}
        for equation in self.concrete():
            if equation.contribution is not None:
                of_parameter = found.setdefault(equation.contribution.parameter, {})
                value = self.in_shape(equation, self.value(equation.right))
                of_parameter[equation.contribution.step] = value
        return found

    @cached_property
    def factors(self) -> Mapping[PartialDerivative, Array]:
        """The matrices of all derivatives in the chains for this number of steps."""
        chains = (chain for equation in self.concrete() for chain in equation.factors)
        factors = dict.fromkeys(factor.expression for chain in chains for factor in chain)
        return {factor: self.value(factor) for factor in factors}


def source_of(equation: DerivedEquation) -> Parameter | Variable | None:
    """What a gradient, or a contribution to it, is with respect to."""
    if equation.contribution is not None:
        return equation.contribution.parameter
    left = equation.left
    if equation.meaning[0] in ("adjoint", "factor", "total", "shape") or left is None:
        return None
    by = getattr(left, "by", None)
    return by if isinstance(by, Parameter | Variable) else None


def _moved(line: DerivedEquation, time: int) -> DerivedEquation:
    assert line.left is not None
    left, right = (at_step(side, TIME, time) for side in (line.left, line.right))
    return replace(line, left=left, right=right, span=None)


def _time_symbols(equation: DerivedEquation) -> set[Expr]:
    """The symbols of time steps that stand for several."""
    found: set[Expr] = set()
    for side in (equation.left, equation.right):
        if side is not None:
            bound = {node.args[1] for node in side.atoms(TimeSum, TimeProduct)}
            times = {v.time for v in side.atoms(Variable)}
            ends = {end for node in side.atoms(TimeSum, TimeProduct) for end in node.args[2:]}
            free = {s for time in (*times, *ends) for s in time.free_symbols}
            found |= free - bound
    return found
