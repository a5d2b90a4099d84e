"""The known functions and their derivatives of any order in numbers, from their scalar forms."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sympy import Symbol

from bptt_sym.algebra.evaluate import Functions
from bptt_sym.algebra.functions import FUNCTIONS


class _NumericFunctions(dict[str, Any]):
    """The functions of the table, by name, for an argument and the order of a derivative."""

    def __missing__(self, name: str) -> Any:
        def value(argument: Any, order: int) -> Any:
            import numpy as np

            return np.vectorize(lambda z: _scalar(name, order, float(z)), otypes=[float])(argument)

        return value


@lru_cache(maxsize=1000)
def _scalar(name: str, order: int, argument: float) -> float:
    variable = Symbol("z", real=True)
    formula = FUNCTIONS[name].scalar(variable).diff(variable, order)
    return float(formula.subs(variable, argument).evalf())


NUMERIC_FUNCTIONS: Functions = _NumericFunctions()
