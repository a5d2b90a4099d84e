"""Names for the arguments of functions: s = phi(z_s) with z_s = x W_x + s W_s."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, MutableMapping, Sequence

from bptt_sym.algebra.along import AlongAxis
from bptt_sym.algebra.expressions import TIME, MatrixExpr, Variable
from bptt_sym.algebra.functions import Elementwise
from bptt_sym.algebra.names import split_name
from bptt_sym.algebra.operations import is_leaf
from bptt_sym.model.model import Equation


def named_arguments(
    name: str, expression: MatrixExpr, chosen: Sequence[str], taken: MutableMapping[str, str]
) -> Equation:
    """The equation of a name, with a name for each function's argument that is not one already.

    The names are those ``chosen``, as far as they go, then others that are not ``taken``.
    """
    found: list[Equation] = []

    def fresh() -> str:
        if len(found) < len(chosen):
            return chosen[len(found)]
        free = next(candidate for candidate in _candidates(name) if candidate not in taken)
        taken[free] = "a pre-activation"
        return free

    def walk(node: MatrixExpr) -> MatrixExpr:
        if is_leaf(node):
            return node
        inner = node.func(*map(walk, node.args)) if node.args else node
        if not isinstance(inner, Elementwise | AlongAxis) or _is_plain(inner.operand):
            return inner
        known = {equation.expression: equation.variable for equation in found}
        variable = known.get(inner.operand)
        if variable is None:
            variable = Variable(fresh(), inner.operand.rows, inner.operand.cols, TIME)
            found.append(Equation(variable, inner.operand))
        return inner.xreplace({inner.operand: variable})

    result = walk(expression)
    return Equation(Variable(name, expression.rows, expression.cols, TIME), result, tuple(found))


def _candidates(name: str) -> Iterator[str]:
    """z_s, z_s1, z_s2, ...; behind a digit, which may be that of a layer, z_c2, z_c2b, ..."""
    stem = "z_" + "".join(split_name(name))
    letters = "bcdefghijklmnopqrstuvwxyz" if stem[-1].isdigit() else ""
    for more in itertools.chain([""], letters, map(str, itertools.count(1))):
        yield stem + more


def _is_plain(operand: MatrixExpr) -> bool:
    """Whether an argument needs no name: it is one, or is the same at every time step."""
    return is_leaf(operand) or not operand.has(Variable)
