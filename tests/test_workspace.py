"""A workspace is all that a call needs; what a call returns belongs to the caller."""

from __future__ import annotations

import re
import threading
import tracemalloc
from functools import cache
from typing import Any

import numpy as np
import pytest
from support.running import (
    Arrays,
    arguments,
    difference,
    draw,
    gradients,
    parameters,
    sizes_of,
    workspace_for,
)

import bptt_sym as b
from bptt_sym.model.model import Model

NAMES = b.model_names()

REFUSAL = "another call is at work in the workspace"

OWN_FUNCTIONS = {"indrnn", "linear-attention"}
"""These have relu and elu, which no call of NumPy writes into an array."""


@cache
def compiled(name: str) -> Any:
    return b.compile(b.load_model(name), masked=len(name) % 3 == 0)


def drawn(module: Any, model: Model, steps: int = 6, sequences: int = 5, seed: int = 0) -> Any:
    sizes = sizes_of(model, steps, sequences)
    return sizes, draw(module, sizes, seed)


def assert_right(module: Any, arrays: Arrays, workspace: Any) -> None:
    expected = gradients(module, arrays)
    assert difference(gradients(module, arrays, workspace=workspace), expected) == 0


def peak(module: Any, arrays: Arrays, **options: Any) -> int:
    """The most bytes that a call holds beside what was there before it."""
    params, given = parameters(module, arrays), arguments(module, arrays)
    module.value_and_grad(params, **given, **options)
    tracemalloc.start()
    try:
        result = module.value_and_grad(params, **given, **options)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    del result
    return most


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", NAMES)
def test_a_workspace_leaves_nothing_to_allocate_over_time(name: str) -> None:
    model, module = b.load_model(name), compiled(name)
    most, own = [], []
    # So many sequences that the buffers of NumPy itself, of 8192 numbers, are full.
    steps, sequences = 40, 300
    for count in (steps, 4 * steps):
        sizes, arrays = drawn(module, model, count, sequences)
        most.append(peak(module, arrays, workspace=workspace_for(module, sizes)))
        own.append(peak(module, arrays))
    # Far less than one number for each step of each sequence.
    number = 8 * 3 * steps * sequences
    says = "make arrays of their own" in module.Workspace.__doc__
    assert says == (name in OWN_FUNCTIONS)
    assert says or most[1] - most[0] <= number / 10
    assert own[1] - own[0] >= number


@pytest.mark.parametrize("name", NAMES)
def test_a_workspace_has_the_size_that_its_docstring_says(name: str) -> None:
    model, module = b.load_model(name), compiled(name)
    (formula,) = re.findall(r"this many numbers:\n +(.*)\n", module.Workspace.__doc__)
    for steps, sequences in ((1, 1), (6, 5), (11, 2)):
        sizes = sizes_of(model, steps, sequences)
        workspace = workspace_for(module, sizes)
        held = [array for array in vars(workspace).values() if isinstance(array, np.ndarray)]
        assert sum(array.size for array in held) == value_of(formula, sizes)


def value_of(formula: str, sizes: dict[str, int]) -> int:
    """The value of a formula of sizes: products, sums and parentheses."""
    inner = re.search(r"\(([^()]*)\)", formula)
    if inner:
        before, after = formula[: inner.start()], formula[inner.end() :]
        return value_of(f"{before}{value_of(inner[1], sizes)}{after}", sizes)
    terms = (term.split("*") for term in formula.split(" + "))
    return sum(int(np.prod([int(sizes.get(f, f)) for f in factors])) for factors in terms)


@pytest.mark.parametrize("name", NAMES)
def test_results_belong_to_the_caller(name: str) -> None:
    """They share memory with no workspace, no argument and not with each other."""
    model, module = b.load_model(name), compiled(name)
    sizes, arrays = drawn(module, model)
    _, others = drawn(module, model, seed=1)
    workspace = workspace_for(module, sizes)
    expected = gradients(module, arrays)
    for array in arrays.values():
        array.setflags(write=False)
    before = {key: array.copy() for key, array in arrays.items()}
    found = gradients(module, arrays, workspace=workspace)
    held = [array for array in vars(workspace).values() if isinstance(array, np.ndarray)]
    results = list(found.values())
    for k, result in enumerate(results):
        for other in [*held, *arrays.values(), *results[:k]]:
            assert not np.shares_memory(result, other)
        assert isinstance(result, np.ndarray) or np.ndim(result) == 0
    gradients(module, others, workspace=workspace)
    assert difference(found, expected) == 0
    assert difference(gradients(module, arrays, workspace=workspace), expected) == 0
    assert all(np.array_equal(arrays[key], array) for key, array in before.items())


@pytest.mark.parametrize("name", NAMES)
def test_the_forward_pass_does_not_share_memory_with_its_arguments(name: str) -> None:
    model, module = b.load_model(name), compiled(name)
    _, arrays = drawn(module, model)
    values = module.forward(parameters(module, arrays), **arguments(module, arrays, "forward"))
    for value in values:
        assert not any(np.shares_memory(value, array) for array in arrays.values())


