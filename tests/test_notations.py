r"""One derivation in many notations: each says the same, and looks like the source it is named for.

The sources' equations are retyped from the books and papers; they and the printed ones are read and
evaluated on the same random numbers.
"""

from __future__ import annotations

import re
import sys
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.cells import CELLS, name_of
from support.draws import draws
from support.latex_reader import Reader, Style, Symbol, rows_of, time
from support.message import message_of
from support.page import compared, plain
from support.running import arguments, draw, gradients, sizes_of

import bptt_sym as b
from bptt_sym.api import notation_names
from bptt_sym.cli import main
from bptt_sym.errors import InputError
from bptt_sym.model.conventions import CHOICES
from bptt_sym.model.notations import in_notation
from bptt_sym.model.orientation import turned
from bptt_sym.render.plain import unicode_text
from bptt_sym.render.typeset import typeset

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tools"))
from notations import notation_page  # noqa: E402 - it stands in tools/

MODELS = b.model_names()
STEPS = 3

# Every notation says the same.


@pytest.mark.one_in(6)
@pytest.mark.parametrize("level", ["jacobian", "adjoint"])
@pytest.mark.parametrize(
    "name", [*MODELS, "tests/cells/pascanu.toml", "tests/cells/d2l-linear.toml"]
)
@pytest.mark.parametrize("notation", notation_names())
def test_the_print_is_the_gradient(notation, name, level):
    model = b.load_model(str(ROOT / name) if "/" in name else name)
    assert max(compared(in_notation(model, notation), level, "sum")) < 1e-11


TOTALS, ALPHABETS = ("adjoint", "gradient"), ("vector", "matrix")


def ambiguous(chosen):
    """Whether it is refused: two things would have a bar."""
    totals, alphabets = ({chosen[k] for k in keys} for keys in (TOTALS, ALPHABETS))
    return "overbar" in totals and "bar" in alphabets


