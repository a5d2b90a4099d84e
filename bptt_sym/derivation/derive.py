"""The derivation as one paragraph: model, unfolding, contributions or adjoints, equations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bptt_sym.algebra.expressions import Parameter, Variable
from bptt_sym.choices import LEVELS, LOSSES, Level, Loss
from bptt_sym.derivation.adjoint import AdjointRecursion
from bptt_sym.derivation.adjoint_sections import adjoint_sections
from bptt_sym.derivation.by_inputs import InputProducts, with_copies
from bptt_sym.derivation.contributions import Contributions
from bptt_sym.derivation.derivation import Derivation, Section
from bptt_sym.derivation.in_shape import in_shape
from bptt_sym.derivation.limited import check_unfolding, limited
from bptt_sym.derivation.path_lists import PathLists
from bptt_sym.derivation.products import Products
from bptt_sym.derivation.reach import Lags, reach
from bptt_sym.derivation.recursive import RecursiveProducts
from bptt_sym.derivation.reduction import Reduction, reduction_of
from bptt_sym.derivation.sources import choose_sources
from bptt_sym.derivation.step import Step, derive_step, written_step
from bptt_sym.errors import InputError, closest, listed
from bptt_sym.limits import DERIVATION_STEPS
from bptt_sym.model.model import Model
from bptt_sym.quoting import shortened

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

    ``wrt`` names one parameter or several, or inputs; without it, these are all parameters in the
    order of the model file. At levels chain and jacobian inputs are derived by themselves, where
    no state is scanned in reverse and none of them is read at an earlier step.
    ``level`` is chain (products of partial derivatives), jacobian (each as its matrix) or adjoint
    (the backward recursion). ``loss`` is last (E_N alone), sum (E_1 + ... + E_N) or mean. A chain
    of more than ``most_factors`` factors is abbreviated. With ``paths``, the paths to each copy of
    the parameters are counted, and listed where they are few. Raises InputError for what is not
    among these.
    """
    check_choice("level", level, LEVELS)
    check_choice("loss", loss, LOSSES)
    # A model may leave no choice, and then none is told.
    loss = reduction_of(model, loss).name
    check_number("number of steps", steps, 1, DERIVATION_STEPS.most)
    check_number("number of factors", most_factors, 4, DERIVATION_STEPS.most)
    if number_from is not None:
        check_number("first equation number", number_from, 0, 10**6)
    if paths and level == "adjoint":
        raise InputError("the paths are products of derivatives: level chain or jacobian")
    parameters = choose_sources(model, wrt)
    if paths and any(isinstance(entry, Variable) for entry in parameters):
        raise InputError("paths lead to the copies of a parameter, not to an input")
    step = derive_step(model, detailed=True) if level == "adjoint" else written_step(model)
    asked = _Asked(step, () if wrt is None else parameters, level, loss, most_factors)
    sections = asked.paths(steps) if paths else limited(asked.sections, step, steps, most_factors)
    return Derivation(
        model, steps, level, loss, parameters, sections, most_factors, number_from, paths
    ).numbered()


@dataclass(frozen=True)
class _Asked:
    """What is to be derived, over any number of steps; all parameters where it names none."""

    step: Step
    wrt: tuple[Parameter | Variable, ...]
    level: Level
    loss: Loss
    most_factors: int

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        asked = self.wrt or self.step.model.parameters.values()
        return tuple(entry for entry in asked if isinstance(entry, Parameter))

    @property
    def inputs(self) -> tuple[Variable, ...]:
        return tuple(entry for entry in self.wrt if isinstance(entry, Variable))

    @property
    def reduction(self) -> Reduction:
        return reduction_of(self.step.model, self.loss)

    @property
    def matrices(self) -> bool:
        return self.level == "jacobian"

    def paths(self, steps: int) -> tuple[Section, ...]:
        check_unfolding(self.step, steps)
        lists = PathLists(self.step, steps, self.loss, matrices=self.matrices)
        return tuple(lists.sections(self.parameters))

    def sections(self, steps: int) -> tuple[Section, ...]:
        if self.level == "adjoint":
            recursion = AdjointRecursion(self.step, self.loss, self.wrt)
            return tuple(adjoint_sections(recursion, steps))
        if self.inputs:
            return tuple(self._by_inputs(steps))
        shapes = in_shape(self.step, self.loss, self.parameters) if self.matrices else []
        return (*self._products(steps), *shapes)

    def _products(self, steps: int) -> Iterable[Section]:
        if not _is_told_apart(self.step, self.reduction.at_last):
            contributions = Contributions(self.step, self.most_factors)
            if not (contributions.have_many_blocks or contributions.are_long(self.parameters)):
                products = Products(contributions, steps, self.loss, matrices=self.matrices)
                return products.sections(self.parameters)
        recursive = RecursiveProducts(
            self.step,
            steps,
            self.loss,
            self.parameters,
            matrices=self.matrices,
            most_factors=self.most_factors,
        )
        return recursive.sections()

    def _by_inputs(self, steps: int) -> list[Section]:
        """The products for inputs, where one chain stands for all losses."""
        names = listed(given.name for given in self.inputs)
        way_out = "level adjoint has it (--level adjoint)"
        if any(isinstance(entry, Parameter) for entry in self.wrt):
            raise InputError(
                "gradients with respect to inputs and parameters are shown together at level "
                f"adjoint (--level adjoint); else ask for the inputs alone, {names}"
            )
        step = with_copies(self.step, self.inputs)
        lagged = any(self.step.model.depth(given.name) for given in self.inputs)
        if lagged or _is_told_apart(step, self.reduction.at_last):
            raise InputError(f"no single chain serves all time steps of {names}: {way_out}")
        sources = [step.model.sources[given.name] for given in self.inputs]
        contributions = Contributions(step, self.most_factors)
        if contributions.are_long(sources):
            raise InputError(f"the chains to {names} have too many factors: {way_out}")
        products = InputProducts(contributions, steps, self.loss, matrices=self.matrices)
        return products.sections(sources)


def _is_told_apart(step: Step, at_last: bool) -> bool:
    """Whether losses differ in what reaches them, so that one of them does not stand for all.

    With a scan in reverse they do, where a learned initial value reaches the first ones alone, and
    where the last step has a loss of its own. Nor is there one chain for all where a parameter
    begins an input: no state hands that on.
    """
    if step.model.terminal is not None:
        return True
    if any(entry.reverse for entry in step.model.declared("state")):
        return True
    reached = reach(step, {step.loss.name: Lags(0, 0)})
    begun = [edge.of for edge in step.initial if edge.of.name in reached]
    if any(variable not in step.model.states for variable in begun):
        return True
    lags = [reached[variable.name] for variable in begun]
    return not at_last and any(entry.last is not None for entry in lags)


def check_choice(what: str, value: object, choices: tuple[str, ...]) -> None:
    """Raises InputError if the value is none of the choices."""
    if value not in choices:
        shown = f"'{shortened(str(value))}'{closest(str(value), choices)}"
        raise InputError(f"unknown {what} {shown}; choose from {listed(choices)}")


def check_number(what: str, value: object, least: int, most: int) -> None:
    """Raises InputError unless the value is a whole number in the range."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not least <= value <= most:  # type: ignore[operator]
        raise InputError(f"the {what} must be a whole number from {least} to {most}, not {value}")
