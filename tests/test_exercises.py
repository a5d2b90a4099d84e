"""Exercises: each solution is right, by another way, and nothing gives it away before."""

from __future__ import annotations

import json
import re
from functools import cache

import numpy as np
import pytest
from support.cell_values import CellValues, instances
from support.cells import CELLS, deepest, name_of
from support.unfolded import all_paths, roots

import bptt_sym as b
from bptt_sym.algebra.evaluate import evaluate
from bptt_sym.algebra.expressions import Gradient, Parameter, dimension
from bptt_sym.documents.asking.another_loss import another_loss
from bptt_sym.documents.asking.derivative_shapes import derivative_shapes, derivatives_asked
from bptt_sym.documents.asking.exercise_parts import Asking
from bptt_sym.documents.asking.given_entry import entry_asked, given_entry
from bptt_sym.documents.asking.guaranteed_distance import distance_asked, guaranteed_distance
from bptt_sym.documents.asking.missing_factor import gaps, missing_factor
from bptt_sym.documents.asking.path_counts import path_counts
from bptt_sym.documents.asking.true_or_false import claims
from bptt_sym.documents.asking.wrong_line import lines_asked
from bptt_sym.documents.asking.zero_start import zero_steps
from bptt_sym.documents.document import Equations, Paragraph
from bptt_sym.documents.exercises import Exercises
from bptt_sym.documents.notes_request import NotesRequest
from bptt_sym.documents.telling import Telling
from bptt_sym.documents.worked.calculation import Calculation
from bptt_sym.model.small_numbers import small_numbers, small_sizes
from bptt_sym.model.starts import starts_at
from bptt_sym.render.tex import tex
from bptt_sym.render.typeset import typeset

LOSSES = ("last", "sum")
each_cell = pytest.mark.parametrize("cell", CELLS, ids=name_of)
each_loss = pytest.mark.parametrize("loss", LOSSES)
told_or_not = pytest.mark.parametrize("told", [True, False], ids=["notes", "sheet"])


@cache
def model_of(cell):
    return b.load_model(cell)


def asking_of(cell, loss="last", steps=3, *, told=False, seed=0):
    model = model_of(cell)
    request = NotesRequest(steps, loss=loss, sheet=not told).checked(model)
    telling = Telling(model, request, request.parameters(model))
    return Asking(telling, seed, told=told)


SIZES = (2, 3, 5)
"""Of the first dimension, the others being larger; other sizes have other numbers."""


def values_of(model, steps, loss, first_size=SIZES[0]):
    sizes = {entry.name: first_size + k for k, entry in enumerate(model.dimensions)}
    return CellValues(model, steps, loss, sizes)


def text_of(blocks):
    return " ".join(block.text for block in blocks if isinstance(block, Paragraph))


def formulas_of(blocks):
    """What is displayed, without what aligns it."""
    lines = (f.lines for block in blocks if isinstance(block, Equations) for f in block.formulas)
    return ["".join(found) for found in lines]


def plain(text):
    """LaTeX without alignment, room, sizes of brackets, and marks of punctuation at the end."""
    text = re.sub(r"\\(left|right|[bB]igg?[lr])(?![A-Za-z])", "", text)
    for sign in ("&", r"\qquad", r"\quad", r"\,", r"\\", r"\notag", r"\cdot", "\n", " "):
        text = text.replace(sign, "")
    return text.rstrip(".,")


def parameter_of(asking, text):
    """The parameter that a question speaks of first."""
    model = asking.telling.model
    names = {f"${tex(typeset(p, model.notation))}$": name for name, p in model.parameters.items()}
    found = (names[formula] for formula in re.findall(r"\$[^$]*\$", text) if formula in names)
    return next(found)


# The kinds.


@pytest.mark.one_in(12)
@told_or_not
@each_loss
@each_cell
def test_of_the_lines_the_one_is_wrong_and_the_others_are_right(cell, loss, told):
    """At random numbers, for every time step that the lines are for."""
    asked = lines_asked(asking_of(cell, loss, told=told))
    if asked is None:
        return
    model, reduction = asked.telling.model, asked.telling.reduction
    fewest = max(section.fewest_steps for section in asked.derivation.sections)
    steps = max(4, fewest + 1, deepest(model) + 2)
    derivation = b.derive(model, steps=steps, level="adjoint", loss=reduction.name)
    right = [line == shown for line, shown in zip(asked.written, asked.shown, strict=True)]
    assert len(right) == 4
    assert right.count(False) == 1
    for first_size in SIZES:
        values = values_of(model, steps, reduction.name, first_size)
        values.adjoints(derivation, general=False)
        held = [holds(line, values) for line in asked.written]
        assert held >= right
        # Where a unit is off, a wrong line may hold at one point.
        if held == right:
            return
    raise AssertionError(f"all lines hold: {asked.found.wrong}")


