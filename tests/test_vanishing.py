"""What notes say of vanishing and exploding gradients is what the numbers say, for every cell."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from support.cell_values import AsDeclared
from support.cells import CELLS, CORPUS, name_of

import bptt_sym as b
from bptt_sym.algebra.entrywise import StopGradient
from bptt_sym.algebra.expressions import (
    TIME,
    Integer,
    MatrixExpr,
    OneMatrix,
    Parameter,
    ZeroMatrix,
    at_step,
    dimension,
    number_of_entries,
)
from bptt_sym.algebra.operations import replaced
from bptt_sym.derivation.step import written_step
from bptt_sym.documents.chapters.vanishing import linked, vanishing
from bptt_sym.documents.document import Equations, Paragraph, Table
from bptt_sym.documents.facts.measured_decay import (
    DISTANCES,
    SCALE,
    STEPS,
    known_functions,
    reach,
)
from bptt_sym.documents.facts.norm_bounds import norm_bound
from bptt_sym.documents.facts.ranges import SLOPES, VALUES, Ranges
from bptt_sym.documents.facts.step_facts import step_maps
from bptt_sym.documents.notes_request import NotesRequest
from bptt_sym.documents.step_writing import is_plain_gate
from bptt_sym.documents.telling import Telling
from bptt_sym.measuring.decay import falling
from bptt_sym.render.relations import per_cent, two_digits

LOSSES = ("last", "sum", "mean")
each_cell = pytest.mark.parametrize("cell", CELLS, ids=name_of)

SMOOTH = 1e-6
"""Differences are as exact as this, where nothing bends in between."""


@cache
def model_of(cell):
    return b.load_model(cell)


@cache
def maps_of(cell):
    return step_maps(written_step(model_of(cell)))


def cell_named(name):
    return next(cell for cell in CELLS if name_of(cell) == name)


class Around:
    """A cell at random numbers, with all that its steps hand on there may be at one step."""

    TIME = 5

    def __init__(self, cell):
        self.model = model_of(cell)
        sizes = {entry.name: 2 + k for k, entry in enumerate(self.model.dimensions)}
        self.values = AsDeclared(self.model, 2 * self.TIME, "sum", sizes)
        past = {}
        for entry in self.model.declared("state"):
            for lag in range(1, self.model.depth(entry.name) + 1):
                state = entry.symbol.at(self.TIME + lag if entry.reverse else self.TIME - lag)
                past[state] = self.values[state]
        self.data = {k: v for k, v in self.values.known.items() if k not in past} | past
        states = {entry.name for entry in self.model.declared("state")}
        computed = {d.name for d in self.model.definitions} | states
        self.data = {
            k: v for k, v in self.data.items()
            if getattr(k, "name", None) not in computed or k in past
        }  # fmt: skip
        self.values.known = dict(self.data)

    def at(self, expression):
        """The value of an expression at the step."""
        return self.values.value(at_step(expression, TIME, Integer(self.TIME)))

    def moved(self, of, by, position, move):
        of, by = (at_step(part, TIME, Integer(self.TIME)) for part in (of, by))
        self.values.known = dict(self.data)
        self.values.known[by] = self.data[by].copy()
        self.values.known[by].flat[position] += move
        found = np.ravel(self.values[of])
        self.values.known = dict(self.data)
        return found

    def derivative(self, of, by):
        """That of one state by another of the step before, all else there held constant."""
        columns = []
        size = self.data[at_step(by, TIME, Integer(self.TIME))].size
        for position in range(size):
            # Differences of two widths, extrapolated.
            wide, narrow = (
                (self.moved(of, by, position, h) - self.moved(of, by, position, -h)) / (2 * h)
                for h in (2e-3, 1e-3)
            )
            columns.append((4 * narrow - wide) / 3)
        return np.array(columns).T


# The matrix of a step.


@each_cell
def test_each_block_is_the_derivative_of_the_step_and_of_the_kind_that_is_told(cell):
    """Zero, the identity, diagonal, or a sum of terms, as the blocks in numbers are."""
    model = model_of(cell)
    if any(definition.expression.has(StopGradient) for definition in model.definitions):
        pytest.skip("differences see through a stopped gradient")
    around = Around(cell)
    for found in maps_of(cell):
        for block in found.every:
            if block.terms is None:
                continue
            expected = around.derivative(block.of, block.by)
            matrix = np.broadcast_to(around.at(block.matrix), expected.shape)
            scale = max(1, np.max(np.abs(expected)), np.max(np.abs(around.at(block.of))) / 100)
            assert np.allclose(matrix, expected, rtol=SMOOTH, atol=SMOOTH * scale), block
            if block.is_zero:
                assert not np.any(matrix)
            if block.is_diagonal:
                assert not np.any(matrix - np.diag(np.diag(matrix)))
            assert block.is_identity == (
                matrix.shape[0] == matrix.shape[1] and np.array_equal(matrix, np.eye(len(matrix)))
            )
            direct = np.broadcast_to(around.at(block.direct), expected.shape)
            if block.is_immediate:
                assert np.allclose(direct, matrix)
            if block.diagonal_is_immediate:
                assert np.allclose(np.diag(np.ravel(around.at(block.diagonal))), direct)


@each_cell
def test_a_step_that_is_called_constant_or_linear_is(cell):
    """The matrix does not depend on the data, or on the states, that it is not made of."""
    for found in maps_of(cell):
        if found.matrix is None or not (found.is_constant or found.is_linear):
            continue
        around = Around(cell)
        before = around.at(found.matrix)
        for entry in around.model.declarations:
            changes = entry.kind == "state" or (found.is_constant and entry.kind == "input")
            for leaf in around.data:
                if changes and getattr(leaf, "name", None) == entry.name and not entry.labels:
                    around.data[leaf] = around.data[leaf] * 0.7 + 0.1
        around.values.known = dict(around.data)
        assert np.allclose(around.at(found.matrix), before, rtol=1e-12)


@each_cell
def test_entries_of_gates_lie_between_0_and_1_and_every_range_holds(cell):
    around = Around(cell)
    ranges = Ranges(around.model)
    at_last = {loss.name for loss in around.model.losses[0 if around.model.ends else 1 :]}
    for definition in around.model.definitions:
        if definition.name in at_last:
            continue
        found = ranges.of(definition.variable)
        value = around.at(definition.variable)
        assert np.all(value >= found.low - 1e-12), definition
        assert np.all(value <= found.high + 1e-12), definition
        if found.is_gate:
            assert np.all((value > 0) & (value < 1))


GRID = np.concatenate([np.linspace(-12, 12, 4801), [-0.5, 0.0, 0.5]])


@pytest.mark.parametrize("name", sorted({*VALUES, *SLOPES}))
def test_values_and_slopes_of_the_functions_of_the_table(name):
    """On a fine grid they keep within what is told, and come close to a largest slope."""
    grid = GRID[GRID > 0] if name in ("sqrt", "log") else GRID
    known = known_functions()[name]
    if name in VALUES:
        value = known(grid[::40], 0)
        assert np.all((value >= VALUES[name].low) & (value <= VALUES[name].high))
    if name in SLOPES:
        fast = AsDeclared(b.load_model("elman"), 1, "last", {"m": 1, "n": 1, "k": 1})
        slopes = np.abs(fast.function(name)(grid, 1))
        assert np.max(slopes) <= SLOPES[name] + 1e-12
        assert np.max(slopes) >= SLOPES[name] * 0.999


# Bounds.


def values_of(model, measured):
    """The parameters of a measurement by their symbols."""
    sizes = {dimension(name): size for name, size in measured.sizes.items()}
    values = dict(sizes)
    for entry in model.declarations:
        if isinstance(entry.symbol, Parameter) and entry.name in measured.values:
            shape = [int(size.subs(sizes)) for size in entry.symbol.shape]
            values[entry.symbol] = measured.values[entry.name].reshape(shape)
    return values


@pytest.mark.one_in(6)
@each_cell
def test_no_step_has_a_norm_above_its_bound(cell):
    """At 100 steps of random networks, small and large: the bound with the numbers put in."""
    model = model_of(cell)
    maps = maps_of(cell)
    if len(maps) != 1 or len(maps[0].places) != 1 or not maps[0].every[0].terms:
        return
    bound = norm_bound(maps[0].every[0].terms, model, Ranges(model))
    if bound is None or not bound.is_known or maps[0].direction < 0:
        return
    reached = []
    for seed in range(5):
        measured = b.measure(model, steps=20, seed=seed, without=["pairs"])
        values = values_of(model, measured)
        sizes = {symbol: size for symbol, size in values.items() if isinstance(size, int)}
        if measured.states.entries != number_of_entries(maps[0].symbol).subs(sizes):
            return  # there are states, or inputs that are kept, beside these
        largest = bound.value(values, known_functions())
        assert np.all(measured.states.largest <= largest * (1 + 1e-9))
        reached.append(np.max(measured.states.largest) / largest)
    # A bound that is never near is no bound worth printing.
    assert max(reached) > 0.02


@each_cell
def test_each_block_has_a_norm_within_its_bound(cell):
    """Also those within several states, and of scans in reverse."""
    around = Around(cell)
    ranges = Ranges(around.model)
    for block in (block for found in maps_of(cell) for block in found.every):
        bound = norm_bound(block.terms, around.model, ranges) if block.terms else None
        if bound is not None and bound.is_known:
            norm = np.linalg.norm(np.atleast_2d(around.at(block.matrix)), 2)
            assert norm <= bound.value(around.values, known_functions()) * (1 + 1e-9), block


@pytest.mark.one_in(2)
@pytest.mark.parametrize("function", ["tanh", "sigmoid", "relu", "elu", "softplus", "arctan"])
def test_the_bound_of_an_elman_network_with_other_functions(function):
    """gamma is 1 for tanh, 1/4 for the sigmoid, and the bound of N - i steps holds for each i."""
    model = replace(b.load_model("elman"), functions={"phi": function, "sigma": "sigmoid"})
    (found,) = step_maps(written_step(model))
    bound = norm_bound(found.every[0].terms, model, Ranges(model))
    assert bound.slopes == {"phi": SLOPES[function]}
    for seed in range(3):
        measured = b.measure(model, steps=20, seed=seed, without=["pairs"])
        base = bound.value(values_of(model, measured), known_functions())
        expected = SLOPES[function] * np.linalg.norm(measured.values["W_s"], 2)
        assert np.isclose(base, expected)
        distances = np.arange(20, -1, -1)
        assert np.all(measured.states.log_norm <= distances * np.log10(base) + 1e-9)
        assert np.all(measured.states.log_bound <= distances * np.log10(base) + 1e-9)


def test_the_norm_of_a_constant_diagonal_step_is_known_exactly():
    """diag(lambda)^(N-i) has the norm max lambda^(N-i); linear attention has 1 at any distance."""
    linear = b.measure(b.load_model("linear"), steps=20, without=["pairs"])
    largest = np.max(np.exp(-np.exp(linear.values["nu"])))
    distances = np.arange(20, -1, -1)
    assert np.allclose(linear.states.log_norm, distances * np.log10(largest))
    attention = b.measure(b.load_model("linear-attention"), steps=20, without=["pairs"])
    assert np.allclose(attention.states.log_norm, 0)


# Gates.


@pytest.mark.one_in(4)
@each_cell
def test_what_opens_and_closes_a_shortcut_does(cell):
    """With the gate at the value told, all other terms are zero in numbers; with it closed, as
    many remain as are told.
    """
    around = Around(cell)
    texts = [text for text in links(cell) if "the shortcut closes" in text or "in its row" in text]
    for text in texts:
        (found,) = maps_of(cell)
        (block,) = found.every
        gate, itself = is_plain_gate(block.diagonal)
        assert f"tends to {int(itself)}, " in text
        for value, left in ((itself, 0), (not itself, None)):
            constant = (OneMatrix if value else ZeroMatrix)(*gate.shape)
            terms = [around.at(replaced(w, {gate: constant})) for w in block.others.values()]
            remaining = sum(bool(np.any(term)) for term in terms)
            if left == 0:
                assert remaining == 0
            elif "closes" in text:
                word = "one term remains" if remaining == 1 else f"{remaining} terms remain"
                assert word in text


def test_a_gated_path_is_one_of_many():
    """For an LSTM the path through the cell states is diag(f_N * ... * f_{i+1}); at a distance of
    two steps the derivative of the cell state is another matrix, and at one step it is the same.
    """
    (found,) = maps_of(cell_named("lstm"))
    measured = b.measure(b.load_model("lstm"), steps=6, without=["pairs"])
    jacobians = measured.states.jacobians
    half = len(jacobians[0]) // 2
    gates = [jacobian[half:, half:] for jacobian in jacobians]
    for gate in gates:
        assert np.array_equal(gate, np.diag(np.diag(gate)))
        assert np.all((np.diag(gate) > 0) & (np.diag(gate) < 1))
    path = gates[-1] @ gates[-2]
    whole = (jacobians[-1] @ jacobians[-2])[half:, half:]
    assert not np.allclose(path, whole, rtol=1e-3)
    assert found.blocks[0][1].matrix.has(MatrixExpr)


# The chapter.


@cache
def chapter(cell, loss="last"):
    telling = Telling(
        model_of(cell), NotesRequest(loss=loss), [*model_of(cell).parameters.values()]
    )
    return telling, list(vanishing(telling))


def base_of(telling):
    """The bound on the norm of a step's matrix, in numbers."""
    (found,) = telling.decay.links
    bound = norm_bound(found.every[0].terms, telling.model, Ranges(telling.model))
    return bound.value(values_of(telling.model, telling.decay.measured), known_functions())


