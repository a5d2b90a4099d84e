r"""The LaTeX of a derivation, read back and evaluated, is the gradient of the generated module.

Everything between the arguments of the module and the gradients is read from the LaTeX: the model's
equations, the factors, the adjoints.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from latex_reader import Reader, Symbol, rows_of, time
from running import draw, gradients, sizes_of

import bptt_sym as b
from bptt_sym.verification.sizes import number

STEPS = 3
GREEK = {"alpha", "beta", "gamma", "delta", "sigma", "phi", "nu", "rho", "kappa", "lambda", "eta"}


class Page:
    """A printed derivation at a random point."""

    def __init__(self, model: b.Model, latex: str, arrays: dict[str, Any], sizes: Any) -> None:
        self.columns, self.sizes = model.vectors == "columns", sizes
        self.functions = dict.fromkeys(model.functions, np.tanh)
        self.fixed: dict[tuple[str, tuple[str, ...]], Any] = {}
        self.varying: dict[tuple[str, tuple[str, ...]], Any] = {}
        self.known: dict[Any, Any] = {}
        for entry in model.declarations:
            for key in printed(entry.name, model):
                if entry.kind == "parameter" or (entry.name in arrays and entry.kind == "constant"):
                    self.fixed[key] = self.shaped(arrays[entry.name])
                elif entry.kind in ("input", "target"):
                    whole = arrays[entry.name]
                    if not np.issubdtype(whole.dtype, np.floating):
                        size = sizes[str(entry.symbol.shape[0 if self.columns else 1])]
                        whole = np.eye(size)[whole]
                    # The loss of the last step has one target.
                    alone = whole.shape[0] == 1
                    self.varying[key] = lambda t, a=whole, alone=alone: self.shaped(
                        a[0] if alone else a[t - 1, 0]
                    )
                elif entry.name + "0" in arrays:
                    first = self.shaped(arrays[entry.name + "0"][0])
                    self.varying[key] = lambda t, a=first: a
                elif entry.kind == "state":
                    zeros = np.zeros([number(str(size), sizes) for size in entry.symbol.shape])
                    self.varying[key] = lambda t, a=zeros: a
        self.rows = rows_of(latex)
        self.general: dict[Any, str] = {}
        self.exact: dict[Any, str] = {}
        self.gradients: list[tuple[Symbol, str]] = []
        for row in self.rows:
            self.file(row.left, row.right)

    def shaped(self, array: Any) -> Any:
        array = np.asarray(array, float)
        if array.ndim > 1:
            return array
        return array.reshape(-1, 1) if self.columns else array.reshape(1, -1)

    def file(self, left: str, right: str) -> None:
        seen: list[Any] = []
        with suppress(TypeError):
            Reader(left, {"t": 0, "N": STEPS}, lambda what, _: seen.append(what), {}).whole()
        (what,) = seen
        of_parameter = isinstance(what, tuple) and isinstance(what[-1], Symbol) and len(what) == 3
        if of_parameter and self.is_parameter(what[2]) and not self.at_t(what):
            self.gradients.append((what[2], right))
            return
        equations = self.general if self.at_t(what) else self.exact
        equations.setdefault(self.key(what, {"t": 0, "N": STEPS}), right)

    def at_t(self, what: Any) -> bool:
        while isinstance(what, tuple):
            what = what[1]
        return bool(what.indices[-1:] == ("t",))

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
        key = self.key(what, times)
        if key[0] == "derivative" and not self.is_defined(key):
            # Where one edge is all there is between, the immediate derivative is the total one.
            what, key = ("immediate", *what[1:]), ("immediate", *key[1:])
        if key in self.known:
            return self.known[key]
        self.known[key] = found = self.computed(what, key)
        return found

    def computed(self, what: Any, key: Any) -> Any:
        if isinstance(what, Symbol) and key[2] is None:
            return self.fixed[key[:2]]
        if isinstance(what, Symbol) and what.sign == "I":
            return np.eye(self.sizes[what.indices[0]])
        step = step_of(key)
        if key in self.exact:
            return self.read(self.exact[key], {})
        moved = shifted(key, -step)
        inside = 1 <= step <= STEPS
        if moved in self.general and (inside or not isinstance(what, Symbol)):
            return self.read(self.general[moved], {"t": step})
        return self.varying[key[:2]](step)

    def is_defined(self, key: Any) -> bool:
        return key in self.exact or shifted(key, -step_of(key)) in self.general

    def read(self, text: str, times: Any) -> Any:
        return Reader(text, {"N": STEPS, **times}, self.value, self.functions).whole()


def step_of(key: Any) -> Any:
    """The time step of a symbol, or of the first symbol of what it is in."""
    return key[2] if isinstance(key[1], tuple) and key[0] not in KINDS else step_of(key[1])


KINDS = {"derivative", "immediate", "delta", "tuple"}


def shifted(key: Any, by: int) -> Any:
    if isinstance(key[0], str) and len(key) == 3 and (key[2] is None or isinstance(key[2], int)):
        return key if key[2] is None else (*key[:2], key[2] + by)
    return (key[0], *(shifted(part, by) for part in key[1:]))


def printed(name: str, model: b.Model) -> list[tuple[str, tuple[str, ...]]]:
    """The signs that a name may be printed as."""
    if name in model.latex:
        return [(model.latex[name].replace(" ", ""), ())]
    base, _, index = name.partition("_")
    letter, index = sign(base), (sign(index),) if index else ()
    return [(rf"\bar{{{letter}}}", index), (letter, index)]


def sign(name: str) -> str:
    if name in GREEK:
        return f"\\{name}"
    return name if len(name) == 1 or name.isdigit() else rf"\mathrm{{{name}}}"


def compared(name: str, level: Any, loss: Any, change: Any = lambda latex: latex) -> list[float]:
    """How far each printed gradient is from the module's."""
    model = b.load_model(name)
    module = b.compile(
        model, style="readable", loss=loss, activation=dict.fromkeys(model.functions, "tanh")
    )
    sizes = sizes_of(model, STEPS, 1)
    arrays = draw(module, sizes)
    expected = gradients(module, arrays)
    latex = b.derive(model, steps=STEPS, level=level, loss=loss).latex()
    page = Page(model, change(latex), arrays, sizes)
    names = {key: entry.name for entry in model.declarations for key in printed(entry.name, model)}
    found = []
    for symbol, right in page.gradients:
        parameter = names.get((symbol.sign, symbol.indices))
        parameter = parameter or names[symbol.sign, symbol.indices[:-1]] + "0"
        gradient = np.asarray(expected[parameter])
        value = page.read(right, {})
        assert value.size == gradient.size
        found.append(float(np.abs(value.ravel() - gradient.ravel()).max()))
    assert len(found) >= 2 * len(module.Parameters._fields)
    return found


