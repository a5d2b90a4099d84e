"""A model file run by its text alone, in arithmetic of 40 digits: its loss and its gradients.

Nothing here uses the package. Equations are walked as Python's syntax trees over arrays of numbers
that remember how they were made; a backward pass over these, entry by entry, gives the derivatives.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from math import prod
from typing import Any

import numpy as np
from mpmath import MPContext

mp = MPContext()
mp.dps = 40
mpf = mp.mpf

EPSILON = mpf(1e-5)
"""What layer normalisation adds to the variance."""


margins: list[Any] = []
"""How far apart the two sides of every decision are, but for sides that are numbers exactly."""


ties: list[bool] = []
"""For each decision between equal numbers, whether one of the sides varies with something."""


def decided(left: Any, right: Any) -> None:
    varies = any(isinstance(side, Number) and side.parents for side in (left, right))
    left, right = _plain(left), _plain(right)
    if left != right or left * 2**20 != mp.floor(left * 2**20):
        margins.append(abs(left - right) / (1 + abs(left)))
    else:
        ties.append(varies)


def jumps(z: Number) -> None:
    """Notes how far a number is from a whole one, where something jumps that is made of it.

    What is computed and is a whole number here may be rounded to one side in other arithmetic.
    """
    if z.parents and z.value == mp.nint(z.value):
        margins.append(mpf(0))
    else:
        decided(z, mp.nint(z.value))


class Number:
    """A number with the numbers that it was made of and its derivative with respect to each."""

    __slots__ = ("order", "parents", "value")
    made = 0

    def __init__(self, value: Any, parents: tuple[tuple[Number, Any], ...] = ()) -> None:
        self.value = value
        self.parents = parents
        Number.made += 1
        self.order = Number.made

    def __add__(self, other: Any) -> Number:
        if isinstance(other, Number):
            return Number(self.value + other.value, ((self, 1), (other, 1)))
        return Number(self.value + other, ((self, 1),))

    def __mul__(self, other: Any) -> Number:
        if isinstance(other, Number):
            parents = ((self, other.value), (other, self.value))
            return Number(self.value * other.value, parents)
        return Number(self.value * other, ((self, other),))

    def __neg__(self) -> Number:
        return Number(-self.value, ((self, -1),))

    def __sub__(self, other: Any) -> Number:
        return self + (-other)

    def __rsub__(self, other: Any) -> Number:
        return -self + other

    def inverse(self) -> Number:
        inverse = 1 / self.value
        return Number(inverse, ((self, -inverse * inverse),))

    def __truediv__(self, other: Any) -> Number:
        return self * (other.inverse() if isinstance(other, Number) else 1 / mpf(other))

    def __rtruediv__(self, other: Any) -> Number:
        return self.inverse() * other

    __radd__, __rmul__ = __add__, __mul__


def reached(of: Number) -> dict[int, Any]:
    """A number and all that it depends on, by their order of making."""
    waiting, found = [of], {of.order: of}
    while waiting:
        for parent, _ in waiting.pop().parents:
            if parent.order not in found:
                found[parent.order] = parent
                waiting.append(parent)
    return found


def derivatives(of: Number) -> dict[int, Any]:
    """The derivative of a number with respect to each that it depends on, by order of making."""
    found = reached(of)
    result = dict.fromkeys(found, mpf(0))
    result[of.order] = mpf(1)
    for order in sorted(found, reverse=True):
        for parent, partial in found[order].parents:
            result[parent.order] += partial * result[order]
    return result


# Functions of one number.


def _function(value: Callable[[Any], Any], slope: Callable[[Any], Any]) -> Any:
    def apply(z: Number) -> Number:
        return Number(value(z.value), ((z, slope(z.value)),))

    return apply


def _constant(value: Any) -> Number:
    return Number(mpf(value))


exp = _function(mp.exp, mp.exp)
log = _function(mp.log, lambda z: 1 / z)
sqrt = _function(mp.sqrt, lambda z: 1 / (2 * mp.sqrt(z)))
erf = _function(mp.erf, lambda z: 2 / mp.sqrt(mp.pi) * mp.exp(-z * z))


def sigmoid(z: Number) -> Number:
    return 1 / (1 + exp(-z))


def positive(z: Number) -> bool:
    decided(z, mpf(0))
    return bool(z.value > 0)


def sign(z: Number) -> Any:
    return mp.sign(z.value) if positive(z) or z.value else mpf(0)


def hard_sigmoid(z: Number) -> Number:
    decided(z if z.value > 0 else -z, mpf(3))
    return z / 6 + mpf("0.5") if abs(z.value) < 3 else _constant(z.value > 0)


def _steps(value: Callable[[Any], Any]) -> Any:
    """A function with whole values, which jumps at whole numbers or half way between them."""

    def apply(z: Number) -> Number:
        jumps(Number(2 * z.value, z.parents))
        return _constant(value(z.value))

    return apply


FUNCTIONS: dict[str, Callable[[Number], Number]] = {
    "identity": lambda z: z,
    "tanh": lambda z: 2 * sigmoid(2 * z) - 1,
    "sigmoid": sigmoid,
    "relu": lambda z: z if positive(z) else _constant(0),
    "softplus": lambda z: log(1 + exp(z)),
    "log_sigmoid": lambda z: -log(1 + exp(-z)),
    "exp": exp,
    "log": log,
    "sqrt": sqrt,
    "leaky_relu": lambda z: z if positive(z) else z * mpf("0.01"),
    "arctan": _function(mp.atan, lambda z: 1 / (1 + z * z)),
    "sinh": _function(mp.sinh, mp.cosh),
    "cosh": _function(mp.cosh, mp.sinh),
    "floor": _steps(mp.floor),
    "ceil": _steps(mp.ceil),
    "round": _steps(mp.nint),
    "sin": _function(mp.sin, mp.cos),
    "cos": _function(mp.cos, lambda z: -mp.sin(z)),
    "abs": lambda z: z * sign(z),
    "sign": lambda z: _constant(sign(z)),
    "erf": erf,
    "gelu": lambda z: z * (1 + erf(z * (1 / mp.sqrt(2)))) / 2,
    "silu": lambda z: z * sigmoid(z),
    "elu": lambda z: z if positive(z) else exp(z) - 1,
    "hard_sigmoid": hard_sigmoid,
}


def each(function: Callable[..., Any], *arrays: Any) -> Any:
    """An array of numbers, entry by entry from others."""
    return np.frompyfunc(function, len(arrays), 1)(*arrays)


def _choose(holds: Callable[[Any, Any], bool]) -> Callable[..., Number]:
    def chosen(left: Any, right: Any, one: Any, other: Any) -> Any:
        decided(left, right)
        return one if holds(_plain(left), _plain(right)) else other

    return chosen


def _plain(number: Any) -> Any:
    return number.value if isinstance(number, Number) else number


COMPARISONS = {
    ast.GtE: lambda a, b: a >= b,
    ast.Gt: lambda a, b: a > b,
    ast.LtE: lambda a, b: a <= b,
    ast.Lt: lambda a, b: a < b,
}


def total(array: Any) -> Any:
    return np.sum(array, keepdims=True).reshape(1, 1)


def _row(vector: Any) -> Any:
    return vector.reshape(1, -1)


def _softmax(vector: Any) -> Any:
    powers = each(exp, vector)
    return powers / total(powers)


def _logsumexp(vector: Any) -> Any:
    return each(log, total(each(exp, vector)))


def _layer_norm(vector: Any) -> Any:
    centred = vector - total(vector) / vector.size
    return centred / each(sqrt, total(centred * centred) / vector.size + EPSILON)


def _rms_norm(vector: Any) -> Any:
    return vector / each(sqrt, total(vector * vector) / vector.size + EPSILON)


def _variance(array: Any) -> Any:
    centred = array - total(array) / array.size
    return total(centred * centred) / array.size


def _largest(array: Any) -> Any:
    found, *others = array.reshape(-1)
    for other in others:
        found = _maximum(found, other, found, other)
    return np.reshape(np.array(found, dtype=object), (1, 1))


def _along(name: str, array: Any, axis: int) -> Any:
    """A function of each row or of each column by itself."""
    lanes = array if axis in (1, -1) else array.T
    found = np.concatenate([CALLS[name](lane.reshape(1, -1)) for lane in lanes], axis=0)
    return found if axis in (1, -1) else found.T


def _solve(matrix: Any, right: Any) -> Any:
    """Gauss and Jordan's elimination, without a search for pivots."""
    rows = each(_number, np.concatenate([matrix, right], axis=1))
    for k in range(len(rows)):
        rows[k] = rows[k] / rows[k, k]
        for other in {*range(len(rows))} - {k}:
            rows[other] = rows[other] - rows[k] * rows[other, k]
    return rows[:, len(rows) :]


