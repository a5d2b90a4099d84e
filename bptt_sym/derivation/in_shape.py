"""From a row times a matrix to a gradient in the shape of its parameter.

A factor with respect to a matrix has a column for each of its entries. What a row times such a
factor is in the shape of the parameter is said for each factor in general, and then used: the
gradient is the sum of that over time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bptt_sym.algebra.derivatives import as_row, from_row
from bptt_sym.algebra.expressions import (
    LAST_STEP,
    Adjoint,
    DiagMatrix,
    Expr,
    Gradient,
    HadamardProduct,
    MatAdd,
    MatrixExpr,
    Parameter,
    PartialDerivative,
    Transpose,
    add,
    hadamard,
    product,
    scale,
    split_coefficient,
    transpose,
)
from bptt_sym.algebra.operations import is_leaf, replaced
from bptt_sym.choices import Loss
from bptt_sym.derivation.adjoint import AdjointRecursion
from bptt_sym.derivation.adjoint_sections import fewest_steps
from bptt_sym.derivation.derivation import DerivedEquation, Section
from bptt_sym.derivation.step import Edge, Step, derive_step


def in_shape(written: Step, loss: Loss, parameters: Sequence[Parameter]) -> list[Section]:
    """The section about the parameters in whose shape the rows of a chain have to be brought.

    First come the adjoints of what is within the equations, for which the chains of the step as
    ``written`` have no name; then a line for each factor, and the gradients.
    """
    step = derive_step(written.model, detailed=True)
    recursion = AdjointRecursion(step, loss, parameters)
    readers = {parameter: recursion.readers(parameter) for parameter in parameters}
    chosen = [p for p, edges in readers.items() if any(_differs(*_sides(e)) for e in edges)]
    if not chosen:
        return []
    edges = [edge for parameter in chosen for edge in readers[parameter]]
    within = {edge.of.name for edge in edges} - {variable.name for variable in written.variables}
    adjoints = [e for e in recursion.symbolic() if _variable_of(e).name in within]
    gradients = [e for e in recursion.symbolic_gradients() if _source_of(e) in chosen]
    equations = [*adjoints, *_factors(edges), *gradients]
    if step.model.notation.adjoint == "fraction":
        equations = [_with_rows(equation, recursion) for equation in equations]
    named = (replace(e, meaning=("shape", *e.meaning)) for e in equations)
    return [Section("shapes", tuple(named), general=True, fewest_steps=fewest_steps(recursion))]


def _factors(edges: Sequence[Edge]) -> Iterator[DerivedEquation]:
    """A line for the first factor of each form."""
    forms = set()
    for edge in edges:
        left, right = _sides(edge)
        form = _form(product(left, transpose(right)), {})
        if _differs(left, right) and form not in forms:
            forms.add(form)
            yield DerivedEquation(("factor", f"{edge.of.name}_t", edge.by.name), left, right)


def _sides(edge: Edge) -> tuple[MatrixExpr, MatrixExpr]:
    """A row times the factor along an edge, and the row of what that is in another shape."""
    return product(as_row(edge.seed), edge.jacobian), as_row(edge.pulled)


def _differs(left: MatrixExpr, right: MatrixExpr) -> bool:
    return left.shape != (1, 1) and left != right


def _form(expression: Expr, known: dict[Expr, int]) -> object:
    """An expression with the places of names and sizes, in order, instead of these."""
    if expression.is_number:
        return expression
    if is_leaf(expression) or not isinstance(expression, MatrixExpr):
        return known.setdefault(expression, len(known))
    return (type(expression), *(_form(argument, known) for argument in expression.args))


def _variable_of(equation: DerivedEquation) -> MatrixExpr:
    assert isinstance(equation.left, Adjoint)
    return equation.left.variable


def _source_of(equation: DerivedEquation) -> MatrixExpr:
    assert isinstance(equation.left, Gradient)
    return equation.left.by


def _with_rows(equation: DerivedEquation, recursion: AdjointRecursion) -> DerivedEquation:
    """With derivatives, which are rows, where the notation writes adjoints as these."""
    whole = recursion.reduction.of(recursion.step.loss, LAST_STEP)
    sides = [side for side in (equation.left, equation.right) if side is not None]
    rows = {
        adjoint: from_row(PartialDerivative(whole, adjoint.variable, False), adjoint.shape)
        for side in sides
        for adjoint in side.atoms(Adjoint)
    }
    left, right = (replaced(side, rows) for side in sides)
    if left.shape[1] == 1 and isinstance(equation.left, Adjoint):
        left, right = transpose(left), _as_a_row(right)
    elif isinstance(right, Transpose) and isinstance(right.arg, HadamardProduct):
        right = hadamard(*map(transpose, right.arg.args))
    return replace(equation, left=left, right=right)


def _as_a_row(column: MatrixExpr) -> MatrixExpr:
    """A column of derivatives as these, which are rows, times matrices of what multiplies them."""
    number, rest = split_coefficient(column)
    if isinstance(rest, MatAdd):
        return scale(number, add(*map(_as_a_row, rest.args)))
    if not isinstance(rest, HadamardProduct):
        return transpose(column)
    derived = [factor for factor in rest.args if factor.has(PartialDerivative)]
    others = [factor for factor in rest.args if factor not in derived]
    if len(derived) != 1 or not others:
        return transpose(column)
    return scale(number, product(transpose(derived[0]), DiagMatrix(hadamard(*others))))
