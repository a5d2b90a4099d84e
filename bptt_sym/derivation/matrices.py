"""The matrices of the immediate derivatives that paths go along, each at any time step."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from bptt_sym.algebra.expressions import TIME, Parameter, PartialDerivative, Variable
from bptt_sym.derivation.derivation import DerivedEquation, Section
from bptt_sym.derivation.factors import Factor
from bptt_sym.derivation.step import Edge, Step


def edges_to(
    step: Step, parameters: Sequence[Parameter], reached: Container[str], more: Iterable[Edge] = ()
) -> list[Edge]:
    """The edges that paths to parameters go along, and ``more``; those to parameters stand last.

    Only what is among the names ``reached`` is read by anything that counts.
    """
    waiting = [edge for parameter in parameters for edge in step.readers(parameter.name)]
    waiting += more
    found: dict[Edge, None] = {}
    while waiting:
        edge = waiting.pop(0)
        if edge not in found and edge.of.name in reached:
            found[edge] = None
            waiting += step.readers(edge.of.name)
    order = [variable.name for variable in step.variables]

    def place(edge: Edge) -> tuple[bool, int, int]:
        return isinstance(edge.by, Parameter), -order.index(edge.of.name), edge.lag

    return sorted(found, key=place)


def factor_section(edges: Iterable[Edge], *, single: bool) -> Section:
    """The matrices along edges; ``single`` says that each is the only path between its ends."""
    equations = []
    for edge in edges:
        parameter = isinstance(edge.by, Parameter)
        by = edge.by if parameter else edge.by.at(TIME - edge.lag)
        factor = Factor(edge.of, by, "both" if single and not parameter else "immediate", edge)
        left = PartialDerivative(edge.of, by, parameter or not single)
        meaning = ("factor", f"{edge.of.name}_t", label(by))
        equations.append(DerivedEquation(meaning, left, edge.jacobian, ((factor,),)))
    return Section("factors", tuple(equations))


def label(symbol: Variable | Parameter) -> str:
    """A variable or parameter as part of the label of an equation."""
    return f"{symbol.name}_{symbol.time}" if isinstance(symbol, Variable) else symbol.name
