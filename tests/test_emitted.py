"""Every function of an emitted module: it names what is there, both styles agree, T steps one by
one are forward, and parts of a sequence give what the whole gives.
"""

from __future__ import annotations

import builtins
import dis
import inspect
from collections.abc import Iterator
from itertools import combinations, product
from types import CodeType, ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.draws import draws, in_turn
from support.random_models import ODD, models
from support.running import (
    Arrays,
    arguments,
    difference,
    draw,
    forward,
    gradients,
    parameters,
    sizes_of,
)
from test_random_models import FOUND, FOUND_FILES, LOSSES, SMALL, random_models, text_of

import bptt_sym as b
from bptt_sym.algebra.functions import WORDS
from bptt_sym.model.read import parse_model
from bptt_sym.verification.agreement import check_functions
from bptt_sym.verification.evidence import quiet
from bptt_sym.verification.points import Point, arrays_of

STYLES = ("fast", "readable")
MODULES = draws(60)


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
    assert_own(state, *arrays.values())
    over_time = {name for name, shape in module.SHAPES.items() if shape[:1] == ("T",)}
    dimensions = module.Dimensions(*(sizes[name] for name in module.Dimensions._fields))
    work, other = module.StepWorkspace(sizes["B"], dimensions), state
    for t in range(sizes["T"]):
        at_t = {name: array[t] if name in over_time else array for name, array in arrays.items()}
        given = arguments(module, at_t, "step")
        before = state
        state, values = module.step(parameters(module, arrays), state, **given)
        assert_own((state, values), before, *arrays.values())
        for name, array in arrays_of(values).items():
            np.testing.assert_allclose(array, expected[name][t], rtol=1e-11, atol=1e-13)
        other, again = module.step(parameters(module, arrays), other, **given, workspace=work)
        for one, two in zip((*state, *values), (*other, *again), strict=True):
            np.testing.assert_array_equal(one, two)


def arrays_in(value: Any) -> Iterator[np.ndarray]:
    """The arrays among tuples of arrays."""
    if isinstance(value, tuple):
        for part in value:
            yield from arrays_in(part)
    elif isinstance(value, np.ndarray):
        yield value


def assert_own(result: Any, *given: Any) -> None:
    """No array of a result shares memory with another one of it, or with what was given."""
    own, others = list(arrays_in(result)), list(arrays_in(given))
    pairs = [*combinations(own, 2), *product(own, others)]
    assert not any(np.shares_memory(one, other) for one, other in pairs)


def assert_results_are_their_own(
    fast: ModuleType, readable: ModuleType, arrays: Arrays, work: Any
) -> None:
    """What a function returns is the caller's alone."""
    everything = (*arrays.values(), *vars(work).values())
    for module in (fast, readable):
        params, given = parameters(module, arrays), arguments(module, arrays)
        values = module.forward(params, **arguments(module, arrays, "forward"))
        # The readable style also hands its backward pass views of states at other steps.
        # A layer's has what it was given there, for the way back.
        of_both = set(fast.Forward._fields) & set(readable.Forward._fields)
        assert_own(tuple(getattr(values, name) for name in of_both), everything)
        assert_own(module.value_and_grad(params, **given, inputs=True), everything)
    assert_own(
        fast.value_and_grad(params, **given, inputs=True, workspace=work),
        everything,
    )
    if hasattr(fast, "initial_state"):
        for option in ({"window": 3}, {"window": 3, "exact": True}, {"checkpoint": 2}):
            assert_own(fast.value_and_grad(params, **given, inputs=True, **option), everything)


def assert_functions_agree(module: ModuleType, sizes: dict[str, int]) -> None:
    """What verification asks of the functions beside ``value_and_grad``."""
    arrays = draw(module, sizes)
    names = module.Parameters._fields
    point = Point(sizes, {name: arrays[name] for name in names}, arguments(module, arrays))
    checks = check_functions(module, point, 1e-9)
    assert [check for check in checks if not check.holds] == []


