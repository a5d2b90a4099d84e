"""Equations as comments: ds_t = do_t W_y^T + dz_{t+1} W_s^T for t <= N - 1"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from sympy import Rational

from bptt_sym.algebra.expressions import LAST_STEP, Gradient
from bptt_sym.derivation.derivation import DerivedEquation
from bptt_sym.graph.lowered_step import Carry
from bptt_sym.targets.numpy.fitted import wrapped_comment
from bptt_sym.targets.numpy.interface import math_text

Numbers = Mapping[tuple[str, ...], int]
"""The numbers of equations by their meanings."""


def comments(
    equations: Iterable[DerivedEquation], numbers: Numbers, decimals: Collection[Rational]
) -> list[str]:
    """Equations as comments, with their numbers where they have one."""
    lines = []
    for equation in equations:
        number = numbers.get(equation.meaning)
        text = _equation_text(equation, decimals)
        lines += wrapped_comment(text if number is None else f"({number}) {text}")
    return lines


def _equation_text(equation: DerivedEquation, decimals: Collection[Rational]) -> str:
    right, span = math_text(equation.right, decimals), equation.span
    if isinstance(equation.left, Carry):
        return f"{left_text(equation)}: {right}"
    where = ""
    if span and span.first != LAST_STEP:
        where = f" for {span.index} <= {math_text(span.first)}"
    return f"{left_text(equation)} = {right}{where}"


def left_text(equation: DerivedEquation) -> str:
    """What an equation computes."""
    left = equation.left
    assert left is not None
    if isinstance(left, Carry):
        return f"in d{math_text(left.variable)} from step t"
    return f"d{math_text(left.by)}" if isinstance(left, Gradient) else math_text(left)
