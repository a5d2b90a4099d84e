"""The compiler: given a model, this program. Each pass: test_passes; their values: test_styles."""

from __future__ import annotations

import re

import pytest

import bptt_sym as b
from bptt_sym.api import program_text
from bptt_sym.choices import FORMS, LAYOUTS, PASSES
from bptt_sym.graph.build import build_program
from bptt_sym.model.model import Model
from bptt_sym.model.read import parse_model
from bptt_sym.passes import pipeline
from bptt_sym.targets.load import module_from_source
from bptt_sym.targets.numpy.module import numpy_module

LOOPS = re.compile(r"^(forward|backward), loop.*\n((?:  .*\n)+)", re.MULTILINE)


def model(equations: str, parameters: str, states: str = 'h = ["n"]') -> Model:
    """A model with an input x of size m, vectors of size n, and the sum of the squares of y."""
    return parse_model(
        f"""
dimensions = {{m = "", n = ""}}
inputs = {{x = ["m"]}}
loss = {{E = "sum(y[t] ** 2)"}}
parameters = {{{parameters}}}
states = {{{states}}}
[equations]
{equations}
"""
    )


def statements(text: str) -> dict[str, str]:
    """Right sides by the names on the left."""
    rows = (line.split("  = ") for line in text.splitlines() if "  = " in line)
    return {left.split()[0]: right for left, right in rows}


def loops(text: str, phase: str) -> list[dict[str, str]]:
    """The statements of each loop of a phase."""
    return [statements(body) for found, body in LOOPS.findall(text) if found == phase]


def products(statements: dict[str, str]) -> int:
    return sum(right.count("@") for right in statements.values())


LSTM = b.load_model("lstm")
ELMAN = model(
    'h = "tanh(x[t] @ W + h[t-1] @ U)"\ny = "h[t] @ V"',
    'W = ["m", "n"], U = ["n", "n"], V = ["n", "n"]',
)


# Every form of every model.


@pytest.mark.parametrize("name", b.model_names())
def test_every_form_of_a_model_can_be_printed(name):
    model = b.load_model(name)
    for form in FORMS:
        shown = program_text(model, after=form)
        assert "backward" in shown
        assert not re.search(r"\bNode\b|object at", shown)


def test_the_passes_have_one_order():
    assert tuple(pipeline.PASSES) == PASSES


# Time distribution.


def test_the_loop_holds_only_what_the_recurrence_forces():
    text = program_text(ELMAN, after="distribute")
    (onward,) = loops(text, "forward")
    assert onward.keys() == {"z_h", "h"}
    assert "x" not in onward["z_h"]
    (backward,) = loops(text, "backward")
    assert backward.keys() == {"dh", "dz_h", "dh_back"}
    assert backward["dz_h"].count("*") == 1


def test_a_model_without_a_recurrence_has_no_loop():
    feedforward = model('h = "tanh(x[t] @ W)"\ny = "h[t] + h[t-1]"', 'W = ["m", "n"]')
    text = program_text(feedforward, after="graph")
    assert "loop" not in text


def test_layers_have_a_loop_each_and_what_joins_them_is_at_once():
    text = program_text(b.load_model("stacked"), after="graph")
    first, second = loops(text, "forward")
    assert first.keys() == {"a", "s"}
    assert second.keys() == {"b", "z"}
    assert [loop.keys() for loop in loops(text, "backward")] == [
        {"dz", "db", "dz_back"},
        {"ds", "da", "ds_back"},
    ]


def test_states_that_do_not_wait_for_each_other_share_a_loop():
    equations = """
h = "tanh(h[t-1] + x[t] @ W)"
c = "tanh(c[t-1] - x[t] @ W)"
y = "h[t] * c[t]"
"""
    two = model(equations, 'W = ["m", "n"]', 'h = ["n"], c = ["n"]')
    text = program_text(two, after="distribute")
    (onward,) = loops(text, "forward")
    assert {"h", "c"} <= onward.keys()


def test_directions_have_loops_of_their_own():
    text = program_text(b.load_model("bidirectional"), after="distribute")
    assert text.count("forward, loop over t = 1, ..., T") == 1
    assert text.count("forward, loop over t = T, ..., 1") == 1


