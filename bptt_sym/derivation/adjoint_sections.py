"""The backward recursion and its gradients as sections: for some steps, then for any number."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_sym.algebra.expressions import LAST_STEP, Integer
from bptt_sym.derivation.adjoint import AdjointRecursion
from bptt_sym.derivation.derivation import Section
from bptt_sym.derivation.reach import Case


def adjoint_sections(recursion: AdjointRecursion, steps: int) -> list[Section]:
    """The recursion and the gradients for ``steps`` steps, then for any number of them."""
    some = (*recursion.concrete(steps), *recursion.initial(Integer(steps)))
    all_ = (*recursion.symbolic(), *recursion.initial(LAST_STEP))
    by = tuple(recursion.symbolic_gradients())
    fewest = fewest_steps(recursion)
    return [
        Section("adjoints", some),
        Section("gradients", tuple(recursion.gradients(steps))),
        Section("adjoints", all_, general=True, fewest_steps=fewest),
        Section("gradients", by, general=True, fewest_steps=fewest),
    ]


def fewest_steps(recursion: AdjointRecursion) -> int:
    """The fewest steps for which the equations for any number of them hold.

    With fewer, an equation about a step N - k would be about one before the first, and one
    about the first steps, or about those before them, about one that another begins with.
    """
    gradients = (
        edge for parameter in recursion.parameters for edge in recursion.readers(parameter)
    )
    ends = (recursion.reached[edge.of.name].last for edge in gradients)
    of_gradients = (1 + last for last in ends if last is not None)
    of_cases = (
        _fewest_of(case)
        for variable in (*recursion.variables, *recursion.inputs)
        for case in recursion.cases[variable.name]
    )
    return max((1, *of_gradients, *of_cases, *_fewest_of_initial(recursion)))


def _fewest_of_initial(recursion: AdjointRecursion) -> Iterator[int]:
    model = recursion.step.model
    made = {edge.of for edge in recursion.step.initial if edge.by in recursion.parameters}
    arguments = {state for state in model.states if not model.declaration(state.name).initial}
    for variable in made | (arguments if recursion.with_initial_states else set()):
        reverse = model.declaration(variable.name).reverse
        for edge in recursion.readers(variable):
            first, last = recursion.reached[edge.of.name]
            # The reader of an initial value stands at one of so many steps from its end.
            for position in range(1, abs(edge.lag) + 1):
                if not reverse:
                    yield position + (first if last is None else last + 1)
                elif recursion.reached[edge.of.name].holds(position - 1):
                    yield position


def _fewest_of(case: Case) -> int:
    nearest, farthest = case.lags
    if farthest is not None:
        return 1 + farthest + case.ahead
    return nearest + case.ahead if case.ahead else 1
