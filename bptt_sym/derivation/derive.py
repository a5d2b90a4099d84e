"""The derivation as one paragraph: model, unfolding, contributions or adjoints, equations."""

from __future__ import annotations

from collections.abc import Iterable

from bptt_sym.algebra.expressions import Parameter
from bptt_sym.choices import LEVELS, LOSSES, Level, Loss
from bptt_sym.derivation.adjoint import AdjointRecursion
from bptt_sym.derivation.adjoint_sections import adjoint_sections
from bptt_sym.derivation.contributions import Contributions
from bptt_sym.derivation.derivation import Derivation
from bptt_sym.derivation.path_lists import PathLists
from bptt_sym.derivation.products import Products
from bptt_sym.derivation.reach import Lags, reach
from bptt_sym.derivation.recursive import RecursiveProducts
from bptt_sym.derivation.reduction import REDUCTIONS
from bptt_sym.derivation.step import Step, derive_step
from bptt_sym.errors import InputError, listed
from bptt_sym.model.model import Model

MOST_STEPS = 10_000
MOST_FACTORS = 8


def derive(
    model: Model,
    wrt: str | Iterable[str] | None = None,
    steps: int = 3,
    *,
    level: Level = "chain",
    loss: Loss = "last",
    number_from: int | None = None,
    most_factors: int = MOST_FACTORS,
    paths: bool = False,
) -> Derivation:
    """The gradient of a model's loss with respect to its parameters over ``steps`` time steps.

    ``wrt`` names one parameter or several; without it, all in the order of the model file.
    ``level`` is chain (products of partial derivatives), jacobian (each as its matrix) or adjoint
    (the backward recursion). ``loss`` is last (E_N alone), sum (E_1 + ... + E_N) or mean. A chain
    of more than ``most_factors`` factors is abbreviated. With ``paths``, the paths to each copy of
    the parameters are counted, and listed where they are few. Raises InputError for what is not
    among these.
    """
    check_choice("level", level, LEVELS)
    check_choice("loss", loss, LOSSES)
    check_number("number of steps", steps, 1, MOST_STEPS)
    check_number("number of factors", most_factors, 4, MOST_STEPS)
    if number_from is not None:
        check_number("first equation number", number_from, 0, 10**6)
    parameters = choose_parameters(model, wrt)
    matrices = level == "jacobian"
    if paths:
        if level == "adjoint":
            raise InputError("the paths are products of derivatives: level chain or jacobian")
        lists = PathLists(derive_step(model, detailed=False), steps, loss, matrices=matrices)
        sections = lists.sections(parameters)
    elif level == "adjoint":
        step = derive_step(model, detailed=True)
        recursion = AdjointRecursion(step, loss, () if wrt is None else parameters)
        sections = adjoint_sections(recursion, steps)
    elif _is_told_apart(step := derive_step(model, detailed=False), REDUCTIONS[loss].at_last):
        sections = RecursiveProducts(
            step, steps, loss, parameters, matrices=matrices, most_factors=most_factors
        ).sections()
    else:
        contributions = Contributions(step, most_factors)
        products = Products(contributions, steps, loss, matrices=matrices)
        sections = products.sections(parameters)
    return Derivation(
        model, steps, level, loss, parameters, tuple(sections), most_factors, number_from, paths
    ).numbered()


def _is_told_apart(step: Step, at_last: bool) -> bool:
    """Whether losses differ in what reaches them, so that one of them does not stand for all.

    With a scan in reverse they do, and where a learned initial value reaches the first ones alone.
    Nor is there one chain for all where a parameter begins an input: no state hands that on.
    """
    if any(entry.reverse for entry in step.model.declared("state")):
        return True
    reached = reach(step, {step.loss.name: Lags(0, 0)})
    begun = [edge.of for edge in step.initial if edge.of.name in reached]
    if any(variable not in step.model.states for variable in begun):
        return True
    lags = [reached[variable.name] for variable in begun]
    return not at_last and any(entry.last is not None for entry in lags)


def choose_parameters(model: Model, wrt: str | Iterable[str] | None) -> tuple[Parameter, ...]:
    """The parameters of these names, each once. Raises InputError for an unknown name."""
    if wrt is None:
        return tuple(model.parameters.values())
    names = [wrt] if isinstance(wrt, str) else list(wrt)
    for name in names:
        if name not in model.parameters:
            raise InputError(
                f"unknown parameter {name!a}; "
                f"the parameters of '{model.name}' are {listed(model.parameters)}"
            )
    return tuple(model.parameters[name] for name in dict.fromkeys(names))


def check_choice(what: str, value: object, choices: tuple[str, ...]) -> None:
    """Raises InputError if the value is none of the choices."""
    if value not in choices:
        raise InputError(f"unknown {what} {value!a}; choose from {listed(choices)}")


def check_number(what: str, value: object, least: int, most: int) -> None:
    """Raises InputError unless the value is a whole number in the range."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not least <= value <= most:  # type: ignore[operator]
        raise InputError(f"the {what} must be a whole number from {least} to {most}, not {value}")