@pytest.mark.parametrize("name", ["linear", "mingru"])
def test_a_recurrence_without_matrices_has_no_product_in_its_loops(name):
    text = program_text(b.load_model(name), after="distribute")
    found = [*loops(text, "forward"), *loops(text, "backward")]
    assert len(found) == 2
    assert sum(map(products, found)) == 0


# Stacking.


def test_the_gates_of_an_lstm_are_one_product():
    before, after = (program_text(LSTM, after=form) for form in ("distribute", "stack"))
    assert [products(loop) for loop in loops(before, "forward")] == [4]
    assert [products(loop) for loop in loops(after, "forward")] == [1]
    assert [products(loop) for loop in loops(before, "backward")] == [4]
    assert [products(loop) for loop in loops(after, "backward")] == [1]


# Sharing.


def test_a_derivative_reads_the_value_of_the_function():
    text = program_text(ELMAN, after="share")
    assert text.count("squash") == 1
    assert "= 1 - h * h\n" in text


def test_softmax_with_cross_entropy_has_the_adjoint_p_minus_d():
    shown = statements(program_text(b.load_model("elman-character"), after="share"))
    exponentials = next(name for name, right in shown.items() if right.startswith("exp("))
    total = next(name for name, right in shown.items() if right == f"entries({exponentials})")
    target = next(name for name, right in shown.items() if right == "one_hot(d, size=m)")
    p = f"weighted({exponentials} / {total})"
    assert shown["dy"] in (f"-weighted({target}) + {p}", f"{p} - weighted({target})")


def test_equal_subexpressions_are_computed_once():
    twice = model('h = "tanh(h[t-1] + x[t] @ W)"\ny = "exp(x[t] @ W) + h[t]"', 'W = ["m", "n"]')
    text = program_text(twice, after="graph")
    assert text.count("x @ W") == 1


# Layout.


def shapes(name: str, layout: str | None) -> str:
    module = b.generate(b.load_model(name), layout=layout)
    return module[module.index("class Workspace") : module.index("def forward")]


def test_the_gates_of_an_lstm_are_contiguous_in_its_loops():
    assert "(T, 4*n, B)" in shapes("lstm", None)
    assert "(T, 4*n, B)" not in shapes("lstm", "rows")


def test_a_loop_on_whole_arrays_stays_in_rows():
    assert shapes("rnn", None) == shapes("rnn", "rows")
    assert "(T + 1, n, B)" in shapes("rnn", "features")


# Buffers.

LOOP_BODY = re.compile(
    r"^    (?:for .*|\) in zip\((?:\n        .*)*\n    \)):\n((?:        .*\n)+)", re.M
)
CALL = re.compile(r".+\(.*\bout=.*\)|\w+\[\.\.\.\] = .*")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", b.model_names())
def test_every_line_of_a_loop_writes_into_an_array_that_is_there(name, layout):
    source = b.generate(b.load_model(name), layout=layout)
    # The passes of a layer stand by themselves, for its forward and backward.
    (passes,) = re.findall(r"^def (?:both_ways|run)\(", source, re.M)[-1:]
    source = source.partition(f"\n{passes}")[2].partition("\n\n\ndef ")[0]
    bodies = LOOP_BODY.findall(source)
    assert bodies
    code = [line for line in "".join(bodies).splitlines() if not line.lstrip().startswith("#")]
    assert code
    for line in code:
        assert CALL.fullmatch(line.strip()), line


def numbers(name: str, without: tuple[str, ...]) -> int:
    """The numbers that a workspace holds."""
    program = build_program(b.load_model(name), {}, "sum")
    module = module_from_source(numpy_module(program, "fast", without=without), name)
    sizes = {entry.name: 3 for entry in program.model.dimensions}
    work = module.Workspace(20, 4, module.Dimensions(**sizes))
    return sum(array.size for array in vars(work).values() if hasattr(array, "size"))


@pytest.mark.parametrize("name", ["lstm", "gru", "stacked"])
def test_arrays_share_memory(name):
    assert numbers(name, ()) < 0.75 * numbers(name, ("buffers",))
