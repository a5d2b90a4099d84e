"""Names: which ones a model may use, and how a name reads as mathematics."""

from __future__ import annotations

import keyword
import re

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

NAME = "[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)?"
"""The form of a name, as a regular expression."""

_NAME = re.compile(NAME)

TIME_STEP = "t"
"""What equations call the time step; no name of a model may be this one."""


def why_not_a_name(name: str) -> str | None:
    """Why a name cannot be used in a model, or None if it can.

    A name is ASCII letters and digits with at most one underscore, before its index: W_s. This
    closed form is what lets names enter LaTeX as they are, and Python but for those that it needs.
    """
    reason = why_not_shown(name)
    if reason:
        return reason
    if keyword.iskeyword(name):
        return why_not_written(name)
    if name == TIME_STEP:
        return "is reserved: equations call the time step so, as in x[t]; take another name"
    return None


def why_not_written(word: str) -> str:
    """Why a keyword of Python cannot stand in an equation."""
    other = f"such as {word[:3]} = '\\{word}'" if word in GREEK else "which may print as any"
    return (
        "is a keyword of Python, which no equation can hold; take another name, "
        f"{other} under [latex]"
    )


def why_not_shown(name: str) -> str | None:
    """Why a name cannot be shown as mathematics, or None if it can."""
    if len(name) > LONGEST_NAME:
        return f"is longer than {LONGEST_NAME} characters"
    if not _NAME.fullmatch(name):
        return "is not letters and digits, begun by a letter, with at most one underscore inside"
    return None


def split_name(name: str) -> tuple[str, str]:
    """The letter of a name and its index: ("W", "s") for W_s, ("x", "") for x.

    What generated code calls a size, T_ in the place of T, is a name without an index.
    """
    if name.endswith("_"):
        return name, ""
    base, _, index = name.partition("_")
    return base, index
