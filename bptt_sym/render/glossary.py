"""What signs mean that are not school mathematics: said once, where they first occur.

A sign is found in the boxes that are printed, and shown in the notation that they are printed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from bptt_sym.algebra import boxes
from bptt_sym.algebra.boxes import Box
from bptt_sym.algebra.cumulative import Triangle
from bptt_sym.algebra.derivatives import Commutation, InRows, RowByRow, Selection, kronecker
from bptt_sym.algebra.entrywise import StopGradient, comparison
from bptt_sym.algebra.expressions import (
    CONTRIBUTION_STEP,
    LAST_STEP,
    DiagMatrix,
    Expr,
    HadamardProduct,
    Identity,
    MatrixExpr,
    OneMatrix,
    Parameter,
    S,
    SumOfEntries,
    Variable,
    add,
    dimension,
    product,
    transpose,
)
from bptt_sym.algebra.extremes import AtLargest, AtSmallest
from bptt_sym.algebra.functions import Elementwise
from bptt_sym.algebra.linear_systems import InverseMatrix
from bptt_sym.algebra.moments import InverseDeviation, InverseRms, LayerNorm, RmsNorm
from bptt_sym.algebra.over_time import PRODUCT_STEP, TimeProduct
from bptt_sym.algebra.parts import Concatenation, Slice
from bptt_sym.algebra.remainder import Modulo
from bptt_sym.algebra.spread_over import SpreadOver, SumOver
from bptt_sym.algebra.vectors import LogSoftmax, LogSumExp, Softmax
from bptt_sym.model.model import Model
from bptt_sym.render.typeset import typeset


@dataclass(frozen=True)
class Sign:
    """A sign, an expression that shows it, and what that is: words and expressions."""

    shown: Expr
    says: tuple[str | Expr, ...]


class Glossary:
    """Explains signs in the notation of a model, each once.

    ``write`` makes a formula of a box, for a sentence.
    """

    def __init__(self, model: Model, write: Callable[[Box], str]) -> None:
        self.model, self.write = model, write
        self._notation = model.notation.with_letters("abmnuvzABX")
        self._known: set[str] = set()

    def explained(self, shown: Iterable[Box]) -> str:
        """A sentence on the signs in boxes that were not yet explained, or nothing."""
        return self.sentence(self.signs(shown))

    def signs(self, shown: Iterable[Box]) -> tuple[str, ...]:
        """The names of the signs in boxes that want an explanation, in the order of the table."""
        found = {name for box in shown for name in _names_in(box)}
        return tuple(
            name for name in _signs() if name in found and name not in self.model.functions
        )

    def sentence(self, names: Iterable[str]) -> str:
        """A sentence on the signs of these names that were not yet explained, or nothing.

        What the sentence itself has of signs is explained, too.
        """
        new: list[str] = []
        waiting = list(names)
        while waiting:
            name = waiting.pop(0)
            if name not in self._known:
                self._known.add(name)
                new.append(name)
                spoken = (part for part in _signs()[name].says if not isinstance(part, str))
                waiting += self.signs(map(self._show, spoken))
        if not new:
            return ""
        *first, last = map(self._said, new)
        before_last = ", and " if len(new) == 2 else "; and "
        return f"Here {'; '.join(first)}{before_last if first else ''}{last}."

    def _said(self, name: str) -> str:
        sign = _signs()[name]
        parts = (part if isinstance(part, str) else self._written(part) for part in sign.says)
        return f"{self._written(sign.shown)} is {''.join(parts)}"

    def _written(self, expression: Expr) -> str:
        return self.write(self._show(expression))

    def _show(self, expression: Expr) -> Box:
        return typeset(expression, self._notation)


def _names_in(box: Box) -> Iterator[str]:
    if isinstance(box, boxes.Factors | boxes.Terms) and box.spread:
        yield "spread product" if isinstance(box, boxes.Factors) else "spread sum"
    name = _name(box)
    if name:
        yield name
    for entry in fields(box):
        for part in _boxes(getattr(box, entry.name)):
            yield from _names_in(part)


def _boxes(value: Any) -> Iterator[Box]:
    if isinstance(value, tuple):
        for part in value:
            yield from _boxes(part)
    elif isinstance(value, Box):
        yield value


def _name(box: Box) -> str:
    """The name of the sign that a box is, or nothing."""
    match box:
        case boxes.Factors(kind="elementwise" | "circle"):
            return "elementwise"
        case boxes.Factors(kind="kronecker"):
            return "kronecker"
        case boxes.Constant(kind="identity" | "ones" as kind):
            return kind
        case boxes.Relation(indicator=True):
            return "indicator"
        case boxes.Call(function="max" | "min" as function, primes=1):
            return f"{function}'"
        case boxes.Call(function=function) | boxes.Application(function=function):
            return function if function in _signs() else ""
        case boxes.EntrySum():
            return "entry sum"
        case boxes.Part(columns=columns):
            return "columns" if columns else "part"
        case boxes.ModuloOf():
            return "modulo"
        case boxes.Superscript(inverse=True):
            return "inverse transpose"
        case boxes.Row():
            return "row"
        case boxes.Big(kind="product"):
            return "product over time"
        case _:
            return ""


_M, _N = dimension("m"), dimension("n")
_U, _V, _Z = (Parameter(name, S.One, _N) for name in "uvz")


@cache
def _signs() -> dict[str, Sign]:
    """The signs by their names; that of a function is the name that its box bears."""
    return {**_of_entries(), **_of_sums(), **_of_matrices(), **_of_functions()}


def _of_entries() -> dict[str, Sign]:
    first, end = dimension("a"), dimension("b")
    u, v, x = _U, _V, Parameter("X", _M, _N)
    each = SpreadOver(v, S.One, S.One, _M, _N)
    one, other = (Parameter(name, S.One, S.One) for name in "uv")
    return {
        "elementwise": Sign(HadamardProduct(u, v), ("the product entry by entry",)),
        "spread product": Sign(
            HadamardProduct(each, x),
            ("the product of the row, column or head ", v, " with each of ", x),
        ),
        "spread sum": Sign(
            add(each, x), ("the sum of the row, column or head ", v, " with each of ", x)
        ),
        "entry sum": Sign(SumOfEntries(v), ("the sum of all entries of ", v)),
        "ones": Sign(OneMatrix(S.One, _N), ("a vector or matrix of ones, as large as must be",)),
        "indicator": Sign(comparison(u, v), ("1 in each entry where this holds and 0 elsewhere",)),
        "modulo": Sign(
            Modulo(one, other),
            (
                *("what is left of ", one, " when a whole multiple of ", other, " is taken off"),
                *(", between 0 and ", other),
            ),
        ),
        "row": Sign(Concatenation(u, v), ("the vector of the entries of ", u, " and then of ", v)),
        "part": Sign(
            Slice(v, first, end),
            ("entries ", first, " to ", end - 1, " of ", v, ", counted from 0"),
        ),
    }


def _of_sums() -> dict[str, Sign]:
    heads, m, n = dimension("H"), _M, _N
    one, x = S.One, Parameter("X", heads * m, n)
    sums: dict[str, tuple[str, tuple[Expr, Expr, Expr]]] = {
        "sum_h": ("the sum of the heads of ", (one, m, n)),
        "sum_r": ("the sum of the rows of ", (heads, one, n)),
        "sum_c": ("the sum of the columns of ", (heads, m, one)),
        "sum_hr": ("the sum of the rows of all heads of ", (one, one, n)),
        "sum_hc": ("the sum of the columns of all heads of ", (one, m, one)),
        "sum_rc": ("the sum of the entries of each head of ", (heads, one, one)),
        "sum_hrc": ("the sum of the entries of all heads of ", (one, one, one)),
    }
    return {name: Sign(SumOver(x, heads, *kept), (says, x)) for name, (says, kept) in sums.items()}


def _of_matrices() -> dict[str, Sign]:
    m, n, v = _M, _N, _V
    first, end = dimension("a"), dimension("b")
    a, b, x = (Parameter(name, m, n) for name in "ABX")
    square = Parameter("A", n, n)
    i, j, last = CONTRIBUTION_STEP, PRODUCT_STEP, LAST_STEP

    def factor(step: Expr) -> MatrixExpr:
        return Variable("X", n, n, step)

    return {
        "diag": Sign(DiagMatrix(v), ("the diagonal matrix with the entries of ", v)),
        "triu": Sign(Triangle(n), ("ones on and above the diagonal, zeros below",)),
        "kronecker": Sign(
            kronecker(a, b),
            ("the Kronecker product, whose blocks are the entries of ", a, ", each times ", b),
        ),
        "inverse transpose": Sign(
            transpose(InverseMatrix(square)),
            ("the transpose of ", InverseMatrix(square), ", the inverse of ", square),
        ),
        "identity": Sign(Identity(n), ("the identity matrix with ", n, " rows")),
        "columns": Sign(
            Selection(n, first, end),
            ("columns ", first, " to ", end - 1, " of ", Identity(n), ", counted from 0"),
        ),
        "K": Sign(
            Commutation(m, n),
            (
                *("the matrix with ", RowByRow(transpose(x)), " = "),
                *(product(RowByRow(x), Commutation(m, n)), " for each ", x, " with "),
                *(m, " rows and ", n, " columns"),
            ),
        ),
        "matrix": Sign(InRows(v, m, n), ("the matrix whose rows, one after the other, are ", v)),
        "vec": Sign(RowByRow(x), ("the row of the entries of ", x, ", row after row")),
        "product over time": Sign(
            TimeProduct(factor(j), j, i, last),
            (
                *(factor(last), " times ", factor(last - 1), " and so on down to "),
                *(factor(i + 1), ", the identity where there is no factor"),
            ),
        ),
    }


def _of_functions() -> dict[str, Sign]:
    v, z = _V, _Z
    return {
        "softmax": Sign(
            Softmax(v),
            (
                "the vector ",
                Elementwise("exp", v),
                " over the sum of its entries",
            ),
        ),
        "log_softmax": Sign(LogSoftmax(v), ("the logarithm of ", Softmax(v))),
        "logsumexp": Sign(
            LogSumExp(v), ("the logarithm of the sum of the entries of ", Elementwise("exp", v))
        ),
        "layer_norm": Sign(
            LayerNorm(v), ("", v, " less its mean, over the root of its variance plus 0.00001")
        ),
        "inverse_deviation": Sign(
            InverseDeviation(v), ("1 over the root of the variance of ", v, " plus 0.00001")
        ),
        "rms_norm": Sign(
            RmsNorm(v), ("", v, " over the root of the mean of its squares plus 0.00001")
        ),
        "inverse_rms": Sign(
            InverseRms(v), ("1 over the root of the mean of the squares of ", v, " plus 0.00001")
        ),
        "max'": Sign(AtLargest(v), ("1 where ", v, " is largest and 0 elsewhere, shared by ties")),
        "min'": Sign(AtSmallest(v), ("1 where ", v, " is least and 0 elsewhere, shared by ties")),
        "floor": Sign(
            Elementwise("floor", z),
            ("the largest whole number that is not above ", z, ", whose derivative is 0"),
        ),
        "ceil": Sign(
            Elementwise("ceil", z),
            ("the smallest whole number that is not below ", z, ", whose derivative is 0"),
        ),
        "round": Sign(
            Elementwise("round", z),
            ("the whole number next to ", z, ", of two the even one, whose derivative is 0"),
        ),
        "stop_gradient": Sign(StopGradient(v), ("", v, ", with the derivative 0")),
        "Phi": Sign(
            Elementwise("normal_cdf", z),
            ("the probability that a standard normal variable is at most ", z),
        ),
    }
