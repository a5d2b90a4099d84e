"""Compiled models at work: arrays in by their names, sequences side by side."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from bptt_sym.graph.build import build_program
from bptt_sym.model.model import Model
from bptt_sym.targets.load import module_from_source
from bptt_sym.targets.numpy.module import numpy_module

Arrays = Mapping[str, Any]


def plain_name(name: str) -> str:
    """The name in the model file of what generated code calls so: it adds "_", which none ends in.

    >>> plain_name("np_"), plain_name("W_s")
    ('np', 'W_s')
    """
    return name.rstrip("_")


def compiled_sum(model: Model, functions: Mapping[str, str]) -> ModuleType:
    """The module of a model, whose loss is the sum over all steps."""
    program = build_program(model, dict(functions), "sum")
    return module_from_source(numpy_module(program, "fast"), model.name)


def initial_arguments(model: Model, module: ModuleType) -> dict[str, str]:
    """The arguments that states begin with, by the names of these states."""
    states = (entry.name for entry in model.declared("state") if entry.initial is None)
    return dict(zip(states, module.InitialState._fields, strict=True))


def along_batch(axes: tuple[str, ...], array: Any, sequences: int) -> Any:
    """An array of one sequence for several of them; one without sequences as it is."""
    if "B" not in axes or array.shape[axes.index("B")] == sequences:
        return array
    shape = [sequences if axis == "B" else n for axis, n in zip(axes, array.shape, strict=True)]
    return np.broadcast_to(array, shape)


def copies_of(
    module: ModuleType, copies: Mapping[str, str], arrays: Arrays, steps: int, sequences: int
) -> dict[str, Any]:
    """The same numbers for each of the copies, of all steps and sequences."""
    found = {}
    for name, copy in copies.items():
        axes = len(module.SHAPES[copy]) - 2
        # What is given once has an axis for its one sequence, and a number no axis at all.
        shape = np.shape(arrays[name])[-axes:] or (1,)
        array = np.reshape(arrays[name], shape)
        found[copy] = np.broadcast_to(array, (steps, sequences, *shape))
    return found


def value_and_grad(
    module: ModuleType, arrays: Arrays, steps: int, sequences: int, **options: Any
) -> Any:
    """What the module's function returns of these ``arrays``, by names in the model file."""
    known = {}
    for name, axes in module.SHAPES.items():
        known[name] = along_batch(axes, arrays[plain_name(name)], sequences)
    parameters = module.Parameters(**{name: known.pop(name) for name in module.Parameters._fields})
    counts = {"T": steps, "B": sequences}
    asked = {name: counts[name] for name in module.COUNTS}
    with np.errstate(all="ignore"):
        return module.value_and_grad(parameters, **known, **asked, inputs=True, **options)
