"""The worked example of course notes: its numbers are the module's, and hold as printed."""

from __future__ import annotations

import json
import re
import tomllib
from decimal import Decimal
from functools import cache

import numpy as np
import pytest
from support.cell_values import AsDeclared
from support.cells import CELLS, name_of

import bptt_sym as b
from bptt_sym.algebra.expressions import TIME, Integer, Parameter, at_step
from bptt_sym.derivation.reduction import reduction_of
from bptt_sym.documents.compose import Composer
from bptt_sym.documents.document import Document, NotesSection
from bptt_sym.documents.formats.latex_notes import latex
from bptt_sym.documents.notes_request import NotesRequest
from bptt_sym.documents.worked.example import DECIMALS, NOISE, largest
from bptt_sym.documents.worked.numbers import ExampleInNotes
from bptt_sym.documents.worked.target_ranges import target_ranges
from bptt_sym.documents.worked.worked_example import STEPS, worked_example
from bptt_sym.errors import InputError
from bptt_sym.model.read import parse_model
from bptt_sym.quoting import command_line
from bptt_sym.verification.sizes import number

LOSSES = ("last", "sum", "mean")
each_cell = pytest.mark.parametrize("cell", CELLS, ids=name_of)


@cache
def example_of(cell, loss):
    model = b.load_model(cell)
    return worked_example(model, loss, list(model.parameters))


def arrays_of(example, loss):
    """What an example is given, as the arguments of a module for one sequence."""
    model, steps = example.model, example.calculation.steps
    module = b.compile(model, loss=loss, style="readable")
    sizes = example.sizes | {"T": steps, "B": 1}
    arrays = {}
    for name, shape in module.SHAPES.items():
        if name in getattr(module, "FINAL", {}):
            # Nothing reads the last state of the example.
            arrays[name] = np.zeros([number(size, sizes) for size in shape])
            continue
        declared = {entry.name for entry in model.declarations}
        initial = name not in declared
        entry = model.declaration(name.removesuffix("0").removesuffix("_") if initial else name)
        depth = model.depth(entry.name)
        if entry.symbol in example.numbers:
            times = [None]
        elif initial:
            times = range(steps + 1, steps + 1 + depth) if entry.reverse else range(1 - depth, 1)
        else:
            # Of a target that the last step alone reads.
            times = range(1 if "T" in shape else steps, steps + 1)
        symbols = [entry.symbol if time is None else entry.symbol.at(time) for time in times]
        array = np.stack([example.numbers[symbol] for symbol in symbols])
        if getattr(module, "KINDS", {}).get(name, "").startswith("labels of "):
            array = np.argmax(array.reshape(len(symbols), -1), axis=-1)
        arrays[name] = array.reshape([number(size, sizes) for size in shape])
    return module, arrays


def value_and_grad(module, arrays):
    """What the module says of one sequence."""
    given = dict(arrays)
    params = module.Parameters(*(given.pop(key) for key in module.Parameters._fields))
    counts = {name: {"T": STEPS, "B": 1}[name] for name in module.COUNTS}
    return module.value_and_grad(params, **given, **counts)


def values_of(example):
    """The same for every step, by the names of a user."""
    _, arrays = arrays_of(example, "sum")
    final = {f"{state}_final" for state in example.model.states}
    return {name.rstrip("_"): array for name, array in arrays.items() if name not in final}


def split(example, values):
    """Weights and data."""
    kinds = {entry.name: entry.kind for entry in example.model.declarations}
    weights = {n: a for n, a in values.items() if kinds.get(n) in ("parameter", "constant")}
    return weights, {n: a for n, a in values.items() if n not in weights}


# The numbers are those of the module.


@pytest.mark.one_in(5)
@pytest.mark.parametrize("loss", LOSSES)
@each_cell
def test_the_gradients_of_the_example_are_those_of_the_module(cell, loss):
    example = example_of(cell, loss)
    module, arrays = arrays_of(example, loss)
    gradients = value_and_grad(module, arrays).gradients
    found = {value.parameter: value.array for value in example.gradients}
    for parameter, gradient in gradients._asdict().items():
        np.testing.assert_allclose(
            np.reshape(found[parameter], np.shape(gradient)), gradient, rtol=1e-11, atol=1e-13
        )