def holds(line, values):
    """Whether the two sides of a line are equal, at each time step that it is for."""
    _, gradients = values.expected()
    for left, right in instances(line, values.steps):
        known = gradients[left.by] if isinstance(left, Gradient) else values[left]
        found = values.value(right)
        assert np.shape(found) == np.shape(known)
        if not np.allclose(found, known, rtol=1e-6, atol=1e-9 * np.max(np.abs(known))):
            return False
    return True


@pytest.mark.one_in(12)
@told_or_not
@each_cell
def test_with_the_missing_factor_the_product_is_that_of_the_derivation(cell, told):
    asking = asking_of(cell, told=told)
    found = missing_factor(asking)
    if found is None:
        telling = asking.over(asking.steps)
        assert not any([*gaps(asking, telling, p)] for p in asking.parameters)
        return
    (asked,), (answer,) = formulas_of(found.question), formulas_of(found.solution)
    factor = answer.partition("&=")[0].rstrip(".")
    whole = plain(asked.replace(r"\boxed{\;?\;}", factor))
    steps = asking.steps
    derivation = b.derive(asking.telling.model, steps=steps, loss=asking.telling.loss)
    assert whole in plain(derivation.latex())


@pytest.mark.one_in(12)
@each_cell
def test_shapes_are_those_of_the_arrays(cell):
    asking = asking_of(cell)
    found = derivatives_asked(asking)
    if found is None:
        return
    derivatives, sizes = found
    model = asking.telling.model
    numbers = {entry.name: 7 + k for k, entry in enumerate(model.dimensions)}
    numbers |= {str(dimension): size for dimension, size in sizes.items()}
    values = CellValues(model, 3, "sum", numbers)
    shapes = []
    for derivative in derivatives:
        if isinstance(derivative, Gradient):
            shapes.append(np.shape(values.expected()[1][derivative.by]))
        else:
            of, by = (
                part if isinstance(part, Parameter) else part.at(2 + part.time - derivative.of.time)
                for part in (derivative.of, derivative.by)
            )
            shapes.append((np.size(values[of]), np.size(values[by])))
    assert len({*shapes}) == len(shapes)
    said = text_of(derivative_shapes(asking).solution)
    for rows, columns in shapes:
        assert rf"${rows} \times {columns}$" in said


@pytest.mark.one_in(12)
@told_or_not
@each_loss
@each_cell
def test_paths_are_counted_right(cell, loss, told):
    asking = asking_of(cell, loss, told=told)
    found = path_counts(asking)
    if found is None:
        return
    question, solution = text_of(found.question), text_of(found.solution)
    steps = int(re.search(r"= (\d+)\$ time steps", question)[1])
    shown = "last" if "last step alone" in question else "sum"
    step = asking.telling.step
    parameter = parameter_of(asking, question)
    counts = {}
    for path in all_paths(step, steps, roots(step.model, steps, shown), parameter):
        counts[path[-1][1]] = counts.get(path[-1][1], 0) + 1
    inside = {t: n for t, n in counts.items() if 1 <= t <= steps}
    told_counts = re.findall(r"tep (\d+): (\d+)", solution)
    assert {int(t): int(n) for t, n in told_counts} == inside
    assert int(re.search(r"(\d+) in all", solution)[1]) == sum(counts.values())
    initial = re.search(r"initial value: (\d+)", solution)
    assert (int(initial[1]) if initial else 0) == sum(counts.values()) - sum(inside.values())


