"""Course notes: what they say is computed, and every format of them works."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
from pathlib import Path

import nbclient
import nbformat
import pytest
from support.cells import CORPUS, FEW, name_of

import bptt_sym as b
from bptt_sym.api import notation_names
from bptt_sym.cli import main
from bptt_sym.derivation.reduction import REDUCTIONS
from bptt_sym.derivation.step import derive_step
from bptt_sym.documents.document import Paragraph, ToldContributions
from bptt_sym.documents.facts.cost import costs
from bptt_sym.errors import InputError
from bptt_sym.model.read import parse_model
from bptt_sym.render.tex import tex
from bptt_sym.render.typeset import typeset

needs_latex = pytest.mark.skipif(
    not shutil.which("pdflatex") and not os.environ.get("BPTT_SYM_REQUIRE_LATEX"),
    reason="there is no pdflatex (with BPTT_SYM_REQUIRE_LATEX=1 this fails)",
)

exhaustive = pytest.mark.exhaustive

MODELS = b.model_names()
ELMAN = b.load_model("elman")


def printed_name(model, name):
    """A parameter as the notes print it."""
    return tex(typeset(model.parameters[name], model.notation))


def section(notes, heading):
    return next(s for s in notes.document.sections if heading in s.heading)


def said(notes, heading):
    return " ".join(b.text for b in section(notes, heading).blocks if isinstance(b, Paragraph))


def contributions(notes, heading):
    (found,) = (b for b in section(notes, heading).blocks if isinstance(b, ToldContributions))
    return found


# The derivation that is told.


def test_the_output_weights_need_one_step_and_the_others_all():
    notes = b.notes(ELMAN)
    assert "on the copy of $W_{y}$ in step 3 alone" in said(notes, "W_{y}")
    assert not any(isinstance(block, ToldContributions) for block in section(notes, "W_{y}").blocks)
    assert "on the copies of $W_{s}$ in steps 3, 2 and 1" in said(notes, "W_{s}")
    (found,) = (
        block for block in section(notes, "W_{s}").blocks if isinstance(block, ToldContributions)
    )
    texts = [entry.text for entry in found.entries]
    assert [text.lead for text in texts] == ["Step 3.", "Step 2.", "Step 1."]
    assert r"from $E_{3}$ through $\bar{y}_{3}$ and $\bar{s}_{3}$ to the copy" in texts[0].text
    assert r"the path passes through $\bar{s}_{1}$ as well" in texts[2].text


def test_where_paths_are_many_the_notes_count_them():
    notes = b.notes(b.load_model("stacked"), wrt="W_1")
    (found,) = (
        block for block in section(notes, "W_{1}").blocks if isinstance(block, ToldContributions)
    )
    assert "3 paths" in found.entries[2].text.text


def test_equations_are_numbered_through_and_referred_to():
    notes = b.notes(ELMAN)
    for kind in ("eq", "fig"):
        found = {n for label, n in notes.document.numbers.items() if label.startswith(f"{kind}:")}
        assert found == set(range(1, len(found) + 1))
        assert len(found) > 1
    label = re.search(r"\[\[(.*?)\]\]", said(notes, "Vanishing"))[1]
    assert f"({notes.document.numbers[label]})" in notes.markdown()
    assert rf"\eqref{{{label}}}" in notes.tex()


def test_a_model_without_a_product_over_time_has_no_word_on_vanishing():
    headings = [s.heading for s in b.notes(b.load_model("leaky")).document.sections]
    assert "Vanishing and exploding gradients" not in headings


def test_two_layers_have_a_binomial_number_of_paths():
    model = b.load_model("stacked")
    step = derive_step(model, detailed=False)
    for found in costs(step, model.parameters["U"], REDUCTIONS["last"]):
        assert found.paths == math.comb(found.steps + 1, 2)


@pytest.mark.parametrize("loss", ["last", "sum"])
@pytest.mark.parametrize("path", CORPUS, ids=name_of)
def test_notes_of_any_cell_tell_of_each_parameter_and_close_their_environments(path, loss):
    model = b.load_model(str(path))
    notes = b.notes(model, loss=loss)
    text = notes.markdown()
    assert all(f"${printed_name(model, name)}$" in text for name in model.parameters)
    for source in (notes.tex(), notes.tex("slides")):
        open_ones = []
        for word, environment in re.findall(r"\\(begin|end){(.*?)}", source):
            if word == "begin":
                open_ones.append(environment)
            else:
                assert environment == open_ones.pop()
        assert not open_ones


# The formats.


def run(*arguments):
    with pytest.raises(SystemExit) as end:
        main(["notes", *map(str, arguments)])
    return end.value.code


def compiled(folder, source, runs=2):
    """What the last run of pdflatex prints."""
    (folder / "all.tex").write_text(source, encoding="utf-8")
    for _ in range(runs):
        done = subprocess.run(
            ["pdflatex", "-draftmode", "-interaction=nonstopmode", "-halt-on-error", "all.tex"],
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:]
    return done.stdout


def assert_clean(log, *, references=True):
    widths = [float(width) for width in re.findall(r"Overfull \\.box \(([\d.]+)pt", log)]
    assert all(width <= 2 for width in widths), widths
    assert not references or "undefined references" not in log
    assert "multiply" not in log


COMPILED = [
    pytest.param("course", [name for name in MODELS if name in FEW], id="a few"),
    *(pytest.param(name, MODELS, id=name, marks=exhaustive) for name in notation_names()),
]


@needs_latex
@pytest.mark.parametrize(("notation", "names"), COMPILED)
def test_the_notes_of_models_compile_in_one_document(tmp_path, notation, names):
    body = []
    for name in names:
        fragment = b.notes(b.load_model(name), notation=notation).tex()
        (tmp_path / f"{name}.tex").write_text(fragment, encoding="utf-8")
        body += [rf"\section{{{name}}}", rf"\input{{{name}}}", r"\clearpage"]
    head = [r"\documentclass{article}", r"\usepackage{amsmath,tikz}", r"\begin{document}"]
    source = "\n".join([*head, *body, r"\end{document}"])
    # References are the same in every notation, and take a second run.
    known = notation == "course"
    assert_clean(compiled(tmp_path, source, runs=2 if known else 1), references=known)


@needs_latex
@pytest.mark.parametrize("name", ["elman", pytest.param("lstm", marks=exhaustive), "stacked"])
@pytest.mark.parametrize("kind", ["article", "slides"])
def test_articles_and_slides_compile(tmp_path, name, kind):
    assert_clean(compiled(tmp_path, b.notes(b.load_model(name)).tex(kind)))


@needs_latex
@pytest.mark.parametrize("kind", ["article", pytest.param("slides", marks=exhaustive)])
def test_every_notation_is_written_as_an_article_and_as_slides(tmp_path, kind):
    for notation in notation_names():
        folder = tmp_path / notation
        folder.mkdir()
        assert_clean(compiled(folder, b.notes(ELMAN, notation=notation).tex(kind), runs=2))


def one_document(sources):
    """Several documents of one kind as one."""
    parts = [re.split(r"\\(?:begin|end)\{document\}", source) for source in sources]
    bodies = [body for _, body, _ in parts]
    return "".join([parts[0][0], r"\begin{document}", *bodies, r"\end{document}"])


@needs_latex
@exhaustive
@pytest.mark.parametrize("part", range(4))
def test_slides_of_all_models_compile(tmp_path, part):
    sources = [b.notes(b.load_model(name)).tex("slides") for name in MODELS[part::4]]
    assert_clean(compiled(tmp_path, one_document(sources), runs=1))


@needs_latex
@exhaustive
@pytest.mark.parametrize("notation", [name for name in notation_names() if name != "course"])
def test_slides_of_all_models_compile_in_every_notation(tmp_path, notation):
    """Two steps, and one parameter: slides of all take too long."""
    sources = []
    for model in map(b.load_model, MODELS):
        *_, last = model.parameters
        sources.append(b.notes(model, 2, wrt=last, notation=notation).tex("slides"))
    assert_clean(compiled(tmp_path, one_document(sources), runs=1))


@needs_latex
@pytest.mark.parametrize("notation", ["course", "goodfellow"])
def test_macros_hold_all_that_symbols_look_like(tmp_path, notation):
    options = ["--macros", "--document", "--notation", notation]
    assert run("lstm-peephole", *options, "-o", tmp_path / "all.tex") == 0
    source = (tmp_path / "all.tex").read_text()
    macros = (tmp_path / "all-macros.tex").read_text()
    assert macros.count(r"\newcommand") == len(set(re.findall(r"newcommand{\\(\w+)}", macros)))
    _, body = source.split(r"\begin{document}")
    # What a sign means is shown with letters that are not the model's.
    body = re.sub(r"\\mathbf\{-?[\d.]+\}|\\label\{.*?\}|\\ref\{.*?\}|\nHere .*", "", body)
    assert not re.search(r"\\(bar|boldsymbol|mathbf|sigma)(?![A-Za-z])", body)
    assert_clean(compiled(tmp_path, source))


def test_macros_in_the_figures_stand_for_their_labels():
    r"""A change of \syms changes the figures, too."""
    tikz = b.notes(ELMAN, macros=True).tex()
    assert r"{$\syms{3}$}" in tikz
    assert r"{$\partial \symy{3} / \partial \syms{3}$}" in tikz
    assert r"$\bar{s}" not in tikz


@pytest.mark.parametrize("steps", [2, 3])
def test_code_in_a_notebook_names_the_equations(steps):
    for loss in ("last", "sum"):
        notes = b.notes(ELMAN, steps, loss=loss)
        cells = nbformat.reads(notes.notebook(), as_version=4).cells
        (source,) = (cell.source for cell in cells if cell.id == "module-code")
        named = dict(re.findall(r"# \((\d+)\) (\w+) =", source))
        labels = notes.document.numbers.items()
        numbers = {str(n): label for label, n in reversed(labels) if label.startswith("eq:")}
        assert numbers[next(n for n, left in named.items() if left == "dW_s")].endswith(":W_s")
        assert numbers[next(n for n, left in named.items() if left == "s_t")] == "eq:elman:model:s"
        assert len(named) >= 10


@needs_latex
def test_solutions_are_in_a_file_of_their_own(tmp_path):
    assert run("elman", "--exercise", "W_x", "-o", tmp_path / "sheet.tex") == 0
    sheet, solutions = (
        (tmp_path / f"{name}.tex").read_text() for name in ("sheet", "sheet-solutions")
    )
    assert "Exercise 1" in sheet
    label = r"\label{eq:elman:chain:E_N:W_x}"
    assert label not in sheet
    assert label in solutions
    head = r"\documentclass{article}\usepackage{amsmath,tikz}\begin{document}"
    assert_clean(compiled(tmp_path, rf"{head}\input{{sheet}}\end{{document}}"))


@pytest.mark.one_in(2)
@pytest.mark.parametrize("name", MODELS)
def test_markdown_names_its_figures_and_closes_its_formulas(tmp_path, name):
    target = tmp_path / "notes.md"
    assert run(name, "-o", target) == 0
    text = target.read_text()
    assert text.count("$$") % 2 == 0
    for display in text.split("$$")[1::2]:
        assert display.count("{") == display.count("}")
    figures = re.findall(r"\]\((.*?\.svg)\)", text)
    assert figures
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {"notes.md", "notes-solutions.md", *figures}


RUN = ["elman", "elman-character", "lstm"]
RUN += [str(path) for path in CORPUS if path.stem in ("distance-loss", "epidemic", "time-delay")]


@pytest.mark.one_in(2)
@pytest.mark.parametrize("name", RUN, ids=lambda name: Path(name).stem)
def test_a_notebook_runs_from_top_to_bottom(name):
    model = b.load_model(name)
    data = nbformat.reads(b.notes(model).notebook(), as_version=4)
    nbformat.validate(data)
    nbclient.NotebookClient(data, timeout=60).execute()
    shown = data.cells[-1].outputs[0]["text"]
    assert all(name in shown for name in model.parameters)
    vanishing = [cell for cell in data.cells if cell.id == "vanishing-code"]
    if vanishing:
        assert "image/svg+xml" in vanishing[0].outputs[-1]["data"]


def test_notes_write_over_their_own_files(tmp_path):
    for ending in ("tex", "md", "ipynb"):
        for steps in (2, 3):
            assert run("elman", "--steps", steps, "-o", tmp_path / f"a.{ending}") == 0
    assert json.loads((tmp_path / "a.ipynb").read_text())["nbformat"] == 4


def test_words_of_a_user_stay_words():
    text = Path(b.__file__).parent.joinpath("model", "cells", "elman.toml").read_text()
    hostile = r"50% of $x$ & \input{y} #1 [[eq]] <b> `c`"
    text = re.sub('description = ".*"', lambda _: f"description = '{hostile}'", text)
    notes = b.notes(parse_model(text))
    assert r"50\% of \$x\$ \& \textbackslash{}input\{y\} \#1 [[eq]]" in notes.tex()
    assert r"\$x\$ &amp; \\input\{y\} \#1 \[\[eq\]\] &lt;b&gt; \`c\`" in notes.markdown()


HOSTILE = [
    "50% off", "a & b", "#1", "x_1^2", "~", "{", "}", "}}{{", r"\input{/etc/passwd}", "$", "$$x$$",
    r"\write18{ls}", r"\immediate\write18{touch x}", r"\end{document}", r"\csname x\endcsname",
    "^^5c", r"\begin{verbatim}", r"\catcode`\%=12", r"\def\a{}", "[[eq:elman:model:s]]",
    "{{ 7 * 7 }}", "{% include 'x' %}", "\\", "\\\\", "<script>alert(1)</script>",
    "--- ` '' << >>", r"\let\frac\relax",
]  # fmt: skip
"""Words of a model file that LaTeX, Jinja, Markdown or HTML would take for something else."""


@needs_latex
def test_hostile_words_are_typeset_as_they_are(tmp_path):
    """In the title, the description and the meaning of a size; nothing runs, all compiles."""
    text = Path(b.__file__).parent.joinpath("model", "cells", "elman.toml").read_text()
    bodies = []
    for k, words in enumerate(HOSTILE):
        quoted = json.dumps(words)
        changed = re.sub('title = ".*"', lambda _, q=quoted: f"title = {q}", text)
        changed = re.sub('description = ".*"', lambda _, q=quoted: f"description = {q}", changed)
        model = parse_model(changed.replace('m = "inputs"', f"m = {quoted}"), f"m{k}")
        notes = b.notes(model, steps=2, wrt="W_y")
        head, body = notes.tex("article").split(r"\begin{document}", maxsplit=1)
        bodies.append(body.removesuffix("\\end{document}\n"))
        lines = notes.tex("slides").splitlines()
        assert sum(r"\end{document}" in line for line in lines if not line.startswith("%")) == 1
        assert "<script>" not in notes.markdown()
        derivation = b.derive(model).latex()
        bodies.append(derivation)
    log = compiled(tmp_path, "".join([head, r"\begin{document}", *bodies, r"\end{document}"]))
    assert "runsystem" not in log
    assert {path.suffix for path in tmp_path.iterdir()} <= {".tex", ".aux", ".log", ".out"}


# Bad input.

BAD = [
    ("elman -o FOLDER/a.gif", "unknown ending '.gif'"),
    ("elman -o FOLDER/none/a.md", "folder"),
    ("elman --wrt Q -o FOLDER/a.md", "unknown parameter 'Q'"),
    ("elman --exercise Q -o FOLDER/a.md", "unknown parameter 'Q'"),
    (
        "elman --wrt W_s --exercise W_x -o FOLDER/a.md",
        "'W_x' is not among the parameters asked for",
    ),
    ("elman --steps 0 -o FOLDER/a.md", "from 1 to 1000"),
    ("elman --steps 1001 -o FOLDER/a.md", "from 1 to 1000"),
    ("elman --loss all -o FOLDER/a.md", "'all' is not one of"),
    ("elman --slides --document -o FOLDER/a.tex", "choose one"),
    ("elman --slides -o FOLDER/a.md", "slides are LaTeX"),
    ("elman --macros -o FOLDER/a.md", "macros are for LaTeX"),
    ("elman --macros -o FOLDER/a%b.tex", "cannot"),
    ("elman --notation d3l -o FOLDER/a.tex", "unknown notation 'd3l'"),
    ("elman --format doc -o FOLDER/a.md", "'doc' is not one of"),
    ("nosuch -o FOLDER/a.md", "unknown model"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_input_is_told_in_one_line_and_leaves_nothing(tmp_path, capsys, arguments, message):
    assert run(*arguments.replace("FOLDER", str(tmp_path)).split()) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_unknown_losses_are_refused():
    with pytest.raises(InputError, match="unknown loss 'all'"):
        b.notes(ELMAN, loss="all")
