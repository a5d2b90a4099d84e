r"""A macro for each symbol of a model, so that a document's notation is changed in one place."""

from __future__ import annotations

from dataclasses import replace

from bptt_sym.algebra.boxes import Call, Glyph, Terms
from bptt_sym.algebra.expressions import Expr, TotalLoss, dimension
from bptt_sym.model.conventions import total_of
from bptt_sym.model.model import Model
from bptt_sym.render.tex import tex
from bptt_sym.render.typeset import typeset
from bptt_sym.templating import environment
from bptt_sym.version import MADE_BY

_PREFIX = "sym"
_DIGITS = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
_STEP = Glyph("step", latex="#1")
"""What stands for the time step in the definition of a macro."""


def with_macros(model: Model) -> Model:
    r"""The model in the same notation, its symbols written by their macros: \symWs, \syms{t}."""
    return replace(model, notation=replace(model.notation, macros=_names(model)))


def macros(model: Model, command: str) -> str:
    r"""The file that defines the macros, one \newcommand for each symbol, to \input once."""
    names = _names(model)
    symbols: dict[str, Expr] = {e.name: dimension(e.name) for e in model.dimensions}
    symbols |= {entry.name: entry.symbol for entry in model.declarations}
    symbols |= {entry.name: entry.variable for entry in model.definitions}
    symbols[total_of(model.total)] = TotalLoss(model.total)
    found = []
    for name, symbol in symbols.items():
        box = typeset(symbol, model.notation)
        assert isinstance(box, Glyph)
        timed = box.time is not None
        found.append((names[name], timed, tex(replace(box, time=_STEP) if timed else box)))
    for name in model.functions:
        shown = tex(Call(model.notation.name(name), Terms(()))).partition("(")[0]
        found.append((names[name], False, shown))
    template = environment({}).get_template("notes/macros.tex.j2")
    return template.render(macros=found, model=model, made_by=MADE_BY, command=command)


def _names(model: Model) -> dict[str, str]:
    """The macro of each name: letters alone, no two the same."""
    names = dict.fromkeys(
        [
            *(entry.name for entry in model.dimensions),
            *(entry.name for entry in model.declarations),
            *(entry.name for entry in model.definitions),
            *model.functions,
            total_of(model.total),
        ]
    )
    found: dict[str, str] = {}
    for name in names:
        letters = "".join(_DIGITS[int(c)] if c.isdigit() else c for c in name if c.isalnum())
        macro = _PREFIX + letters
        while macro in found.values():
            macro += "X"
        found[name] = macro
    return found
