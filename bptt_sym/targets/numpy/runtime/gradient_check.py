"""What an emitted module does as a script: it compares its gradients with its own loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bptt_sym.targets.numpy.runtime.shapes import size_of

if TYPE_CHECKING:
    from bptt_sym.targets.numpy.runtime.given import (
        COUNTS,
        KINDS,
        SHAPES,
        Array,
        Dimensions,
        Parameters,
        loss,
        value_and_grad,
    )

# From here on as it stands in an emitted module.


def example(seed: int = 0) -> tuple[Parameters, dict[str, Any]]:
    """Draw parameters and arguments of a few steps, with sizes of which none is another."""
    rng = np.random.default_rng(seed)
    fields: tuple[str, ...] = Dimensions._fields
    sizes = {"B": 2, "T": max(5, 3 + len(fields))}
    sizes |= {name: size for size, name in enumerate(fields, start=3)}
    arrays: dict[str, Any] = {}
    for name, shape in SHAPES.items():
        lengths = [size_of(size, sizes) for size in shape]
        kind = KINDS.get(name, "")
        if kind.startswith("labels of "):
            arrays[name] = rng.integers(0, size_of(kind.removeprefix("labels of "), sizes), lengths)
        elif kind == "mask":
            ends = sizes["T"] - np.arange(sizes["B"])
            arrays[name] = (np.arange(sizes["T"])[:, None] < ends).astype(float)
        else:
            drawn = np.asarray(rng.standard_normal(lengths) / 2)
            arrays[name] = np.exp(drawn) if kind == "positive" else drawn
    names: tuple[str, ...] = Parameters._fields
    params = Parameters._make([arrays.pop(name) for name in names])
    return params, arrays | {name: sizes[name] for name in COUNTS}


def gradient_errors(seed: int = 0) -> dict[str, float]:
    """Return how far each gradient is from differences of the loss along complex steps.

    They are relative to the gradient's largest entry, or to 1 where that is smaller.
    """
    params, arguments = example(seed)
    result = value_and_grad(params, **arguments, inputs=True)
    given: dict[str, Array] = {**params._asdict(), **arguments}
    gradients: dict[str, Array] = {**result.gradients._asdict(), **result.initial._asdict()}
    gradients |= result.inputs._asdict() if result.inputs else {}
    errors: dict[str, float] = {}
    for name, gradient in gradients.items():
        found = np.zeros(np.shape(gradient))
        for index in np.ndindex(found.shape):
            moved = np.asarray(given[name], complex)
            moved[index] += 1e-30j
            found[index] = loss_at({**given, name: moved}).imag / 1e-30
        distance = np.max(np.abs(found - gradient), initial=0.0)
        errors[name] = float(distance / np.max(np.abs(found), initial=1.0))
    return errors


def loss_at(arrays: dict[str, Any]) -> Any:
    """Return the loss of parameters and arguments by their names."""
    names: tuple[str, ...] = Parameters._fields
    arguments = {name: array for name, array in arrays.items() if name not in names}
    return loss(Parameters._make([arrays[name] for name in names]), **arguments)


def main() -> int:
    """Print how far each gradient is from the loss's own; return 1 where one does not hold."""
    errors = gradient_errors()
    failing = [name for name, error in errors.items() if not error <= 1e-9]
    for name, error in errors.items():
        print(f"{name:12} {error:.1e}")
    print(f"fails: {', '.join(failing)}" if failing else "all gradients hold")
    return 1 if failing else 0
