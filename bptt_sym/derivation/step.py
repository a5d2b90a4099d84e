"""One time step, derived once: what each equation reads and how its adjoint reaches there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from bptt_sym.algebra.expressions import (
    TIME,
    Adjoint,
    Expr,
    Identity,
    MatrixExpr,
    Parameter,
    Variable,
    ZeroMatrix,
    add,
    at_step,
)
from bptt_sym.algebra.operations import is_leaf, replaced
from bptt_sym.algebra.pullback import as_product, jacobian, pullback
from bptt_sym.model.model import Equation, Model
from bptt_sym.model.written_out import is_named_within


@dataclass(frozen=True)
class Edge:
    """``of`` at step t reads ``by`` at step t - lag, or the parameter ``by``.

    ``pulled`` is what the adjoint of ``of`` adds to the adjoint of ``by``: linear in ``seed``,
    which is the adjoint of ``of`` at step t, or 1 where ``of`` is a loss.
    """

    of: Variable
    by: Variable | Parameter
    lag: int
    seed: MatrixExpr
    pulled: MatrixExpr

    @cached_property
    def jacobian(self) -> MatrixExpr:
        """The immediate Jacobian d(of)/d(by) at step t."""
        return jacobian(self.pulled, self.seed)

    def applied(self, row: MatrixExpr, time: Expr) -> MatrixExpr:
        """``pulled`` at a step for the adjoint ``row``: a product of matrices, shaped as ``by``."""
        return as_product(at_step(self.pulled, TIME, time), at_step(self.seed, TIME, time), row)


@dataclass(frozen=True)
class Step:
    """The dependence graph of one time step.

    ``edges`` go from a variable to what it reads, ``initial`` from a state or an input before the
    first step to the parameters that it is made of. With ``detailed`` the pre-activations are
    variables like the others; without, the equations stand as the user wrote them.
    """

    model: Model
    detailed: bool
    edges: tuple[Edge, ...]
    initial: tuple[Edge, ...] = ()

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """What the step computes, in the order of computation, the losses last."""
        if self.detailed:
            return tuple(equation.variable for equation in self.model.definitions)
        return tuple(equation.variable for equation in self.model.all_equations)

    @cached_property
    def loss(self) -> Variable:
        return self.model.loss.variable

    @cached_property
    def losses(self) -> tuple[Variable, ...]:
        """The loss, and the terminal one where there is one beside it."""
        return tuple(equation.variable for equation in self.model.losses)

    @cached_property
    def by_regularizer(self) -> dict[str, MatrixExpr]:
        """What the regularizer adds to the gradient with respect to each parameter."""
        if self.model.regularizer is None:
            return {}
        reached = dict[Parameter, list[MatrixExpr]]()
        for leaf, term in pullback(self.model.regularizer.expression, Identity(1)):
            reached.setdefault(leaf, []).append(term)
        found = {parameter.name: add(*terms) for parameter, terms in reached.items()}
        return {name: found[name] for name in self.model.parameters if _counts(found.get(name))}

    @cached_property
    def _by_reader(self) -> dict[str, list[Edge]]:
        found: dict[str, list[Edge]] = {variable.name: [] for variable in self.variables}
        for edge in self.edges:
            found[edge.of.name].append(edge)
        return found

    @cached_property
    def _by_read(self) -> dict[str, list[Edge]]:
        found: dict[str, list[Edge]] = {}
        for edge in self.edges:
            found.setdefault(edge.by.name, []).append(edge)
        for edges in found.values():
            edges.sort(key=lambda edge: edge.lag)
        return found

    def reads(self, name: str) -> list[Edge]:
        """The edges from a variable to what it reads."""
        return self._by_reader[name]

    def readers(self, name: str) -> list[Edge]:
        """The edges to a variable or parameter from what reads it, the smallest lag first."""
        return self._by_read.get(name, [])

    def edge(self, of: str, by: str, lag: int) -> Edge:
        """The edge between two variables, or from a variable to a parameter (lag 0)."""
        return next(e for e in self.reads(of) if (e.by.name, e.lag) == (by, lag))


def derive_step(
    model: Model,
    *,
    detailed: bool,
    seeds: Sequence[MatrixExpr] | None = None,
    loss_at_hand: bool = True,
) -> Step:
    """The step graph of a model, every edge with its derivative.

    ``seeds`` are the adjoints of its losses, where they are not 1. With ``loss_at_hand`` a
    derivative may be written by the value of a loss, as that of exp is; without, it is not.
    """
    names = [loss.name for loss in model.losses]
    of_losses = dict(zip(names, seeds or (Identity(1) for _ in names), strict=False))
    named = {
        definition.expression: definition.variable
        for definition in model.definitions
        if not is_leaf(definition.expression) and (loss_at_hand or definition.name not in of_losses)
    }
    edges: list[Edge] = []
    for equation in model.definitions if detailed else model.all_equations:
        inner = () if detailed else equation.preactivations
        reached: dict[Variable | Parameter, list[MatrixExpr]] = {}
        is_loss = equation.name in of_losses
        own = of_losses[equation.name] if is_loss else Adjoint(equation.variable)
        for leaf, term in _reached(equation, inner, own):
            reached.setdefault(leaf, []).append(replaced(term, named))
        for leaf, terms in reached.items():
            pulled = add(*terms)
            if isinstance(pulled, ZeroMatrix):
                continue  # what is read cancels
            lag = -int(leaf.time.as_coeff_Add()[0]) if isinstance(leaf, Variable) else 0
            by = leaf.at(TIME) if isinstance(leaf, Variable) else leaf
            edges.append(Edge(equation.variable, by, lag, own, pulled))
    return Step(model, detailed, tuple(edges), tuple(_initial_edges(model)))


def written_step(model: Model) -> Step:
    """The step graph of the equations as the user wrote them; where derivatives would be too large
    without, with what is within the equations named.
    """
    return derive_step(model, detailed=is_named_within(model))


def _initial_edges(model: Model) -> Iterator[Edge]:
    for entry in model.handed_on:
        if entry.initial is None or not model.depth(entry.name):
            continue
        reached: dict[Parameter, list[MatrixExpr]] = {}
        seed = Adjoint(entry.symbol)
        for leaf, term in pullback(entry.initial, seed):
            reached.setdefault(leaf, []).append(term)
        for leaf, terms in reached.items():
            pulled = add(*terms)
            if leaf in model.parameters.values() and not isinstance(pulled, ZeroMatrix):
                yield Edge(entry.symbol, leaf, 0, seed, pulled)


def _reached(
    equation: Equation, inner: tuple[Equation, ...], seed: MatrixExpr
) -> Iterator[tuple[Variable | Parameter, MatrixExpr]]:
    """The sweep through an equation and through the pre-activations inside it."""
    definitions = {definition.variable: definition.expression for definition in inner}

    def sweep(
        expression: MatrixExpr, cotangent: MatrixExpr
    ) -> Iterator[tuple[Variable | Parameter, MatrixExpr]]:
        for leaf, reached in pullback(expression, cotangent):
            if leaf in definitions:
                yield from sweep(definitions[leaf], reached)
            else:
                yield leaf, reached

    yield from sweep(equation.expression, seed)


def _counts(derivative: MatrixExpr | None) -> bool:
    return derivative is not None and not isinstance(derivative, ZeroMatrix)