UNREAD = {
    "bidirectional", "linear-attention", "lstm", "lstm-coupled", "lstm-peephole", "mgu", "minlstm",
    "sru", "stacked",
}  # fmt: skip
"""Models whose Jacobians the reader cannot read yet: blocks of zeros whose width is not printed,
names that print as a longer formula, derivatives that are not printed at all."""

READ = [("adjoint", name) for name in b.model_names()]
READ += [("jacobian", name) for name in b.model_names() if name not in UNREAD]


@pytest.mark.parametrize("loss", ["last", "sum"])
@pytest.mark.parametrize(("level", "name"), READ)
def test_the_print_is_the_gradient(level: str, name: str, loss: str) -> None:
    assert max(compared(name, level, loss)) < 1e-12


@pytest.mark.parametrize("name", ["elman", "gru", "stacked"])
@pytest.mark.parametrize(
    ("printed", "wrong"),
    [
        (r"^{\top}", ""),
        (r" - \bar{y}", r" + \bar{y}"),
        (r"\left( \bar", r"\bar"),
        ("&= -2", "&= 2"),
    ],
)
def test_a_fault_in_the_print_is_found(name: str, printed: str, wrong: str) -> None:
    def fault(latex: str) -> str:
        at = latex.find(printed, latex.index("Adjoints for"))
        if at < 0:
            pytest.fail("there is nothing to spoil")
        return latex[:at] + wrong + latex[at + len(printed) :]

    try:
        far = max(compared(name, "adjoint", "sum", fault))
    except (AssertionError, ValueError, KeyError):
        return
    assert far > 1e-6
