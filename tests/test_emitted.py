"""Every function of an emitted module: it names what is there, and step by step it is forward."""

from __future__ import annotations

import builtins
import dis
import inspect
from collections.abc import Iterator
from types import CodeType, ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import models
from running import Arrays, arguments, draw, forward, parameters, sizes_of
from test_random_models import LOSSES, random_models

import bptt_sym as b
from bptt_sym.model.read import parse_model

STYLES = ("fast", "readable")
MODULES = 60


def codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def undefined_names(module: ModuleType) -> set[str]:
    """The names that a module's functions look up and that neither it nor Python defines."""
    functions = [f for f in vars(module).values() if inspect.isfunction(f)]
    classes = [c for c in vars(module).values() if inspect.isclass(c)]
    functions += [f for c in classes for f in vars(c).values() if inspect.isfunction(f)]
    own = [f for f in functions if f.__module__ == module.__name__]
    return {
        line.argval
        for function in own
        for code in codes(function.__code__)
        for line in dis.get_instructions(code)
        if line.opname in ("LOAD_GLOBAL", "LOAD_NAME")
        and not hasattr(module, line.argval)
        and not hasattr(builtins, line.argval)
    }


def first_state(module: ModuleType, arrays: Arrays, sizes: dict[str, int]):
    given = arguments(module, arrays | sizes, "initial_state")
    return module.initial_state(parameters(module, arrays), **given)


def assert_steps_are_forward(module: ModuleType, arrays: Arrays, sizes: dict[str, int]) -> None:
    """After the first State, T steps compute what forward does, one by one."""
    expected = forward(module, arrays)
    state = first_state(module, arrays, sizes)
    over_time = {name for name, shape in module.SHAPES.items() if shape[:1] == ("T",)}
    for t in range(sizes["T"]):
        at_t = {name: array[t] if name in over_time else array for name, array in arrays.items()}
        given = arguments(module, at_t, "step")
        state, values = module.step(parameters(module, arrays), state, **given)
        for name, array in values._asdict().items():
            np.testing.assert_allclose(array, expected[name][t], rtol=1e-11, atol=1e-13)


def assert_runs(model: b.Model, loss: str) -> None:
    """Both styles name what there is, and the fast one goes step by step."""
    for style in STYLES:
        module = b.compile(model, loss=loss, style=style)
        assert undefined_names(module) == set()
    module = b.compile(model, loss=loss)
    if hasattr(module, "initial_state"):
        sizes = sizes_of(model, steps=4, sequences=3)
        with np.errstate(all="ignore"):
            assert_steps_are_forward(module, draw(module, sizes), sizes)


@settings(random_models, max_examples=MODULES)
@given(models(), st.sampled_from(LOSSES))
def test_emitted_modules(text: str, loss: str) -> None:
    assert_runs(parse_model(text), loss)
