"""What a generated module defines for the operations that it uses."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bptt_sym.algebra.functions import FUNCTIONS, HELPERS
from bptt_sym.program.batch import BATCH_OPERATIONS

_DEF = re.compile(r"^def (\w+)", re.MULTILINE)
_WORD = re.compile(r"[A-Za-z_]\w*")

DEFINED: dict[str, str] = {
    _DEF.findall(text)[-1]: text
    for text in (
        *(function.definition for function in FUNCTIONS.values()),
        *HELPERS.values(),
        *(operation.definition for operation in BATCH_OPERATIONS.values()),
    )
    if text
}
"""Every definition by the name of the function that it is for."""

DECREED = ("stop_gradient", "declared")
"""Definitions that set a derivative, which differences of the loss do not see."""


def definitions_for(lines: Iterable[str]) -> dict[str, str]:
    """The definitions that lines of code need, and those that these need, by name."""
    found: dict[str, str] = {}
    waiting = [word for line in lines for word in _WORD.findall(line)]
    while waiting:
        name = waiting.pop()
        if name in DEFINED and name not in found:
            found[name] = DEFINED[name]
            waiting += _WORD.findall(DEFINED[name])
    return {name: found[name] for name in DEFINED if name in found}