@pytest.mark.one_in(5)
@pytest.mark.parametrize("loss", LOSSES)
@each_cell
def test_the_contributions_are_the_gradients_with_respect_to_untied_copies(cell, loss):
    example = example_of(cell, loss)
    if example.model.outputs:
        pytest.skip("measure takes error signals behind the last step, too")
    weights, data = split(example, values_of(example))
    values = {"weights": weights, "data": data, "sizes": example.sizes}
    measured = b.measure(example.model, None, STEPS, loss=loss, **values)
    for name in example.model.parameters:
        found = example.contributions(name)
        known = measured[name]
        for entry in found:
            if entry.step is not None:
                expected = known.contributions[entry.step - 1]
            else:
                expected = known.apart["parameters alone" if entry.once else "initial values"]
            np.testing.assert_allclose(entry.array.ravel(), np.ravel(expected), 1e-11, 1e-13)
        told = {entry.step for entry in found}
        for step in {*range(1, STEPS + 1)} - told:
            np.testing.assert_allclose(known.contributions[step - 1], 0, atol=1e-13)
        whole = sum(entry.array for entry in found)
        np.testing.assert_allclose(whole, example.gradient(name).array, 1e-11, 1e-13)


# They can be read.


@pytest.mark.one_in(5)
@pytest.mark.parametrize("loss", LOSSES)
@each_cell
def test_numbers_of_the_example_can_be_read(cell, loss):
    """Sizes differ and are above 1; loss and gradients show within the decimals, or are zero."""
    example = example_of(cell, loss)
    model = example.model
    sizes = list(example.sizes.values())
    assert len(set(sizes)) == len(sizes)
    assert min(sizes, default=2) > 1
    assert abs(example.loss) > 10.0**-DECIMALS
    for value in example.gradients:
        if value.parameter in model.parameters:
            # What is zero but for rounding is shown as 0.
            assert largest(value.array) < NOISE or largest(value.array) > 10 ** (1 - DECIMALS)
    most = 100 * max(1, *(largest(value.array) for value in example.given))
    for value in (*example.forward, *example.adjoints, *example.gradients):
        assert largest(value.array) < most


@pytest.mark.one_in(5)
@pytest.mark.parametrize("loss", LOSSES)
@each_cell
def test_the_example_computes_what_its_loss_depends_on_and_nothing_else(cell, loss):
    """Of the losses those that are derived; every number given is read by a later one."""
    example = example_of(cell, loss)
    model = example.calculation.known
    losses = [int(v.left.time) for v in example.forward if v.left.name == model.loss.name
              and hasattr(v.left, "time")]  # fmt: skip
    assert losses == [*reduction_of(model, loss).losses(STEPS)]
    computed = {d.variable.at(t): at_step(d.expression, TIME, Integer(t))
                for d in model.definitions for t in (1, 2)}  # fmt: skip
    read = set().union(*(computed[v.left].free_symbols | computed[v.left].atoms(type(v.left))
                         for v in example.forward if v.left in computed))  # fmt: skip
    for value in example.given:
        if not isinstance(value.left, Parameter):
            assert value.left in read


# Its sentences say what is so.


def chapter(model, loss="last", **options):
    """The text of the chapter, in LaTeX."""
    composer = Composer(model, NotesRequest(2, loss=loss, **options).checked(model))
    example = ExampleInNotes(composer.telling, composer.worked, composer.shown)
    section = NotesSection("example", "A worked example", tuple(example.told()))
    return latex(Document(model.name, "", "", (section,)), "fragment")


@cache
def chapter_of(cell, loss):
    return chapter(b.load_model(cell), loss)


DIGITS = r"-?\d+(?:\.\d+)?"


def in_numbers(product):
    """The value of a printed sum of products."""
    text = re.sub(r"\((-[\d.]+)\)", r"\1", product).replace(r" \cdot ", "*")
    text = text.replace(" - ", " + -1*")
    total = Decimal(0)
    for term in text.split(" + "):
        value = Decimal(1)
        for factor in term.split("*"):
            value *= Decimal(factor)
        total += value
    return total


