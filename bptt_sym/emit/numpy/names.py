"""The names of a generated module: none collides with another, with Python or with NumPy."""

from __future__ import annotations

import builtins
import keyword

_MODULE = {
    "np", "NamedTuple", "Dimensions", "Parameters", "InitialState", "Forward", "SHAPES",
    "init_parameters",
    "check_shapes", "forward", "loss", "loss_of", "value_and_grad",
}  # fmt: skip
"""What every generated module defines."""

_LOCAL = {"T", "B", "t", "params", "sizes", "dtype", "rng", "dimensions", "value", "values"}
"""What the functions of every generated module use."""

_AMBIGUOUS = {"l", "O", "I"}
"""Letters that linters refuse as names, for they look like digits."""


class Names:
    """Gives out Python names; the same request gets the same name again."""

    def __init__(self, reserved: set[str]) -> None:
        self._taken = _MODULE | _LOCAL | _AMBIGUOUS | set(dir(builtins)) | reserved
        self._given: dict[tuple[str, str], str] = {}

    def __call__(self, role: str, name: str) -> str:
        """The name for a quantity in a role: its value, its adjoint, its initial value, ..."""
        if (role, name) not in self._given:
            candidate = _PATTERNS[role].format(name=name)
            if role == "initial" and "_" in name:
                candidate = f"{name}_0"
            while candidate in self._taken or keyword.iskeyword(candidate):
                candidate += "_"
            self._taken.add(candidate)
            self._given[role, name] = candidate
        return self._given[role, name]


_PATTERNS = {
    "value": "{name}",
    "initial": "{name}0",
    "all": "{name}_all",
    "previous": "{name}_previous",
    "adjoint": "d{name}",
    "carry": "d{name}_next",
    "initial adjoint": "d{name}0",
}