def told(cell, loss="last"):
    return [block.text for block in chapter(cell, loss)[1] if isinstance(block, Paragraph)]


def links(cell):
    """What is told of the links from step to step, without the measured curve."""
    telling = Telling(model_of(cell), NotesRequest(), [*model_of(cell).parameters.values()])
    found = linked(telling, telling.sentences("vanishing"))
    return [block.text for block in found if isinstance(block, Paragraph)]


FORBIDDEN = re.compile(
    r"\b1 (steps|terms|draws)\b|None|Whatever|  |\s[,.:;]|,\.|\.\.|\$\s*\$|always|clearly"
)


@pytest.mark.one_in(16)
@pytest.mark.parametrize("loss", LOSSES)
@each_cell
def test_the_chapter_is_made_of_whole_sentences(cell, loss):
    telling, blocks = chapter(cell, loss)
    for k, block in enumerate(blocks):
        if isinstance(block, Paragraph):
            assert block.text.count("$") % 2 == 0
            assert not FORBIDDEN.search(block.text), block.text
            assert block.text[0].isupper()
            before_display = k + 1 < len(blocks) and isinstance(blocks[k + 1], Equations)
            assert before_display == (block.text[-1] != "."), block.text
        if isinstance(block, Equations):
            assert block.formulas[-1].lines[-1].endswith(".")
    # A norm is used where it was said what it is.
    defined = False
    for block in blocks:
        written = str(block)
        defined = defined or r"\\lVert \\cdot \\rVert$ be the spectral norm" in written
        assert defined or r"\\| \\frac" not in written
    if not telling.reduction.at_last:
        # A contribution of step i has the loss of step i in it, which does not vanish.
        assert not any("contribution of step" in text for text in told(cell, loss))


