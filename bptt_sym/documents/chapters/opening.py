"""What notes begin with: the model and its unfolding."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_sym.algebra.expressions import Expr, MatrixExpr, OneMatrix, split_coefficient
from bptt_sym.derivation.derivation import DerivedEquation
from bptt_sym.documents.displays import displayed, with_one_number
from bptt_sym.documents.document import Block, DisplayedFormula, Drawing, Equations, Paragraph
from bptt_sym.documents.facts.families import Alike
from bptt_sym.documents.telling import Telling
from bptt_sym.model.model import Declaration
from bptt_sym.model.starts import starts
from bptt_sym.render.formulas import shape
from bptt_sym.render.show import function_boxes, functions_of, is_marked, typesetter
from bptt_sym.render.tex import tex_in_line

KINDS = {
    "input": "inputs",
    "target": "targets",
    "signal": "error signals",
    "once": "per-sequence inputs",
    "parameter": "parameters",
    "constant": "fixed parameters",
    "state": "states",
}


def opening(telling: Telling) -> Iterator[Block]:
    """The model, then its unfolding."""
    yield from the_model(telling)
    yield from unfolding(telling)


def the_model(telling: Telling) -> Iterator[Block]:
    """Its equations, then the shapes and the first values of its symbols."""
    model, math, say = telling.model, telling.math, telling.sentences("opening")
    yield Paragraph(say.model(model))
    yield Equations(tuple(_formulas(telling))).ended(".")
    if model.functions:
        said = say.functions(functions_of(model, tex_in_line))
        yield Paragraph(said, telling.glossary.signs(function_boxes(model)))
    entries = [
        (
            words if len(found) > 1 else words.removesuffix("s"),
            [f"${math(entry.symbol)}$ ({_shape(telling, entry)})" for entry in found],
        )
        for role, words in KINDS.items()
        for found in [[entry for entry in model.declarations if model.role(entry) == role]]
    ]
    first = [*starts(model)]
    given = telling.inline(symbol for symbol, initial in first if initial is None)
    known = [
        f"${math(symbol)} = {math(_plain(initial))}$"
        for symbol, initial in first
        if initial is not None and math(initial) != math(symbol)
    ]
    shapes = {"vectors": model.vectors, "entries": entries}
    yield Paragraph(say.symbols(shapes, given, known))


def _shape(telling: Telling, entry: Declaration) -> str:
    sizes = [f"({telling.math(s)})" if s.is_Add else telling.math(s) for s in entry.sizes]
    return f"${shape(sizes)}$" if sizes != ["1", "1"] else "a number"


def _formulas(telling: Telling) -> Iterator[DisplayedFormula]:
    """The equations, each with the preactivations that it names beside it."""
    for equation in telling.model.written_equations:
        parts = [equation, *reversed(equation.preactivations)]
        lines = [Alike(DerivedEquation(("model", e.name), e.left, e.expression)) for e in parts]
        labels = {
            line.equation.meaning: ":".join(("eq", telling.model.name, *line.equation.meaning))
            for line in lines
        }
        show = typesetter(telling.chain)
        yield with_one_number(displayed(lines, show, labels, telling.glossary))


def unfolding(telling: Telling) -> Iterator[Block]:
    """The figure of the unfolded model, and what its derivatives are meant to be."""
    say, chain = telling.sentences("opening"), telling.chain
    shown = telling.figure_label("unfolded")
    loss = telling.told_objective()
    yield Paragraph(say.unfolding(telling.steps, loss, shown, telling.told_once()))
    drawn = telling.figure()
    caption = say.unfolded_caption(telling.steps, drawn.large_step)
    yield Drawing("unfolded", drawn, caption, shown)
    state_tuple = chain.state_tuple
    marked = is_marked(chain)
    if marked or state_tuple is not None:
        states = "" if state_tuple is None else telling.math(state_tuple)
        yield Paragraph(say.conventions(marked, states))
    if telling.layer_index is not None:
        yield Paragraph(say.layers(telling.math(telling.layer_index)))


def _plain(initial: MatrixExpr) -> Expr:
    """An initial value; of entries that are all the same number, this number."""
    number, rest = split_coefficient(initial)
    return number if isinstance(rest, OneMatrix) else initial
