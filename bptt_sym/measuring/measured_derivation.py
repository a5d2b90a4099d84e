"""A derivation in numbers, which can write itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bptt_sym.algebra.expressions import Expr, Parameter, Variable
from bptt_sym.derivation.derivation import Derivation
from bptt_sym.derivation.derivation_values import DerivationValues
from bptt_sym.derivation.derive import check_number
from bptt_sym.errors import InputError
from bptt_sym.measuring.array_files import arrays_from
from bptt_sym.measuring.asked import ArraysOrFile
from bptt_sym.measuring.network_at import derivation_at
from bptt_sym.measuring.weight_files import weights_from
from bptt_sym.quoting import title
from bptt_sym.render.medium import Medium
from bptt_sym.render.plain import ascii_text, unicode_text
from bptt_sym.render.text import text
from bptt_sym.render.typeset import typeset

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = Any


@dataclass(frozen=True, repr=False)
class MeasuredDerivation:
    """The numbers of a derivation, by names.

    Jacobians have a row for each entry of the numerator and a column for each of the denominator,
    those of a matrix row by row; gradients and contributions have the shape of their parameter.
    """

    values: DerivationValues

    @property
    def derivation(self) -> Derivation:
        """What is in numbers."""
        return self.values.derivation

    @property
    def loss(self) -> float:
        """The value of the loss that is derived."""
        return self.values.loss

    @cached_property
    def quantities(self) -> Mapping[str, Array]:
        """All that the loss depends on, by what it is called in text: "W_s", "s_2", "E_2"."""
        values = self.values
        symbols = (s for computed in (False, True) for s in values.quantities(computed=computed))
        return {self._name(symbol): values.value(symbol) for symbol in symbols}

    @cached_property
    def gradients(self) -> Mapping[str, Array]:
        """The gradient with respect to each parameter, and to inputs and initial values: "s_0"."""
        found = self.values.gradients
        return {self._called(symbol): array for symbol, array in found.items()}

    @cached_property
    def contributions(self) -> Mapping[str, Mapping[int, Array]]:
        """The gradient with respect to the copy of each parameter in each step that has one; the
        copy of step 0 is that which initial values are made of.
        """
        found = self.values.contributions
        return {parameter.name: steps for parameter, steps in found.items()}

    @cached_property
    def factors(self) -> Mapping[str, Array]:
        """The matrix of each derivative in the chains, by how text writes it: "ds_2/ds_1"."""
        found = self.values.factors
        return {self._name(derivative): array for derivative, array in found.items()}

    @cached_property
    def paths(self) -> Mapping[str, Mapping[str, Array]]:
        """The product along each path to a copy of each parameter, by the variables on it, of a
        derivation with ``paths``.
        """
        found: dict[str, dict[str, Array]] = {}
        for section in self.derivation.sections:
            if section.topic == "paths" and section.parameter is not None:
                of_parameter = found.setdefault(section.parameter.name, {})
                for equation in section.equations:
                    names = (f"{vertex.name}_{vertex.time}" for vertex in equation.path)
                    of_parameter[" ".join(names)] = self.values.value(equation.right)
        return found

    def text(
        self,
        *,
        width: int | None = None,
        ascii: bool = False,  # noqa: A002 - as the option of the command is called
        color: bool = False,
        mark_immediate: bool = False,
    ) -> str:
        """The derivation as text, with its numbers below each equation."""
        medium = Medium(width, ascii, color)
        return text(self.derivation, medium, mark_immediate=mark_immediate, values=self.values)

    def latex(self, *, mark_immediate: bool = False) -> str:
        r"""The same as a LaTeX fragment to \\input; it needs amsmath."""
        from bptt_sym.render.latex import latex

        return latex(self.derivation, mark_immediate=mark_immediate, values=self.values)

    def data(self, *, mark_immediate: bool = False) -> dict[str, Any]:
        """The derivation as dicts, lists and strings, with its numbers."""
        from bptt_sym.render.data import data

        return data(self.derivation, mark_immediate=mark_immediate, values=self.values)

    def json(self, *, mark_immediate: bool = False) -> str:
        """The same as JSON."""
        from bptt_sym.render.data import json_text

        return json_text(self.derivation, mark_immediate=mark_immediate, values=self.values)

    def plot(self) -> Figure:
        """The norms of contributions over the distance in time, on a logarithmic scale.

        Raises InputError where Matplotlib is not installed, or there are no contributions.
        """
        from bptt_sym.measuring.measure_plot import Curve, log_norms, plot_contributions

        steps, curves = self.derivation.steps, []
        for parameter, contributions in self.values.contributions.items():
            norms = [float(np.linalg.norm(array)) for array in contributions.values()]
            distance = steps - np.asarray(list(contributions))
            name = unicode_text(typeset(parameter, self.derivation.model.notation))
            curves.append(Curve(name, distance, log_norms(norms)))
        return plot_contributions(curves, f"{title(self.derivation.model.name)} over {steps} steps")

    def _repr_latex_(self) -> str:
        from bptt_sym.render.number_display import number_display

        return number_display(self.values)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name}={size}" for name, size in self.values.sizes.items())
        return f"<Numbers of the derivation of {self.derivation.model.name}: {sizes}>"

    def __str__(self) -> str:
        return self.text()

    def _name(self, symbol: Expr) -> str:
        return ascii_text(typeset(symbol, self.derivation.model.notation))

    def _called(self, symbol: Parameter | Variable) -> str:
        return symbol.name if isinstance(symbol, Parameter) else f"{symbol.name}_{symbol.time}"


def measured_derivation(
    derivation: Derivation,
    values: Any,
    *,
    weights: ArraysOrFile,
    data: ArraysOrFile,
    seed: int,
    sizes: Mapping[str, int],
    functions: Mapping[str, str],
) -> MeasuredDerivation:
    """The numbers of a derivation, as the Python interface asks for them."""
    check_number("seed", seed, 0, 2**63)
    all_values = values._asdict() if hasattr(values, "_asdict") else values or {}
    if not isinstance(all_values, Mapping):
        raise InputError("values are a mapping of arrays by their names, or parameters of a module")
    is_weight = {
        entry.name
        for entry in derivation.model.declarations
        if entry.kind in ("parameter", "constant")
    }
    of_weights = {name: a for name, a in all_values.items() if name in is_weight}
    of_data = {name: a for name, a in all_values.items() if name not in is_weight}
    words = ["--numbers", "--seed", str(seed)]
    if sizes:
        words += ["--sizes", ",".join(f"{name}={size}" for name, size in sizes.items())]
    for name, source in (("weights", weights), ("data", data)):
        words += [f"--{name}", str(source)] if isinstance(source, str | Path) else []
    for name, function in functions.items():
        words += ["--activation", f"{name}={function}"]
    return MeasuredDerivation(
        derivation_at(
            derivation,
            seed=seed,
            sizes=sizes,
            weights=of_weights | weights_from(weights, derivation.model),
            data=of_data | arrays_from(data),
            functions=functions,
            words=tuple(words),
        )
    )
