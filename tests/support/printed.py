"""The chains of a derivation as node sequences: from its paths, its expressions and its LaTeX."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from sympy import Identity, Integer, MatAdd, MatMul, MatrixExpr

from bptt_sym.algebra.expressions import (
    CONTRIBUTION_STEP,
    LAST_STEP,
    Parameter,
    PartialDerivative,
    Variable,
    product,
)
from bptt_sym.algebra.over_time import TimeProduct
from bptt_sym.derivation.derivation import Derivation, DerivedEquation

_NUMBER = re.compile(r"\\tag\{(\d+)\}")
_LAYOUT = re.compile(
    r"\\tag\{\d+\}|\\label\{[^}]*\}|\\notag|\\quad|\\text\{from \}.*?\\phantom\{=\}\}|\\\\|\\,|&|\s"
)
_ONE_TOKEN = re.compile(r"\{(\\[a-zA-Z]+|[^\\{}])\}")
_FRACTION = re.compile(r"\\frac\{\\partial([^{}]+)\}\{\\partial([^{}]+)\}")


def normal(latex: str) -> str:
    """LaTeX without what only lays it out, and without braces around one sign."""
    return _ONE_TOKEN.sub(r"\1", _LAYOUT.sub("", latex))


def printed(derivation: Derivation) -> dict[int, str]:
    """The numbered equations of the LaTeX, normalised."""
    found, lines = {}, []
    for line in derivation.latex().splitlines():
        number = _NUMBER.search(line)
        if not (number or r"\notag" in line):
            continue
        lines.append(line)
        if number:
            found[int(number[1])] = normal("".join(lines))
            lines = []
    return found


def nodes(latex: str) -> list[list[str]]:
    """The nodes of each product of derivatives in a sum: E_3, y_3, s_3, W_s."""
    return [list(_nodes(term)) for term in latex.rsplit("=", maxsplit=1)[-1].split("+")]


def _nodes(term: str) -> Iterator[str]:
    factors = _FRACTION.findall(term)
    assert "".join(rf"\frac{{\partial{of}}}{{\partial{by}}}" for of, by in factors) == term
    assert all(before[1] == after[0] for before, after in pairwise(factors))
    yield from (name.replace(r"\bar", "") for name in (factors[0][0], *(f[1] for f in factors)))


def paths_of(equation: DerivedEquation) -> list[str]:
    """The paths of a contribution: "E_3 y_3 s_3 W_s", the parameter without a time step."""
    contribution = equation.contribution
    return [
        " ".join([*(f"{node.name}_{node.time}" for node in path[:-1]), contribution.parameter.name])
        for path in contribution.paths
    ]


def written_out(expression: MatrixExpr, derivation: Derivation, steps: int) -> list[list[str]]:
    """The nodes of each term of a general form for a number of steps, its definitions put in."""
    expression = expression.xreplace({LAST_STEP: Integer(steps)}).doit()
    terms = expression.args if isinstance(expression, MatAdd) else [expression]
    definitions = [e for s in derivation.sections if s.topic == "definitions" for e in s.equations]

    def defined(factor: PartialDerivative) -> MatrixExpr:
        if isinstance(factor.by, Parameter):
            return factor
        at = {LAST_STEP: factor.of.time, CONTRIBUTION_STEP: factor.by.time}
        rights = [e.right.xreplace(at) for e in definitions if e.left.xreplace(at) == factor]
        return rights[0] if rights else factor

    chains = []
    for term in terms:
        factors = _factors(product(*map(defined, term.args)))
        assert all(one.by == other.of for one, other in pairwise(factors))
        chains.append([_label(factors[0].of), *(_label(factor.by) for factor in factors)])
    return chains


def _factors(expression: MatrixExpr) -> list[PartialDerivative]:
    match expression:
        case MatMul():
            return [factor for part in expression.args for factor in _factors(part)]
        case TimeProduct():
            return _factors(expression.doit())
        case Identity():
            return []
    return [expression]


def _label(symbol: Variable | Parameter) -> str:
    return symbol.name if isinstance(symbol, Parameter) else f"{symbol.name}_{symbol.time}"
