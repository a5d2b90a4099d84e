"""The network of a derivation at numbers that are given, and at small drawn ones."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bptt_sym.algebra.expressions import LAST_STEP, Expr, Integer, MatrixExpr, dimension
from bptt_sym.derivation.derivation import Derivation
from bptt_sym.derivation.derivation_values import DerivationValues
from bptt_sym.derivation.derive import derive
from bptt_sym.derivation.limited import symbols
from bptt_sym.derivation.network_values import NetworkValues
from bptt_sym.errors import InputError
from bptt_sym.graph.build import build_program
from bptt_sym.limits import SHOWN_ENTRIES, SHOWN_SYMBOLS
from bptt_sym.measuring.running import plain_name
from bptt_sym.measuring.values import Axes, Wanted, values_for
from bptt_sym.model.array_entries import most_entries
from bptt_sym.model.model import Declaration, Model
from bptt_sym.model.starts import starts
from bptt_sym.targets.numpy.free_sizes import with_free_sizes
from bptt_sym.targets.numpy.interface import Interface
from bptt_sym.targets.numpy.python_names import PythonNames

Array = Any

_MOST_DRAWS = 8
"""So many times numbers are drawn where a gradient is too small to be read."""

_LEGIBLE, _NOISE = 0.005, 1e-12
"""What has an entry above the first can be read, below the second it is rounding."""

_OTHER_SEED = 2**64
"""The draws of one seed are none of another."""

_LABELS = "labels of "


def derivation_at(
    derivation: Derivation,
    *,
    seed: int = 0,
    sizes: Mapping[str, int] | None = None,
    weights: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    functions: Mapping[str, str] | None = None,
    words: tuple[str, ...] = (),
) -> DerivationValues:
    """The values of a derivation at the arrays of ``weights`` and ``data``, and at drawn ones.

    What is drawn has one digit behind the point, and sizes that are not told are small and
    different. Of some draws it is the first in which each gradient is large enough to be read, else
    the best. Raises InputError as ``measure`` does, for arrays with too many entries to be
    printed, and for a loss that is not finite.
    """
    model, steps = derivation.model, derivation.steps
    interface = interface_of(model, functions or {})
    wanted = wanted_of(interface)
    # All derivations of a model have the same numbers.
    whole = derive(model, steps=steps, level="adjoint", loss=derivation.loss)
    SHOWN_SYMBOLS.check(max(symbols(d.sections) for d in (whole, derivation)))
    best: DerivationValues | None = None
    for draw in range(_MOST_DRAWS):
        own_seed = seed + draw * _OTHER_SEED
        found = values_for(wanted, steps, own_seed, sizes or {}, weights or {}, data or {})
        known = {plain_name(name): found.sizes[name] for name in wanted.dimensions}
        if not draw:
            SHOWN_ENTRIES.check(most_entries(model, known))
        drawn = tuple(name for name in found.arrays if name not in found.given)
        arrays = found.arrays | {
            name: _short(found.arrays[name], model, name, wanted.kinds[name]) for name in drawn
        }
        given = dict(matrices_of(model, interface, arrays, steps, known))
        network = NetworkValues(model, steps, derivation.loss, known, given, functions)
        values = DerivationValues(whole, network, known, found.given, drawn, seed, words)
        if best is None or _legibility(values) > _legibility(best):
            best = values
        if not drawn or min(_magnitudes(best), default=1.0) > _LEGIBLE:
            break
    assert best is not None
    if not _is_finite(best):
        raise InputError(
            "the loss or a gradient is not finite at these values; take other ones, or another "
            "--seed"
        )
    return replace(best, derivation=derivation)


def _magnitudes(values: DerivationValues) -> list[float]:
    """The largest entry of each gradient."""
    parameters = values.derivation.parameters
    return [
        float(np.max(np.abs(values.gradients[parameter]), initial=0.0)) for parameter in parameters
    ]


def _is_finite(values: DerivationValues) -> bool:
    return math.isfinite(values.loss) and all(map(math.isfinite, _magnitudes(values)))


def _legibility(values: DerivationValues) -> tuple[bool, int, float]:
    """How well the gradients can be read: those that are not zero, and the smallest of them."""
    if not _is_finite(values):
        return False, 0, 0.0
    there = [magnitude for magnitude in _magnitudes(values) if magnitude > _NOISE]
    return True, len(there), min(there, default=0.0)


def interface_of(model: Model, functions: Mapping[str, str]) -> Interface:
    """What the module of a model takes; the error signals behind the last step are none of it."""
    program = build_program(replace(model, outputs={}), dict(functions), "sum")
    program = with_free_sizes(program)
    return Interface(program, PythonNames([entry.name for entry in program.model.dimensions]))


def wanted_of(interface: Interface) -> Wanted:
    """The arrays that a model takes, and its dimensions, of which those of most axes of parameters
    come first: they are drawn smallest, for a Jacobian has as many columns as a parameter entries.
    """
    model = interface.model
    arguments = [*interface.parameters, *interface.arguments]
    axes: dict[str, Axes] = {plain_name(a.name): a.shape for a in arguments}
    kinds = {plain_name(name): kind for name, kind in interface.kinds.items()}
    weights = {e.name for e in model.declarations if e.kind in ("parameter", "constant")}
    uses = Counter[str]()
    for entry in model.declarations:
        for size in entry.shape:
            for symbol in size.free_symbols:
                number = size.coeff(symbol)
                often = int(number) if number.is_Integer else 1
                uses[symbol.name] += often * (10 if entry.name in weights else 1)
    dimensions = sorted((e.name for e in model.dimensions), key=lambda name: -uses[name])
    empty = {name: kinds.get(name, "") for name in axes}
    return Wanted(axes, empty, frozenset(weights), tuple(dimensions), model)


def matrices_of(
    model: Model,
    interface: Interface,
    arrays: Mapping[str, Array],
    steps: int,
    sizes: Mapping[str, int],
) -> Iterator[tuple[Expr, Array]]:
    """Each symbol that is given, at its steps, with its matrix."""
    numbers = {dimension(name): size for name, size in sizes.items()}

    def matrix(symbol: MatrixExpr, array: Array) -> Array:
        rows, columns = (int(size.xreplace(numbers)) for size in symbol.shape)
        return np.reshape(array, (rows, columns)).astype(float)

    def dense(entry: Declaration) -> Array:
        if not entry.labels:
            return arrays[entry.name]
        entries = entry.shape[0] * entry.shape[1]
        return np.eye(int(entries.xreplace(numbers)))[arrays[entry.name]]

    for entry in model.declarations:
        if entry.kind in ("parameter", "constant", "once"):
            yield entry.symbol, matrix(entry.symbol, dense(entry))
        elif entry.name in interface.last_targets:
            yield entry.symbol.at(steps), matrix(entry.symbol, dense(entry))
        elif entry.kind in ("input", "target"):
            for time, array in enumerate(dense(entry), 1):
                yield entry.symbol.at(time), matrix(entry.symbol, array)
    for symbol, initial in starts(model):
        if initial is None:
            entry = model.declaration(symbol.name)
            argument = interface.initial_argument(entry)
            array = arrays[plain_name(argument.name)]
            time = int(symbol.time.xreplace({LAST_STEP: Integer(steps)}))
            depth = model.depth(entry.name)
            place = time - steps - 1 if entry.reverse else time - 1 + depth
            yield symbol.at(time), matrix(symbol, array[place] if depth > 1 else array)


def _is_fixed(kind: str) -> bool:
    return kind == "mask" or kind.startswith(_LABELS)


def _short(array: Array, model: Model, name: str, kind: str) -> Array:
    """Drawn numbers as tenths that are not zero; targets are shares of 1, which the outputs of any
    usual range come near to.
    """
    if _is_fixed(kind):
        return array
    if any(entry.name == name for entry in model.declared("target")):
        return _shares(np.abs(array))
    tenths = np.clip(np.round(10 * np.abs(array)), 1, 9) / 10
    return tenths if kind == "positive" else np.where(array < 0, -tenths, tenths)


def _shares(array: Array) -> Array:
    """Positive tenths, along the last axis with the sum 1 where they are few enough for that."""
    count = array.shape[-1]
    if not 1 < count <= 10:
        return np.clip(np.round(3 * array), 1, 9) / 10
    order = np.argsort(np.argsort(array, axis=-1), axis=-1)
    parts = 1 + np.floor(order * (10 - count) * 2 / (count * (count - 1)))
    rest = 10 - parts.sum(axis=-1, keepdims=True)
    return (parts + rest * (order == count - 1)) / 10