@pytest.mark.one_in(12)
@each_loss
@each_cell
def test_claims_are_true_or_false_as_the_solution_says(cell, loss):
    asking = asking_of(cell, loss)
    telling = asking.over(asking.steps)
    model, steps = telling.model, telling.steps
    points = []
    for claim in claims(asking, telling):
        if claim.about == "gradients":
            points = points or [values_of(model, steps, loss, n).expected()[1] for n in SIZES]
            pair = [parameter_of(asking, p) for p in re.findall(r"\$[^$]*\$", claim.text)]
            one, other = (model.parameters[name] for name in pair)
            same = [np.allclose(found[one], found[other], rtol=1e-10, atol=0) for found in points]
            assert all(same) == claim.true
            continue
        parameter = parameter_of(asking, claim.text)
        time = int(re.search(r"step (\d+)", claim.text)[1])
        paths = all_paths(telling.step, steps, roots(model, steps, loss), parameter)
        count = sum(path[-1][1] == time for path in paths)
        assert claim.true == (count > 0 if claim.about == "copies" else count == 1)


@pytest.mark.one_in(12)
@each_loss
@each_cell
def test_lines_that_change_with_the_loss_are_those_of_the_other_derivation(cell, loss):
    asking = asking_of(cell, loss, told=True)
    found = another_loss(asking)
    if found is None:
        return
    other = {"last": "sum", "sum": "last"}[loss]
    model, options = asking.telling.model, {"steps": 3, "level": "adjoint"}
    new, old = (plain(b.derive(model, loss=it, **options).latex()) for it in (other, loss))
    shown = formulas_of(found.solution)
    assert shown
    for formula in shown:
        line = plain(formula.split(r"\text")[0])
        # Each equation is followed by its label.
        assert rf"{line}\label" in new
        assert rf"{line}\label" not in old or r"\partial" in line


@pytest.mark.one_in(12)
@each_loss
@each_cell
def test_an_entry_is_what_the_printed_numbers_give_and_what_the_loss_says(cell, loss):
    """The entry is rounded right; those of all steps add up to a difference quotient."""
    asking = asking_of(cell, loss)
    asked = entry_asked(asking)
    if asked is None:
        return
    example, place = asked.example, asked.found.place
    assert float(asked.found.digits) == pytest.approx(asked.contribution.array[place], abs=6e-5)
    solution = text_of(given_entry(asking).solution)
    numbers = re.search(r"= ([-\d.() \\cdot+]*) = (-?[\d.]+)\$", solution)
    assert numbers[2] == asked.found.digits
    shown = [value.digits for value in asked.given]
    every = {number for rows in shown for row in rows for number in row}
    factors = re.findall(r"-?[\d.]+", numbers[1].replace(" - ", " + -"))
    assert {*factors} - every <= {"2", "-2", "-1"}
    if not example.calculation.is_the_derivative:
        return
    parameter = example.model.parameters[asked.name]
    losses = []
    for sign in (1, -1):
        moved = example.numbers[parameter].copy()
        moved[place] += sign * 1e-6
        given = example.given_numbers
        losses.append(example.calculation.loss_at(given, {parameter: moved}))
    total = sum(c.array[place] for c in example.contributions(asked.name))
    assert (losses[0] - losses[1]) / 2e-6 == pytest.approx(total, rel=1e-3, abs=1e-6)


@pytest.mark.one_in(12)
@each_cell
def test_the_bound_falls_below_one_per_cent_where_the_solution_says(cell):
    asking = asking_of(cell)
    found = distance_asked(asking.telling, asking.random("distance"))
    if found is None:
        return
    assert found.base**found.distance < 0.01 <= found.base ** (found.distance - 1)
    rng, sizes = np.random.default_rng(0), {"m": 2, "n": 3, "k": 4}
    values = {dimension(entry.name): sizes.get(entry.name, 5)
              for entry in asking.telling.model.dimensions}  # fmt: skip
    for leaf in found.matrix.matrix.atoms(Parameter):
        values[leaf] = rng.normal(size=[evaluate(size, values, {}) for size in leaf.shape])
    one = found.matrix.matrix.atoms(Parameter).pop()
    norm = np.linalg.norm(np.atleast_2d(evaluate(found.matrix.matrix, values, {})), 2)
    values[one] = values[one] * found.norm / norm
    assert found.bound.value(values, {}) == pytest.approx(found.base)
    said = text_of(guaranteed_distance(asking).solution)
    assert said.startswith(f"From {found.distance} on.")


