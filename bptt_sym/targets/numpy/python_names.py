"""The names of a generated module: none collides with another, with Python or with NumPy."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Iterable

from bptt_sym.reserved import REACHING
from bptt_sym.targets.numpy.runtime_text import function_texts, runtime_names

_MODULE = {
    "np", "npt", "annotations", "NamedTuple", "Any", "Mapping", "functools", "math", "nullcontext",
    "Lock", "Array", "Dimensions", "Parameters", "InitialState", "State", "Forward", "Inputs",
    "Outputs", "Gradients", "Result", "SHAPES", "KINDS", "COUNTS", "DECLARED", "DEPTHS",
    "INITIAL", "Workspace",
    "StepWorkspace", "STATES", "CLOSES", "OUTPUTS", "FINAL", "Generator", "init_parameters",
    "unpadded", "forward", "backward", "pulled_back", "both_ways", "loss", "loss_of",
    "value_and_grad", "step", "initial_state",
    "ends_of", "histories_of", "share_of", "run", "advance",
}  # fmt: skip
"""What every generated module defines."""

_LOCAL = {
    "T", "B", "t", "params", "sizes", "dtype", "rng", "dimensions", "value", "values", "normal",
    "uniform", "glorot", "orthogonal",
    "work", "arguments", "start", "final", "weight", "closing", "until", "window", "exact",
    "checkpoint", "workspace", "gradients", "state", "following", "seed", "self", "result",
    "inputs", "by_inputs", "initial", "signals", "d_outputs", "d_final", "kept", "found",
}  # fmt: skip
"""What the functions of every generated module use."""

_ATTRIBUTES = {"lock", "parts", "marks", "last"}
"""What a Workspace has beside its arrays; a size may have such a name."""

_AMBIGUOUS = {"l", "O", "I"}
"""Letters that linters refuse as names, for they look like digits."""


def _own() -> set[str]:
    """What generated code needs for itself, or must not have."""
    own = _MODULE | runtime_names() | function_texts().keys() | _LOCAL
    return own | _AMBIGUOUS | REACHING | set(dir(builtins))


def free_sizes(dimensions: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """The names of sizes in generated code: those of the dimensions, or that and "_" where the code
    needs it for itself and no other name of the model, of which are ``taken``, is the same.
    """
    names = list(dimensions)
    own = _own()
    used = {*names, *taken}
    found: dict[str, str] = {}
    for name in names:
        free = name
        while free in own or (free != name and free in used):
            free += "_"
        used.add(free)
        found[name] = free
    return found


class PythonNames:
    """Gives out Python names; the same request gets the same name again.

    Sizes keep their names, which ``free_sizes`` has made.
    """

    def __init__(self, sizes: Iterable[str]) -> None:
        self._taken = _own() | _ATTRIBUTES | set(sizes)
        self._given: dict[tuple[str, str], str] = {}

    def __call__(self, role: str, name: str) -> str:
        """The name for a quantity in a role: its value, its adjoint, its initial value, ..."""
        if (role, name) not in self._given:
            pattern, _, steps = role.partition(" ") if role not in _PATTERNS else (role, "", "")
            candidate = _PATTERNS[pattern].format(name=name) + steps
            if role == "initial" and "_" in name:
                candidate = f"{name}_0"
            while candidate in self._taken or keyword.iskeyword(candidate):
                candidate += "_"
            self._taken.add(candidate)
            self._given[role, name] = candidate
        return self._given[role, name]

    def fresh(self, name: str) -> str:
        """A name that nothing else has, this one where it is free."""
        candidate, count = name, 1
        while candidate in self._taken or keyword.iskeyword(candidate):
            count += 1
            candidate = f"{name}{count}"
        self._taken.add(candidate)
        return candidate


_PATTERNS = {
    "value": "{name}",
    "initial": "{name}0",
    "all": "{name}_all",
    "past": "{name}_past",
    "now": "{name}_now",
    "previous": "{name}_previous",
    "following": "{name}_following",
    "adjoint": "d{name}",
    "carry": "d{name}_next",
    "carry before": "d{name}_handed",
    "carry all": "d{name}_all",
    "initial adjoint": "d{name}0",
}
