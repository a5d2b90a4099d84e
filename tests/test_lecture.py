"""The sentences of the lecture, evaluated: the network by hand, families, contributions."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pytest
from support.cells import CELLS, name_of
from support.unfolded import all_paths, roots

import bptt_sym as b
from bptt_sym.algebra.evaluate import evaluate
from bptt_sym.algebra.expressions import LAST_STEP, TIME, Adjoint, Parameter, Variable, dimension
from bptt_sym.derivation.derive import derive
from bptt_sym.derivation.step import derive_step
from bptt_sym.documents.document import Paragraph, ToldContributions
from bptt_sym.documents.facts.outer_products import outer_product
from bptt_sym.documents.notes_request import NotesRequest
from bptt_sym.documents.telling import Telling
from bptt_sym.render.tex import tex
from bptt_sym.render.typeset import typeset

LOSSES = ("last", "sum", "mean")
each_cell = pytest.mark.parametrize("cell", CELLS, ids=name_of)


@cache
def model_of(cell):
    return b.load_model(cell)


def telling(model, steps=3, loss="last"):
    return Telling(model, NotesRequest(steps, loss=loss), list(model.parameters.values()))


def section(notes, name):
    return next(s for s in notes.document.sections if s.name == name)


def said(section):
    return " ".join(block.text for block in section.blocks if isinstance(block, Paragraph))


# The network by hand.


def test_the_numbers_by_hand_are_right():
    w, s_0, x_1, x_2, d_2 = 0.5, 2, 1, 2, 2
    s_1 = x_1 + w * s_0
    s_2 = x_2 + w * s_1
    text = said(section(b.notes(b.load_model("elman")), "by-hand"))
    assert f"$s_{{1}} = {s_1:g}$, $s_{{2}} = {s_2:g}$ and $E_{{2}} = {(d_2 - s_2) ** 2:g}$" in text
    slope = -2 * (d_2 - s_2)
    late, early = slope * s_1, slope * w * s_0
    assert f"${late:g} + {early:g} = {late + early:g}$" in text

    def loss(w):
        return (d_2 - x_2 - w * (x_1 + w * s_0)) ** 2

    quotient = (loss(0.501) - loss(0.499)) / 0.002
    assert f"${loss(0.501):.6f}$" in text
    assert f"${loss(0.499):.6f}$" in text
    assert f"is ${quotient:.4f}$" in text
    assert f"{quotient:.4f}" == f"{late + early:.4f}"


@pytest.mark.one_in(6)
@each_cell
def test_what_needs_no_time_is_not_motivated_by_time(cell):
    model = model_of(cell)
    names = [section.name for section in b.notes(model).document.sections]
    timed = [p for p in model.parameters.values() if telling(model).needs_time(p)]
    assert ("by-hand" in names) == bool(timed)
    assert any(name.startswith("gradient-") for name in names) == bool(timed)
    assert "by-hand" not in [s.name for s in b.notes(model, 1).document.sections]


# Families.


LEFT_OUT = {"text", "latex", "number", "meaning", "shape", "label", "paths"}


def told_as(derivation, names):
    """The chains of a derivation's equations as data, with other names."""

    def renamed(part):
        match part:
            case dict():
                return {key: renamed(v) for key, v in part.items() if key not in LEFT_OUT}
            case list():
                return [renamed(entry) for entry in part]
        return names.get(part, part) if isinstance(part, str) else part

    (found,) = (s for s in derivation.data()["sections"] if s.get("parameter"))
    return renamed(found["equations"])


@pytest.mark.one_in(6)
@pytest.mark.parametrize("loss", LOSSES)
@each_cell
def test_the_derivations_of_a_family_differ_in_names_alone(cell, loss):
    model = model_of(cell)
    for family in telling(model, loss=loss).families:
        groups = [(family.reader, family.beside), *family.elsewhere]
        for reader, members in groups:
            for member in members:
                names = {family.first.name: member.name}
                if reader != family.reader:
                    names[family.reader.name] = reader.name
                first, other = (
                    b.derive(model, wrt=p.name, steps=3, loss=loss) for p in (family.first, member)
                )
                assert told_as(first, names) == told_as(other, {})


@pytest.mark.one_in(8)
@each_cell
def test_every_parameter_is_in_one_family(cell):
    model = model_of(cell)
    members = [p for family in telling(model).families for p in family.parameters]
    assert sorted(p.name for p in members) == sorted(model.parameters)