def assert_runs(model: b.Model, loss: str) -> None:
    """Every function of the modules in both styles."""
    fast, readable = (b.compile(model, loss=loss, style=style) for style in STYLES)
    assert undefined_names(fast) == undefined_names(readable) == set()
    sizes = sizes_of(model, steps=4, sequences=3)
    arrays = draw(fast, sizes)
    whole = gradients(fast, arrays)
    assert difference(gradients(readable, arrays), whole) <= 1e-9
    dimensions = fast.Dimensions(*(sizes[name] for name in fast.Dimensions._fields))
    work = fast.Workspace(sizes["T"], sizes["B"], dimensions)
    assert difference(gradients(fast, arrays, workspace=work), whole) == 0
    assert_results_are_their_own(fast, readable, arrays, work)
    if hasattr(fast, "initial_state"):
        assert_steps_are_forward(fast, arrays, sizes)
        assert difference(gradients(fast, arrays, checkpoint=3), whole) <= 1e-9
        # What a window drops is for tests of their own; that it runs, for any start, is for here.
        assert gradients(fast, arrays, window=3).keys() == whole.keys()
        assert gradients(fast, arrays, window=3, exact=True).keys() == whole.keys()


@settings(random_models, max_examples=MODULES)
@given(models(), st.sampled_from(LOSSES))
def test_emitted_modules(text: str, loss: str) -> None:
    model = parse_model(text)
    assert_runs(model, loss)
    for style, masked in product(STYLES, (False, True)):
        module = b.compile(model, loss=loss, style=style, masked=masked)
        with quiet():
            assert_functions_agree(module, sizes_of(model, steps=4, sequences=3))


def assert_types(model: b.Model, loss: str) -> None:
    """Gradients have the type and shape of what they are of, and values over time the type."""
    for style, dtype in product(STYLES, (np.float32, np.float64)):
        module = b.compile(model, loss=loss, style=style)
        kinds = getattr(module, "KINDS", {})
        arrays = {
            name: array if "labels" in kinds.get(name, "") else np.asarray(array, dtype)
            for name, array in draw(module, sizes_of(model, 3, 2)).items()
            if name in module.SHAPES
        } | {"T": 3, "B": 2}  # fmt: skip
        found = gradients(module, arrays)
        for name in found.keys() - {"loss"}:
            assert np.asarray(found[name]).dtype == dtype
            assert np.shape(found[name]) == np.shape(arrays[name])
        computed = {n: array for n, array in forward(module, arrays).items() if n not in arrays}
        assert {array.dtype for array in computed.values()} == {np.dtype(dtype)}


@settings(random_models, max_examples=MODULES)
@given(models(), st.sampled_from(LOSSES))
def test_the_type_of_parameters_is_that_of_gradients(text: str, loss: str) -> None:
    assert_types(parse_model(text), loss)


@pytest.mark.one_in(10)
@pytest.mark.parametrize(("name", "loss"), in_turn(FOUND | FOUND_FILES, LOSSES))
def test_the_type_of_parameters_is_that_of_gradients_of_what_was_found(
    name: str, loss: str
) -> None:
    assert_types(parse_model(text_of(name)), loss)


@pytest.mark.one_in(6)
@pytest.mark.parametrize(("name", "loss"), in_turn(FOUND | FOUND_FILES, LOSSES))
def test_emitted_modules_of_what_was_found(name: str, loss: str) -> None:
    assert_runs(parse_model(text_of(name)), loss)


def small(**sections: str) -> b.Model:
    chosen = {section: text for section, text in (SMALL | sections).items() if text}
    return parse_model("\n".join(f"[{section}]\n{text}" for section, text in chosen.items()))


@pytest.mark.one_in(15)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("function", WORDS)
def test_a_loss_may_be_any_function(function: str, style: str, masked: bool) -> None:
    """Many derivatives are most easily written by the value: exp' = exp, tanh' = 1 - tanh^2."""
    model = small(loss=f'E = "{function}(0.25 + mean(s[t] ** 2))"')
    for loss in LOSSES:
        assert b.verify(model, loss=loss, style=style, masked=masked).holds


@pytest.mark.one_in(6)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", ODD)
def test_sizes_called_like_words_of_code(name: str, loss: str) -> None:
    """A size that no array has, and one that the loss does not read."""
    assert_runs(small(dimensions=f'm = ""\nn = ""\n{name} = ""'), loss)
    sizes = {"dimensions": f'm = ""\nn = ""\n{name} = ""', "inputs": f'x = ["n"]\nu = ["{name}"]'}
    assert_runs(small(**sizes, equations='s = "tanh(x[t] * mean(u[t]) + b * s[t-1])"'), loss)


