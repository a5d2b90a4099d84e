"""Layers that are written once: the model that they stand for, and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from support.draws import draws
from support.page import compared, started
from support.random_models import models

import bptt_sym as b
from bptt_sym.choices import LOSSES
from bptt_sym.errors import InputError
from bptt_sym.model.read import parse_model
from bptt_sym.model.repeated_layers import numbered
from bptt_sym.verification.points import COUNTS, draw_points

OF_LAYERS = ("parameter", "constant")

STACK = """
[dimensions]
m = "inputs"
n = "units"
k = "outputs"

[inputs]
x = ["m"]

[targets]
d = ["k"]

[layers]
repeat = 3
below = {first = "x", then = "h"}

[layers.parameters]
W = ["below", "n"]
U = ["n", "n"]
h_init = ["n"]

[layers.states]
h = {shape = ["n"], initial = "tanh(h_init)"}

[layers.equations]
h = "tanh(below[t] @ W + h[t-1] @ U)"

[parameters]
V = ["n", "k"]

[equations]
y = "h[t] @ V"

[loss]
E = "sum((d[t] - y[t]) ** 2)"
"""

WRITTEN_OUT = """
[dimensions]
m = "inputs"
n = "units"
k = "outputs"

[inputs]
x = ["m"]

[targets]
d = ["k"]

[parameters]
V = ["n", "k"]
W_1 = ["m", "n"]
U_1 = ["n", "n"]
h_init1 = ["n"]
W_2 = ["n", "n"]
U_2 = ["n", "n"]
h_init2 = ["n"]
W_3 = ["n", "n"]
U_3 = ["n", "n"]
h_init3 = ["n"]

[states]
h_1 = {shape = ["n"], initial = "tanh(h_init1)"}
h_2 = {shape = ["n"], initial = "tanh(h_init2)"}
h_3 = {shape = ["n"], initial = "tanh(h_init3)"}

[equations]
h_1 = "tanh(x[t] @ W_1 + h_1[t-1] @ U_1)"
h_2 = "tanh(h_1[t] @ W_2 + h_2[t-1] @ U_2)"
h_3 = "tanh(h_2[t] @ W_3 + h_3[t-1] @ U_3)"
y = "h_3[t] @ V"