def _determinant(matrix: Any) -> Any:
    """The product of the pivots."""
    rows, found = each(_number, matrix), _constant(1)
    for k in range(len(rows)):
        found = found * rows[k, k]
        for other in range(k + 1, len(rows)):
            rows[other] = rows[other] - rows[k] * (rows[other, k] / rows[k, k])
    return np.array([[found]], dtype=object)


def remainder(a: Any, b: Any) -> Any:
    quotient = _number(a) / b
    whole = mp.floor(quotient.value)
    jumps(quotient)
    return _number(a) - whole * b


_maximum = _choose(COMPARISONS[ast.GtE])
_minimum = _choose(COMPARISONS[ast.LtE])


def _extreme(choice: Callable[..., Any], first: Any, second: Any) -> Any:
    return each(choice, first, second, first, second)


CALLS: dict[str, Callable[..., Any]] = {
    "sum": total,
    "mean": lambda a: total(a) / a.size,
    "dot": lambda u, v: total(_row(u) * _row(v)),
    "outer": lambda u, v: _row(u).T @ _row(v),
    "softmax": _softmax,
    "log_softmax": lambda v: v - _logsumexp(v),
    "logsumexp": _logsumexp,
    "layer_norm": _layer_norm,
    "rms_norm": _rms_norm,
    "var": _variance,
    "norm": lambda a: each(sqrt, total(a * a)),
    "max": _largest,
    "min": lambda a: -_largest(-a),
    "cumsum": lambda v: np.cumsum(v.reshape(-1)).reshape(v.shape),
    "maximum": lambda a, b: _extreme(_maximum, a, b),
    "minimum": lambda a, b: _extreme(_minimum, a, b),
    "clip": lambda a, low, high: _extreme(_minimum, _extreme(_maximum, a, low), high),
    "concat": lambda *vectors: np.concatenate(vectors, axis=1 if _across(vectors) else 0),
    "inv": lambda a: _solve(a, each(_constant, np.eye(len(a), dtype=object))),
    "solve": _solve,
    "det": _determinant,
    "logdet": lambda a: each(log, each(FUNCTIONS["abs"], _determinant(a))),
    "mod": lambda a, b: each(remainder, a, b),
    "stop_gradient": lambda a: each(lambda z: Number(z.value), a),
    "cross_entropy": lambda z, d: _logsumexp(z) - total(d * z),
    "binary_cross_entropy": lambda z, d: total(each(FUNCTIONS["softplus"], z) - d * z),
}


