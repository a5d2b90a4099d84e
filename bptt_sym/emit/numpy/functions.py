"""How NumPy writes each function of one real variable: one row a function.

What a text calls and NumPy does not have is in ``definitions.py``, by its name.
"""

from __future__ import annotations

from dataclasses import dataclass

from bptt_sym.algebra.expressions import MatrixExpr
from bptt_sym.emit.numpy.precedence import ADDITIVE, CALL, Code, Print


@dataclass(frozen=True)
class FunctionSpelling:
    """How a function of each entry is written.

    ``text`` is its code, with ``{}`` for the operand; ``in_place``, where NumPy has such a form,
    the one that writes into an array ``{out}``, which neighbours can share.
    """

    text: str
    in_place: str | None = None

    def code(self, operand: MatrixExpr, code: Print) -> Code:
        """The code of the function of an operand."""
        binding = CALL if self.text == "{}" else ADDITIVE
        return Code(self.text.format(code(operand, binding)), CALL)


def _ufunc(name: str) -> FunctionSpelling:
    return FunctionSpelling(f"{name}({{}})", in_place=f"{name}({{0}}, out={{out}})")


FUNCTIONS: dict[str, FunctionSpelling] = {
    "identity": FunctionSpelling("{}"),
    "tanh": _ufunc("np.tanh"),
    "sigmoid": FunctionSpelling("sigmoid({})"),
    "relu": FunctionSpelling("relu({})"),
    "step": FunctionSpelling("heaviside({})"),
    "softplus": FunctionSpelling("softplus({})"),
    "log_sigmoid": FunctionSpelling("log_sigmoid({})"),
    "exp": _ufunc("np.exp"),
    "log": _ufunc("np.log"),
    "sqrt": _ufunc("np.sqrt"),
    "sin": _ufunc("np.sin"),
    "cos": _ufunc("np.cos"),
    "abs": FunctionSpelling("absolute({})"),
    "sign": FunctionSpelling("np.sign(np.real({}))"),
    "erf": FunctionSpelling("erf({})"),
    "erf_slope": FunctionSpelling("(2 / math.sqrt(math.pi) * np.exp(-({}) ** 2))"),
    "normal_cdf": FunctionSpelling("normal_cdf({})"),
    "normal_pdf": FunctionSpelling("normal_pdf({})"),
    "gelu": FunctionSpelling("gelu({})"),
    "silu": FunctionSpelling("silu({})"),
    "elu": FunctionSpelling("elu({})"),
    "hard_sigmoid": FunctionSpelling("hard_sigmoid({})"),
}
"""The spellings by the names of the functions."""

IN_PLACE = frozenset(name for name, row in FUNCTIONS.items() if row.in_place)
"""The functions that NumPy computes in place."""