@pytest.mark.parametrize("name", ["self", "T2", "work", "params", "Lock", "lock"])
def test_sizes_called_like_names_of_code_run(name: str) -> None:
    sections = {
        "dimensions": f'm = ""\nn = ""\n{name} = ""', "states": f's = ["n"]\nh = ["{name}"]',
        "equations": 's = "tanh(x[t] + b * s[t-1])"\nh = "0.5 * h[t-1] + mean(s[t])"',
        "loss": 'E = "sum(s[t] ** 2) + sum(h[t] ** 2)"',
    }  # fmt: skip
    assert_runs(small(**sections), "sum")


@pytest.mark.parametrize("name", ["lock", "axis", "self", "sizes", "one", "index", "count"])
def test_what_is_called_like_names_of_code(name: str) -> None:
    """A state, a value, and labels that the loss does not read."""
    states = f'{name} = ["n"]'
    equation = f'{name} = "tanh(x[t] + b * {name}[t-1])"'
    assert_runs(small(states=states, equations=equation, loss=f'E = "sum({name}[t] ** 2)"'), "sum")
    equations = f'{SMALL["equations"]}\n{name} = "tanh(s[t])"'
    assert_runs(small(equations=equations, loss=f'E = "sum({name}[t] ** 2)"'), "sum")
    labels = f'u = ["n"]\n{name} = {{shape = ["n"], labels = true}}'
    equation = f's = "tanh({name}[t] * u[t] + b * s[t-1])"'
    for loss in LOSSES:
        model = small(inputs=labels, equations=equation, loss='E = "s[t] @ s[t].T"')
        assert_runs(model, loss)


NO_INPUT = {
    "dimensions": 'n = ""',
    "inputs": "",
    "parameters": 'b = ["n"]',
    "equations": 's = "tanh(b * s[t-1])"',
}


@pytest.mark.parametrize("style", STYLES)
def test_a_function_asks_for_the_sizes_that_none_of_its_arrays_tells(style: str) -> None:
    def asked(**sections: str) -> dict[str, set[str]]:
        module = b.compile(small(**(NO_INPUT | sections)), style=style)
        functions = ("forward", "loss", "value_and_grad")
        taken = {name: inspect.signature(getattr(module, name)).parameters for name in functions}
        return {name: {"T", "B"} & set(parameters) for name, parameters in taken.items()}

    of_both = {"T", "B"}
    assert asked() == {"forward": {"T"}, "loss": {"T"}, "value_and_grad": {"T"}}
    told = asked(targets='d = ["n"]', loss='E = "sum((s[t] - d[t]) ** 2)"')
    assert told == {"forward": {"T"}, "loss": set(), "value_and_grad": set()}
    begun = asked(states='s = {shape = ["n"], initial = 1}')
    assert begun == {"forward": of_both, "loss": of_both, "value_and_grad": of_both}


@pytest.mark.parametrize("style", STYLES)
def test_a_number_of_steps_is_a_whole_number(style: str) -> None:
    module = b.compile(small(**NO_INPUT), style=style)
    params, s0 = module.Parameters(np.ones(2)), np.ones((3, 2))
    for function in (module.forward, module.loss, module.value_and_grad):
        for steps in (-1, 2.5, True, "2"):
            with pytest.raises(ValueError, match="T must be a whole number from 0"):
                function(params, s0, T=steps)
        with pytest.raises(TypeError, match="T"):
            function(params, s0)
        function(params, s0, T=np.int32(2))


@pytest.mark.parametrize("loss", LOSSES)
def test_a_model_of_scalars_needs_no_dimensions(loss: str) -> None:
    scalars = {"inputs": "x = []", "parameters": "b = []", "states": "s = []"}
    model = small(**scalars, dimensions="", loss='E = "(x[t] - s[t]) ** 2"')
    assert not model.dimensions
    assert_runs(model, loss)


@pytest.mark.parametrize("shape", ['["n"]', "[]"])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_that_counts_each_entry_of_a_state_once(shape: str, loss: str) -> None:
    begun = {"parameters": f"b = {shape}", "states": f's = {{shape = {shape}, initial = "b"}}'}
    inputs = {"dimensions": 'n = ""', "inputs": f"x = {shape}"}
    sections = begun | inputs | {"equations": 's = "erf(x[t])"', "loss": 'E = "sum(s[t])"'}
    text = "\n".join(f"[{name}]\n{lines}" for name, lines in sections.items())
    assert_runs(parse_model(text), loss)
