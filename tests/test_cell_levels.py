"""The levels of a derivation agree in numbers with the generated module, for every cell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sequence import Sequence

import bptt_sym as b

CORPUS = sorted((Path(__file__).parent / "cells").glob("*.toml"))


@pytest.fixture(
    params=[*b.model_names(), *CORPUS],
    ids=lambda cell: cell.stem if isinstance(cell, Path) else cell,
)
def cell(request):
    return b.load_model(request.param)


@pytest.fixture(params=["last", "sum", "mean"])
def loss(request):
    return request.param


def assert_equal(found, expected):
    """Blocks of numbers are equal up to rounding."""
    expected = np.asarray(expected, dtype=float)
    found = np.asarray(found, dtype=float).reshape(expected.shape)
    scale = max(np.max(np.abs(expected)), 1e-6)
    assert np.max(np.abs(found - expected)) <= 1e-9 * scale


@pytest.mark.parametrize("steps", [2, 4])
def test_products_are_the_gradient(cell, loss, steps):
    """As sums over contributions, and with N put into the general form; chains short and long."""
    sequence = Sequence(cell, loss, steps)
    expected = sequence.gradients()
    for most in (4, 100):
        derivation = b.derive(
            sequence.model, steps=steps, level="jacobian", loss=loss, most_factors=most
        )
        for general in (False, True):
            if general and steps < longest_delay(cell) + 1:
                continue
            for name, found in sequence.products(derivation, general=general).items():
                assert_equal(found, expected[sequence._name(name)])


def test_the_recursion_is_the_gradient(cell, loss):
    sequence = Sequence(cell, loss, 4)
    expected = sequence.gradients()
    found = sequence.recursion(b.derive(sequence.model, steps=4, level="adjoint", loss=loss))
    for name, value in found.items():
        reverse = name[:-1].rstrip("_") in reversed_states(cell)
        blocks = value if isinstance(value, list) and reverse else np.array(value)[::-1]
        assert_equal(blocks if isinstance(value, list) else value, expected[name])


def longest_delay(cell):
    return max((cell.depth(state.name) for state in cell.states), default=0)


def reversed_states(cell):
    return {entry.name for entry in cell.declared("state") if entry.reverse}
