r"""A printed derivation, read back and evaluated at a random point.

Everything between the arguments of the module and the gradients is read from the LaTeX: the model's
equations, the factors, the adjoints.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

import bptt_sym as b
from bptt_sym.algebra.evaluate import evaluate
from bptt_sym.algebra.expressions import Parameter, dimension
from bptt_sym.algebra.names import GREEK
from bptt_sym.verification.sizes import number
from support.fitted import Fitted, fit
from support.latex_reader import Reader, Row, Style, Symbol, rows_of, time
from support.running import draw, gradients, sizes_of

STEPS = 3
TRANSPOSES = {"top": r"\top", "T": "T", "prime": r"\prime"}


class Page:
    """A printed derivation at a random point.

    With ``adjoint``, derivatives of the loss are adjoints, however they are written. Adjoints that
    the derivation speaks of and does not derive are those of the page ``beside``.
    """

    def __init__(
        self,
        model: b.Model,
        latex: str,
        arrays: dict[str, Any],
        sizes: Any,
        *,
        adjoint: bool,
        beside: Page | None = None,
    ) -> None:
        self.beside = beside
        notation = model.notation
        self.loss, _ = printed(model.loss.name, model)[-1]
        self.style = Style(
            notation.time != "subscript",
            self.loss if adjoint else "",
            "overbar" in (notation.adjoint, notation.gradient),
            TRANSPOSES[notation.transpose],
        )
        self.now, self.copy, self.last = (sign(notation.index(index)) for index in "tiN")
        self.shown = {shown_size(model, e.name): e.name for e in model.dimensions}
        self.names = notation.name
        self.columns, self.sizes = model.vectors == "columns", sizes
        self.functions = dict.fromkeys(model.functions, np.tanh)
        self.fixed: dict[tuple[str, tuple[str, ...]], Any] = {}
        self.varying: dict[tuple[str, tuple[str, ...]], Any] = {}
        self.known: dict[Any, Any] = {}
        for entry in model.declarations:
            for key in printed(entry.name, model):
                if entry.kind == "once":
                    whole = arrays[entry.name]
                    if not np.issubdtype(whole.dtype, np.floating):
                        size = sizes[str(entry.symbol.shape[0 if self.columns else 1])]
                        whole = np.eye(size)[whole]
                    self.fixed[key] = self.shaped(whole, entry)
                elif entry.kind == "parameter" or (
                    entry.name in arrays and entry.kind == "constant"
                ):
                    self.fixed[key] = self.shaped(arrays[entry.name], entry)
                elif entry.kind in ("input", "target"):
                    whole = arrays[entry.name]
                    if not np.issubdtype(whole.dtype, np.floating):
                        size = sizes[str(entry.symbol.shape[0 if self.columns else 1])]
                        whole = np.eye(size)[whole]
                    # The loss of the last step has one target.
                    alone = whole.shape[0] == 1
                    before = self.start(entry, arrays)
                    self.varying[key] = lambda t, a=whole, n=alone, b=before, e=entry: (
                        b if t < 1 else self.shaped(a[0] if n else a[t - 1, 0], e)
                    )
                elif entry.kind == "state":
                    first = self.start(entry, arrays)
                    self.varying[key] = lambda t, a=first: a
        self.lengths = {
            key: number(str(rows), sizes) * number(str(columns), sizes)
            for entry in (*model.declarations, *(e.variable for e in model.definitions))
            for key in printed(entry.name, model)
            for rows, columns in [entry.shape]
        }
        self.rows = rows_of(plain(latex))
        self.general: dict[Any, list[tuple[range | None, str]]] = {}
        self.exact: dict[Any, str] = {}
        self.between: list[tuple[Any, str]] = []
        self.gradients: list[tuple[Symbol, str]] = []
        self.identities: list[Row] = []
        for row in self.rows:
            self.file(row)

    def start(self, entry: Any, arrays: dict[str, Any]) -> Any:
        """The value before the first step: an array that is given, or a number."""
        given = arrays.get(started(entry.name))
        if given is not None:
            return self.shaped(given[0], entry)
        start = np.zeros([number(str(size), self.sizes) for size in entry.symbol.shape])
        if entry.initial is not None and not entry.initial.atoms(Parameter):
            known = {dimension(name): self.sizes[name] for name in self.shown.values()}
            start += evaluate(entry.initial, known, {})
        return self.shaped(start, entry)

    def shaped(self, array: Any, entry: Any) -> Any:
        """In the rows and columns of a declaration, with an axis of heads where it has some."""
        shape = tuple(number(str(size), self.sizes) for size in entry.sizes)
        return np.reshape(np.asarray(array, float), shape)

    def file(self, row: Row) -> None:
        seen: list[Any] = []

        def see(what: Any, _: Any) -> Any:
            seen.append(what)
            return np.ones((1, 1))

        Reader(row.left, self.times(), see, self.known_functions(), self.style).whole()
        if len(seen) > 1:
            self.identities.append(row)
            return
        (what,) = seen
        if self.is_row(what):
            what = ("row", what[2])
            turned = f"^{{{self.style.transpose}}}"
            if row.left.strip().endswith(turned):
                row = replace(row, right=rf"\left( {row.right} \right){turned}")
        of_parameter = isinstance(what, tuple) and isinstance(what[-1], Symbol)
        if of_parameter and self.is_parameter(what[-1]) and not self.at_t(what):
            self.gradients.append((what[-1], row.right))
        elif self.ends_at_i(what):
            self.between.append((what, row.right))
        elif self.at_t(what):
            ends = [time(end.replace(" ", ""), self.times()) for end in row.span or ()]
            steps = range(min(ends), max(ends) + 1) if ends else None
            equations = self.general.setdefault(self.key(what, self.times()), [])
            equations.append((steps, row.right))
        else:
            self.exact.setdefault(self.key(what, self.times()), row.right)

    def is_row(self, what: Any) -> bool:
        """Whether it is the total derivative of what is derived, with respect to a variable."""
        if not isinstance(what, tuple) or what[0] != "derivative":
            return False
        of, by = what[1:]
        of_loss = self.is_objective(self.key(of, self.times()))
        return (
            of_loss
            and isinstance(by, Symbol)
            and not self.is_parameter(by)
            and not self.ends_at_i(by)
        )

    def is_objective(self, key: Any) -> bool:
        """Whether it is the loss of the last step or of all."""
        return key[0] == self.loss and key[2] in (None, STEPS)

    def ends_at_i(self, what: Any) -> bool:
        """Whether it is a derivative with respect to what stands at step i, whatever that is."""
        while isinstance(what, tuple):
            what = what[-1]
        return bool(what.indices[-1:] == (self.copy,))

    def from_to(self, what: Any) -> tuple[str, dict[str, int]] | None:
        """The equation for a derivative between any two steps, and these steps."""
        for left, right in self.between:
            for t in range(STEPS + 1):
                for i in range(t):
                    times = {self.now: t, self.last: STEPS, self.copy: i}
                    if self.key(left, times) == what:
                        return right, {"t": t, self.copy: i}
        return None

    def times(self, **more: int) -> dict[str, int]:
        return {self.last: STEPS, self.now: more.pop("t", 0), **more}

    def at_t(self, what: Any) -> bool:
        while isinstance(what, tuple):
            what = what[1]
        return any(self.now in re.findall(r"\\?[A-Za-z]+", text) for text in what.indices[-1:])

    def is_parameter(self, symbol: Symbol) -> bool:
        # An initial state has a time step, and no equation defines it.
        return (symbol.sign, symbol.indices) in self.fixed or symbol.indices[-1:] == ("0",)

    def key(self, what: Any, times: Any) -> Any:
        """What a printed sign stands for: names with their time steps as numbers."""
        if isinstance(what, Symbol):
            if (what.sign, what.indices) in self.fixed or not what.indices:
                return (what.sign, what.indices, None)
            return (what.sign, what.indices[:-1], time(what.indices[-1], times))
        return (what[0], *(self.key(symbol, times) for symbol in what[1:]))

    def value(self, what: Any, times: Any) -> Any:
        if isinstance(what, Symbol) and what.sign == "I":
            return np.eye(self.size(what.indices[0]))
        if isinstance(what, Symbol) and not what.indices and what.sign in self.shown:
            return float(self.sizes[self.shown[what.sign]])
        if what == Symbol(r"\pi", ()):
            return np.pi
        key = self.key(what, times)
        if key[0] == "derivative" and not self.is_defined(key):
            # Where one edge is all there is between, the immediate derivative is the total one.
            what, key = ("immediate", *what[1:]), ("immediate", *key[1:])
        if self.beside and not self.is_defined(key):
            if key[0] == "immediate" and self.is_objective(key[1]):
                what, key = ("row", what[2]), ("row", key[2])
            if key[0] in ("row", "delta") and not self.is_defined(key):
                found = self.beside.value(("delta", what[-1]), times)
                return found if key[0] == "delta" else found.reshape(1, -1)
        if key in self.known:
            return self.known[key]
        self.known[key] = found = self.computed(what, key)
        return found

    def computed(self, what: Any, key: Any) -> Any:
        if isinstance(what, Symbol) and key[2] is None:
            return self.fixed[key[:2]]
        step = step_of(key)
        if key in self.exact:
            return self.read(self.exact[key], {}, what, key)
        between = self.from_to(key)
        if between:
            return self.read(*between, what)
        moved = shifted(key, -step)
        inside = 1 <= step <= STEPS
        if moved in self.general and (inside or not isinstance(what, Symbol)):
            rights = [right for steps, right in self.general[moved] if not steps or step in steps]
            return self.read(rights[0], {"t": step}, what, key)
        return self.varying[key[:2]](step)

    def is_defined(self, key: Any) -> bool:
        return (
            key in self.exact
            or bool(self.from_to(key))
            or shifted(key, -(step_of(key) or 0)) in self.general
        )

    def size(self, written: str) -> int:
        """The size of an identity: of a dimension, a number, or a sum of products of them."""
        if written in self.shown:
            return int(self.sizes[self.shown[written]])
        return round(float(np.squeeze(self.read(written, {}))))

    def entries(self, what: Any) -> list[int]:
        """The numbers of entries of a symbol, or of each in a tuple."""
        if isinstance(what, tuple):
            return [size for symbol in what[1:] for size in self.entries(symbol)]
        name = (what.sign, what.indices)
        return [self.lengths.get(name if name in self.fixed else (name[0], name[1][:-1]), 1)]

    def known_functions(self) -> dict[str, Any]:
        """The functions of the model by their printed names."""
        named = {sign(self.names(name)): function for name, function in self.functions.items()}
        return {name.lstrip("\\"): function for name, function in named.items()} | self.functions

    def read(self, text: str, times: Any, what: Any = None, key: Any = None) -> Any:
        functions = self.known_functions()
        reader = Reader(text, self.times(**times), self.value, functions, self.style)
        if isinstance(what, tuple) and len(what) == 3 and isinstance(what[2], Symbol | tuple):
            reader.shape = self.entries(what[1]), self.entries(what[2])
        found = reader.whole()
        if not isinstance(found, Fitted):
            return found
        of_derivative = tuple(map(sum, reader.shape)) if all(reader.shape) else None
        return fit(found, of_derivative or self.shape_of(key))

    def shape_of(self, key: Any) -> Any:
        """The shape of what is read, where it is an adjoint or a gradient."""
        if key is None:
            return None
        if key[0] == "delta":
            return self.shape_of(key[1])
        if len(key) != 3 or not isinstance(key[1], tuple) or key[0] in KINDS:
            return None
        sign, indices, step = key
        symbol = Symbol(sign, indices if step is None else (*indices, str(step)))
        with suppress(LookupError, RecursionError):
            return np.shape(self.value(symbol, self.times()))
        return None

    def check_identities(self) -> int:
        """How many of the equations that hold at any step were compared, at each step."""
        count = 0
        for row in self.identities:
            for step in range(1, STEPS + 1):
                with suppress(LookupError):  # not every adjoint is there at every step
                    left, right = (self.read(side, {"t": step}) for side in (row.left, row.right))
                    if np.ndim(right) == 3:  # of heads of one column each, the row of all
                        right = right.reshape(left.shape)
                    assert left.shape == right.shape
                    assert np.abs(left - right).max() <= 1e-12 * (1 + np.abs(right).max())
                    count += 1
        return count


def step_of(key: Any) -> Any:
    """The time step of a symbol, or of the first symbol of what it is in."""
    return key[2] if isinstance(key[1], tuple) and key[0] not in KINDS else step_of(key[1])


KINDS = {"row", "derivative", "immediate", "delta", "tuple"}


def shifted(key: Any, by: int) -> Any:
    if isinstance(key[0], str) and len(key) == 3 and (key[2] is None or isinstance(key[2], int)):
        return key if key[2] is None else (*key[:2], key[2] + by)
    return (key[0], *(shifted(part, by) for part in key[1:]))


def printed(name: str, model: b.Model) -> list[tuple[str, tuple[str, ...]]]:
    """The signs that a name may be printed as."""
    if name in model.latex:
        return [(plain(model.latex[name]).replace(" ", ""), ())]
    base, _, index = model.notation.name(name).partition("_")
    letter, index = sign(base), tuple(map(sign, index.split(","))) if index else ()
    if "bar" in (model.notation.vector, model.notation.matrix):
        over = r"\overline" if letter.startswith(r"\mathrm") else r"\bar"
        return [(rf"{over}{{{letter}}}", index), (letter, index)]
    return [(letter, index)]


def started(name: str) -> str:
    """The name of an array that is given before the first step."""
    return f"{name}_0" if "_" in name else f"{name}0"


def shown_size(model: b.Model, size: str) -> str:
    """How the name of a dimension is printed."""
    return ",".join(map(sign, model.notation.name(size).split("_")))


def plain(latex: str) -> str:
    """The LaTeX without alphabets: letters are told apart by themselves."""
    while True:
        shorter = _ALPHABET.sub(lambda found: f"{found[1] or ''}{found[2]}{found[3] or ''}", latex)
        if shorter == latex:
            return latex
        latex = shorter


_ALPHABET = re.compile(r"({)?\\(?:boldsymbol|mathbf|vec)\{((?!1\})(?:[^{}]|\{[^{}]*\})+)\}(})?")


def sign(name: str) -> str:
    if name in GREEK:
        return f"\\{name}"
    return name if len(name) == 1 or name.isdigit() else rf"\mathrm{{{name}}}"


def compared(
    model: b.Model, level: Any, loss: Any, change: Any = lambda latex: latex
) -> list[float]:
    """How far each printed gradient is from the module's."""
    module = b.compile(
        model, style="readable", loss=loss, activation=dict.fromkeys(model.functions, "tanh")
    )
    sizes = sizes_of(model, STEPS, 1)
    arrays = draw(module, sizes)
    for signal in getattr(module, "FINAL", {}):  # which derivations have none of
        arrays[signal] = np.zeros_like(arrays[signal])
    expected = gradients(module, arrays)
    latex = b.derive(model, steps=STEPS, level=level, loss=loss).latex()
    names = {key: entry.name for entry in model.declarations for key in printed(entry.name, model)}
    beside = None
    if level == "jacobian":
        adjoints = b.derive(model, steps=STEPS, level="adjoint", loss=loss).latex()
        beside = Page(model, adjoints, arrays, sizes, adjoint=True)
    found = []
    for text in (change(latex), for_any_number(change(latex))):
        page = Page(model, text, arrays, sizes, adjoint=level == "adjoint", beside=beside)
        assert page.check_identities() >= len(page.identities)
        assert len(page.gradients) >= len(module.Parameters._fields)
        for symbol, right in page.gradients:
            parameter = names.get((symbol.sign, symbol.indices))
            parameter = parameter or started(names[symbol.sign, symbol.indices[:-1]])
            gradient = np.asarray(expected[parameter])
            key = page.key(symbol, page.times())
            value = np.asarray(page.read(right, {}, symbol, key))
            if not value.ndim:  # a zero stands for a matrix of zeros
                assert value == 0
                value = np.zeros(gradient.shape)
            assert value.size == gradient.size, (symbol, value.shape, gradient.shape, right[:300])
            found.append(float(np.abs(value.ravel() - gradient.ravel()).max()))
    assert len(found) >= 3 * len(module.Parameters._fields)
    return found


def for_any_number(latex: str) -> str:
    """The derivation without the equations for one number of steps alone."""
    paragraphs = re.split(r"(?=\\paragraph)", latex)
    return "".join(p for p in paragraphs if not re.match(r"\\paragraph\{\w+ for \$\S+ = \d+\$", p))