@pytest.mark.one_in(5)
@pytest.mark.parametrize("loss", LOSSES)
@each_cell
def test_the_arithmetic_between_the_numbers_comes_out_as_printed(cell, loss):
    example = example_of(cell, loss)
    text = chapter_of(cell, loss)
    if "Follow the entry" not in text:
        name = example.needing_time(list(example.model.parameters))
        alone = name is None or example.gradient(name).array.size == 1
        assert alone or len(example.contributions(name)) < 2
        return
    paragraph = next(line for line in text.splitlines() if "together $" in line)
    said, _, together = paragraph.partition(" As a check")[0].partition(", together ")
    results = []
    for sides in re.findall(r" gives \$([^$]*)\$", said):
        *before, result = sides.split(" = ")
        results.append(Decimal(result))
        if before:
            product = in_numbers(before[-1])
            assert product.quantize(Decimal(1).scaleb(-DECIMALS)) == Decimal(result)
    assert together == f"${sum(results)}$."
    # The entries are those in bold.
    bold = re.findall(rf"\\mathbf\{{({DIGITS})\}}", text)
    assert [Decimal(found) for found in bold] == [*results, sum(results)]


@pytest.mark.one_in(5)
@pytest.mark.parametrize("loss", LOSSES)
@each_cell
def test_the_check_is_a_central_difference_of_the_loss(cell, loss):
    """The module's loss on both sides of the entry, as far as it is printed."""
    example = example_of(cell, loss)
    text = chapter_of(cell, loss)
    found = re.search(
        rf"10\^\{{-(\d)\}}\) = ({DIGITS})\$; the backward pass gives \$({DIGITS})\$", text
    )
    assert bool(found) == example.calculation.is_the_derivative
    if not found:
        return
    assert found[2] == found[3]
    name = example.needing_time(list(example.model.parameters))
    decimals = len(found[2].partition(".")[2])
    assert decimals >= DECIMALS
    module, arrays = arrays_of(example, loss)
    gradients = np.ravel(example.gradient(name).array)
    near = np.abs(gradients - float(found[2])) < 10.0**-decimals
    if not near.any():  # that of another gradient: what no path across time leads to
        return
    step, slopes = 10.0 ** -int(found[1]), []
    for place in np.flatnonzero(near):
        ends = []
        for sign in (1, -1):
            changed = arrays | {name: arrays[name].copy()}
            changed[name].reshape(-1)[place] += sign * step
            ends.append(float(value_and_grad(module, changed).value))
        slopes.append((ends[0] - ends[1]) / (2 * step))
    assert min(abs(slope - float(found[2])) for slope in slopes) < 10.0**-decimals


@pytest.mark.one_in(5)
@pytest.mark.parametrize("loss", LOSSES)
@each_cell
def test_a_step_of_gradient_descent_lowers_the_loss_as_printed(cell, loss):
    example = example_of(cell, loss)
    text = chapter_of(cell, loss)
    found = re.search(
        r"\\alpha = ([\d.]+)\$, one step .* lowers (?:it|the loss) from \$(.*?)\$ to \$(.*?)\$",
        text,
    )
    assert found
    module, arrays = arrays_of(example, loss)
    before = value_and_grad(module, arrays)
    moved = {
        key: arrays[key] - float(found[1]) * gradient
        for key, gradient in before.gradients._asdict().items()
    }
    losses = before.value, value_and_grad(module, arrays | moved).value
    assert [f"{float(loss):.{DECIMALS}f}" for loss in losses] == [found[2], found[3]]
    assert losses[1] < losses[0]


@pytest.mark.parametrize("notation", b.api.notation_names())
def test_every_symbol_of_the_example_is_defined_before(notation):
    """The adjoints are written as the recursion writes them: no delta where there is none."""
    text = b.notes(b.load_model("elman"), notation=notation).markdown()
    told, example = text.split("## A worked example")
    example = example.partition("\n## ")[0]
    assert (r"\delta" in example) == (r"\delta" in told)
    assert (r"\nabla" in example) == (r"\nabla" in told)
    for left in re.findall(r"(?:\n|\\quad )([^=&\n]*) &?= \\begin\{bmatrix\}", example):
        assert re.split(r"[_^]\{\(?\d", left)[0] in told, left


# Targets.

ELMAN = """
[dimensions]
m = ""
n = ""
k = ""
[inputs]
x = ["m"]
[targets]
d = ["k"]
[parameters]
W_x = ["m", "n"]
W_s = ["n", "n"]
W_y = ["n", "k"]
[states]
s = ["n"]
[equations]
s = "tanh(x[t] @ W_x + s[t-1] @ W_s)"
y = "phi(s[t] @ W_y)"
[loss]
E = "sum((d[t] - y[t]) ** 2)"
"""


