"""Random well-shaped models, as the text of a model file.

An expression is drawn by its shape: to draw an r x c matrix is to choose a leaf of this shape or an
operation whose operands then have shapes that fit. So every model is valid, and anything that the
package then refuses or gets wrong is a fault of the package.

The values of a model are of moderate size, and what is divided by, or taken a logarithm or a root
of, is not near zero: an error of 1e-10 in a gradient is a fault and no rounding.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

ONE = "1"
Shape = tuple[str, ...]
"""Rows and columns, with heads in front where there are some."""

SCALAR: Shape = (ONE, ONE)

# Of values between -1 and 1.
BOUNDED = ("tanh", "sigmoid", "sin", "cos", "erf", "hard_sigmoid", "arctan")
# Of values not much larger than the argument's.
GROWING = ("relu", "softplus", "silu", "gelu", "elu", "abs", "log_sigmoid", "identity",
           "leaky_relu", "floor", "ceil", "round")  # fmt: skip
NUMBERS = ("2", "0.5", "3", "1.25", "7 / 4", "0.1", "2 ** 0.5", "(2 / 3) ** -1.5")
CONSTANTS = ("1", "0.5", "-2", "0", "1e-3")

# A vector that is made of others, end to end.
JOINTS = {
    "2*n": ("n", "n"), "3*n": ("n", "n", "n"), "4*n": ("n", "2*n", "n"), "m + n": ("m", "n"),
    "n + k": ("n", "k"), "m + n + k": ("m", "n + k"), "2*n + k": ("2*n", "k"), "n + 1": ("n", ONE),
    "3": (ONE, "2"), "2": (ONE, ONE),
}  # fmt: skip

FORMULAS = (
    "z * sigmoid(z)",
    "where(z >= 0, z + 0.5, sigmoid(z))",
    "tanh(z) ** 2 - 0.5 * z",
    "clip(0.5 * z, -1, 0.75)",
    "z / (1 + z ** 2)",
    "log(1 + exp(-z)) / 2",
    "maximum(z, 0.25 * z) - minimum(z, -1)",
    "sqrt(1 + z * z)",
    "stop_gradient(sin(z)) * z + erf(-z)",
    "where(z < 0.5, 1, z * 2)",
)
DECLARED = (
    ("sign(z)", "1 - tanh(z) ** 2"),
    ("where(z > 0, z, 0)", "sigmoid(3 * z)"),
    ("tanh(z)", "0 * z + 1"),
    ("tanh", "1"),
    ("sin", "cos"),
    ("sqrt(abs(z) + 1)", "0.5 / sqrt(maximum(z, 0.25))"),
)


# Whole losses, of a loss {}, whose derivative is most easily written by their own value.
OF_LOSS = (
    "sqrt(1.5 + sin({}))", "exp(sin({}))", "2 * exp(cos({}))", "log(1.5 + ({}) ** 2)",
    "1 / (1.5 + ({}) ** 2)", "3 / exp(sin({}))", "tanh(sin({}))", "sigmoid(cos({}))",
    "elu(sin({}))", "silu(cos({}))", "phi(sin({}))",
)  # fmt: skip

# Allowed names of sizes that are words of code and of comments, or that indices give way to.
ODD = ("one", "time", "the", "axis", "loss2", "keepdims", "out", "copy2", "name", "lock", "x2",
       "i", "j", "tau", "delta")  # fmt: skip


def turned(shape: Shape) -> Shape:
    return *shape[:-2], shape[-1], shape[-2]


def is_vector(shape: Shape) -> bool:
    return len(shape) == 2 and (shape[0] == ONE) != (shape[1] == ONE)


@dataclass
class Scope:
    """What may be read: the texts of what varies by shape, and the parameters."""

    readable: dict[str, Shape] = field(default_factory=dict)
    parameters: dict[str, Shape] = field(default_factory=dict)
    positive: set[str] = field(default_factory=set)


class Author:
    """Writes one model; ``draw`` decides."""

    def __init__(self, draw: Callable[..., Any]) -> None:
        self.draw = draw
        self.dimensions = self.choose((("n",), ("m", "n"), ("m", "n", "k")))
        if self.rarely(5):
            self.dimensions = (*self.dimensions, self.choose(ODD))
        self.vectors = self.choose(("rows", "rows", "columns"))
        self.declared: dict[str, dict[str, dict[str, Any]]] = {
            section: {} for section in ("inputs", "targets", "parameters", "states")
        }
        self.functions: dict[str, Any] = {
            name: self.function() for name in self.choose(((), ("phi",), ("phi", "f")))
        }
        self.scope = Scope()
        self.shapes: dict[str, Shape] = {}

    def choose(self, options: Iterable[Any]) -> Any:
        return self.draw(st.sampled_from(tuple(options)))

    def rarely(self, one_in: int = 4) -> bool:
        return self.draw(st.integers(0, one_in - 1)) == one_in - 1

    # Declarations.

    def function(self) -> Any:
        match self.choose(("known", "known", "formula", "declared")):
            case "formula":
                return self.choose(FORMULAS)
            case "declared":
                formula, slope = self.choose(DECLARED)
                return {"formula": formula, "derivative": slope}
        return self.choose((*BOUNDED, *GROWING))

    def sizes(self) -> tuple[str, ...]:
        """The dimensions, and sizes that are made of them or are numbers."""
        made = [size for size in JOINTS if self.is_known(size)]
        return tuple(dict.fromkeys((*self.dimensions, *made)))

    def is_known(self, size: str) -> bool:
        names = {part for part in size.replace("*", " ").split() if part.isalpha()}
        return names <= set(self.dimensions)

    def size(self) -> str:
        return self.choose(self.sizes() if self.rarely(6) else self.dimensions)

    def vector(self, size: str) -> Shape:
        return (size, ONE) if self.vectors == "columns" else (ONE, size)

    def shape(self) -> Shape:
        kinds = ("vector",) * 6 + ("scalar", "matrix", "square", "turned")
        match self.choose((*kinds, "heads")):
            case "scalar":
                return SCALAR
            case "heads":
                sizes = (*self.dimensions, ONE)
                return self.choose(self.dimensions), self.choose(sizes), self.choose(sizes)
            case "matrix":
                return self.choose(self.dimensions), self.choose(self.dimensions)
            case "square":
                return (self.choose(self.dimensions),) * 2
            case "turned":
                return turned(self.vector(self.size()))
        return self.vector(self.size())

    def declare(self, section: str, name: str, shape: Shape, **options: Any) -> None:
        self.shapes[name] = shape
        written = list(shape)
        if shape == SCALAR:
            written = []
        elif is_vector(shape) and shape == self.vector("".join(s for s in shape if s != ONE)):
            written = [next(size for size in shape if size != ONE)]
        sizes = [int(size) if size.isdigit() else size for size in written]
        self.declared[section][name] = {"shape": sizes} | options

    def parameter(self, shape: Shape, *, positive: bool = False) -> str:
        """A parameter of a shape, known or new."""
        known = [
            name
            for name, own in self.scope.parameters.items()
            if own == shape and (name in self.scope.positive) >= positive
        ]
        name = f"{'b' if ONE in shape else 'W'}_{len(self.scope.parameters)}"
        name = self.choose((*known, name))
        if name not in self.shapes:
            options = {"positive": True} if positive else {}
            if self.rarely(8):
                options["frozen"] = True
            self.declare("parameters", name, shape, **options)
            self.scope.parameters[name] = shape
            if positive:
                self.scope.positive.add(name)
        return name

    # The model.

    def model(self) -> str:
        self.givens()
        states = {name: self.shape() for name in self.choose(("s", "sh", "shc"))}
        unread = {"v": self.shape()} if self.rarely(6) else {}
        backward = [name for name in states if self.rarely(6)]
        onward = [name for name in states if name not in backward]
        groups = [(onward, False), (backward, True)]
        if self.rarely(3):
            groups.reverse()
        others = list(self.choose(("", "a", "ag", "agy")))
        for name, shape in (states | unread).items():
            options = {"reverse": True} if name in backward else {}
            self.declare("states", name, shape, **options)
        equations: dict[str, str] = {}
        for names, reverse in groups:
            if not names:
                continue
            for name in names:
                for lag in ("1", "1", "2", "3")[: 2 + 2 * self.rarely(5)]:
                    sign = "+" if reverse else "-"
                    self.scope.readable[f"{name}[t{sign}{lag}]"] = states[name]
            some = [others.pop() for _ in range(self.draw(st.integers(0, len(others))))]
            for name in self.draw(st.permutations((*names, *some))):
                self.equation(equations, name, states.get(name))
        for name in others:
            self.equation(equations, name, None)
        for name, shape in unread.items():
            equations[name] = self.expression(shape, 2)
        losses = self.losses([*self.unread(equations)])
        even = "layer_norm" not in " ".join(equations.values())
        for name in states | unread:
            self.initial("states", name, even=even)
        for section in ("inputs", "targets"):
            for name, entry in self.declared[section].items():
                if "initial" in entry:
                    self.initial(section, name, even=even)
        alone = " + ".join(self.alone(" ".join((*equations.values(), *losses.values()))))
        if alone:
            losses = {name: f"{text} + {alone}" for name, text in losses.items()}
        losses |= self.penalty()
        file: dict[str, Any] = {"vectors": self.vectors} if self.vectors != "rows" else {}
        # A size that the loss alone tells has no other array.
        is_layer = not alone and self.rarely(5)
        if is_layer:
            some = self.draw(st.lists(st.sampled_from([*equations]), min_size=1, max_size=2))
            file["outputs"] = [*dict.fromkeys(some)]
        file["dimensions"] = dict.fromkeys(self.dimensions, "")
        file |= {section: entries for section, entries in self.declared.items() if entries}
        file["functions"] = self.functions
        file["equations"] = equations
        if not is_layer:
            file["loss"] = losses
        return _toml(file)

    def givens(self) -> None:
        """Inputs and targets."""
        for name in self.choose(("x", "x", "xu", "xu", "xuq", "")):
            shape = self.vector(self.choose(self.dimensions))
            options: dict[str, Any] = {}
            if name == "q":
                shape = self.choose((SCALAR, self.shape()))
            elif self.rarely(5):
                options["labels"] = True
            elif self.rarely(6):
                options["positive"] = True
                self.scope.positive.add(f"{name}[t]")
            self.scope.readable[f"{name}[t]"] = shape
            self.given_before("inputs", name, shape, options)
        for name in self.choose(("d", "", "dp")):
            options = {"labels": True} if self.rarely(4) else {}
            shape = self.vector(self.choose(self.dimensions))
            self.given_before("targets", name, shape, options)
            if self.rarely(8):
                self.scope.readable[f"{name}[t]"] = shape
        for name in self.choose(("", "", "e", "M", "eM")):
            shape = self.shape() if name == "e" else (self.size(), self.size())
            options = {"labels": True} if is_vector(shape) and self.rarely() else {}
            self.scope.readable[name] = shape
            self.declare("inputs", name, shape, once=True, **options)

    def given_before(self, section: str, name: str, shape: Shape, options: dict[str, Any]) -> None:
        """An input or a target, which may be read at earlier steps, too."""
        if self.rarely(5):
            for lag in self.choose(((1,), (2,), (1, 3))):
                self.scope.readable[f"{name}[t-{lag}]"] = shape
            options = options | {"initial": "argument"}
        self.declare(section, name, shape, **options)

    def equation(self, equations: dict[str, str], name: str, shape: Shape | None) -> None:
        if shape:
            equations[name] = self.state(name, shape)
        else:
            shape = self.shape()
            equations[name] = self.expression(shape, self.choose((1, 2, 3)))
        self.shapes[name] = shape
        self.scope.readable[f"{name}[t]"] = shape

    def state(self, name: str, shape: Shape) -> str:
        """A recurrence that stays bounded over time."""
        bounded = self.bounded(shape, self.choose((1, 2, 3)))
        lagged = [text for text in self.scope.readable if text.startswith(f"{name}[t")]
        match self.choose(("bounded", "gated", "leaky", "sum", "copy", "reset")):
            case "gated":
                gate = f"sigmoid({self.expression(shape, 1)})"
                return f"{gate} * {self.choose(lagged)} + (1 - {gate}) * {bounded}"
            case "leaky":
                return f"0.5 * {self.choose(lagged)} + {bounded}"
            case "sum":
                # Not a difference: what cancels at each step is rounding alone after some.
                return f"{bounded} + 0.5 * {self.bounded(shape, 1)}"
            case "copy":
                return self.leaf(shape)
            case "reset":
                scalar = f"sigmoid({self.expression(SCALAR, 1)})"
                return f"{scalar} * {self.choose(lagged)} + {bounded}"
        return bounded

    def initial(self, section: str, name: str, *, even: bool) -> None:
        """What a state or an input is before the first step.

        If not ``even``, its entries differ: equal ones normalised are rounding, made larger.
        """
        shape, entry = self.shapes[name], self.declared[section][name]
        kinds = ("argument", "argument", "learned", "expression", "shared", "own", "joint")
        match self.choose((*kinds, "number", "spread") if even else kinds):
            case "number":
                entry["initial"] = self.choose((0, 1, -0.5))
            case "learned":
                self.declare("parameters", f"{name}_0", shape)
                entry["initial"] = f"{name}_0"
            case "expression":
                entry["initial"] = f"tanh({self.parameter(shape)}) / 2"
            case "shared":
                entry["initial"] = self.parameter(shape)
            case "own" if self.functions:
                entry["initial"] = f"{self.choose(self.functions)}({self.parameter(shape)})"
            case "own":
                entry["initial"] = f"sigmoid({self.parameter(shape)}) * {self.parameter(SCALAR)}"
            case "joint":
                entry["initial"] = self.joint_of_parameters(shape)
            case "spread":
                entry["initial"] = self.parameter(SCALAR)

    def joint_of_parameters(self, shape: Shape) -> str:
        size = next((size for size in shape if size != ONE), ONE)
        if size not in JOINTS or not is_vector(shape):
            return self.parameter(shape)
        parts = [self.parameter(self.along(shape, part)) for part in JOINTS[size]]
        return self.joined(shape, parts)

    def losses(self, unread: list[str]) -> dict[str, str]:
        """The loss of each step, often one of the last step alone beside it or in its place."""
        kinds = ("E", "E", "E", "E E_last", "E_last")
        return {
            name: self.of_loss(" + ".join([self.loss(), *unread]))
            for name in self.choose(kinds).split()
        }

    def penalty(self) -> dict[str, str]:
        """A loss of parameters alone, most often none."""
        if not self.scope.parameters or not self.rarely(3):
            return {}
        form = self.choose(("0.1 * sum({} ** 2)", "mean(abs({}))", "sum(tanh({})) * 2", "var({})"))
        shapes = [self.shape() for _ in self.choose(((1,), (1, 2)))]
        return {"E_params": " + ".join(form.replace("{}", self.parameter(s)) for s in shapes)}

    def of_loss(self, text: str) -> str:
        """A loss, or a function of it."""
        if not self.rarely(3):
            return text
        form = self.choose(OF_LOSS)
        name = next(iter(self.functions), "cos")
        return form.replace("phi(", f"{name}(").replace("{}", text)

    def unread(self, equations: dict[str, str]) -> Iterator[str]:
        """Terms of the loss that read what no equation reads, most often."""
        text = " ".join(equations.values())
        for name in equations:
            if f"{name}[" not in text and not self.rarely(6):
                form = self.choose(("mean({} ** 2)", "sum(sin({}))", "logsumexp({})", "mean({})"))
                if form.startswith("logsumexp") and not is_vector(self.shapes[name]):
                    form = "sum({} * {})"
                yield form.replace("{}", f"{name}[t]")

    def alone(self, text: str) -> Iterator[str]:
        """Terms by which each dimension is the size of some array, from which a module learns it.

        Labels are whole numbers and tell no size.
        """
        told = {
            size
            for section in ("inputs", "parameters")
            for name, entry in self.declared[section].items()
            if section == "parameters" or re.search(rf"\b{name}\b", text)
            for size in _axes(entry["shape"])
            if not entry.get("labels")
        }
        for size in self.dimensions:
            if size not in told or not self.scope.parameters:
                yield f"0.5 * sum({self.parameter(self.vector(size))} ** 2)"

    def loss(self) -> str:
        """A scalar, most often with a square, so that its gradient depends on the values."""
        readable = self.scope.readable
        for name in self.declared["targets"]:
            readable.setdefault(f"{name}[t]", self.shapes[name])
        terms = [self.error(name) for name in self.declared["targets"]]
        if not terms or self.rarely(3):
            terms.append(f"sum(({self.expression(self.shape(), 2)}) ** 2)")
        if self.rarely(3):
            terms.append(self.expression(SCALAR, 2))
        if self.rarely(5):
            terms[0] = f"{self.expression(SCALAR, 1)} * {terms[0]}"
        return self.choose((" + ", " + 0.5 * ", " - ")).join(terms)

    def error(self, target: str) -> str:
        """What a target asks for."""
        shape = self.shapes[target]
        output = self.expression(shape, 2)
        kinds = ["square", "mean"]
        if self.declared["targets"][target].get("labels"):
            kinds = ["cross_entropy", "cross_entropy", "log_softmax", "binary_cross_entropy"]
        match self.choose(kinds):
            case "square":
                return f"sum(({target}[t] - {output}) ** 2)"
            case "mean":
                return f"mean(({output} - {target}[t]) ** 2) / 2"
            case "log_softmax":
                return f"dot({target}[t], -log_softmax({output}))"
            case kind:
                return f"{kind}({output}, {target}[t])"

    # Expressions.

    def bounded(self, shape: Shape, depth: int) -> str:
        """An expression whose entries lie between -1 and 1."""
        inner = self.expression(shape, depth - 1) if depth else self.leaf(shape)
        kinds = ["function"] * 6 + ["clip", "where"]
        kinds += ["softmax", "layer_norm"] * is_vector(shape)
        match self.choose(kinds):
            case "clip":
                return f"clip({inner}, -1, {self.choose(('1', '0.5'))})"
            case "where":
                return f"where({inner} > {self.choose(CONSTANTS)}, {self.choose(CONSTANTS)}, 0.25)"
            case "softmax":
                return f"softmax({inner})"
            case "layer_norm":
                return f"0.5 * layer_norm({inner})"
        own = [name for name, given in self.functions.items() if given in BOUNDED]
        return f"{self.choose((*own, *BOUNDED))}({inner})"

    def safe(self, shape: Shape, depth: int) -> str:
        """An expression whose entries are positive, and not near zero."""
        positive = [
            name
            for name, own in (self.scope.readable | self.scope.parameters).items()
            if name in self.scope.positive and own == shape
        ]
        match self.choose(("bounded", "square", "positive", "exp", "known")):
            case "square":
                return f"(1.5 + ({self.expression(shape, depth)}) ** 2)"
            case "positive":
                return self.parameter(shape, positive=True)
            case "exp":
                return f"exp({self.bounded(shape, depth)})"
            case "known" if positive:
                return self.choose(positive)
        return f"(2.5 + {self.bounded(shape, depth)})"

    def expression(self, shape: Shape, depth: int) -> str:
        if depth <= 0:
            return self.leaf(shape)
        kinds = ["product", *self.everywhere] if len(shape) == 2 else [*self.everywhere]
        if len(shape) == 3:
            kinds += self.of_heads
        if shape == SCALAR:
            kinds += self.of_scalars * 2
        elif is_vector(shape):
            kinds += self.of_vectors
        elif len(shape) == 2:
            kinds += self.of_matrices
        return getattr(self, f"draw_{self.choose(kinds)}")(shape, depth - 1)

    everywhere = (
        "leaf", "sum", "difference", "elementwise", "function", "function", "function",
        "number", "shift",
        "negative", "transpose", "power", "quotient", "root", "scaled", "shifted", "extremum",
        "clip", "where", "stop", "own", "remainder", "counted",
    )  # fmt: skip
    of_heads = ("by_head",) * 6 + ("spread_over_heads",) * 4
    of_scalars = ("entries", "mean", "dot", "logsumexp", "bilinear", "entry", "entropy",
                  "determinant", "quadratic", "of_all", "norm")  # fmt: skip
    of_vectors = ("affine", "affine", "affine", "softmax", "log_softmax", "layer_norm", "joint",
                  "part", "solution", "reduced", "cumulative", "rms_norm", "line")  # fmt: skip
    of_matrices = (
        "outer",
        "along",
        "reshaped",
        "inverse",
        "solution",
        "identity",
        "antisymmetric",
        "matrix",
        "matrix",
        "broadcast",
        "broadcast",
        "diagonal",
    )

    def draw_leaf(self, shape: Shape, depth: int) -> str:
        return self.leaf(shape)

    def draw_product(self, shape: Shape, depth: int) -> str:
        rows, columns = shape
        between = self.choose((*self.dimensions, *(self.sizes() if self.rarely() else ()), ONE))
        left = self.expression((rows, between), depth)
        return f"({left} @ {self.expression((between, columns), depth)})"

    def draw_by_head(self, shape: Shape, depth: int) -> str:
        """A product head by head, of which one side may be shared by all heads."""
        heads, rows, columns = shape
        between = self.choose((*self.dimensions, ONE))
        shared = self.choose(("none", "none", "left", "right"))
        left = (rows, between) if shared == "left" else (heads, rows, between)
        right = (between, columns) if shared == "right" else (heads, between, columns)
        return f"({self.expression(left, depth)} @ {self.expression(right, depth)})"

    def draw_spread_over_heads(self, shape: Shape, depth: int) -> str:
        """Heads against what has fewer rows, columns or heads."""
        heads, rows, columns = shape
        small = self.choose(((heads, ONE, columns), (heads, rows, ONE), (heads, ONE, ONE),
                             (rows, columns), (ONE, columns), (rows, ONE)))  # fmt: skip
        form = self.choose(("({} * {})", "({1} + {0})", "({1} - {0})", "maximum({}, {})",
                            "({} / {safe})", "where({1} > 0.25, {0}, 1)"))  # fmt: skip
        inner, other = self.expression(shape, depth), self.expression(small, depth)
        return form.format(inner, other, safe=self.safe(small, 1))

    def draw_affine(self, shape: Shape, depth: int) -> str:
        """A vector times a matrix of parameters, on the side where it fits."""
        size = self.choose(self.dimensions)
        row = shape[0] == ONE
        vector = self.expression((ONE, size) if row else (size, ONE), depth)
        matrix = self.of_parameters((size, shape[1]) if row else (shape[0], size))
        return f"({vector} @ {matrix})" if row else f"({matrix} @ {vector})"

    def draw_sum(self, shape: Shape, depth: int) -> str:
        return f"({self.expression(shape, depth)} + {self.expression(shape, depth)})"

    def draw_difference(self, shape: Shape, depth: int) -> str:
        return f"({self.expression(shape, depth)} - {self.expression(shape, depth)})"

    def draw_elementwise(self, shape: Shape, depth: int) -> str:
        return f"({self.expression(shape, depth)} * {self.expression(shape, depth)})"

    def draw_function(self, shape: Shape, depth: int) -> str:
        function = self.choose((*BOUNDED, *GROWING, *("exp", "sinh", "cosh") * 2, "sign"))
        if function in ("exp", "sinh", "cosh"):
            return f"{function}({self.bounded(shape, depth)})"
        if function == "leaky_relu" and self.rarely(2):
            return f"leaky_relu({self.expression(shape, depth)}, {self.choose(('0.2', '0', '-1'))})"
        return f"{function}({self.expression(shape, depth)})"

    def draw_own(self, shape: Shape, depth: int) -> str:
        inner = self.expression(shape, depth)
        return f"{self.choose(self.functions)}({inner})" if self.functions else inner

    def draw_number(self, shape: Shape, depth: int) -> str:
        match self.choose(("left", "right", "over")):
            case "right":
                return f"({self.expression(shape, depth)} * {self.choose(NUMBERS)})"
            case "over":
                return f"({self.expression(shape, depth)} / {self.choose(('2', '3', '0.8'))})"
        return f"({self.choose(NUMBERS)} * {self.expression(shape, depth)})"

    def draw_shift(self, shape: Shape, depth: int) -> str:
        inner, number = self.expression(shape, depth), self.choose(NUMBERS)
        return self.choose((f"({number} - {inner})", f"({inner} + {number})"))

    def draw_negative(self, shape: Shape, depth: int) -> str:
        return f"(-{self.expression(shape, depth)})"

    def draw_transpose(self, shape: Shape, depth: int) -> str:
        return f"{self.expression(turned(shape), depth)}.T"

    def draw_power(self, shape: Shape, depth: int) -> str:
        if self.rarely(3):
            exponent = self.choose(("0.5", "-1", "-2", "1.5", "(1 / 3)"))
            return f"({self.safe(shape, depth)} ** {exponent})"
        return f"({self.expression(shape, depth)} ** {self.choose(('2', '3', '1', '0'))} / 3)"

    def draw_quotient(self, shape: Shape, depth: int) -> str:
        above = self.choose(("1", "2.5", None, None, None))
        above = above or self.expression(shape, depth)
        return f"({above} / {self.safe(shape, depth)})"

    def draw_root(self, shape: Shape, depth: int) -> str:
        return f"{self.choose(('log', 'sqrt'))}({self.safe(shape, depth)})"

    def draw_scaled(self, shape: Shape, depth: int) -> str:
        inner = self.expression(shape, depth)
        match self.choose(("left", "right", "under", "over")):
            case "right":
                return f"({inner} * {self.expression(SCALAR, depth)})"
            case "under":
                return f"({inner} / {self.safe(SCALAR, depth)})"
            case "over":
                return f"({self.expression(SCALAR, depth)} / {self.safe(shape, depth)})"
        return f"({self.expression(SCALAR, depth)} * {inner})"

    def draw_shifted(self, shape: Shape, depth: int) -> str:
        inner, scalar = self.expression(shape, depth), self.expression(SCALAR, depth)
        return self.choose((f"({scalar} + {inner})", f"({inner} - {scalar})"))

    def beside(self, inner: str, shape: Shape, depth: int) -> str:
        """What may stand beside an expression: another of its shape, a scalar, a number."""
        other = self.choose(CONSTANTS)
        match self.choose(("same", "same", "number", "scalar")):
            case "same":
                other = self.expression(shape, depth)
            case "scalar":
                other = self.expression(SCALAR, depth)
        # Two sides that are equal everywhere are a kink everywhere.
        return "0.125" if other == inner else other

    def draw_extremum(self, shape: Shape, depth: int) -> str:
        inner = self.expression(shape, depth)
        first, second = self.draw(st.permutations((inner, self.beside(inner, shape, depth))))
        return f"{self.choose(('maximum', 'minimum'))}({first}, {second})"

    def draw_clip(self, shape: Shape, depth: int) -> str:
        low, high = self.choose((("-1", "1"), ("-0.5", "2"), ("0", "0.75")))
        return f"clip({self.expression(shape, depth)}, {low}, {high})"

    def draw_where(self, shape: Shape, depth: int) -> str:
        sign = self.choose((">=", ">", "<=", "<"))
        left, chosen = self.expression(shape, depth), self.expression(shape, depth)
        right = self.beside(left, shape, depth)
        other = self.beside(chosen, shape, depth)
        if self.rarely():
            left, right = right, left
        if self.rarely():
            chosen, other = other, chosen
        return f"where({left} {sign} {right}, {chosen}, {other})"

    def draw_stop(self, shape: Shape, depth: int) -> str:
        return f"stop_gradient({self.expression(shape, depth)})"

    def some_vector(self) -> Shape:
        size = self.size()
        return self.choose(((ONE, size), (size, ONE)))

    def draw_entries(self, shape: Shape, depth: int) -> str:
        return f"sum({self.expression(self.shape(), depth)})"

    def draw_mean(self, shape: Shape, depth: int) -> str:
        return f"mean({self.expression(self.shape(), depth)})"

    def draw_dot(self, shape: Shape, depth: int) -> str:
        one = self.some_vector()
        other = self.choose((one, turned(one)))
        return f"dot({self.expression(one, depth)}, {self.expression(other, depth)})"

    def some_matrix(self) -> Shape:
        return self.choose(self.dimensions), self.choose(self.dimensions)

    def draw_of_all(self, shape: Shape, depth: int) -> str:
        """A number that all entries of a vector or matrix have."""
        name = self.choose(("max", "min", "var"))
        one = self.choose((self.some_vector(), self.some_matrix()))
        return f"{name}({self.expression(one, depth)})"

    def draw_norm(self, shape: Shape, depth: int) -> str:
        # Away from 0, where it has a kink.
        one = self.choose((self.some_vector(), self.some_matrix()))
        return f"norm({self.safe(one, depth)})"

    def draw_cumulative(self, shape: Shape, depth: int) -> str:
        return f"cumsum({self.expression(shape, depth)})"

    def draw_rms_norm(self, shape: Shape, depth: int) -> str:
        return f"rms_norm(1 + {self.expression(shape, depth)})"

    def draw_reduced(self, shape: Shape, depth: int) -> str:
        """A vector of what the rows or the columns of a matrix have each."""
        size = self.choose(self.dimensions)
        row = shape[0] == ONE
        inner = self.expression((size, shape[1]) if row else (shape[0], size), depth)
        name = self.choose(("sum", "mean", "max", "min", "var", "logsumexp", "norm"))
        inner = f"2.5 + tanh({inner})" if name == "norm" else inner
        return f"{name}({inner}, axis={self.choose((0, -2) if row else (1, -1))})"

    def draw_along(self, shape: Shape, depth: int) -> str:
        """A function of each row or each column of a matrix, in its shape."""
        name = self.choose(("softmax", "log_softmax", "rms_norm", "cumsum"))
        return f"{name}({self.expression(shape, depth)}, axis={self.choose((0, 1, -1, -2))})"

    def draw_reshaped(self, shape: Shape, depth: int) -> str:
        rows, columns = shape
        inner = self.expression((columns, rows), depth)
        return f"reshape({inner}, {rows}, {columns})"

    def draw_logsumexp(self, shape: Shape, depth: int) -> str:
        return f"logsumexp({self.expression(self.some_vector(), depth)})"

    def draw_bilinear(self, shape: Shape, depth: int) -> str:
        one, other = self.choose(self.dimensions), self.choose(self.dimensions)
        matrix = self.of_parameters((one, other))
        left, right = self.expression((ONE, one), depth), self.expression((other, ONE), depth)
        return f"({left} @ {matrix} @ {right})"

    def draw_entry(self, shape: Shape, depth: int) -> str:
        """One entry of a vector: its first, or its last."""
        size = self.choose(self.dimensions)
        if self.rarely(3):
            matrix = self.leaf((size, self.choose(self.dimensions)))
            return f"{matrix}[{self.choose(('0, 0', '0, 0:1'))}]"
        inner = self.leaf(self.choose(((ONE, size), (size, ONE))))
        return f"{inner}[{self.choose(('0:1', f'{size} - 1:', f'{size} - 1:{size}', '0', '-1'))}]"

    def draw_line(self, shape: Shape, depth: int) -> str:
        """A row or a column of a matrix."""
        other = self.choose(self.dimensions)
        if shape[0] == ONE:
            matrix = self.expression((other, shape[1]), depth)
            return f"{matrix}[{self.choose(('0', '-1', '0:1, :', f'{other} - 1:, :'))}]"
        return f"{self.expression((shape[0], other), depth)}[:, {self.choose(('0', '0:1'))}]"

    def draw_entropy(self, shape: Shape, depth: int) -> str:
        one = self.some_vector()
        kind = self.choose(("cross_entropy", "binary_cross_entropy"))
        target = self.choose(("softmax({})", "sigmoid({})")).format(self.expression(one, depth - 1))
        return f"{kind}({self.expression(one, depth)}, {target})"

    def draw_softmax(self, shape: Shape, depth: int) -> str:
        return f"softmax({self.expression(shape, depth)})"

    def draw_log_softmax(self, shape: Shape, depth: int) -> str:
        return f"log_softmax({self.expression(shape, depth)})"

    def draw_layer_norm(self, shape: Shape, depth: int) -> str:
        return f"layer_norm({self.expression(shape, depth)})"

    def draw_joint(self, shape: Shape, depth: int) -> str:
        size = next(size for size in shape if size != ONE)
        parts = JOINTS.get(size)
        if not parts:
            return self.leaf(shape)
        inner = [self.expression(self.along(shape, part), depth) for part in parts]
        return self.joined(shape, inner)

    def along(self, shape: Shape, size: str) -> Shape:
        """A vector of another size that goes the same way."""
        return (ONE, size) if shape[0] == ONE else (size, ONE)

    def joined(self, shape: Shape, parts: list[str]) -> str:
        """Vectors end to end; scalars alone make up a vector as the file has them."""
        text = f"concat({', '.join(parts)})"
        return f"{text}.T" if shape == turned(self.vector("2")) else text

    def draw_part(self, shape: Shape, depth: int) -> str:
        """A slice of a longer vector."""
        size = next(size for size in shape if size != ONE)
        longer = [j for j, parts in JOINTS.items() if size in parts and self.is_known(j)]
        if not longer:
            return self.leaf(shape)
        joint = self.choose(longer)
        parts = JOINTS[joint]
        position = self.choose(k for k, part in enumerate(parts) if part == size)
        start = " + ".join(parts[:position]) or self.choose(("", "0"))
        stop = " + ".join(parts[: position + 1])
        if position == len(parts) - 1:
            stop = self.choose(("", joint))
        row = shape[0] == ONE
        return f"{self.expression((ONE, joint) if row else (joint, ONE), depth)}[{start}:{stop}]"

    def draw_outer(self, shape: Shape, depth: int) -> str:
        down = self.choose(((ONE, shape[0]), (shape[0], ONE)))
        across = self.choose(((ONE, shape[1]), (shape[1], ONE)))
        return f"outer({self.expression(down, depth)}, {self.expression(across, depth)})"

    def draw_broadcast(self, shape: Shape, depth: int) -> str:
        """A row or a column against a matrix, or against each other."""
        rows, columns = shape
        row, column = self.expression((ONE, columns), depth), self.expression((rows, ONE), depth)
        other = self.choose((row, column))
        form = self.choose(("({} * {})", "({} + {})", "({1} - {0})", "maximum({}, {})", "both",
                            "({} / {safe})", "where({1} > 0.25, {0}, 1)"))  # fmt: skip
        if form == "both":
            return f"({row} {self.choose('+*-')} {column})"
        vector = self.choose(((ONE, columns), (rows, ONE)))
        return form.format(self.expression(shape, depth), other, safe=self.safe(vector, 1))

    def draw_diagonal(self, shape: Shape, depth: int) -> str:
        if shape[0] != shape[1]:
            return f"({self.leaf(shape)} + 0.5 * ones({shape[0]}, {shape[1]}))"
        vector = self.vector(shape[0])
        filled = self.choose(("zeros", "ones"))
        return f"diag({self.expression(vector, depth)} + {filled}({shape[0]}))"

    def draw_counted(self, shape: Shape, depth: int) -> str:
        """A size as a number, pi, a function of numbers."""
        size = self.choose(self.dimensions)
        form = self.choose(("({} / sqrt({}))", "({} * log(2 * pi))", "(1 / {1} - {0})",
                            "({} * cos(2) + exp(-1))", "({} / (2 * {}))",
                            "(pi / 4 + {})"))  # fmt: skip
        return form.format(self.expression(shape, depth), size)

    def draw_identity(self, shape: Shape, depth: int) -> str:
        if shape[0] != shape[1]:
            return self.leaf(shape)
        inner = self.expression(shape, depth)
        return self.choose((f"({inner} - eye({shape[0]}))", f"(eye({shape[0]}) @ {inner})"))

    def invertible(self, size: str, depth: int) -> str:
        """A square matrix with a strong diagonal."""
        inner = self.bounded((size, size), depth)
        return f"(2 * eye({size}) + 0.125 * {inner})"

    def draw_inverse(self, shape: Shape, depth: int) -> str:
        if shape[0] != shape[1]:
            return self.leaf(shape)
        inner = f"inv({self.invertible(shape[0], depth)})"
        return self.choose((inner, f"{inner}.T"))

    def draw_solution(self, shape: Shape, depth: int) -> str:
        """The solution of a linear system for a column or columns, or for a row by transposes."""
        turned_row = shape[0] == ONE or self.rarely()
        size = shape[1] if turned_row else shape[0]
        matrix, right = self.invertible(size, depth), self.expression(shape, depth)
        return f"solve({matrix}.T, {right}.T).T" if turned_row else f"solve({matrix}, {right})"

    def draw_quadratic(self, shape: Shape, depth: int) -> str:
        """The form of a Gaussian: v^T A^-1 v."""
        size = self.choose(self.dimensions)
        vector = self.expression((size, ONE), depth)
        return f"dot({vector}, solve({self.invertible(size, depth)}, {vector}))"

    def draw_determinant(self, shape: Shape, depth: int) -> str:
        size = self.choose(self.dimensions)
        matrix = self.invertible(size, depth)
        return self.choose((f"logdet({matrix})", f"det(0.5 * {matrix})"))

    def draw_remainder(self, shape: Shape, depth: int) -> str:
        inner = self.expression(shape, depth)
        # By a small number it is near a jump everywhere, and what is made of it chaotic.
        divisor = self.choose((self.safe(shape, depth), "1.25", "7 / 4", "3"))
        return f"mod({inner}, {divisor})"

    def draw_antisymmetric(self, shape: Shape, depth: int) -> str:
        matrix = self.parameter(shape)
        return f"({matrix} - {matrix}.T)" if shape[0] == shape[1] else matrix

    def draw_matrix(self, shape: Shape, depth: int) -> str:
        return self.of_parameters(shape)

    # Leaves.

    def of_parameters(self, shape: Shape) -> str:
        """A matrix that is the same at every step."""
        if shape[0] == ONE or shape[1] == ONE or not self.rarely(3):
            return self.constant(shape)
        other = self.constant(shape)
        kind = self.choose(("sum", "function", "product", "number"))
        if kind == "sum":
            return f"({self.constant(shape)} + {other})"
        if kind == "product":
            return f"({self.constant(shape)} * {other})"
        return f"tanh({other})" if kind == "function" else f"(0.5 * {other})"

    def constant(self, shape: Shape) -> str:
        if shape != SCALAR and self.rarely(4):
            return f"{self.parameter(turned(shape))}.T"
        return self.parameter(shape)

    def leaf(self, shape: Shape) -> str:
        """A variable or a parameter, known or new, or its transpose; more often what varies."""
        readable = self.scope.readable
        known = [text for text, own in readable.items() if own == shape]
        known += [f"{text}.T" for text, own in readable.items() if turned(own) == shape != own]
        if known and not self.rarely(4):
            return self.choose(known)
        if self.rarely(3) or not readable:
            return self.constant(shape)
        if shape == SCALAR:
            text = self.choose(readable)
            return f"{self.choose(('sum', 'mean'))}({text})"
        if not is_vector(shape):
            return self.constant(shape)
        return self.projected(shape)

    def projected(self, shape: Shape) -> str:
        """A vector that varies times a matrix, or a scalar spread over it."""
        row = shape[0] == ONE
        vectors = {text: own for text, own in self.scope.readable.items() if is_vector(own)}
        if not vectors:
            return f"({self.choose(self.scope.readable)[:0]}{self.constant(shape)})"
        text = self.choose(vectors)
        own = vectors[text]
        size = next(size for size in own if size != ONE)
        fits = (own[0] == ONE) == row
        text = text if fits else f"{text}.T"
        if row:
            return f"({text} @ {self.constant((size, shape[1]))})"
        return f"({self.constant((shape[0], size))} @ {text})"


@st.composite
def models(draw: Callable[..., Any]) -> str:
    """The text of a random model file: one to three states, one to six equations, a loss."""
    return Author(draw).model()


def _axes(shape: list[Any]) -> list[Any]:
    """The axes of the array that generated code takes: heads and their rows are one."""
    if len(shape) < 3:
        return shape
    heads, rows, columns = shape
    return [heads if rows == 1 else f"{heads}*{rows}", columns]


def _toml(file: dict[str, Any]) -> str:
    blocks = []
    for section, entries in file.items():
        if isinstance(entries, str | list):
            blocks.append(f"{section} = {_value(entries)}")
            continue
        lines = [f"{name} = {_value(_short(entry))}" for name, entry in entries.items()]
        blocks.append("\n".join([f"[{section}]", *lines]))
    return "\n\n".join(blocks) + "\n"


def _short(entry: Any) -> Any:
    return entry["shape"] if isinstance(entry, dict) and list(entry) == ["shape"] else entry


def _value(value: Any) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{key} = {_value(inner)}" for key, inner in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_value, value)) + "]"
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
    return str(value)
