"""How the expressions of a derivation are shown: in the notation of its model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial

from bptt_sym.algebra.boxes import Box
from bptt_sym.algebra.expressions import (
    CONTRIBUTION_STEP,
    LAST_STEP,
    TIME,
    Adjoint,
    Expr,
    Gradient,
    MatrixExpr,
    Parameter,
    PartialDerivative,
    S,
)
from bptt_sym.derivation.derivation import Derivation, DerivedEquation, Section
from bptt_sym.model.function_rules import function_rules
from bptt_sym.model.model import ARGUMENT, Model
from bptt_sym.render.typeset import typeset

Show = Callable[[Expr], Box]
"""Makes the box of an expression."""


def is_marked(derivation: Derivation, *, asked: bool = False) -> bool:
    """Whether immediate derivatives carry a mark: where it is ``asked`` for or tells them apart."""
    return asked or derivation.needs_marks or derivation.model.notation.mark_immediate


def typesetter(
    derivation: Derivation, section: Section | None = None, *, mark_immediate: bool = False
) -> Show:
    """What makes the boxes of a derivation, or of a section of it, each once."""
    return cache(
        partial(
            typeset,
            notation=derivation.model.notation,
            mark_immediate=is_marked(derivation, asked=mark_immediate),
            loss=derivation.objective(general=section is not None and section.general),
        )
    )


def sides(equations: Iterable[DerivedEquation], show: Show) -> Iterator[Box]:
    """The boxes of the sides of equations."""
    for equation in equations:
        if equation.left is not None:
            yield show(equation.left)
        yield show(equation.right)


@dataclass(frozen=True)
class Conventions:
    """What one must know of shapes to read a derivation; what does not occur in it is not said.

    ``vectors`` are rows or columns, a derivative between what is no number (``jacobians``) is a
    matrix, for which the entries of a matrix are counted (``row_by_row``), the gradient with
    respect to a parameter is ``shaped`` as this, and ``adjoints`` are those of variables.
    """

    vectors: bool
    jacobians: bool
    row_by_row: bool
    shaped: bool
    adjoints: bool


def conventions_of(derivation: Derivation) -> Conventions:
    """The conventions that the equations of a derivation keep."""
    sides = [s for e in derivation.equations for s in (e.left, e.right) if s is not None]
    derivatives = {d for side in sides for d in side.atoms(PartialDerivative) if d.shape != (1, 1)}
    gradients = {g for side in sides for g in side.atoms(Gradient)}
    return Conventions(
        vectors=any(sum(1 == size for size in e.shape) == 1 for e in derivation.model.declarations),
        jacobians=bool(derivatives),
        row_by_row=any(1 not in side.shape for d in derivatives for side in (d.of, d.by)),
        shaped=any(gradient.shape != (1, 1) for gradient in gradients),
        adjoints=any(side.has(Adjoint) for side in sides),
    )


def functions_of(model: Model, write: Callable[[Box], str]) -> list[dict[str, str | bool]]:
    """The functions of a model as formulas, and whether a derivative is derived or declared."""
    found: list[dict[str, str | bool]] = []
    for rule in function_rules(model):
        value, slope = (
            " = ".join(write(_of_function(side, model)) for side in sides) for sides in rule.sides
        )
        entry = {"value": value, "slope": slope, "origin": rule.origin}
        found.append({**entry, "declared": rule.declared})
    return found


def given_from_above(model: Model, write: Callable[[Box], str]) -> dict[str, list[str]]:
    """The error signals of a layer, and the outputs that they are of."""

    def written(names: Iterable[str]) -> list[str]:
        return [write(typeset(model.symbol(name), model.notation)) for name in names]

    return {"signals": written(model.outputs.values()), "outputs": written(model.outputs)}


def step_boxes(derivation: Derivation, show: Show) -> Iterator[Box]:
    """The boxes of the equations of a step and of the functions in them."""
    for sides in derivation.of_a_step:
        yield from map(show, sides)
    yield from function_boxes(derivation.model)


def function_boxes(model: Model) -> Iterator[Box]:
    """The boxes of what is printed of the functions."""
    for rule in function_rules(model):
        yield from (_of_function(side, model) for sides in rule.sides for side in sides)


def _of_function(side: MatrixExpr, model: Model) -> Box:
    return typeset(side, model.notation.with_letters(ARGUMENT.name))


def words_of(derivation: Derivation, write: Callable[[Box], str]) -> dict[str, object]:
    """What the sentences of a derivation speak of: its symbols, and what derivatives look like.

    ``write`` makes text of a box.
    """
    u, v = (Parameter(name, S.One, S.One) for name in "uv")
    whole = derivation.objective(general=True)

    def sign(expression: Expr) -> str:
        notation = derivation.model.notation.with_letters("uv")
        box = typeset(expression, notation, mark_immediate=True, loss=whole)
        return write(box)

    return {
        "time": TIME,
        "copy": CONTRIBUTION_STEP,
        "last": LAST_STEP,
        "loss": derivation.objective(),
        "total": sign(PartialDerivative(u, v, False)),
        "immediate": sign(PartialDerivative(u, v, True)),
        "adjoint": sign(Adjoint(v)),
    }