@each_cell
def test_targets_are_positive_shares(cell):
    """Labels are one of the classes; other targets lie between 0 and 1, a vector's sum to 1."""
    example = example_of(cell, "last")
    signals = [example.model.declaration(name) for name in example.model.outputs.values()]
    for value in example.given:
        entry = example.model.declaration(value.left.name)
        if entry.kind != "target" or entry in signals or entry.mask or value.left.time < 1:
            continue
        if entry.labels:
            assert sorted(value.array.ravel()) == [*np.zeros(value.array.size - 1), 1]
            continue
        assert np.all((value.array > 0) & (value.array < 1))
        if 1 in value.array.shape and value.array.size > 1:
            assert np.isclose(np.sum(value.array), 1)


@each_cell
def test_targets_lie_within_what_they_are_compared_with(cell):
    example = example_of(cell, "last")
    bounds = target_ranges(example.calculation.known)
    for value in example.given:
        if value.left.name in bounds and not example.model.declaration(value.left.name).labels:
            low, high = bounds[value.left.name]
            assert np.all((value.array > low) & (value.array < high))


@pytest.mark.parametrize(
    ("output", "low", "high"),
    [
        ("sigmoid(s[t] @ W_y)", 0, 1),
        ("-exp(s[t] @ W_y)", -np.inf, 0),
        ("2 + softplus(s[t] @ W_y)", 2, np.inf),
        ("0.5 * sigmoid(s[t] @ W_y)", 0, 0.5),
        ("3 + tanh(s[t] @ W_y)", 2, 4),
        ("s[t] @ W_y", -np.inf, np.inf),
    ],
)
def test_targets_follow_the_range_of_the_output(output, low, high):
    model = parse_model(ELMAN.replace("phi(s[t] @ W_y)", output), "elman")
    assert target_ranges(model) == {"d": (low, high)}
    example = worked_example(model, "sum", list(model.parameters))
    targets = [value.array for value in example.given if value.left.name == "d"]
    assert len(targets) == 2
    assert all(np.all((low < array) & (array < high)) for array in targets)


@each_cell
def test_initial_values_that_the_model_sets_are_these(cell):
    example = example_of(cell, "last")
    values = AsDeclared(example.model, STEPS, "last", example.sizes)
    for value in example.given:
        entry = example.model.declaration(value.left.name)
        before = entry.initial is not None and not isinstance(value.left, Parameter)
        if before and value.left.time < 1 and not entry.initial.atoms(Parameter):
            assert np.all(value.array == values.value(entry.initial))


# Another seed, and numbers of one's own.


@pytest.mark.parametrize("seed", [1, 2**40])
@pytest.mark.parametrize("cell", ["elman", "lstm", "bidirectional"])
def test_another_seed_draws_other_numbers(cell, seed):
    model = b.load_model(cell)
    text = chapter(model, seed=seed)
    assert text != chapter(model)
    assert "Follow the entry" in text
    assert "lowers" in text
    assert f"--seed {seed}" in command_line(NotesRequest(seed=seed).words(model))


@pytest.mark.one_in(4)
@pytest.mark.parametrize("loss", ["last", "sum"])
@each_cell
def test_numbers_of_ones_own_are_those_of_the_example(cell, loss):
    """Given back its own numbers, an example is the same."""
    example = example_of(cell, loss)
    if example.model.outputs:
        pytest.skip("a layer has error signals behind the last step, too")
    names = list(example.model.parameters)
    same = worked_example(example.model, loss, names, seed=5, values=values_of(example))
    assert same.sizes == example.sizes
    for symbol, value in example.printed.items():
        np.testing.assert_array_equal(same.printed[symbol].array, value.array)


SEED_NETWORK = """
W_x = [[0.5, -0.3, 0.2], [0.4, 0.1, -0.5]]
W_s = [[0.4, -0.2, 0.3], [0.1, 0.5, -0.4], [-0.3, 0.2, 0.6]]
W_y = [[0.6, -0.5], [-0.4, 0.3], [0.2, 0.7]]
s0 = [0.2, -0.1, 0.3]
x = [[1, -0.5], [0.5, 1]]
d = [[0.5, 0.5], [0.9, 0.1]]
"""
"""The numbers of the course's notes, by hand, of which E_2 reads the last target alone."""


