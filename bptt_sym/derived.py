"""A derivation that can write itself, as the Python interface gives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bptt_sym.derivation.derivation import Derivation as PlainDerivation
from bptt_sym.render.medium import Medium
from bptt_sym.render.text import text

if TYPE_CHECKING:
    from bptt_sym.measuring.asked import ArraysOrFile
    from bptt_sym.measuring.measured_derivation import MeasuredDerivation


@dataclass(frozen=True, repr=False)
class Derivation(PlainDerivation):
    """A derivation that can write itself; in a notebook it shows itself as typeset equations."""

    def text(
        self,
        *,
        width: int | None = None,
        ascii: bool = False,  # noqa: A002 - as the option of the command is called
        color: bool = False,
        mark_immediate: bool = False,
    ) -> str:
        """The derivation as text, in Unicode or in ASCII.

        Lines are at most ``width`` columns, where it is told, but for what cannot be broken.
        """
        return text(self, Medium(width, ascii, color), mark_immediate=mark_immediate)

    def latex(self, *, mark_immediate: bool = False) -> str:
        r"""The derivation as a LaTeX fragment to \\input; it needs amsmath."""
        from bptt_sym.render.latex import latex

        return latex(self, mark_immediate=mark_immediate)

    def json(self, *, mark_immediate: bool = False) -> str:
        """The derivation as JSON."""
        from bptt_sym.render.data import json_text

        return json_text(self, mark_immediate=mark_immediate)

    def data(self, *, mark_immediate: bool = False) -> dict[str, Any]:
        """The derivation as dicts, lists and strings."""
        from bptt_sym.render.data import data

        return data(self, mark_immediate=mark_immediate)

    def measure(
        self,
        values: Any = None,
        *,
        weights: ArraysOrFile = None,
        data: ArraysOrFile = None,
        seed: int = 0,
        sizes: Mapping[str, int] | None = None,
        activation: Mapping[str, str] | None = None,
    ) -> MeasuredDerivation:
        """The derivation in numbers: each factor, contribution and gradient as an array.

        ``values`` are arrays by their names, or the parameters of a module: all of them as
        generated modules take them, for one sequence, whose axis may lack. ``weights`` and ``data``
        are such, too, or the paths of .npz files. What none of them holds is drawn with the
        ``seed``, small and of ``sizes`` by the names of dimensions, else of small ones. Raises
        InputError for arrays that do not fit, and for more or larger ones than can be printed.
        """
        from bptt_sym.measuring.measured_derivation import measured_derivation

        return measured_derivation(
            self,
            values,
            weights=weights,
            data=data,
            seed=seed,
            sizes=sizes or {},
            functions=activation or {},
        )

    def _repr_latex_(self) -> str:
        from bptt_sym.render.latex import display

        return display(self)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        wrt = ", ".join(parameter.name for parameter in self.parameters)
        return (
            f"<Derivation of {self.model.name} with respect to {wrt}: "
            f"{self.steps} steps, level {self.level}, loss {self.loss}>"
        )