@pytest.mark.one_in(16)
@pytest.mark.parametrize("loss", LOSSES)
@each_cell
def test_the_measured_numbers_are_those_of_the_untied_gradients(cell, loss):
    """The table against another measurement at the same values, and what is said of it."""
    telling, blocks = chapter(cell, loss)
    decay = telling.decay
    tables = [block for block in blocks if isinstance(block, Table)]
    if not tables:
        return
    (table,) = tables
    name = decay.parameter.name
    seed = decay.measured.seed
    model = telling.model
    arrays = falling(model, [name], STEPS, loss, [seed], scale=SCALE)[seed].arrays
    weights = {name: arrays[name] for name in model.parameters}
    data = {entry.name: arrays[entry.name] for entry in model.varied_inputs}
    measured = b.measure(
        telling.model, name, STEPS, loss=loss, seed=seed, weights=weights, data=data
    )
    columns = list(zip(*table.rows, strict=True))
    norms = measured[name].pairs.norm
    of_one = norms[0] if decay.reverse else norms[-1][::-1]
    assert np.allclose(decay.norms, of_one, rtol=1e-9)
    assert columns[-1] == tuple(f"${per_cent(of_one[k] / of_one[0])}$" for k in DISTANCES)
    if decay.states is not None:
        logs = measured.states.log_norm
        assert columns[-2] == tuple(f"${two_digits(10 ** logs[STEPS - k])}$" for k in DISTANCES)
    if table.head[1].startswith("bound [["):
        base = base_of(telling)
        assert columns[1] == tuple(f"${two_digits(base**k)}$" for k in DISTANCES)
        assert all(base**k >= 10 ** logs[STEPS - k] * (1 - 1e-9) for k in DISTANCES)
    (text,) = (text for text in told(cell, loss) if text.startswith("The last column"))
    first = reach(of_one)
    if first is None:
        assert "No distance within the sequence" in text
    else:
        assert f"From distance {first} on, less than one per cent is left" in text
        assert np.all(of_one[first:] < 0.01 * of_one[0])
        assert first == 0 or of_one[first - 1] >= 0.01 * of_one[0]
        assert ("here the rule holds" in text) == (8 <= first <= 10)
    if "compare distances" in text:
        near, far = map(int, re.search(r"compare distances (\d+) and (\d+)", text).groups())
        assert of_one[far] > of_one[near]
    if "The bound falls at every step" in text:
        assert base_of(telling) < 1


