"""A derivation as plain data, ready for JSON; ``docs/derivation.schema.json`` describes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bptt_sym.algebra.blocks import StateTuple
from bptt_sym.algebra.expressions import Expr, MatrixExpr, Parameter, TotalLoss, Variable
from bptt_sym.derivation.derivation import Derivation, DerivedEquation, Section
from bptt_sym.derivation.factors import Factor
from bptt_sym.derivation.unfolding import Vertex
from bptt_sym.limits import JSON_FACTORS
from bptt_sym.model.conventions import Notation
from bptt_sym.model.function_rules import FunctionRule, function_rules
from bptt_sym.model.model import ARGUMENT, Declaration, Equation, Model
from bptt_sym.quoting import shown_path
from bptt_sym.render.command import derive_command
from bptt_sym.render.digits import digits
from bptt_sym.render.latex import label
from bptt_sym.render.plain import unicode_text
from bptt_sym.render.show import typesetter
from bptt_sym.render.tex import tex
from bptt_sym.render.typeset import typeset
from bptt_sym.version import MADE_BY

if TYPE_CHECKING:
    from bptt_sym.derivation.derivation_values import DerivationValues

SCHEMA = "bptt-sym derivation, version 1"

CONVENTION = {
    "jacobian": "rows count the entries of the numerator, columns those of the denominator",
    "matrix_entries": "row by row",
    "gradient": "in the shape of the parameter",
}


def data(
    derivation: Derivation,
    *,
    mark_immediate: bool = False,
    values: DerivationValues | None = None,
) -> dict[str, Any]:
    """Every equation, contribution, factor and path of a derivation as dicts, lists and strings.

    With ``values``, it is in numbers, too.
    """
    lists = (factors for equation in derivation.equations for factors in equation.factors)
    JSON_FACTORS.check(sum(map(len, lists)))
    writer = _Writer(derivation, mark_immediate, values)
    more = () if values is None else values.words
    numbers = {} if values is None else {"numbers": _numbers(values)}
    return {
        "schema": SCHEMA,
        "made_by": MADE_BY,
        "command": derive_command(derivation, "json", mark_immediate=mark_immediate, more=more),
        "model": _model(derivation.model),
        "steps": derivation.steps,
        "level": derivation.level,
        "notation": shown_path(derivation.model.notation.reference),
        "loss": derivation.loss,
        "parameters": [parameter.name for parameter in derivation.parameters],
        "convention": {"vectors": derivation.model.vectors.removesuffix("s"), **CONVENTION},
        **numbers,
        "sections": [writer.section(section) for section in derivation.sections],
    }


def json_text(
    derivation: Derivation,
    *,
    mark_immediate: bool = False,
    values: DerivationValues | None = None,
) -> str:
    """The data of a derivation as JSON."""
    plain = data(derivation, mark_immediate=mark_immediate, values=values)
    return json.dumps(plain, indent=2, ensure_ascii=False) + "\n"


class _Writer:
    def __init__(
        self, derivation: Derivation, mark_immediate: bool, values: DerivationValues | None
    ) -> None:
        self.derivation, self.values = derivation, values
        self.mark_immediate = mark_immediate

    def section(self, section: Section) -> dict[str, Any]:
        self.show = typesetter(self.derivation, section, mark_immediate=self.mark_immediate)
        return {
            "topic": section.topic,
            "parameter": section.parameter.name if section.parameter else None,
            "for_any_number_of_steps": section.general,
            "fewest_steps": section.fewest_steps,
            "path_count": None if section.path_count is None else digits(section.path_count),
            "equations": [self.equation(section, e) for e in section.equations],
        }

    def equation(self, section: Section, equation: DerivedEquation) -> dict[str, Any]:
        span = equation.span
        contribution = equation.contribution
        return {
            "label": label(self.derivation, equation),
            "number": equation.number,
            "left": None if equation.left is None else self.formula(equation.left),
            "right": self.formula(equation.right),
            "for": span
            and {
                "index": str(span.index),
                "from": str(span.first),
                "down_to": str(span.last),
                "order": "rising" if span.rising else "falling",
            },
            "chains": [[self.factor(factor) for factor in chain] for chain in equation.factors],
            "contribution": contribution
            and {
                "parameter": contribution.parameter.name,
                "time_step": contribution.step,
                "readers": [_symbol(reader) for reader in contribution.readers],
                "path_count": contribution.path_count,
                "paths": [_path(path) for path in contribution.paths],
            },
            **self.numbers(section, equation),
        }

    def numbers(self, section: Section, equation: DerivedEquation) -> dict[str, Any]:
        """An equation in numbers, at each of the steps that it is about, where it has some."""
        if self.values is None:
            return {}
        found = []
        for instance in self.values.at_steps(section, equation):
            left = None if instance.left is None else unicode_text(self.show(instance.left))
            value = self.values.in_shape(instance, self.values.value(instance.right))
            found.append({"left": left, "value": value.tolist()})
        return {"numbers": found}

    def formula(self, expression: MatrixExpr) -> dict[str, Any]:
        box = self.show(expression)
        shape = [str(size) for size in expression.shape]
        return {"text": unicode_text(box), "latex": tex(box), "shape": shape}

    def factor(self, factor: Factor) -> dict[str, Any]:
        return {
            "of": _symbol(factor.of),
            "by": _symbol(factor.by),
            "kind": factor.kind,
            "derivative": self.formula(factor.expression),
            "jacobian": self.formula(factor.jacobian) if factor.edge else None,
            **self.number(factor),
        }

    def number(self, factor: Factor) -> dict[str, Any]:
        """The matrix of a factor in numbers, where its steps are."""
        if self.values is None or not _is_of_numbers(factor):
            return {}
        return {"value": self.values.value(factor.expression).tolist()}


def _is_of_numbers(factor: Factor) -> bool:
    sides = (factor.of, factor.by)
    return all(side.time.is_Integer for side in sides if isinstance(side, Variable))


def _numbers(values: DerivationValues) -> dict[str, Any]:
    """What the numbers of a derivation follow from."""
    return {
        "sizes": dict(values.sizes),
        "seed": values.seed,
        "given": list(values.given),
        "drawn": list(values.drawn),
        "loss": values.loss,
        "quantities": [
            {
                "name": symbol.name,
                "time_step": int(symbol.time) if isinstance(symbol, Variable) else None,
                "value": values.value(symbol).tolist(),
            }
            for computed in (False, True)
            for symbol in values.quantities(computed=computed)
        ],
    }


def _model(model: Model) -> dict[str, Any]:
    return {
        "name": model.name,
        "title": model.title,
        "dimensions": {entry.name: entry.meaning for entry in model.dimensions},
        "declarations": [_declaration(entry, model) for entry in model.declarations],
        "functions": [
            _function(rule, model.notation.with_letters(ARGUMENT.name))
            for rule in function_rules(model)
        ],
        "equations": [_equation(equation, model.notation) for equation in model.written_equations],
    }


def _function(rule: FunctionRule, notation: Notation) -> dict[str, Any]:
    def formula(side: MatrixExpr) -> dict[str, str]:
        box = typeset(side, notation)
        return {"text": unicode_text(box), "latex": tex(box)}

    return {
        "name": rule.name,
        "value": formula(rule.value),
        "derivative": formula(rule.slope),
        "declared": rule.declared,
    }


def _declaration(entry: Declaration, model: Model) -> dict[str, Any]:
    shape = [str(size) for size in entry.sizes]
    return {"name": entry.name, "kind": model.role(entry), "shape": shape, "meaning": entry.meaning}


def _equation(equation: Equation, notation: Notation) -> dict[str, Any]:
    def text(left: Expr, right: Expr) -> str:
        return " = ".join(unicode_text(typeset(side, notation)) for side in (left, right))

    return {
        "name": equation.name,
        "text": text(equation.left, equation.written),
        "preactivations": {
            inner.name: text(inner.variable, inner.expression) for inner in equation.preactivations
        },
    }


def _symbol(symbol: Variable | Parameter | TotalLoss) -> dict[str, Any]:
    """A name with its time step: a number, an expression such as "t - 1", or none.

    A tuple of states has its components, which are such names, too.
    """
    if isinstance(symbol, Parameter | TotalLoss):
        return {"name": symbol.name, "time_step": None, "components": None}
    components = symbol.components if isinstance(symbol, StateTuple) else None
    return {
        "name": symbol.name,
        "time_step": int(symbol.time) if symbol.time.is_Integer else str(symbol.time),
        "components": components and [_symbol(component) for component in components],
    }


def _path(path: tuple[Vertex, ...]) -> list[dict[str, Any]]:
    return [{"name": node.name, "time_step": node.time} for node in path]