@pytest.mark.parametrize("name", ["elman", "lstm", "elman-character"])
def test_a_workspace_for_something_else_is_refused(name: str) -> None:
    model, module = b.load_model(name), compiled(name)
    sizes, arrays = drawn(module, model)
    for other in sizes:
        workspace = workspace_for(module, sizes | {other: sizes[other] + 1})
        with pytest.raises(ValueError, match=r"^the workspace is for .* the arrays are for "):
            gradients(module, arrays, workspace=workspace)
    with pytest.raises(ValueError, match=r"float32.* float64"):
        gradients(module, arrays, workspace=workspace_for(module, sizes, np.float32))
    with pytest.raises(TypeError, match=r"^workspace must be a Workspace, not 3"):
        gradients(module, arrays, workspace=3)
    # After a refusal it can be used.
    workspace = workspace_for(module, sizes)
    with pytest.raises(ValueError):
        gradients(module, drawn(module, model, 7)[1], workspace=workspace)
    assert_right(module, arrays, workspace)


def test_a_workspace_is_free_again_after_an_error() -> None:
    model, module = b.load_model("elman-character"), compiled("elman-character")
    sizes, arrays = drawn(module, model)
    workspace = workspace_for(module, sizes)
    labels = next(key for key, kind in module.KINDS.items() if kind.startswith("labels"))
    wrong = arrays | {labels: arrays[labels] + 1000}
    with pytest.raises(ValueError, match="labels"):
        gradients(module, wrong, workspace=workspace)
    assert_right(module, arrays, workspace)


def test_two_threads_in_one_workspace_are_refused_and_never_wrong() -> None:
    model, module = b.load_model("gru"), compiled("gru")
    sizes, _ = drawn(module, model, 40, 3)
    workspace = workspace_for(module, sizes)
    cases = [drawn(module, model, 40, 3, seed)[1] for seed in range(4)]
    expected = [gradients(module, arrays) for arrays in cases]
    barrier, found = threading.Barrier(len(cases)), []

    def work(k: int) -> None:
        barrier.wait()
        for _ in range(200):
            try:
                result = gradients(module, cases[k], workspace=workspace)
            except RuntimeError as error:
                found.append(str(error))
            else:
                found.append(difference(result, expected[k]))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(cases))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 200 * len(cases)
    assert set(found) <= {0, REFUSAL}
    with workspace.lock, pytest.raises(RuntimeError, match=REFUSAL):
        gradients(module, cases[0], workspace=workspace)


def test_calls_without_a_workspace_do_not_disturb_each_other() -> None:
    model, module = b.load_model("gru"), compiled("gru")
    cases = [drawn(module, model, 20, 3, seed)[1] for seed in range(4)]
    expected = [gradients(module, arrays) for arrays in cases]
    worst = [0.0] * len(cases)

    def work(k: int) -> None:
        for _ in range(50):
            worst[k] = max(worst[k], difference(gradients(module, cases[k]), expected[k]))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(cases))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert worst == [0.0] * len(cases)


# One step.


def stepping(name: str, sequences: int = 300) -> tuple[Any, Any, Any, Any, Any]:
    """A module, its parameters, a first State, the arguments of one step, and a workspace."""
    model, module = b.load_model(name), compiled(name)
    sizes, arrays = drawn(module, model, 3, sequences)
    params = parameters(module, arrays)
    state = module.initial_state(params, **arguments(module, arrays | sizes, "initial_state"))
    over_time = {name for name, shape in module.SHAPES.items() if shape[:1] == ("T",)}
    now = {name: array[0] if name in over_time else array for name, array in arrays.items()}
    dimensions = module.Dimensions(*(sizes[name] for name in module.Dimensions._fields))
    work = module.StepWorkspace(sequences, dimensions)
    return module, params, state, arguments(module, now, "step"), work


@pytest.mark.parametrize("name", ["elman", "lstm", "gru", "elman-character"])
def test_a_step_in_its_workspace_allocates_no_array(name: str) -> None:
    module, params, state, given, work = stepping(name)
    for _ in range(2):
        state, _ = module.step(params, state, **given, workspace=work)
    tracemalloc.start()
    module.step(params, state, **given, workspace=work)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # NumPy's own buffers have up to 8192 numbers; an array here has more.
    assert most < 8 * 8192 + 4096 < 2 * min(np.asarray(field).nbytes for field in state) + 10**5


@pytest.mark.parametrize("name", ["elman", "lstm", "elman-character"])
def test_a_step_takes_and_returns_what_it_says(name: str) -> None:
    module, params, state, given, work = stepping(name, 4)
    expected = module.step(params, state, **given)
    for taken in (params, params._asdict()):
        found = module.step(taken, state, **given, workspace=work)
        for one, other in zip((*found[0], *found[1]), (*expected[0], *expected[1]), strict=True):
            assert np.array_equal(one, other)
    following, _ = module.step(params, state, **given, workspace=work)
    assert all(np.shares_memory(f, g) for f, g in zip(following, found[0], strict=True))


def test_a_state_or_a_workspace_of_other_sizes_is_refused() -> None:
    module, params, state, given, work = stepping("lstm", 4)
    wrong = state._replace(c=state.c[:, :-1])
    with pytest.raises(ValueError, match="has the shape"):
        module.step(params, wrong, **given)
    _, arrays = drawn(module, b.load_model("lstm"), 3, 4)
    with pytest.raises(ValueError, match="has the shape"):
        module.value_and_grad(parameters(module, arrays), **arguments(module, arrays), start=wrong)
    other = module.StepWorkspace(5, work.dimensions)
    with pytest.raises(ValueError, match="the workspace is for"):
        module.step(params, state, **given, workspace=other)
