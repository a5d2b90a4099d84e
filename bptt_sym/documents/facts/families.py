"""Parameters whose gradients are derived alike: one of them is told, the others are named.

Two derivations are alike if each equation of the one is that of the other with other names: the
parameter's, and that of the variable which reads it. This is found by comparison.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sympy import preorder_traversal

from bptt_sym.algebra.boxes import Box
from bptt_sym.algebra.expressions import (
    Gradient,
    MatrixExpr,
    Parameter,
    PartialDerivative,
    Variable,
)
from bptt_sym.derivation.derivation import Derivation, DerivedEquation
from bptt_sym.derivation.step import Step
from bptt_sym.documents.facts.named_derivatives import definitions_of
from bptt_sym.model.model import Equation, Model
from bptt_sym.render.typeset import typeset

Renaming = Mapping[str, Variable | Parameter]
"""What takes the place of the parameters and the variables of some names."""


@dataclass(frozen=True)
class Family:
    """``first`` is the parameter whose gradient is derived.

    Those of ``beside`` are read by the same variable. Those of ``elsewhere`` are read by another
    one, which takes the place of ``reader``.
    """

    first: Parameter
    reader: Variable | None = None
    beside: tuple[Parameter, ...] = ()
    elsewhere: tuple[tuple[Variable, tuple[Parameter, ...]], ...] = ()

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """All of its members."""
        others = (parameter for _, found in self.elsewhere for parameter in found)
        return (self.first, *self.beside, *others)


def families(step: Step, chain: Derivation, parameters: Sequence[Parameter]) -> list[Family]:
    """The parameters, those with like derivations together, in the order of the first of each."""
    waiting = list(parameters)
    found = []
    while waiting:
        first = waiting.pop(0)
        family = _family(step, chain, first, waiting)
        waiting = [parameter for parameter in waiting if parameter not in family.parameters]
        found.append(family)
    return found


def _family(step: Step, chain: Derivation, first: Parameter, others: Sequence[Parameter]) -> Family:
    reader = _reader(step, first)
    if reader is None:
        return Family(first)
    equations = _equations(chain, first)
    told = _sides(equations)
    found: dict[Variable, list[Parameter]] = {}
    for other in others:
        its = _reader(step, other)
        if its is None:
            continue
        names: Renaming = {first.name: other} | ({} if its == reader else {reader.name: its})
        same = _written(chain, [renamed(side, names) for side in told]) == _written(
            chain, _sides(_equations(chain, other))
        )
        if same and _means_the_same(chain, equations, names):
            found.setdefault(its, []).append(other)
    beside = tuple(found.pop(reader, ()))
    return Family(first, reader, beside, tuple((its, tuple(o)) for its, o in found.items()))


def _means_the_same(
    chain: Derivation, equations: Sequence[DerivedEquation], names: Renaming
) -> bool:
    """Whether derivatives that have other names then are defined alike."""
    known = {e.left: e for s in chain.sections if s.topic == "definitions" for e in s.equations}
    for equation in definitions_of(chain, equations):
        assert equation.left is not None
        left = renamed(equation.left, names)
        if left != equation.left:
            other = known.get(left)
            sides = renamed(equation.right, names), equation.span
            if other is None or (other.right, other.span) != sides:
                return False
    return True


def _equations(chain: Derivation, parameter: Parameter) -> list[DerivedEquation]:
    (section,) = (s for s in chain.sections if s.parameter == parameter)
    return list(section.equations)


def _written(chain: Derivation, sides: Sequence[MatrixExpr]) -> list[Box]:
    """What is read of expressions, which does not tell their shapes."""
    return [typeset(side, chain.model.notation) for side in sides]


def _sides(equations: Sequence[DerivedEquation]) -> list[MatrixExpr]:
    return [side for e in equations for side in (e.left, e.right) if side is not None]


def _reader(step: Step, parameter: Parameter) -> Variable | None:
    """The variable that reads a parameter at each step, if it alone does."""
    readers = {v for v in step.variables for edge in step.reads(v.name) if edge.by == parameter}
    elsewhere = any(edge.by == parameter for edge in step.initial)
    once = parameter.name in step.by_regularizer
    return None if len(readers) != 1 or elsewhere or once else readers.pop()


def renamed(expression: MatrixExpr, names: Renaming) -> MatrixExpr:
    """An expression with others in the place of some of its names, at the same time steps."""
    atoms = expression.atoms(Variable, Parameter)
    by = {}
    for atom in atoms:
        other = names.get(atom.name)
        if other is not None and isinstance(other, Variable) and isinstance(atom, Variable):
            by[atom] = other.at(atom.time)
        elif other is not None:
            by[atom] = other
    return expression.xreplace(by) if by else expression


@dataclass(frozen=True)
class Alike:
    """An equation that is told, and the variables of which the same holds in place of its own.

    ``equals`` are equations with the same right side.
    """

    equation: DerivedEquation
    others: tuple[Variable, ...] = ()
    equals: tuple[DerivedEquation, ...] = ()


def with_equals(equations: Sequence[DerivedEquation]) -> list[Alike]:
    """The equations, derivatives of one thing that are equal for several parameters as one."""
    found: dict[object, list[DerivedEquation]] = {}
    for k, equation in enumerate(equations):
        left = equation.left
        of_parameter = isinstance(left, Gradient | PartialDerivative) and isinstance(
            left.by, Parameter
        )
        key = (left.of, equation.right, equation.span) if left and of_parameter else k
        found.setdefault(key, []).append(equation)
    return [Alike(first, equals=tuple(rest)) for first, *rest in found.values()]


class Siblings:
    """Equations of a model that are the same up to the names of what reads parameters alike."""

    def __init__(self, model: Model) -> None:
        self.renamings = [*_renamings(model)]

    def told(self, derivation: Derivation, equations: Sequence[DerivedEquation]) -> list[Alike]:
        """The equations, of those that are alike the first alone."""
        entries = {entry.equation: entry for entry in with_equals(equations)}
        waiting = list(entries)
        found = []
        while waiting:
            first = waiting.pop(0)
            others = []
            for variable, names in self.renamings:
                same = self._same(derivation, first, waiting, names)
                if same is not None:
                    if variable not in others:
                        others.append(variable)
                    waiting.remove(same)
            found.append(replace(entries[first], others=tuple(others)))
        return found

    def _same(
        self,
        derivation: Derivation,
        equation: DerivedEquation,
        others: Sequence[DerivedEquation],
        names: Renaming,
    ) -> DerivedEquation | None:
        """What an equation is with other names, if this is one of the others."""
        if equation.left is None or derivation.line(equation).layers is not None:
            return None
        left, right = renamed(equation.left, names), renamed(equation.right, names)
        if left == equation.left:
            return None
        sides = (left, right, equation.span)
        return next((e for e in others if (e.left, e.right, e.span) == sides), None)


def _renamings(model: Model) -> Iterator[tuple[Variable, Renaming]]:
    """From each variable that reads parameters to each like it: their names, part by part."""
    parts = {e.name: _parts(model, e) for e in model.all_equations}
    for equation in model.all_equations:
        for other in model.all_equations:
            own, its = parts[equation.name], parts[other.name]
            if own == its or not any(isinstance(part, Parameter) for part in own):
                continue
            if [_kind(part) for part in own] == [_kind(part) for part in its]:
                pairs = zip(own, its, strict=True)
                yield other.variable, {mine.name: another for mine, another in pairs}


def _kind(part: Variable | Parameter) -> tuple[object, ...]:
    return isinstance(part, Parameter), part.shape


def _parts(model: Model, equation: Equation) -> list[Variable | Parameter]:
    """A variable, what is named within its equation, and the parameters that the equation reads."""
    within = [inner.variable for inner in equation.preactivations]
    expressions = [*(inner.expression for inner in equation.preactivations), equation.expression]
    read = [
        leaf
        for expression in expressions
        for leaf in preorder_traversal(expression)
        if isinstance(leaf, Parameter)
    ]
    return [equation.variable, *within, *dict.fromkeys(read)]
