"""What notes say of truncation is what a window of the last steps does, for every cell."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pytest
from support.cells import CELLS, name_of

import bptt_sym as b
from bptt_sym.documents.chapters.truncation import WINDOWS, truncation
from bptt_sym.documents.facts.cost import costs
from bptt_sym.documents.facts.measured_decay import SCALE, STEPS
from bptt_sym.documents.notes_request import NotesRequest
from bptt_sym.documents.telling import Telling
from bptt_sym.measuring.decay import falling
from bptt_sym.render.relations import per_cent

LOSSES = ("last", "sum", "mean")
each_cell = pytest.mark.parametrize("cell", CELLS, ids=name_of)


@cache
def chapter(cell, loss="last", steps=3):
    model = b.load_model(cell)
    telling = Telling(model, NotesRequest(steps, loss), [*model.parameters.values()])
    return telling, [block.text for block in truncation(telling)]


@pytest.mark.one_in(16)
@pytest.mark.parametrize("loss", LOSSES)
@each_cell
def test_the_part_left_out_is_that_of_the_pairs_beyond_the_window(cell, loss):
    """Summed over the untied gradients of each loss: what is not kept is what is told."""
    telling, texts = chapter(cell, loss)
    for text in texts:
        assert text.count("$") % 2 == 0
        assert text[0].isupper()
        assert text.endswith(".")
        assert not re.search(r"None|  |\s[,.:;]|negligible|always", text)
    told = re.findall(r"\$([^$]*\\%)\$(?: of it)? for \$\w+ = (\d+)\$", " ".join(texts))
    if not told:
        return
    decay = telling.decay
    name, seed, model = decay.parameter.name, decay.measured.seed, telling.model
    arrays = falling(model, [name], STEPS, loss, [seed], scale=SCALE)[seed].arrays
    weights = {key: arrays[key] for key in model.parameters}
    data = {entry.name: arrays[entry.name] for entry in model.varied_inputs}
    given = {"weights": weights, "data": data, "seed": seed, "loss": loss}
    pairs = b.measure(model, name, STEPS, **given)[name].pairs
    assert [int(window) for _, window in told] == [*WINDOWS]
    for share, window in told:
        assert share == per_cent(float(pairs.dropped.ratio[int(window) - 1]))
        if decay.norms[int(window) :].sum() == 0 and telling.reduction.at_last:
            assert share.startswith("0")


def test_for_the_last_loss_the_contributions_of_the_steps_told_are_kept():
    """For an Elman network: i = N - K + 1, ..., N, from the contributions themselves."""
    elman = b.load_model("elman")
    measured = b.measure(elman, "W_s", 20, seed=3)["W_s"]
    for window in (1, 5, 20):
        kept = measured.contributions[20 - window :].sum(axis=0)
        left_out = np.linalg.norm(measured.gradient - kept) / np.linalg.norm(measured.gradient)
        assert np.isclose(left_out, measured.pairs.dropped.ratio[window - 1])


@pytest.mark.one_in(3)
@each_cell
def test_the_products_of_the_backward_pass_are_counted(cell):
    """A K + b for the window is what the recursion takes for as many steps."""
    telling, texts = chapter(cell)
    found = re.search(
        r"then takes \$(?:(\d+) \\, )?K(?: ([+-]) (\d+))?\$ products", " ".join(texts)
    )
    if found is None:
        return
    slope = int(found[1] or 1)
    rest = int((found[2] or "+") + (found[3] or "0"))
    name = re.search(r"backward pass to \$(.*?)\$ then", texts[0])[1]
    (parameter,) = (p for p in telling.parameters if telling.math(p) == name)
    for cost in costs(telling.step, parameter, telling.reduction, (5, 7, 12)):
        assert cost.recursion == slope * cost.steps + rest


def test_what_is_told_by_kind():
    elman = " ".join(chapter("elman")[1])
    assert r"takes $2 \, K$ products" in elman
    assert "from before step $N - K$" in elman
    lag_two = next(cell for cell in CELLS if name_of(cell) == "lag-two")
    assert "from before step $N - K - 1$" in " ".join(chapter(lag_two)[1])
    assert "the terms with $t - i < K$" in " ".join(chapter("elman", "sum")[1])
    assert "contributions of the steps" not in " ".join(chapter("elman", "sum")[1])
    for cell in ("bidirectional", "lstm-layer", "leaky"):
        assert chapter(cell)[1] == []
    assert chapter("elman", steps=1)[1] == []
