"""How NumPy writes each function of one real variable: one row a function."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FunctionSpelling:
    """How a function of each entry is written.

    ``text`` is its code, with ``{}`` for the operand; ``defined`` is the function that a module
    must define for it. ``in_place`` is NumPy's own, which writes into an array, where it has one.
    """

    text: str
    defined: str | None = None
    in_place: str | None = None


def _ufunc(name: str) -> FunctionSpelling:
    return FunctionSpelling(f"{name}({{}})", in_place=name)


def _defined(name: str) -> FunctionSpelling:
    return FunctionSpelling(f"{name}({{}})", defined=name)


FUNCTIONS: dict[str, FunctionSpelling] = {
    "identity": FunctionSpelling("{}"),
    "tanh": _ufunc("np.tanh"),
    "sigmoid": _defined("sigmoid"),
    "relu": _defined("relu"),
    "step": _defined("heaviside"),
    "softplus": _defined("softplus"),
    "log_sigmoid": _defined("log_sigmoid"),
    "exp": _ufunc("np.exp"),
    "log": _ufunc("np.log"),
    "sqrt": _ufunc("np.sqrt"),
    "leaky_relu": _defined("leaky_relu"),
    "leaky_slope": _defined("leaky_slope"),
    "sin": _ufunc("np.sin"),
    "cos": _ufunc("np.cos"),
    "arctan": _ufunc("np.arctan"),
    "sinh": _ufunc("np.sinh"),
    "cosh": _ufunc("np.cosh"),
    "abs": _defined("absolute"),
    "sign": FunctionSpelling("np.sign(np.real({}))"),
    "floor": FunctionSpelling("np.floor(np.real({}))"),
    "ceil": FunctionSpelling("np.ceil(np.real({}))"),
    "round": FunctionSpelling("np.rint(np.real({}))"),
    "erf": _defined("erf"),
    "erf_slope": FunctionSpelling("(2 / math.sqrt(math.pi) * np.exp(-({}) ** 2))"),
    "normal_cdf": _defined("normal_cdf"),
    "normal_pdf": _defined("normal_pdf"),
    "gelu": _defined("gelu"),
    "silu": _defined("silu"),
    "elu": _defined("elu"),
    "hard_sigmoid": _defined("hard_sigmoid"),
}
"""The spellings by the names of the functions."""