def test_the_gates_of_an_lstm_share_a_derivation_and_the_output_gate_has_its_own():
    found = telling(b.load_model("lstm")).families
    assert [family.first.name for family in found] == ["V", "W_ii", "W_io"]
    assert [reader.name for reader, _ in found[1].elsewhere] == ["f", "g"]


# Contributions.


@pytest.mark.one_in(6)
@pytest.mark.parametrize("steps", [2, 3, 4])
@each_cell
def test_read_as_total_a_contribution_is_counted_for_each_copy_on_its_path(cell, steps):
    """The total derivative of what reads copy i holds the contribution of each copy before it."""
    model, step = model_of(cell), derive_step(model_of(cell), detailed=False)
    for part in b.notes(model, steps, full=True).document.sections:
        told = re.search("derivatives, the contribution of (.*?) would be counted", said(part))
        if not part.name.startswith("gradient-") or not told:
            continue
        name = part.name.removeprefix("gradient-")
        paths = [*all_paths(step, steps, roots(model, steps, "last"), name)]
        by_copy = {path[-1][1]: path for path in paths}
        assert len(by_copy) == len(paths)
        readers = {path[-2] for path in paths}
        counts = {copy: len(readers & set(path)) for copy, path in by_copy.items()}
        assert sorted(counts.values()) == list(range(1, len(paths) + 1))
        second = next(copy for copy, count in counts.items() if count == 2)
        assert told[1] == (f"step {second}" if 1 <= second <= steps else "the initial value")


@pytest.mark.parametrize("steps", [5, 12])
def test_of_many_contributions_the_first_two_and_the_last_are_written(steps):
    notes = b.notes(b.load_model("elman"), steps)
    part = section(notes, "gradient-W_s")
    entries = [e for b_ in part.blocks if isinstance(b_, ToldContributions) for e in b_.entries]
    assert [e.text.lead for e in entries] == [f"Step {k}." for k in (steps, steps - 1, 1)]
    assert f"steps {steps - 2} to 2 are found in the same way" in said(part)
    # Those between have their numbers.
    numbers = [entry.equations.formulas[0].number for entry in entries]
    assert numbers[2] - numbers[0] == steps - 1


# Outer products.


@pytest.mark.one_in(6)
@each_cell
def test_a_row_times_the_kronecker_product_is_the_outer_product(cell):
    model = model_of(cell)
    found = telling(model)
    gradients = [
        equation
        for part in found.adjoints.sections
        if part.general and part.topic == "gradients"
        for equation in part.equations
    ]
    product = outer_product(found.matrices, gradients)
    if product is None:
        return
    rng = np.random.default_rng(0)
    values = {dimension(entry.name): 2 + k for k, entry in enumerate(model.dimensions)}
    values |= {TIME: 2, LAST_STEP: 3}
    sizes = {name: values[name] for name in values}

    def shape(leaf):
        return tuple(int(size.subs(sizes)) for size in leaf.shape)

    for leaf in product.term.atoms(Variable, Adjoint) | product.factor.atoms(Variable):
        values[leaf] = rng.standard_normal(shape(leaf))
    functions = {name: lambda z, order: np.tanh(z) for name in ("phi", "sigma", "sin", "cos")}
    row = evaluate(product.row, values, functions)
    whole = row @ evaluate(product.factor, values, functions)
    outer = evaluate(product.term, values, functions)
    assert isinstance(product.parameter, Parameter)
    np.testing.assert_allclose(whole.reshape(outer.shape), outer, atol=1e-12)
    assert outer.shape == shape(product.parameter)


@pytest.mark.parametrize("name", ["elman", "lstm", "gru", "elman-column"])
def test_equal_gradients_stand_in_one_line(name):
    """Of families the first is written."""
    model = b.load_model(name)
    recursion = derive(model, steps=3, level="adjoint")
    rights = {}
    for part in recursion.sections:
        if part.general and part.topic == "gradients":
            for equation in part.equations:
                if isinstance(equation.left.by, Parameter):
                    rights.setdefault(equation.right, []).append(equation.left.by)
    groups = [group for group in rights.values() if len(group) > 1]
    text = b.notes(model).markdown()
    assert bool(groups) == (name in ("lstm", "gru"))
    for first, second in groups[:1]:
        lefts = [tex(typeset(p, model.notation)) for p in (first, second)]
        assert re.search(rf"{re.escape(lefts[0])}}} = [^=]*{re.escape(lefts[1])}}} &=", text)