def test_the_kinds_of_steps():
    def kind(name):
        return " ".join(links(cell_named(name)))

    assert r"$\gamma \, \left\| W_{s} \right\| < 1$, this bound falls" in kind("elman")
    assert "Only the first is free of weights" in kind("gru")
    assert "tends to 1, every other term vanishes in its row" in kind("gru")
    assert "2 terms remain" in kind("gru")
    assert "tends to 0, every other term vanishes in its row" in kind("mgu")
    assert "is exactly" in kind("lstm")
    assert "one path among many" in kind("lstm")
    assert "is the identity, and so is their product" in kind("linear-attention")
    assert "vanish" not in kind("linear-attention").replace("nothing vanishes", "")
    assert "equality in place of a bound" in kind("linear")
    assert "the product is a power" in kind("d2l-linear")
    assert "once the inputs are known" in kind("mingru")
    assert "one block of the step matrix is an identity" in kind("lag-two")
    assert "decided by what links one step to the next" in kind("bidirectional")
    assert told("leaky") == []  # its reservoir is fixed


@pytest.mark.parametrize("cell", ["elman", "lstm", *(p for p in CORPUS if p.stem == "lag-two")])
def test_one_step_has_no_chapter(cell):
    telling = Telling(model_of(cell), NotesRequest(1), [*model_of(cell).parameters.values()])
    assert list(vanishing(telling)) == []