@settings(max_examples=draws(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    chosen=st.fixed_dictionaries(
        {key: st.sampled_from(values) for key, values in CHOICES.items()}
    ).filter(lambda chosen: not ambiguous(chosen)),
    name=st.sampled_from(["elman", "elman-bias", "gru", "lstm", "stacked", "jordan"]),
)
def test_any_settings_print_the_gradient(tmp_path_factory, chosen, name):
    path = tmp_path_factory.mktemp("notation") / "own.toml"
    path.write_text("".join(f'{key} = "{value}"\n' for key, value in chosen.items()))
    assert max(compared(in_notation(b.load_model(name), path), "adjoint", "last")) < 1e-12


@pytest.mark.parametrize("path", CELLS, ids=name_of)
def test_a_turned_model_computes_the_same(path):
    """Its loss is the same, and each gradient that of the old one transposed, or as it was."""
    model = b.load_model(path if isinstance(path, str) else str(path))
    other = turned(model)
    assert other.vectors != model.vectors
    old, new = (b.compile(m, style="readable") for m in (model, other))
    sizes = sizes_of(model, STEPS, 2)
    arrays = draw(old, sizes)
    moved = {
        name: array.swapaxes(-1, -2) if needs_transpose(model, name) else array
        for name, array in arrays.items()
    }
    params = new.Parameters(*(moved.pop(name) for name in new.Parameters._fields))
    values, *_ = new.value_and_grad(params, **arguments(new, moved))
    olds = dict(arrays)
    old_params = old.Parameters(*(olds.pop(name) for name in old.Parameters._fields))
    before = old.value_and_grad(old_params, **arguments(old, olds))[0]
    np.testing.assert_allclose(values, before, rtol=1e-12)
    expected = gradients(old, arrays)
    found = gradients(new, {**moved, **params._asdict()})
    for name, gradient in expected.items():
        transposed = gradient.swapaxes(-1, -2) if needs_transpose(model, name) else gradient
        np.testing.assert_allclose(found[name], transposed, rtol=1e-10, atol=1e-12)


def needs_transpose(model, name):
    """Whether a matrix lies the other way round: all do but those that are only read transposed."""
    entries = {entry.name: entry for entry in model.declarations}
    entry = entries.get(name) or entries.get(name.removesuffix("0"))
    if entry is None or 1 in entry.shape:
        return False
    if entry.kind not in ("parameter", "constant", "once"):
        return True
    _, _, equations = b.api.model_text(model).partition("\nOne time step\n")
    shown = unicode_text(typeset(entry.symbol, model.notation))
    # The sign of a transpose is a letter to Python.
    read = re.findall(rf"(?<!\w){re.escape(shown)}(ᵀ|(?!\w))", equations)
    return "" in read or not read  # what begins a state alone is turned, too


def test_what_is_only_read_transposed_is_not_turned():
    text = (ROOT / "bptt_sym/model/cells/elman.toml").read_text()
    text = text.replace("s[t] @ W_y", "s[t] @ W_y.T").replace(
        'W_y = ["n", "k"]', 'W_y = ["k", "n"]'
    )
    other = turned(b.model.read.parse_model(text))
    assert "W_y sₜ" in b.api.model_text(other)
    assert str(other.parameters["W_y"].shape) == "(k, n)"


# The sources' equations.


class Numbers:
    """A random number for each sign, or what a printed equation says of it where it is ``read``."""

    def __init__(self, model, derivation, shapes, read=()):
        notation = model.notation
        self.shapes, self.read = shapes, read
        loss = bare(latex_of(model, model.loss.name))
        self.style = Style(notation.time != "subscript", loss)
        self.times = {"t": 1, latex_of(model, "N"): STEPS}
        self.equations = {}
        for row in rows_of(bare(plain(derivation.latex()))):
            self.equations.setdefault(self.named(row.left), row.right)

    def __call__(self, text, t=1):
        times = {**self.times, "t": t}
        functions = {"g": np.tanh, "h": np.tanh, "sigma": np.tanh}
        return Reader(bare(text), times, self.value, functions, self.style).whole()

    def of(self, left):
        """What the derivation prints for a left side."""
        return self.equations[self.named(bare(left))]

    def named(self, left):
        """What a left side names; it has no value."""
        seen = []
        with suppress(TypeError):
            Reader(left, self.times, lambda what, _: seen.append(what), {}, self.style).whole()
        return seen[0]

    def value(self, what, times):
        symbol = what[-1] if isinstance(what, tuple) else what
        name, step = self.split(symbol, times)
        if isinstance(what, tuple) and name in self.read:
            at = next(w for w in self.equations if self.is_general(w, symbol))
            return self(self.equations[at], t=step)
        kind = what[0] if isinstance(what, tuple) else ""
        seed = zlib.crc32(f"{kind} {name} {step}".encode())
        return np.random.default_rng(seed).normal(size=self.shapes[name])

    def is_general(self, what, symbol):
        left = what[-1] if isinstance(what, tuple) else None
        return isinstance(left, Symbol) and (left.sign, left.indices[-1:]) == (symbol.sign, ("t",))

    def split(self, symbol, times):
        whole = "_".join((symbol.sign, *symbol.indices))
        if whole in self.shapes:
            return whole, None
        return "_".join((symbol.sign, *symbol.indices[:-1])), time(symbol.indices[-1], times)


def latex_of(model, name):
    notation = model.notation
    own = model.latex.get(name) or notation.indices.get(name) or notation.name(name)
    return f"\\{own}" if own == "tau" else own


def bare(latex):
    r"""The LaTeX without \mathrm around words, and without what a model's own notation puts."""
    return re.sub(r"\\mathrm\{(\w\w+)\}", r"\1", latex).replace(r"{\mathcal{E}}", "E")


SIZES = {"m": 2, "n": 3, "k": 4}


def shaped(**shapes):
    return {name: tuple(SIZES.get(s, 1) for s in shape) for name, shape in shapes.items()}


D2L = shaped(x="m1", y="k1", h="n1", o="k1", W_hx="nm", W_hh="nn", W_qh="kn")
GOODFELLOW = shaped(x="m1", y="m1", o="m1", h="n1", a="n1", b="n1", c="m1", U="nm", W="nn", V="mn")
GREFF = shaped(
    x="m1", y="n1", c="n1", z="n1", i="n1", f="n1", o="n1", u="k1", d="k1", V="kn",
    **{f"W_{g}": "nm" for g in "zifo"}, **{f"R_{g}": "nn" for g in "zifo"},
    **{f"p_{g}": "n1" for g in "ifo"}, **{f"b_{g}": "n1" for g in "zifo"},
    **{rf"\bar{{{g}}}": "n1" for g in "zifo"},
)  # fmt: skip

DIAGONAL = r"\operatorname{diag}(1 - \left(h^{(%s)}\right)^{2})"

SOURCES = {
    "d2l": ("tests/cells/d2l-linear.toml", "mean", D2L, (), {
        "9.7.12": (r"\frac{\partial L}{\partial W_{qh}}",
                   r"\sum_{t=1}^{T} \frac{\partial L}{\partial o_{t}} h_{t}^{\top}"),
        "9.7.13": (r"\frac{\partial L}{\partial h_{T}}",
                   r"W_{qh}^{\top} \frac{\partial L}{\partial o_{T}}"),
        "9.7.14": (r"\frac{\partial L}{\partial h_{t}}",
                   r"W_{hh}^{\top} \frac{\partial L}{\partial h_{t+1}}"
                   r" + W_{qh}^{\top} \frac{\partial L}{\partial o_{t}}"),
        "9.7.16 left": (r"\frac{\partial L}{\partial W_{hx}}",
                        r"\sum_{t=1}^{T} \frac{\partial L}{\partial h_{t}} x_{t}^{\top}"),
        "9.7.16 right": (r"\frac{\partial L}{\partial W_{hh}}",
                         r"\sum_{t=1}^{T} \frac{\partial L}{\partial h_{t}} h_{t-1}^{\top}"),
    }),
    "goodfellow": ("elman-character", "sum", GOODFELLOW, ("a",), {
        "10.18": (r"\nabla_{o^{(t)}} L", r"\operatorname{softmax}(o^{(t)}) - y^{(t)}"),
        "10.19": (r"\nabla_{h^{(\tau)}} L", r"V^{\top} \nabla_{o^{(\tau)}} L"),
        "10.21, corrected": (
            r"\nabla_{h^{(t)}} L",
            rf"W^{{\top}} {DIAGONAL % 't+1'} \nabla_{{h^{{(t+1)}}}} L"
            r" + V^{\top} \nabla_{o^{(t)}} L"),
        "10.22": (r"\nabla_{c} L", r"\sum_{t=1}^{\tau} \nabla_{o^{(t)}} L"),
        "10.23": (r"\nabla_{b} L",
                  rf"\sum_{{t=1}}^{{\tau}} {DIAGONAL % 't'} \nabla_{{h^{{(t)}}}} L"),
        "10.24": (r"\nabla_{V} L", r"\sum_{t=1}^{\tau} (\nabla_{o^{(t)}} L) h^{(t) \top}"),
        "10.26": (r"\nabla_{W} L", rf"\sum_{{t=1}}^{{\tau}} {DIAGONAL % 't'}"
                  r" (\nabla_{h^{(t)}} L) h^{(t-1) \top}"),
        "10.28": (r"\nabla_{U} L", rf"\sum_{{t=1}}^{{\tau}} {DIAGONAL % 't'}"
                  r" (\nabla_{h^{(t)}} L) x^{(t) \top}"),
    }),
    "search-space-odyssey": ("lstm-peephole", "sum", GREFF, ("z", "i", "f", "o", "u"), {
        "y": (r"\delta y^{t}",
              r"V^{\top} \delta u^{t} + R_{z}^{\top} \delta\bar{z}^{t+1}"
              r" + R_{i}^{\top} \delta\bar{i}^{t+1}"
              r" + R_{f}^{\top} \delta\bar{f}^{t+1} + R_{o}^{\top} \delta\bar{o}^{t+1}"),
        "o": (r"\delta\bar{o}^{t}", r"\delta y^{t} \odot h(c^{t}) \odot \sigma'(\bar{o}^{t})"),
        "c": (r"\delta c^{t}",
              r"\delta y^{t} \odot o^{t} \odot h'(c^{t}) + p_{o} \odot \delta\bar{o}^{t}"
              r" + p_{i} \odot \delta\bar{i}^{t+1} + p_{f} \odot \delta\bar{f}^{t+1}"
              r" + \delta c^{t+1} \odot f^{t+1}"),
        "f": (r"\delta\bar{f}^{t}", r"\delta c^{t} \odot c^{t-1} \odot \sigma'(\bar{f}^{t})"),
        "i": (r"\delta\bar{i}^{t}", r"\delta c^{t} \odot z^{t} \odot \sigma'(\bar{i}^{t})"),
        "z": (r"\delta\bar{z}^{t}", r"\delta c^{t} \odot i^{t} \odot g'(\bar{z}^{t})"),
        "W": (r"\delta W_{f}", r"\sum_{t=1}^{T} \delta\bar{f}^{t} \left(x^{t}\right)^{\top}"),
        "R": (r"\delta R_{f}", r"\sum_{t=0}^{T-1} \delta\bar{f}^{t+1} \left(y^{t}\right)^{\top}"),
        "b": (r"\delta b_{f}", r"\sum_{t=1}^{T} \delta\bar{f}^{t}"),
        "p_i": (r"\delta p_{i}", r"\sum_{t=0}^{T-1} c^{t} \odot \delta\bar{i}^{t+1}"),
        "p_f": (r"\delta p_{f}", r"\sum_{t=0}^{T-1} c^{t} \odot \delta\bar{f}^{t+1}"),
        "p_o": (r"\delta p_{o}", r"\sum_{t=1}^{T} c^{t} \odot \delta\bar{o}^{t}"),
    }),
}  # fmt: skip
EQUATIONS = [(name, number) for name, source in SOURCES.items() for number in source[-1]]


@pytest.mark.parametrize(("notation", "number"), EQUATIONS)
def test_a_source_prints_the_same_equation(notation, number):
    name, loss, shapes, read, equations = SOURCES[notation]
    model = b.load_model(name if "/" not in name else str(ROOT / name))
    derivation = b.derive(model, level="adjoint", loss=loss, notation=notation)
    numbers = Numbers(derivation.model, derivation, shapes, read)
    left, right = equations[number]
    printed = numbers.of(left)
    np.testing.assert_allclose(numbers(printed), numbers(right), rtol=1e-12)


def test_goodfellow_10_21_as_it_is_printed_does_not_conform():
    """The stored text has the diagonal matrix behind the gradient."""
    model = b.load_model("elman-character")
    derivation = b.derive(model, level="adjoint", loss="sum", notation="goodfellow")
    numbers = Numbers(derivation.model, derivation, GOODFELLOW)
    with pytest.raises(ValueError, match="mismatch"):
        numbers(rf"W^{{\top}} (\nabla_{{h^{{(t+1)}}}} L) {DIAGONAL % 't+1'}")


def pascanu(level):
    return b.derive(
        b.load_model(str(ROOT / "tests/cells/pascanu.toml")), level=level, notation="pascanu"
    )


def test_pascanu_4_is_the_sum_over_the_steps():
    equations = bare(plain(pascanu("chain").latex()))
    assert (
        r"\frac{\partial E_{T}}{\partial W_{rec}} &= \sum_{k=1}^{T} "
        r"\frac{\partial E_{T}}{\partial y_{T}} \, \frac{\partial y_{T}}{\partial x_{k}} \, "
        r"\frac{\partial^{+} x_{k}}{\partial W_{rec}}"
    ) in equations
    assert r"\prod_{T \ge i > k} \frac{\partial x_{i}}{\partial x_{i-1}}" in equations


def test_pascanu_5_has_the_matrix_untransposed():
    """In print it is W^T diag(...), which is the Jacobian in no layout."""
    equations = bare(plain(pascanu("jacobian").latex()))
    assert (
        r"\frac{\partial x_{t}}{\partial x_{t-1}} &= "
        r"W_{rec} \, \operatorname{diag}(\sigma'(x_{t-1}))"
    ) in equations


@pytest.mark.parametrize("notation", notation_names())
def test_it_looks_as_the_page_on_it_shows(notation):
    page = (ROOT / "docs" / "notations" / f"{notation}.md").read_text(encoding="utf-8")
    assert page == notation_page(notation), "python tools/renew.py makes it anew"


# Notation files.


def own(tmp_path, text):
    path = tmp_path / "own.toml"
    path.write_text(text)
    return path


def test_a_file_renames_what_it_names(tmp_path):
    path = own(tmp_path, 'time = "parentheses"\n[names]\ns = "h"\nphi = "f"\nN = "T"\n')
    text = b.derive(b.load_model("elman"), wrt="W_s", notation=path).text()
    assert "h⁽ᵗ⁾ = f(x⁽ᵗ⁾ W_x + h⁽ᵗ⁻¹⁾ W_s)" in text
    assert "T = 3" in text


def test_the_command_that_makes_it_again_names_the_notation(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        main(["derive", "elman", "--notation", "d2l", "--format", "latex"])
    assert end.value.code == 0
    assert "--format latex --notation d2l" in capsys.readouterr().out


def test_figures_and_notes_keep_to_the_notation():
    model = b.load_model("elman")
    assert r"\mathbf{h}_{3}" in b.figure(model, path="W_s:1", notation="d2l").tikz()
    notes = b.notes(model, notation="d2l").tex()
    assert r"\mathbf{W}_{\mathrm{hh}}" in notes
    assert r"\bar{s}" not in notes


@pytest.mark.parametrize("notation", notation_names())
def test_figures_of_all_models_are_drawn_in_every_notation(notation):
    """Each label is typeset without LaTeX."""
    for model in map(b.load_model, MODELS):
        *_, last = model.parameters
        drawn = b.figure(model, 2, path=last, notation=notation)
        assert f"--notation {notation}".replace("--", "- -") in drawn.svg() or notation == "course"


BAD = {
    'colour = "red"': "unknown setting 'colour'",
    'vectors = "diagonal"': "'vectors' must be one of",
    "vectors = 3": "'vectors' must be one of",
    'vector = ["bar"]': "'vector' must be one of",
    'mark_immediate = "yes"': "must be true or false",
    "source = 3": "one line of text",
    'adjoint = "overbar"': "'adjoint' is \"overbar\", but what it is of has a bar already",
    'vector = "bold"\nmatrix = "bar"\ngradient = "overbar"': "give 'matrix' another alphabet",
    'names = "s"': "'names' must be a table",
    '[names]\nq = "h"': "the model 'elman' has no 'q'",
    '[names]\ns = "x"': "'s' would print like 'x'",
    '[names]\nW_s = "t"': "'W_s' would print like the index t",
    '[names]\nW_s = "s_1"': "'W_s' would print like 's' at step 1",
    "[names]\ns = 'h\\input{y}'": "is not letters and digits",
    "[names]\ns = {latex = '\\write18{ls}'}": "not allowed: \\write",
    "[names]\ns = {latex = '}'}": "for 's',",
    "[names]\ns = {}": "must have a name",
    '[names]\ns = {nane = "h"}': "must have a name",
    "[names]\ns = 4": "is not a text",
    'time = "superscript"\ntranspose = "T"\n[names]\nN = "T"': "a time step and a transpose",
    "[names": "not valid TOML",
}


@pytest.mark.parametrize("text", BAD)
def test_a_bad_file_is_told_in_one_line(tmp_path, capsys, text):
    path = own(tmp_path, text)
    with pytest.raises(SystemExit) as end:
        main(["derive", "elman", "--notation", str(path)])
    assert end.value.code == 2
    line = message_of(capsys.readouterr().err)
    assert line.startswith(str(path))
    assert BAD[text] in line


def test_unknown_notations_are_told(tmp_path):
    model = b.load_model("elman")
    with pytest.raises(InputError, match=r"unknown notation 'd3l' \(did you mean 'd2l'\?\);"):
        b.derive(model, notation="d3l")
    with pytest.raises(InputError, match="no such notation file"):
        b.derive(model, notation=tmp_path / "none.toml")
