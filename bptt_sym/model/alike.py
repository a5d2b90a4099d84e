"""Names that print alike: a reader of a derivation could not tell one from the other.

A name that varies over time is printed with its step, so that x at step 1 is x_1: a parameter
called x_1 reads the same. What [latex] or a notation says may make any two names alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from bptt_sym.algebra.expressions import Parameter
from bptt_sym.algebra.names import GREEK, split_name
from bptt_sym.model.conventions import COURSE, INDICES, Notation
from bptt_sym.model.latex_names import TAKING
from bptt_sym.model.model import Model

_TOKEN = re.compile(r"\\[A-Za-z]+|[^ ]")
_SINGLE = re.compile(r"\{ ([^ {}_^]+) \}")
_TAKING = re.compile(rf"(\\(?:{'|'.join(sorted(TAKING))})) ([^ {{}}]+)")
_STEP = "@"


def alike(model: Model) -> tuple[str, str] | None:
    """Two names that print alike, the later one first and the other with its step, or None."""
    vectors = {entry.name for entry in model.declarations if _is_vector(entry.shape)}
    vectors |= {entry.name for entry in model.definitions if _is_vector(entry.variable.shape)}
    notation = model.notation
    bare = replace(COURSE, names=notation.names, indices=notation.indices)
    return _alike(model, _Printer(set(), bare)) or _alike(model, _Printer(vectors, notation))


def _alike(model: Model, printer: _Printer) -> tuple[str, str] | None:
    signs: dict[str, str] = {}
    for index in INDICES:
        form = printer.index(index)
        if form in signs:
            return index, signs[form]
        signs[form] = f"the index {index}"
    for entry in model.dimensions:
        signs[_canonical(f"I_{{{printer.form(entry.name)}}}")] = (
            f"the identity of size {entry.name}"
        )
    initial = _initial_names(model)
    fixed: dict[str, str] = {}
    for name in _fixed(model):
        form = printer.form(name)
        if form in signs:
            return name, signs[form]
        if form in fixed:
            return name, f"'{fixed[form]}'"
        fixed[form] = name
    varying: dict[str, str] = {}
    for name in _varying(model):
        form = printer.form(name, _STEP)
        if form in varying:
            return name, f"'{varying[form]}'"
        varying[form] = name
        steps = re.compile(re.escape(form).replace(_STEP, _steps(printer)))
        for other in filter(steps.fullmatch, fixed):
            step = steps.sub(r"\1", other).replace(" ", "")
            if (step, fixed[other]) != ("0", initial.get(name)):
                return fixed[other], f"'{name}' at step {step}"
    return None


def _steps(printer: _Printer) -> str:
    """What a time step looks like: t - 1, 12, N."""
    part = "|".join(("[0-9]", *(re.escape(printer.index(index)) for index in INDICES)))
    return rf"(?:\{{ )?((?:{part})(?: (?:{part}|[+-]))*)(?: \}})?"


def _initial_names(model: Model) -> dict[str, str]:
    """The parameters that are initial values as they are, by what they begin: these read alike."""
    found = {entry.name: entry.initial for entry in model.declarations}
    return {name: value.name for name, value in found.items() if isinstance(value, Parameter)}


def _fixed(model: Model) -> Iterator[str]:
    yield from (entry.name for entry in model.dimensions)
    yield from (entry.name for entry in model.declarations if entry.is_timeless)
    yield from model.functions


def _varying(model: Model) -> Iterator[str]:
    names = [entry.name for entry in model.declarations if not entry.is_timeless]
    yield from dict.fromkeys((*names, *(entry.name for entry in model.definitions)))


def _is_vector(shape: tuple[object, object]) -> bool:
    return 1 in shape and shape != (1, 1)


class _Printer:
    """Writes names as LaTeX shows them, in a form that is the same for what looks the same."""

    def __init__(self, vectors: set[str], notation: Notation) -> None:
        self.vectors = vectors
        self.notation = notation

    def index(self, letter: str) -> str:
        return _canonical(_letter(self.notation.index(letter)))

    def form(self, name: str, step: str = "") -> str:
        given = self.notation.latex.get(name)
        base, index = split_name(self.notation.name(name))
        letter = given or _letter(base)
        if name in self.vectors and not given and self.notation.vector == "bar":
            over = r"\overline" if letter.startswith(r"\mathrm") else r"\bar"
            letter = rf"{over}{{{letter}}}"
        own = map(_letter, index.split(",")) if index and not given else ()
        indices = [*own, *([step] if step else [])]
        text = f"{{{letter}}}_{{{','.join(indices)}}}" if indices else letter
        return _canonical(text)


def _letter(name: str) -> str:
    if name in GREEK:
        return f"\\{name}"
    return name if len(name) == 1 or name.isdigit() else rf"\mathrm{{{name}}}"


def _canonical(text: str) -> str:
    """The tokens of a text, without the braces around a single one; an accented letter is one."""
    tokens = " ".join(_TOKEN.findall(text))
    while True:
        shorter = _TAKING.sub(r"\1~\2", _SINGLE.sub(r"\1", tokens))
        if shorter == tokens:
            return tokens
        tokens = shorter