@pytest.mark.parametrize("ending", ["toml", "json", "npz"])
def test_an_example_calculated_elsewhere(tmp_path, ending):
    path, table = tmp_path / f"numbers.{ending}", tomllib.loads(SEED_NETWORK)
    if ending == "npz":
        np.savez(path, **table)
    else:
        path.write_text(SEED_NETWORK if ending == "toml" else json.dumps(table))
    text = chapter(b.load_model("elman"), values=path)
    text = re.sub(r"\\mathbf\{(.*?)\}", r"\1", text).replace("&=", "=")
    for printed in (
        r"\bar{s}_{1} = \begin{bmatrix} 0.2729 & -0.3627 & 0.6231 \end{bmatrix}",
        r"E_{2} = 0.2218",
        r"\delta \bar{z}_{1} = \begin{bmatrix} -0.0442 & 0.0034 & 0.0721 \end{bmatrix}",
        r"-0.0838 & 0.0680 & 0.0579 \end{bmatrix}}_{\bar{s}_{1}^{\top} \, \delta \bar{z}_{2}\ "
        r"\text{(step 2)}}",
        r"-0.1114 & 0.0580 & 0.1186 \\ -0.1124 & 0.1074 & 0.0569",
        r"-0.0711 & 0.0880 \\ 0.0232 & -0.0287 \\ -0.0288 & 0.0356",
    ):
        assert printed in text, printed


def test_a_contribution_that_is_zero_is_named_with_its_reason():
    model = b.load_model("elman")
    text = chapter(model, wrt="W_s", values={"s0": np.zeros(3)})
    assert r"The contribution of step 1 is zero because $\bar{s}_{0}$ is." in text
    # Without the choice, one is followed whose contributions are all there.
    assert "The contributions to $W_{x}$" in chapter(model, values={"s0": np.zeros(3)})


def test_long_numbers_of_ones_own_are_rounded_as_results_are():
    model = b.load_model("elman")
    assert "Results are rounded to four decimals" in chapter(model, values={"s0": [0.1, 0.25]})
    text = chapter(model, values={"s0": [1 / 3, 0.25]})
    assert "All numbers are rounded to four decimals" in text
    assert r"\begin{bmatrix} 0.3333 & 0.25 \end{bmatrix}" in text


def test_more_steps_of_ones_own():
    random = np.random.default_rng(0)
    values = {"x": random.integers(-9, 9, (4, 2)) / 10, "d": np.full((4, 2), 0.5)}
    text = chapter(b.load_model("elman"), values=values)
    assert "$N = 4$" in text
    assert [f"step {k}" in text for k in range(6)] == [False, True, True, True, True, False]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"W": 1.0}, r"hold 'W', which the model does not take \(did you mean 'W_x'\?\)|'W'"),
        ({"W_x": [1.0, 2.0]}, r"'W_x' has the shape \(2,\), not \(m, n\)"),
        ({"W_x": np.ones((2, 3)), "W_s": np.ones((2, 2))}, r"'W_s' has the shape \(2, 2\)"),
        ({"W_x": [["a"]]}, "it takes real numbers"),
        ({"W_x": [[np.inf]]}, "not finite"),
        ({"x": np.ones((2, 1)), "d": np.ones((3, 1))}, "have 2 and 3 time steps"),
        ({"x": np.ones((7, 1))}, "a worked example has at most 6 time steps"),
        ({"W_x": np.full((2, 3), 1e300), "x": np.full((2, 2), 1e300)}, "is not finite"),
    ],
)
def test_values_that_do_not_fit_are_refused(values, message):
    with pytest.raises(InputError, match=message):
        worked_example(b.load_model("elman"), "last", ["W_s"], values=values)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.toml", "W_x = [[1], [2, 3]]", "the lists of 'W_x' differ in length"),
        ("a.toml", "W_x = true", "'W_x' must be a number, or lists"),
        ("a.toml", "W_x = [", "not valid TOML"),
        ("a.json", "[1]", "no table of numbers"),
        ("a.json", '{"W_x": [1,}', "not valid JSON"),
        ("a.json", "[" * 100_000, "nested too deeply"),
        ("a.json", '{"a": ' + "1" * 9000 + "}", "not valid JSON"),
        ("a.json", '{"a": [' + "1," * 200_000 + "1]}", "at most"),
        ("a.npz", "text", "no .npz file"),
    ],
)
def test_files_that_hold_no_numbers_are_refused(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        worked_example(b.load_model("elman"), "last", ["W_s"], values=path)
    with pytest.raises(InputError, match=r"cannot be read|no such"):
        worked_example(b.load_model("elman"), "last", [], values=tmp_path / "none" / name)