def _across(vectors: tuple[Any, ...]) -> bool:
    """Whether vectors are rows; one of a single entry is both."""
    return all(vector.shape[0] == 1 for vector in vectors)


OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.MatMult: lambda a, b: a @ b,
}


def power(base: Number, exponent: Any) -> Number:
    if exponent == 0:
        return _constant(1)
    return Number(base.value**exponent, ((base, exponent * base.value ** (exponent - 1)),))


@cache
def _tree(text: str) -> ast.expr:
    return ast.parse(text.strip(), mode="eval").body


class Run:
    """One sequence of a model, from its text and the arrays that its module takes.

    ``sizes`` is the number of each dimension. Each time step has its own copy of every parameter;
    copy 0 is the one that initial values are made of. ``rounding`` is what the loss moves by if
    each number on the way to it has an error in its last digit.
    """

    def __init__(
        self, text: str, sizes: Mapping[str, int], steps: int, loss: str, arrays: Mapping[str, Any]
    ) -> None:
        self.file = tomllib.loads(text)
        self.sizes, self.steps, self.arrays = sizes, steps, arrays
        self.declared = {
            name: entry if isinstance(entry, dict) else {"shape": entry}
            for section in ("inputs", "targets", "parameters", "states")
            for name, entry in self.file.get(section, {}).items()
        }
        losses = self.file.get("loss", {})
        self.equations = self.file["equations"] | losses
        self.values: dict[tuple[str, int], Any] = {}
        margins.clear()
        ties.clear()
        terms = list(self.from_above()) if "outputs" in self.file else []
        for name in losses:
            if name.endswith("_params"):
                # Parameters that are read at no time step have a copy of their own.
                terms.append(self.evaluate(_tree(losses[name]), None)[0, 0])
            elif name.endswith("_last") or loss == "last":
                terms.append(self.value(name, steps)[0, 0])
            else:
                share = mpf(1) / steps if loss == "mean" else mpf(1)
                terms += [self.value(name, t)[0, 0] * share for t in range(1, steps + 1)]
        self.loss = sum(terms[1:], terms[0])
        self.by = derivatives(self.loss)
        numbers = reached(self.loss).items()
        moved = sum(abs(self.by[order] * number.value) for order, number in numbers)
        self.rounding = float(moved) * 2**-52
        self.margin = min(margins, default=mpf(1))
        self.is_tied = any(ties)

    def from_above(self) -> Iterator[Any]:
        """What the outputs, and what is handed on, are in the loss above: times its derivatives."""
        pairs = [
            (self.value(name, t), self.arrays[f"Delta_{name.replace('_', '')}"][t - 1])
            for name in self.file["outputs"]
            for t in range(1, self.steps + 1)
        ]
        sections = ("states", "inputs", "targets")
        for name in (n for section in sections for n in self.file.get(section, {})):
            # What has parameters as first values is kept by a state.
            for kept in ("", "kept"):
                lag, stem = 0, f"D_{name.replace('_', '')}{kept}"
                while (key := f"{stem}{lag or ''}") in self.arrays:
                    pairs.append((self.value(name, self.steps - lag), self.arrays[key]))
                    lag += 1
        for values, given in pairs:
            signal = np.reshape(np.asarray(given, dtype=object), np.shape(values))
            yield np.sum(each(lambda entry: mpf(float(entry)), signal) * values)

    # Gradients.

    @property
    def value_of_loss(self) -> float:
        return float(self.loss.value)

    def gradient(self, array: Any) -> Any:
        """The derivatives of the loss with respect to the entries of an array."""
        return each(lambda number: self.by.get(number.order, mpf(0)), array)

    def by_parameter(self, name: str) -> Any:
        """The derivative with respect to a parameter, of all its copies."""
        copies = [array for (other, _), array in self.values.items() if other == name]
        zero = each(lambda _: mpf(0), self.given(name, self.arrays[name]))
        return sum(map(self.gradient, copies), zero)

    def by_copy(self, name: str, time: int) -> Any:
        """The derivative with respect to the copy of a parameter at one time step."""
        return self.gradient(self.value(name, time))

    # Values.

    def size(self, node: ast.expr) -> int:
        match node:
            case ast.Name(id=name):
                return self.sizes[name]
            case ast.Constant(value=value):
                return int(value)
            case ast.BinOp(left=left, op=op, right=right):
                return int(OPERATORS[type(op)](self.size(left), self.size(right)))
        raise AssertionError(ast.dump(node))

    def span(self, node: ast.expr) -> slice:
        """The places along an axis that an index tells."""
        if isinstance(node, ast.Slice):
            stop = self.size(node.upper) if node.upper else None
            return slice(self.size(node.lower) if node.lower else 0, stop)
        return slice(self.size(node), self.size(node) + 1)

    def shape(self, name: str) -> tuple[int, ...]:
        sizes = [self.size(_tree(str(size))) for size in self.declared[name]["shape"]]
        if len(sizes) > 1:
            return tuple(sizes)
        size = sizes[0] if sizes else 1
        return (size, 1) if self.file.get("vectors") == "columns" else (1, size)

    def given(self, name: str, array: Any, *, labels: bool = True) -> Any:
        """An array of a module as new numbers, in the shape that the text declares; what is before
        the first step is no label.
        """
        if labels and self.declared[name].get("labels"):
            array = np.eye(prod(self.shape(name)))[int(np.reshape(array, ()))]
        numbers = each(lambda entry: Number(mpf(float(entry))), np.asarray(array, dtype=object))
        return np.reshape(np.asarray(numbers, dtype=object), self.shape(name))

    def value(self, name: str, time: int) -> Any:
        """The value of a name at a time step; the copy of that step, for a parameter."""
        key = name, time
        if key not in self.values:
            self.values[key] = self._value(name, time)
        return self.values[key]

    def _value(self, name: str, time: int) -> Any:
        if name in self.file["parameters"] or self.declared.get(name, {}).get("once"):
            return self.given(name, self.arrays[name])
        if 1 <= time <= self.steps:
            if name in self.equations:
                return self.evaluate(_tree(self.equations[name]), time)
            array = self.arrays[name]
            # With the loss at the last step some arrays hold this step alone.
            return self.given(name, array if self.is_single(name) else array[time - 1])
        return self.initial(name, time)

    def is_single(self, name: str) -> bool:
        labels = bool(self.declared[name].get("labels"))
        entries = 1 if labels else prod(self.shape(name))
        return bool(np.size(self.arrays[name]) == entries and self.steps > 1)

    def initial(self, name: str, time: int) -> Any:
        given = self.declared[name].get("initial", "argument")
        if given == "argument":
            # What cancels, as x[t-1] - x[t-1], is no argument, whatever its value.
            known = f"{name}_0" if "_" in name else f"{name}0"
            array = np.asarray(self.arrays.get(known, np.zeros(self.shape(name))))
            depth = np.size(array) // prod(self.shape(name))
            if depth > 1:
                array = array[time - self.steps - 1 if time > 0 else time + depth - 1]
            return self.given(name, array, labels=False)
        value = self.evaluate(_tree(str(given)), 0) if isinstance(given, str) else mpf(str(given))
        empty = np.full(self.shape(name), None, dtype=object)
        return each(lambda _, entry: _number(entry), empty, value)

    def evaluate(self, node: ast.expr, time: int, argument: Any = None) -> Any:
        """The value of a node: an array of numbers with two axes, or a plain number."""

        def inner(node: ast.expr) -> Any:
            return self.evaluate(node, time, argument)

        match node:
            case ast.Constant(value=value):
                return mpf(repr(value))
            case ast.Name(id="z") if argument is not None:
                return argument
            case ast.Name(id=name) if name in self.sizes:
                return mpf(self.sizes[name])
            case ast.Name(id="pi"):
                return +mp.pi
            case ast.Name(id=name):
                return self.value(name, time)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -inner(operand)
            case ast.Attribute(value=value, attr="T"):
                return np.swapaxes(inner(value), -1, -2)
            case ast.Subscript(value=value, slice=ast.Tuple(elts=places)):
                spans = tuple(map(self.span, places))
                return inner(value)[spans]
            case ast.Subscript(value=value, slice=ast.Constant() | ast.UnaryOp() as place):
                whole, at = inner(value), ast.literal_eval(place)
                part = whole[at] if 1 not in whole.shape else whole.reshape(-1)[at]
                return np.reshape(np.asarray(part, dtype=object), (1, -1))
            case ast.Subscript(value=value, slice=ast.Slice(lower=lower, upper=upper)):
                vector = inner(value)
                start = self.size(lower) if lower else 0
                stop = self.size(upper) if upper else vector.size
                flat = vector.reshape(-1)[start:stop]
                return flat.reshape((1, -1) if vector.shape[0] == 1 else (-1, 1))
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Name(id="t")):
                return self.value(name, time)
            case ast.Subscript(
                value=ast.Name(id=name), slice=ast.BinOp(op=op, right=ast.Constant(value=lag))
            ):
                return self.value(name, time + (lag if isinstance(op, ast.Add) else -lag))
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                exponent = inner(right)
                base = inner(left)
                if isinstance(base, Number):
                    return power(base, exponent)
                if not isinstance(base, np.ndarray):
                    return base**exponent
                return each(lambda entry: power(entry, exponent), base)
            case ast.BinOp(left=left, op=op, right=right):
                return OPERATORS[type(op)](inner(left), inner(right))
            case ast.Call(func=ast.Name(id="eye"), args=[size]):
                return each(lambda entry: Number(mpf(entry)), np.eye(self.size(size), dtype=object))
            case ast.Call(func=ast.Name(id="ones" | "zeros" as kind), args=given):
                sizes = list(map(self.size, given))
                if len(sizes) == 1:
                    columns = self.file.get("vectors") == "columns"
                    sizes = [*sizes, 1] if columns else [1, *sizes]
                filled = np.full(sizes, int(kind == "ones"), dtype=object)
                return each(lambda entry: Number(mpf(entry)), filled)
            case ast.Call(func=ast.Name(id="diag"), args=[vector]):
                entries = inner(vector).reshape(-1)
                whole = np.full((entries.size, entries.size), Number(mpf(0)), dtype=object)
                np.fill_diagonal(whole, entries)
                return whole
            case ast.Call(
                func=ast.Name(id="where"),
                args=[ast.Compare(left=left, ops=[sign], comparators=[right]), one, other],
            ):
                sides = [inner(side) for side in (left, right, one, other)]
                chosen = each(_choose(COMPARISONS[type(sign)]), *sides)
                return each(_number, chosen)
            case ast.Call(func=ast.Name(id="reshape"), args=[array, *sizes]):
                return inner(array).reshape([*([1] * (len(sizes) == 1)), *map(self.size, sizes)])
            case ast.Call(func=ast.Name(id=name), args=[array], keywords=[ast.keyword(value=axis)]):
                return each(_number, _along(name, inner(array), ast.literal_eval(axis)))
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return self.call(name, [inner(argument) for argument in arguments])
        raise AssertionError(ast.dump(node))

    def call(self, name: str, arguments: list[Any]) -> Any:
        own = self.file.get("functions", {}).get(name)
        if own is not None:
            return each(self.own(own), arguments[0])
        if name == "leaky_relu" and len(arguments) == 2:
            slope = arguments[1]
            return each(lambda z: z if positive(z) else z * slope, arguments[0])
        if name in FUNCTIONS:
            return each(FUNCTIONS[name], np.asarray(each(_number, arguments[0]), dtype=object))
        result = CALLS[name](*arguments)
        if name == "concat" and self.file.get("vectors") == "columns":
            # What scalars alone make up is a vector as the file has them.
            result = result.T if all(np.size(part) == 1 for part in arguments) else result
        return each(_number, result)

    def own(self, given: Any) -> Callable[[Number], Number]:
        """A function of the model file: a known one, a formula, or one with its derivative."""
        parts = {"formula": given} if isinstance(given, str) else given
        parts = {key: f"{text}(z)" if text in FUNCTIONS else text for key, text in parts.items()}

        def formula(z: Number) -> Number:
            value = self.evaluate(_tree(parts["formula"]), 0, z)
            if "derivative" in parts:
                slope = self.evaluate(_tree(parts["derivative"]), 0, z)
                return Number(_plain(value), ((z, _plain(slope)),))
            return _number(value)

        return formula


def _number(entry: Any) -> Number:
    return entry if isinstance(entry, Number) else Number(mpf(entry))
