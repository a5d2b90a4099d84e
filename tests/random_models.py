"""Random well-shaped models, as the text of a model file.

An expression is drawn by its shape: to draw an r x c matrix is to choose a leaf of this shape or an
operation whose operands then have shapes that fit. So every model is valid, and anything that the
package then refuses or gets wrong is a fault of the package.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

ONE = "1"
"""The number of rows of a row vector, beside the names of dimensions."""

# No exp and no high powers: a gradient is then of the size of what it is made of, and an error of
# 1e-10 in it is a fault and no rounding.
BOUNDED = ("tanh", "sigmoid", "sin", "cos")
NUMBERS = ("2", "3", "0.5", "1.25", "7 / 4")

Shape = tuple[str, str]


@dataclass
class Scope:
    """What may be read: names by shape, ``current`` as name[t] and ``previous`` as name[t-1]."""

    current: dict[str, str] = field(default_factory=dict)
    previous: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Shape] = field(default_factory=dict)


class Author:
    """Writes one model; ``draw`` decides.

    ``varying`` asks for an expression that reads a variable. Unless the model is ``wide``, an
    equation, the argument of a function and a scalar factor do, and a matrix does not.
    """

    def __init__(self, draw: Callable[..., Any], *, wide: bool) -> None:
        self.draw = draw
        self.wide = wide
        self.dimensions = draw(st.sampled_from((("n",), ("m", "n"), ("m", "n", "k"))))
        self.functions = {
            name: self.choose(BOUNDED) for name in self.choose(((), ("phi",), ("phi", "sigma")))
        }
        self.scope = Scope()

    def choose(self, options: Any) -> Any:
        return self.draw(st.sampled_from(tuple(options)))

    def model(self) -> str:
        inputs = {name: self.choose(self.dimensions) for name in self.choose((("x",), ("x", "u")))}
        targets = {name: self.choose(self.dimensions) for name in self.choose((("d",), ()))}
        states = {
            name: self.choose(self.dimensions)
            for name in self.choose((("s",), ("s", "h"), ("s", "h", "c_1")))
        }
        self.scope.current |= inputs
        self.scope.previous |= states
        equations = {}
        for name in self.draw(st.permutations((*states, *self.choose(((), ("y",), ("g", "y")))))):
            if name in states:
                equations[name] = self.state(states[name])
                self.scope.current[name] = states[name]
            else:
                columns = self.choose((*self.dimensions, ONE))
                equations[name] = self.expression((ONE, columns), 3, varying=True)
                self.scope.current[name] = columns
        if not self.wide:
            for name in inputs:
                del self.scope.current[name]
        self.scope.current |= targets
        loss = self.loss()
        parameters = self.scope.parameters or {"b_0": (ONE, self.dimensions[0])}
        return _toml(
            dimensions=dict.fromkeys(self.dimensions, ""),
            inputs={name: [columns] for name, columns in inputs.items()},
            targets={name: [columns] for name, columns in targets.items()},
            parameters={
                name: [size for size in shape if size != ONE] for name, shape in parameters.items()
            },
            states={name: [columns] for name, columns in states.items()},
            functions=self.functions,
            equations=equations,
            loss={"E": loss},
        )

    def state(self, columns: str) -> str:
        """A recurrence that stays bounded over time."""
        shape = (ONE, columns)
        bounded = f"{self.bounded()}({self.expression(shape, 3, varying=True)})"
        match self.choose(("bounded", "gated", "sum", "copy")):
            case "gated":
                return f"{bounded} * {self.leaf(shape)} + 0.5 * {self.leaf(shape)}"
            case "sum":
                other = self.expression(shape, 2, varying=True)
                return f"{bounded} - {self.bounded()}({other})"
            case "copy":
                return self.leaf(shape, varying=True)
            case _:
                return bounded

    def loss(self) -> str:
        """A scalar with a square, so that its gradient depends on the values."""
        columns = self.choose(self.dimensions)
        rest = self.choose(("", " + ", " - 0.5 * "))
        term = rest and rest + self.expression((ONE, ONE), 2)
        return f"sum(({self.expression((ONE, columns), 2, varying=True)}) ** 2){term}"

    def bounded(self) -> str:
        return self.choose((*self.functions, *BOUNDED))

    def expression(self, shape: Shape, depth: int, *, varying: bool = False) -> str:
        rows, columns = shape
        varying = varying or shape == (ONE, ONE)
        if depth == 0:
            return self.leaf(shape, varying=varying)

        def inner(shape: Shape = shape, *, varying: bool = False) -> str:
            return self.expression(shape, depth - 1, varying=varying)

        kinds = ["leaf", "product", "sum", "difference", "elementwise", "number", "function"]
        kinds += ["power", "negative", "transpose", "shift"]
        if shape == (ONE, ONE):
            kinds += ["entries"] * 3
        match self.choose(kinds):
            case "product":
                # A column times a row is another matrix for each sequence.
                narrow = not self.wide and rows != ONE
                between = self.choose(self.dimensions if narrow else (*self.dimensions, ONE))
                left = inner((rows, between), varying=varying and rows == ONE)
                return f"({left} @ {inner((between, columns), varying=varying and rows != ONE)})"
            case "sum":
                return f"({inner(varying=varying)} + {inner()})"
            case "difference":
                return f"({inner()} - {inner(varying=varying)})"
            case "elementwise":
                return f"({inner(varying=varying)} * {inner()})"
            case "number":
                return f"({self.choose(NUMBERS)} * {inner(varying=varying)})"
            case "shift":
                return f"({self.choose(NUMBERS)} - {inner(varying=varying)})"
            case "function" if ONE in shape or self.wide:
                return f"{self.bounded()}({inner(varying=varying or not self.wide)})"
            case "power":
                return f"({inner(varying=varying)} ** {self.choose((2, 3))} / 3)"
            case "negative":
                return f"(-{inner(varying=varying)})"
            case "transpose":
                return f"{inner((columns, rows), varying=varying)}.T"
            case "entries":
                size = self.choose(self.dimensions)
                return f"sum({inner(self.choose(((ONE, size), (size, ONE))), varying=True)})"
            case _:
                return self.leaf(shape, varying=varying)

    def leaf(self, shape: Shape, *, varying: bool = False) -> str:
        """A variable or parameter, known or new, or its transpose."""
        rows, columns = shape
        if shape == (ONE, ONE):
            return f"sum({self.leaf((ONE, self.choose(self.dimensions)), varying=varying)})"
        if columns == ONE:
            return f"{self.leaf((ONE, rows), varying=varying)}.T"
        parameters = [name for name, own in self.scope.parameters.items() if own == shape]
        if rows != ONE:
            turned = (columns, rows)
            parameters += [
                f"{name}.T" for name, own in self.scope.parameters.items() if own == turned
            ]
            return self.known_or_new(parameters, shape)
        current = [f"{name}[t]" for name, own in self.scope.current.items() if own == columns]
        previous = [f"{name}[t-1]" for name, own in self.scope.previous.items() if own == columns]
        if not varying:
            # Most leaves are variables, so that most models run through time.
            return self.known_or_new([*parameters, *(current + previous) * 2], shape)
        if current or previous:
            return self.choose((*current, *previous))
        source, own = self.choose(self.scope.previous.items())
        return f"({source}[t-1] @ {self.known_or_new([], (own, columns))})"

    def known_or_new(self, known: list[str], shape: Shape) -> str:
        fresh = f"{'b' if shape[0] == ONE else 'W'}_{len(self.scope.parameters)}"
        name = self.choose((*known, fresh))
        if name == fresh:
            self.scope.parameters[fresh] = shape
        return name


@st.composite
def models(draw: Callable[..., Any], *, wide: bool = False) -> str:
    """The text of a random model file: one to three states, a loss, whatever lies between.

    ``wide`` models are all that the equation language admits.
    """
    return Author(draw, wide=wide).model()


def _toml(**sections: dict[str, Any]) -> str:
    blocks = []
    for section, entries in sections.items():
        lines = [
            f"{name} = {str(value).replace(chr(39), chr(34))}" for name, value in entries.items()
        ]
        if section in ("dimensions", "functions", "equations", "loss"):
            lines = [f'{name} = "{value}"' for name, value in entries.items()]
        blocks.append("\n".join([f"[{section}]", *lines]))
    return "\n\n".join(blocks) + "\n"