@pytest.mark.one_in(12)
@each_loss
@each_cell
def test_contributions_are_zero_where_the_solution_says_and_nowhere_else(cell, loss):
    """At other numbers than those by which they were found."""
    asking = asking_of(cell, loss)
    model = asking.telling.model
    given = [symbol for symbol, initial in starts_at(model, 3) if initial is None]
    found = zero_steps(asking, given) if given else []
    calculation = Calculation(model, loss, 3)
    sizes = small_sizes(calculation.known, 1)
    largest = {}
    for seed in range(3) if found else ():
        random = np.random.default_rng(100 + seed)
        numbers = small_numbers(calculation.known, 3, sizes, random, {})
        numbers = calculation.run(numbers | {symbol: 0 * numbers[symbol] for symbol in given})
        for entry in found:
            for c in calculation.contributions(entry.parameter, numbers):
                key = entry.parameter, c.step
                largest[key] = max(np.max(np.abs(c.array)), largest.get(key, 0))
    for entry in found:
        for step in entry.every:
            assert (largest[entry.parameter, step] == 0) == (step in entry.zero)


# The documents.


def leads(document):
    blocks = (block for section in document.sections for block in section.blocks)
    found = (b.lead for b in blocks if isinstance(b, Paragraph))
    return [lead for lead in found if lead.startswith("Exercise")]


def formats(notes):
    return {
        "md": notes.markdown(),
        "tex": notes.tex("article"),
        "slides": notes.tex("slides"),
        "ipynb": json.dumps(json.loads(notes.notebook()), ensure_ascii=False).replace("\\\\", "\\"),
    }


@pytest.mark.one_in(32)
@told_or_not
@each_loss
@each_cell
def test_nothing_that_is_hidden_is_printed_before_the_solutions(cell, loss, told):
    asking = asking_of(cell, loss, told=told)
    notes = b.notes(model_of(cell), loss=loss, sheet=not told)
    before, after = notes.tex("article"), notes.told().tex("article")
    for found in Exercises(asking.telling, ()).drawn:
        for formula in found.hidden:
            assert plain(formula) not in plain(before)
            assert plain(formula) in plain(after)


@pytest.mark.parametrize(("name", "loss"), [("elman", "sum"), ("gru", "last")])
def test_exercises_are_numbered_through_and_solutions_have_the_same_numbers(name, loss):
    model = b.load_model(name)
    for options in ({}, {"sheet": True}, {"exercise": [next(iter(model.parameters))]}):
        notes = b.notes(model, loss=loss, **options)
        asked = leads(notes.document)
        assert asked == [f"Exercise {k}." for k in range(1, 1 + len(asked))]
        headings = [section.heading for section in notes.solutions.sections]
        left = 3 * ("exercise" in options)
        assert any(h.startswith("Exercises 1 to 3: ") for h in headings) == bool(left)
        assert leads(notes.solutions) == asked[left:]
        assert len(asked) - left >= (5 if "sheet" in options else 3)


def test_marks_add_up():
    notes = b.notes(b.load_model("elman"), sheet=True, marks=True)
    marks = [int(re.search(r"\((\d+) marks?\)", lead)[1]) for lead in leads(notes.document)]
    assert f"worth {sum(marks)} marks in all" in notes.markdown()
    assert leads(notes.document) == leads(notes.solutions)


@pytest.mark.parametrize("name", ["elman", "minlstm"])
def test_the_same_seed_makes_the_same_sheet_and_another_one_another(name):
    sheets = [b.notes(b.load_model(name), sheet=True, seed=seed) for seed in (0, 0, 1, 2)]
    texts = [formats(sheet)["md"].partition("\n")[2] for sheet in sheets]
    assert texts[0] == texts[1]
    assert len({*texts}) == 3
    assert "--seed 2" in sheets[3].document.command


@pytest.mark.parametrize("ending", ["md", "tex", "slides", "ipynb"])
def test_a_sheet_tells_no_gradient_and_has_no_code(ending):
    sheet = b.notes(b.load_model("elman"), sheet=True)
    text = formats(sheet)[ending]
    assert "def value_and_grad" not in text
    assert "A worked example" not in text
    assert "Summary" not in text


def test_exercises_can_be_left_out():
    notes = b.notes(b.load_model("elman"), no_exercises=True)
    assert notes.solutions is None
    assert leads(notes.document) == []
    with pytest.raises(b.InputError, match="leave out"):
        b.notes(b.load_model("elman"), no_exercises=True, sheet=True)
