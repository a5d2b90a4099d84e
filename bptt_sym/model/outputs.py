"""Layers: models without a loss, to whose outputs the layer above gives error signals."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, count
from typing import NamedTuple

from sympy import Expr, S

from bptt_sym.algebra.arithmetic import ElementwiseProduct
from bptt_sym.algebra.expressions import TIME, MatrixExpr, Variable, add
from bptt_sym.algebra.names import split_name
from bptt_sym.algebra.operation import is_vector
from bptt_sym.errors import closest, listed
from bptt_sym.model.kept_inputs import taken_names
from bptt_sym.model.model import TERMINAL, Declaration, Equation, Model
from bptt_sym.model.tables import Tables
from bptt_sym.model.words import CALLS
from bptt_sym.quoting import shortened

KEY = "outputs"
"""What the list of outputs is called, at the top of a model file."""

LOSSES = ("E", "L", "J")
"""What the loss of the layer above may be called."""


class Layer(NamedTuple):
    """What a model without a loss has: the error signal of each output, by names and as what is
    given, and what stands in for the loss above.
    """

    outputs: dict[str, str]
    signals: tuple[Declaration, ...]
    loss: Equation


def has_outputs(file: Tables) -> bool:
    """Whether a model file lists outputs. Raises InputError where it has a loss, too."""
    if KEY not in file.source.tables:
        return False
    if "loss" in file.source.tables:
        message = f"a model has '{KEY}', whose error signals are given, or a loss, not both"
        raise file.error(message, None, KEY)
    return True


def layer_in(
    file: Tables, equations: Iterable[Equation], heads: Mapping[str, Expr]
) -> Layer | None:
    """The layer that a model file lists the outputs of, where it does so.

    Raises InputError for anything but a list of names that have an equation, each once.
    """
    if not has_outputs(file):
        return None
    known = {
        e.name: Declaration(e.name, "value", e.variable.shape, heads=heads.get(e.name))
        for e in equations
    }
    told = file.source.tables[KEY]
    if not isinstance(told, list) or not told or not all(isinstance(n, str) for n in told):
        message = f"'{KEY}' is a list of names that have an equation: {KEY} = [\"h\"]"
        raise file.error(message, None, KEY)
    names = [file.layered.outside.names.get(name, name) for name in told]
    for name, shown in zip(names, map(shortened, told), strict=True):
        if name not in known:
            message = (
                f"the output '{shown}' has no equation{closest(name, known)}; "
                f"those with one are {listed(known)}"
            )
            raise file.error(message, None, KEY)
        if names.count(name) > 1:
            raise file.error(f"the output '{shown}' is listed twice", None, KEY)
    return layer_of([known[name] for name in names], file.kinds)


def layer_of(outputs: Sequence[Declaration], taken: Collection[str]) -> Layer:
    """The layer of outputs, under names that are not ``taken``.

    An error signal is given like a target (the Delta_t of Greff et al., LSTM: A Search Space
    Odyssey, appendix A). The loss is the sum of the products of outputs and error signals, entry by
    entry: while the error signals are held constant, its gradients are those of the loss above.
    """
    about = "derivative of the loss above with respect to"
    free = _FreeNames(taken)
    signals = [_signal(entry, free, "Delta", f"{about} {entry.name}") for entry in outputs]
    names = {entry.name: signal.name for entry, signal in zip(outputs, signals, strict=True)}
    loss = free(*LOSSES, endings=("", TERMINAL))
    pairs = zip(signals, outputs, strict=True)
    terms = [_inner(_at(signal), _at(output)) for signal, output in pairs]
    return Layer(names, tuple(signals), _loss(loss, terms))


def with_final_signals(model: Model) -> Model:
    """A layer with an error signal for what its last time step hands on, as code is given it.

    It is that of what comes after the sequence, a decoder or the next part of it. What a step reads
    of several steps back is handed on in as many pieces.
    """
    if not model.outputs:
        return model
    free = _FreeNames(taken_names(model))
    found: dict[tuple[str, int], str] = {}
    signals, terms = [], []
    for entry, lag in _handed_on(model):
        which = f"{entry.name}, {lag} before that" if lag else entry.name
        meaning = f"derivative, through what comes after, with respect to {which}"
        signal = _signal(entry, free, "D", meaning, str(lag or ""))
        found[entry.name, lag] = signal.name
        signals.append(signal)
        terms.append(_inner(_at(signal), _at(entry, lag)))
    if not terms:
        return model
    terminal = _loss(model.loss.name + TERMINAL, terms)
    of_loss = Declaration(terminal.name, "loss", terminal.variable.shape)
    return replace(
        model,
        declarations=(*model.declarations, *signals, of_loss),
        terminal=terminal,
        final_signals=found,
    )


def _handed_on(model: Model) -> Iterator[tuple[Declaration, int]]:
    """What the State behind the last time step holds that has derivatives, with how long ago.

    With a mask an input of the last step is padding, which has none.
    """
    states = [entry for entry in model.declared("state") if not entry.reverse]
    inputs = [e for e in model.varied_inputs if e.kind == "input" and model.depth(e.name)]
    if model.masked:
        given = {entry.symbol for entry in model.given}
        kept = {equation.name for equation in model.equations if equation.expression in given}
        states, inputs = [entry for entry in states if entry.name not in kept], []
    for entry in (*states, *inputs):
        yield from ((entry, lag) for lag in range(model.depth(entry.name)))


def _signal(
    entry: Declaration, free: _FreeNames, stem: str, meaning: str, index: str = ""
) -> Declaration:
    name = free(f"{stem}_{''.join(split_name(entry.name))}{index}")
    return Declaration(name, "target", entry.shape, meaning, heads=entry.heads)


class _FreeNames:
    """Gives out names that are not taken, each once."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)

    def __call__(self, *wished: str, endings: Sequence[str] = ("",)) -> str:
        """The first of these that is free with each ending, or one of them with a number."""
        numbered = (f"{wished[0]}{number}" for number in count(2))
        for name in chain(wished, numbered):
            if self._taken.isdisjoint(name + ending for ending in endings):
                break
        self._taken.add(name)
        return name


def _at(entry: Declaration, lag: int = 0) -> Variable:
    assert isinstance(entry.symbol, Variable)
    return entry.symbol.at(TIME - lag)


def _inner(signal: MatrixExpr, output: MatrixExpr) -> MatrixExpr:
    """The sum of the products of their entries."""
    if is_vector(output.shape):
        return CALLS["dot"].build(signal, output)
    return CALLS["sum"].build(ElementwiseProduct().build(signal, output))


def _loss(name: str, terms: Sequence[MatrixExpr]) -> Equation:
    return Equation(Variable(name, S.One, S.One, TIME), add(*terms))