[loss]
E = "sum((d[t] - y[t]) ** 2)"
"""


def changed(*pairs: tuple[str, str]) -> str:
    text = STACK
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


def equations(model: b.Model) -> list[str]:
    return [f"{e.name} = {e.written}" for e in model.all_equations]


def test_layers_stand_for_what_is_written_out():
    layers, written = parse_model(STACK), parse_model(WRITTEN_OUT)
    assert replace(layers, layers={}, notation=written.notation) == written


def test_one_layer_reads_what_the_first_one_does():
    model = parse_model(changed(("repeat = 3", "repeat = 1")))
    assert list(model.parameters) == ["V", "W_1", "U_1", "h_init1"]


def test_what_stands_in_two_layers_beneath_is_read_end_to_end():
    text = changed(
        ('then = "h"', 'then = ["h", "g"]'),
        ('h_init = ["n"]', 'h_init = ["n"]\nR = ["below", "2*n"]'),
        ("[layers.equations]", 'g = {shape = ["2*n"], reverse = true}\n\n[layers.equations]'),
        ('@ U)"', '@ U)"\ng = "tanh(below[t] @ R + g[t+1])"'),
    )
    model = parse_model(text)
    assert model.symbol("below_2").shape == model.symbol("below_3").shape
    assert str(model.symbol("W_2").shape) == str((model.symbol("g_1").shape[1] * 3 / 2, *"n"))[
        :0
    ] + ("(3*n, n)")
    assert "below_1" not in {e.name for e in model.equations}


def test_equations_outside_stand_before_the_layers_or_behind_them():
    text = changed(
        ('first = "x"', 'first = "e", first_size = "2*n"'),
        ('V = ["n", "k"]', 'V = ["n", "k"]\nM = ["m", "2*n"]'),
        ('y = "h[t] @ V"', 'y = "(h[t] + h_1[t]) @ V"\ne = "x[t] @ M"'),
    )
    model = parse_model(text)
    assert [e.name for e in model.equations] == ["e", "h_1", "h_2", "h_3", "y"]
    assert str(model.symbol("W_1").shape) == "(2*n, n)"


def test_shared_parameters_stand_outside():
    text = changed(('U = ["n", "n"]\n', ""), ('V = ["n", "k"]', 'V = ["n", "k"]\nU = ["n", "n"]'))
    assert "h_1[t]" not in equations(parse_model(text))[0]
    assert list(parse_model(text).parameters)[:2] == ["V", "U"]


def test_a_size_of_what_is_below_may_stand_in_sums_and_slices():
    text = changed(
        ('["below", "n"]', '["below + 1", "n"]'),
        ("below[t] @ W", "concat(below[t], sum(h[t-1])) @ W"),
    )
    assert str(parse_model(text).symbol("W_1").shape) == "(m + 1, n)"
    text = changed(("below[t] @ W", "below[t][0:below] @ W"))
    assert parse_model(text).symbol("h_2")


def test_preactivations_and_latex_have_the_number_of_their_layer():
    text = changed(
        (
            "[parameters]\nV",
            "[layers.preactivations]\nh = 'a'\n[layers.latex]\nh_init = 'i'\n[parameters]\nV",
        )
    )
    model = parse_model(text)
    assert model.equations[1].preactivations[0].name == "a_2"
    assert model.latex == {"h_init1": "{i}^{(1)}", "h_init2": "{i}^{(2)}", "h_init3": "{i}^{(3)}"}


def test_several_arguments_in_a_layer_have_names_of_their_own():
    text = changed(("tanh(below", "tanh(0.5 * h[t-1]) + tanh(below"))
    names = [e.name for e in parse_model(text).equations[1].preactivations]
    assert names == ["z_h2", "z_h2b"]


BAD = [
    ("repeat = 3", "", "13:2", "say how many layers there are: repeat = 3"),
    ("repeat = 3", "repeat = 0", "14:1", "say how many layers there are: repeat = 3"),
    ("repeat = 3", "repeat = true", "14:1", "say how many layers there are: repeat = 3"),
    ("repeat = 3", "repeat = 51", "14:1", "a model repeats its layers at most 50 times"),
    ("repeat = 3", "repet = 3", "14:1", "unknown entry 'repet' (did you mean 'repeat'?)"),
    ("below = {", "below = 'x' # ", "15:1", "say what the first layer reads, and what the"),
    (', then = "h"', "", "15:1", 'what the others: below = {first = "x", then = "h"}'),
    ('then = "h"', 'thn = "h"', "15:23", "unknown entry 'thn' (did you mean 'then'?)"),
    ('then = "h"', "then = 3", "15:23", "'then' is a name, or a list of names: below = {"),
    ('then = "h"', 'then = "hh"', "15:23", "'hh' does not vary in a layer (did you mean 'h'?)"),
    ('first = "x"', 'first = "V"', "15:10", "'V' does not vary outside of the layers; what does"),
    ('V = ["n", "k"]', 'V = []\nU = []', "19:1", "'U' is declared already, under [parameters]"),
    ('V = ["n", "k"]', 'V = []\nU_2 = []', "19:1", "'U_2', which 'U' is in a layer, is declared"),
    ('["below", "n"]', '["belw", "n"]', "18:1", "the shape of 'W_1' uses the dimension 'belw'"),
    ('first = "x"', 'first = "y"', "18:1", "uses the size of what layer 1 reads, y, which is not"),
    ("equations]\nh =", "equations]\nq =", "23:1", "the state 'h_1' has no equation"),
    ("h[t-1] @ U", "h[t-1] @ W", "26:26", "h[t-1] is 1 x n and W is m x n"),
    ("below[t] @", "hh[t] @", "26:11", "'hh' is not declared (did you mean 'h'?)"),
    ('U = ["n", "n"]', "below = []", "19:1", "'below' is what a layer reads"),
    ('V = ["n", "k"]', "below = []", "29:1", "'below' is what a layer reads, under [layers]"),
    ("[dimensions]", "states = []\n[dimensions]", "2:1", "'states' must be a section: [states]"),
    ("[layers.states]", "[layers.sates]", "22:2", "unknown entry 'sates' (did you mean 'states'?)"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "place", "message"), BAD)
def test_what_is_wrong_is_told_where_it_stands(old, new, place, message):
    with pytest.raises(InputError) as refusal:
        parse_model(changed((old, new)))
    told = str(refusal.value)
    assert told.startswith(f"model:{place}: error: ") and message in told


def test_two_names_of_layers_are_not_the_same():
    text = changed(("repeat = 3", "repeat = 11"), ('h_init = ["n"]', "h_init = []\nh_init1 = []"))
    with pytest.raises(InputError, match="h_init11' would be both 'h_init1' of layer 1 and 'h_in"):
        parse_model(text)


def test_a_cycle_within_a_layer_is_told_by_its_numbers():
    text = changed(
        ('h = "tanh(below[t]', 'g = "h[t]"\nh = "tanh(below[t] + g[t]'),
    )
    with pytest.raises(InputError, match=r"cycle within the time step: g_1\[t\] -> h_1\[t\]"):
        parse_model(text)


def in_layers(text: str) -> str:
    """A random model as each of two layers, which read nothing of each other."""
    text = re.sub(r"^\[(parameters|states|equations)\]$", r"[layers.\1]", text, flags=re.MULTILINE)
    return text.replace("[dimensions]", "[layers]\nrepeat = 2\n\n[dimensions]", 1)


@settings(
    max_examples=draws(24),
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate,),
)
@given(models(), st.sampled_from(LOSSES))
def test_a_loss_of_the_last_layer_has_its_gradients_alone(text: str, loss: str) -> None:
    one, two = parse_model(text), parse_model(in_layers(text))
    assume(not one.outputs)  # each layer has a last state, which others read
    alone, layers = (b.compile(model, loss=loss) for model in (one, two))
    (point,) = draw_points(layers, 1, 0, 4)
    names = {started(state.name): started(numbered(state.name, 2)) for state in one.states}
    names |= {e.name: numbered(e.name, 2) for e in one.declarations if e.kind in OF_LAYERS}
    arrays = {name: point.all[names.get(name, name)] for name in alone.SHAPES}
    arrays |= {size: point.arguments[size] for size in COUNTS if size in point.arguments}
    params = alone.Parameters(*(arrays.pop(name) for name in alone.Parameters._fields))
    of_both = (
        alone.value_and_grad(params, **arrays),
        layers.value_and_grad(layers.Parameters(**point.parameters), **point.arguments),
    )
    expected, found = ({**r.gradients._asdict(), **r.initial._asdict()} for r in of_both)
    np.testing.assert_allclose(of_both[1].value, of_both[0].value, rtol=1e-12)
    for name, gradient in found.items():
        old = next((old for old, new in names.items() if new == name), name)
        wanted = expected[old] if old in expected else np.zeros(np.shape(gradient))
        np.testing.assert_allclose(gradient, wanted, rtol=1e-9, atol=1e-12)


# What is the same for several layers is printed once.


def lines(model: b.Model, level: str = "adjoint", **asked: object) -> list[str]:
    """The lines of a derivation without their numbers and the spaces before them."""
    text = b.derive(model, level=level, loss="sum", **asked).text(width=200)
    return [re.sub(r"^ *(\(\d+\) *)?", "", line) for line in text.splitlines()]


def test_a_line_is_about_a_layer_in_general_and_says_for_which_it_holds():
    found = lines(parse_model(STACK))
    assert "h_{1,t} = tanh(xₜ W_1 + h_{1,t−1} U_1)" in found
    assert "h_{l,t} = tanh(h_{l−1,t} W_l + h_{l,t−1} U_l)   for l = 2, 3" in found
    assert "δh_{3,t} = δyₜ Vᵀ + δz_{h,3,t+1} U_3ᵀ   for t = N − 1, …, 1" in found
    of_others = "δh_{l,t} = δz_{h,l+1,t} W_{l+1}ᵀ + δz_{h,l,t+1} U_lᵀ"
    assert f"{of_others}   for l = 2, 1 and t = N − 1, …, 1" in found
    assert "∂E/∂W_1 = Σₜ₌₁ᴺ xₜᵀ δz_{h,1,t}" in found
    assert "∂E/∂W_l = Σₜ₌₁ᴺ h_{l−1,t}ᵀ δz_{h,l,t}   for l = 2, 3" in found
    assert "∂E/∂U_l = Σₜ₌₁ᴺ h_{l,t−1}ᵀ δz_{h,l,t}   for l = 1, 2, 3" in found
    assert not any("W_2" in line or "U_1" in line for line in found if line.startswith("∂E"))


def test_factors_are_about_a_layer_in_general():
    found = lines(parse_model(STACK), "jacobian")
    assert "∂⁺h_{l,t}/∂h_{l−1,t} = diag(1 − h_{l,t}²) W_lᵀ   for l = 3, 2" in found


def test_many_layers_have_as_many_lines_as_three():
    few, many = (parse_model(changed(("repeat = 3", f"repeat = {count}"))) for count in (3, 12))
    assert len(lines(few)) == len(lines(many))
    assert "for l = 11, …, 1 and t = N" in "\n".join(lines(many))


def test_layers_that_differ_are_told_one_by_one():
    """The loss reads the second of three layers, too: of what is above it nothing is the same."""
    text = changed(('y = "h[t] @ V"', 'y = "(h[t] + h_2[t]) @ V"'))
    found = lines(parse_model(text))
    assert "δh_{3,N} = δy_N Vᵀ" in found
    assert "δh_{2,N} = δz_{h,3,N} W_3ᵀ + δy_N Vᵀ" in found
    assert "δh_{1,N} = δz_{h,2,N} W_2ᵀ" in found


def test_the_index_of_a_layer_is_a_letter_that_the_model_has_not():
    text = changed(('V = ["n", "k"]', 'V = ["n", "k"]\nl = []'), ("h[t] @ V", "l * h[t] @ V"))
    assert "for q = 2, 1" in "\n".join(lines(parse_model(text)))


def test_a_name_with_a_face_of_its_own_is_told_one_by_one():
    text = changed(("\n[parameters]", "[layers.latex]\nU = 'R'\n[parameters]"))
    found = lines(parse_model(text))
    assert "∂E/∂U_1 = Σₜ₌₁ᴺ h_{1,t−1}ᵀ δz_{h,1,t}" in found


def test_numbers_of_equations_are_those_of_their_lines():
    derivation = b.derive(parse_model(STACK), level="adjoint", loss="sum")
    shown = [line.number for section in derivation.sections for line in section.lines]
    assert shown == list(range(1, len(shown) + 1))
    for section in derivation.sections:
        assert {e.number for e in section.equations} == {line.number for line in section.lines}


def written_out(latex: str) -> str:
    """LaTeX in which each line about a layer in general is one for each layer."""

    def of_each(line: str) -> str:
        span = re.search(r", \\qquad l = ([^,]*)(, \\dots)?((?:, \d+)*)", line)
        if not span:
            return line
        numbers = [int(number) for number in re.findall(r"\d+", span[0])]
        if span[2]:
            first, last = numbers
            step = -1 if last < first else 1
            numbers = list(range(first, last + step, step))
        bare = line.replace(span[0], "")

        def numbered(number: int) -> str:
            return re.sub(
                r"(?<=[{,])l([+-]\d+)?(?=[,}])",
                lambda found: str(number + int(found[1] or 0)),
                bare,
            )

        return " \\\\\n".join(map(numbered, numbers))

    latex = re.sub(r" (?:\\notag )?\\\\\n&\\quad ", " ", latex)
    return "\n".join(
        "".join([of_each(line.removesuffix(" \\\\")), " \\\\" * line.endswith(" \\\\")])
        for line in latex.split("\n")
    )


@pytest.mark.parametrize(("repeat", "loss"), [(3, "sum"), (5, "last")])
def test_the_print_is_the_gradient(repeat: int, loss: str) -> None:
    text = changed(("repeat = 3", f"repeat = {repeat}"), (', initial = "tanh(h_init)"', ""))
    model = parse_model(text.replace('h_init = ["n"]\n', ""))
    assert r"\dots, 1, \qquad t" in b.derive(model, level="adjoint").latex() or repeat == 3
    assert max(compared(model, "adjoint", loss, written_out)) < 1e-12


def test_notes_say_it_once_and_explain_the_index():
    words = b.notes(parse_model(STACK), 2).markdown()
    assert "Layers are numbered by $l$." in words
    assert r"W_{l+1}^{\top}" in words and ", \\qquad l = 2, 1" in words
    assert "Layers are numbered" not in b.notes(b.load_model("stacked"), 2).markdown()
