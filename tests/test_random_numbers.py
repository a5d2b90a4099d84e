"""Random cells in numbers: a derivation has those of the module whose copies are untied."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.draws import draws
from support.random_models import models
from test_numbers import LEVELS, check_definitions, in_numbers
from test_random_models import LOSSES, random_models

import bptt_sym as b
from bptt_sym.errors import InputError
from bptt_sym.model.read import parse_model

MEASURED = draws(24)


def assert_numbers(text: str, loss: str) -> bool:
    """Checks a cell; False where its gradients are not finite, or larger than can be compared."""
    model = parse_model(text)
    try:
        measured = b.measure(model, steps=3, loss=loss, without=["states", "pairs"])
        found = {level: in_numbers(model, measured, level, loss) for level in LEVELS}
    except InputError:
        return False
    for level, numbers in found.items():
        assert np.isclose(numbers.loss, measured.value, rtol=1e-11, atol=1e-13)
        for name, entry in measured.parameters.items():
            scale = np.max([*entry.by_step.norm, *entry.by_apart.norm, 1e-3])
            if scale > 1e6:
                return False
            assert np.allclose(
                numbers.gradients[name],
                entry.gradient.reshape(numbers.gradients[name].shape),
                rtol=1e-10,
                atol=1e-10 * scale,
            ), (level, name)
            for step, contribution in numbers.contributions.get(name, {}).items():
                alone = 1 <= step <= 3
                expected = entry.contributions[step - 1] if alone else entry.apart["initial values"]
                assert np.allclose(
                    contribution,
                    expected.reshape(contribution.shape),
                    rtol=1e-10,
                    atol=1e-10 * scale,
                ), (level, name, step)
        check_definitions(numbers.values, tolerance=1e-9)
        assert numbers.text(width=80) and numbers.latex() and numbers.data()
    return True


@pytest.mark.drawn
def test_random_cells_in_numbers():
    checked: dict[str, bool] = {}

    @settings(random_models, max_examples=2 * MEASURED)
    @given(models(), st.sampled_from(LOSSES))
    def check(text: str, loss: str) -> None:
        if len(checked) < MEASURED and text not in checked:
            checked[text] = assert_numbers(text, loss)

    check()
    assert sum(checked.values()) >= len(checked) / 2
