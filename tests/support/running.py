"""Generated modules at work: arrays in, loss and gradients out, all by their names."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from bptt_sym.graph.build import build_program
from bptt_sym.model.mask import masked as with_mask
from bptt_sym.model.model import Model
from bptt_sym.targets.load import module_from_source
from bptt_sym.targets.numpy.module import numpy_module
from bptt_sym.targets.numpy.python_names import free_sizes
from bptt_sym.verification.points import arrays_of
from bptt_sym.verification.sizes import number

Arrays = dict[str, Any]


def sizes_of(model: Model, steps: int = 6, sequences: int = 5) -> dict[str, int]:
    """All sizes of a model different, where it has not more than three."""
    names = free_sizes([entry.name for entry in model.dimensions], ())
    return {name: 2 + k for k, name in enumerate(names.values())} | {
        "T": steps,
        "B": sequences,
    }


def draw(module: ModuleType, sizes: Mapping[str, int], seed: int = 0) -> Arrays:
    """Random parameters and arguments of a module, by their names, nothing far from 1."""
    rng = np.random.default_rng(seed)
    arrays: Arrays = {}
    for name, shape in module.SHAPES.items():
        lengths = tuple(number(size, sizes) for size in shape)
        kind = getattr(module, "KINDS", {}).get(name, "")
        if kind.startswith("labels of "):
            arrays[name] = rng.integers(0, number(kind.removeprefix("labels of "), sizes), lengths)
        elif kind == "mask":
            ends = np.minimum(rng.integers(1, sizes["T"] + 2, sizes["B"]), sizes["T"])
            arrays[name] = module.mask_of(ends, sizes["T"])
        else:
            values = np.asarray(rng.standard_normal(lengths) / 2)
            arrays[name] = np.exp(values) if kind == "positive" else values
    return arrays | {size: sizes[size] for size in ("T", "B") if size in asked(module)}


def asked(module: ModuleType) -> set[str]:
    """The sizes that a function of a module takes, where none of its arrays tells them."""
    functions = (module.forward, module.value_and_grad)
    return {"T", "B"} & {name for f in functions for name in inspect.signature(f).parameters}


def parameters(module: ModuleType, arrays: Arrays) -> Any:
    return module.Parameters(*(arrays[name] for name in module.Parameters._fields))


def arguments(module: ModuleType, arrays: Arrays, function: str = "value_and_grad") -> Arrays:
    """Those of the arrays that a function takes beside the parameters."""
    taken = inspect.signature(getattr(module, function)).parameters
    return {name: array for name, array in arrays.items() if name in taken}


def gradients(module: ModuleType, arrays: Arrays, **options: Any) -> Arrays:
    """The loss and every gradient."""
    params, given = parameters(module, arrays), arguments(module, arrays)
    found = module.value_and_grad(params, **given, inputs=True, **options)
    return {"loss": found.value} | by_name(found)


def by_name(result: Any) -> Arrays:
    """The gradients of a result, under the names of what they are with respect to."""
    parts = (result.gradients, result.initial, result.inputs or ())
    return {name: array for part in parts if part for name, array in part._asdict().items()}


def workspace_for(module: Any, sizes: Mapping[str, int], dtype: Any = np.float64) -> Any:
    dimensions = module.Dimensions(*(sizes[name] for name in module.Dimensions._fields))
    return module.Workspace(sizes["T"], sizes["B"], dimensions, dtype)


def forward(module: ModuleType, arrays: Arrays) -> Arrays:
    """What the forward pass returns."""
    given = arguments(module, arrays, "forward")
    return arrays_of(module.forward(parameters(module, arrays), **given))


def module_without(model: Model, loss: str, without: str, *, masked: bool = False) -> ModuleType:
    """The fast module that the compiler makes without one of its passes."""
    if masked:
        model = with_mask(model, loss_of_every_step=loss != "last")
    program = build_program(model, {}, loss)
    return module_from_source(numpy_module(program, "fast", without={without}), model.name)


def difference(found: Arrays, expected: Arrays) -> float:
    """The largest distance of two blocks, relative to the larger of the block and a thousandth of
    all: a gradient that is zero but for cancellation has no size of its own.
    """
    assert found.keys() == expected.keys()
    sizes = {name: np.max(np.abs(array), initial=0) for name, array in expected.items()}
    least = 1e-3 * max(sizes.values(), default=0) or 1
    distances = [0.0]
    for name, array in expected.items():
        assert np.shape(found[name]) == np.shape(array), name
        distance = np.max(np.abs(np.asarray(found[name]) - array), initial=0)
        distances.append(float(distance / max(sizes[name], least)))
    return np.max(distances)
