"""Names: which ones a model may use, and how a name reads as mathematics."""

from __future__ import annotations

import builtins
import keyword
import re

from bptt_sym.reserved import NUMPY_NAMES, REACHING

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ",
    "eta": "η", "theta": "θ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν",
    "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "φ",
    "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ",
    "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Upsilon": "Υ", "Phi": "Φ", "Psi": "Ψ",
    "Omega": "Ω",
}  # fmt: skip
"""Names of Greek letters, as LaTeX and Unicode have them."""

LONGEST_NAME = 40

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)?")

_RESERVED = {"t", "i", "j", "N", "T", "B", "np", "sum"}


def why_not_a_name(name: str) -> str | None:
    """Why a name cannot be used in a model, or None if it can.

    A name is ASCII letters and digits with at most one underscore, before its index: W_s. This
    closed form is what lets names enter generated Python and LaTeX as they are.
    """
    reason = why_not_shown(name)
    if reason:
        return reason
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        return "is a Python keyword"
    if hasattr(builtins, name):
        return "is a builtin of Python"
    if name in NUMPY_NAMES:
        return "is a function or type of NumPy"
    if name in REACHING:
        return "is an attribute of Python's that generated code must not have"
    if name in _RESERVED:
        return f"is reserved (reserved are {', '.join(sorted(_RESERVED))})"
    return None


def why_not_shown(name: str) -> str | None:
    """Why a name cannot be shown as mathematics, or None if it can."""
    if len(name) > LONGEST_NAME:
        return f"is longer than {LONGEST_NAME} characters"
    if not _NAME.fullmatch(name):
        return "is not letters and digits, begun by a letter, with at most one underscore inside"
    return None


def split_name(name: str) -> tuple[str, str]:
    """The letter of a name and its index: ("W", "s") for W_s, ("x", "") for x."""
    base, _, index = name.partition("_")
    return base, index
