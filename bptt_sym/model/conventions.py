"""How mathematics is written down: the signs and names of a course, a book or a paper, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from sympy import Rational

Orientation = Literal["declared", "rows", "columns"]
Alphabet = Literal["plain", "bar", "arrow", "bold", "bold upright"]
Place = Literal["subscript", "superscript", "parentheses", "angle"]
Letter = Literal["partial", "d", "D"]
Mark = Literal["plus", "star", "bar"]
Total = Literal["fraction", "nabla", "d", "delta", "overbar"]
Circle = Literal["odot", "circ"]
TransposeSign = Literal["top", "T", "prime"]


@dataclass(frozen=True)
class Notation:
    r"""A way to write a derivation; what is not said is as in the course of the first model.

    - ``vectors``: rows, columns, or as the model "declared" them.
    - ``time``: the time step as s_t, s^t, s^{(t)} or s^{\langle t\rangle}.
    - ``derivative``: its letter; ``immediate``: the mark of an immediate one, which
      ``mark_immediate`` puts wherever it belongs, and not only where it tells two apart.
    - ``gradient``, ``adjoint``: the derivative of the loss with respect to a parameter or a
      variable, in its shape: \partial E/\partial W, \nabla_W E, dW, \delta W, or W with a bar.
    - ``vector``, ``matrix``: the alphabets of names; ``product``, ``transpose``: their signs.
    - ``names``: other names for those of the model, its functions and its dimensions; ``indices``:
      other letters for t, i, j, N; ``latex``: the LaTeX of names; ``macros``: the LaTeX commands to
      write for them.

    ``decimals`` are the numbers that the model file writes with a point or a power of ten.

    ``reference`` is what the notation is called on the command line, ``source`` where it is from.
    """

    reference: str = "course"
    source: str = "Udacity, Recurrent Neural Networks"
    vectors: Orientation = "declared"
    time: Place = "subscript"
    derivative: Letter = "partial"
    immediate: Mark = "plus"
    mark_immediate: bool = False
    gradient: Total = "fraction"
    adjoint: Total = "delta"
    vector: Alphabet = "bar"
    matrix: Alphabet = "plain"
    product: Circle = "odot"
    transpose: TransposeSign = "top"
    names: Mapping[str, str] = field(default_factory=dict)
    indices: Mapping[str, str] = field(default_factory=dict)
    latex: Mapping[str, str] = field(default_factory=dict)
    macros: Mapping[str, str] = field(default_factory=dict)
    decimals: frozenset[Rational] = frozenset()

    @property
    def has_own_signs(self) -> bool:
        """Whether anything but names, derivatives and alphabets is written in its own way."""
        own = (self.product, self.transpose, self.time) != ("odot", "top", "subscript")
        return own or bool(self.names or self.indices or self.macros)

    def name(self, name: str) -> str:
        """What a name of the model is called."""
        return self.names.get(name, name)

    def index(self, letter: str) -> str:
        """What one of the indices t, i, j, N is called."""
        return self.indices.get(letter, letter)

    def with_letters(self, letters: str) -> Notation:
        """The notation in which some letters are themselves, and none of the model's names."""

        def others(told: Mapping[str, str]) -> dict[str, str]:
            return {name: shown for name, shown in told.items() if name not in letters}

        names, latex, macros = map(others, (self.names, self.latex, self.macros))
        return replace(self, names=names, latex=latex, macros=macros)

    @property
    def is_default(self) -> bool:
        """Whether it is the notation of everything that is printed without another one."""
        return self.reference == COURSE.reference

    def function(self, name: str) -> str:
        """What a function is called, or the LaTeX command for it."""
        return f"\\{self.macros[name]}" if name in self.macros else self.name(name)


def of_layers(layers: Mapping[str, tuple[str, int]]) -> dict[str, str]:
    """The names of layers that have an index besides their number: W_i,2 for W_i2."""
    return {name: f"{base},{layer}" for name, (base, layer) in layers.items() if "_" in base}


def total_of(loss: str) -> str:
    """The name under which ``macros`` has the total of the losses of all steps."""
    return f"{loss} total"


CHOICES: dict[str, tuple[str, ...]] = {
    "vectors": get_args(Orientation),
    "time": get_args(Place),
    "derivative": get_args(Letter),
    "immediate": get_args(Mark),
    "gradient": get_args(Total),
    "adjoint": get_args(Total),
    "vector": get_args(Alphabet),
    "matrix": get_args(Alphabet),
    "product": get_args(Circle),
    "transpose": get_args(TransposeSign),
}
"""What each setting may be."""

COURSE = Notation()
"""The notation of everything that is printed without another one."""

INDICES = ("t", "i", "j", "N")
"""The time step, that of a contribution, the running index of a product, the last step."""
