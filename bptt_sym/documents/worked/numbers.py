"""The worked example as blocks: what is given, forward and backward, contributions, gradients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sympy import ZeroMatrix

from bptt_sym.algebra.boxes import Call, Terms
from bptt_sym.algebra.expressions import LAST_STEP, Adjoint, MatrixExpr, Parameter, dimension
from bptt_sym.documents.document import Block, Paragraph
from bptt_sym.documents.telling import Telling
from bptt_sym.documents.worked.contributions_in_numbers import ContributionsInNumbers, told_check
from bptt_sym.documents.worked.example import DECIMALS, NOISE, Example, Value, largest
from bptt_sym.documents.worked.followed_entry import largest_place
from bptt_sym.documents.worked.number_rows import number_rows
from bptt_sym.documents.worked.run_again import descent
from bptt_sym.render.number_formulas import LEARNING_RATE
from bptt_sym.render.tex import tex

COUNTS = ("no", "one", "two", "three", "four", "five", "six")


class ExampleInNotes:
    """An example as notes tell it, with the gradients with respect to the parameters ``shown``.

    What the gradients with respect to those ``told_before`` need has been told with them.
    """

    def __init__(
        self,
        telling: Telling,
        example: Example,
        shown: Sequence[Parameter],
        told_before: Sequence[Parameter] = (),
    ) -> None:
        self.telling, self.example = telling, example
        self.shown = [parameter.name for parameter in shown]
        self.needed = self._needed_for(shown)
        self.known = self._needed_for(told_before)
        self.say = telling.sentences("example")
        name = example.needing_time(self.shown)
        self.contributions = (
            None if name is None else ContributionsInNumbers(telling, example, name)
        )

    def told(self) -> Iterator[Block]:
        """All of it; without parameters, the forward pass alone."""
        example = self.example
        sizes = {LAST_STEP: example.calculation.steps}
        sizes |= {dimension(name): size for name, size in example.sizes.items()}
        known = [f"${self.telling.math(symbol)} = {size}$" for symbol, size in sizes.items()]
        known += [rf"${name} = {function}$" for name, function in _known_functions(self.telling)]
        yield Paragraph(self.say.example(known))
        # Of matrices, those of one height stand side by side.
        given = sorted(example.given, key=_height_of_matrix)
        yield from self._rows(given, ".")
        off = self.contributions is not None and self.contributions.sums_are_off
        all_ = not all(value.is_exact for value in example.given)
        yield Paragraph(self.say.rounding(COUNTS[DECIMALS], off, all_))
        yield Paragraph(self.say.forward(), lead="Forward.")
        yield from self._rows(example.forward, ".")
        if self.shown:
            yield from self.results()
            if len(self.shown) == len(example.model.parameters):
                yield from self._descent()

    def results(self) -> Iterator[Block]:
        """The adjoints and the gradients."""
        example = self.example
        wanted = self.needed - self.known
        adjoints = [value for value in example.adjoints if value.left in wanted]
        if adjoints:
            said = self.say.backward(bool(self.known), self._order(adjoints))
            yield Paragraph(said, lead="Backward.")
            yield from self._rows(adjoints, ".")
        told = self.contributions
        if told is not None and told.is_a_sum:
            yield from told.blocks()
        yield from self._others()

    def _order(self, adjoints: Sequence[Value]) -> str:
        """How adjoints follow each other: backward in time, not at all, or in both directions."""
        times = [v.left.variable.time for v in adjoints if isinstance(v.left, Adjoint)]
        if len(set(times)) < 2:
            return ""
        return "backward" if times == sorted(times, reverse=True) else "both"

    def _needed_for(self, parameters: Sequence[Parameter]) -> frozenset[MatrixExpr]:
        return self.example.calculation.needed_for(parameters) if parameters else frozenset()

    def _rows(self, values: Sequence[Value], mark: str) -> Iterator[Block]:
        rows = number_rows(
            self.telling, [([value.left], value) for value in values], self.example.objective
        )
        for equations in rows:
            yield equations.ended(mark)

    def _others(self) -> Iterator[Block]:
        """The gradients whose contributions are not told, equal ones together."""
        told = self.contributions
        done = told.name if told is not None and told.is_a_sum else ""
        gradients = [self.example.gradient(name) for name in self.shown if name != done]
        there = [value for value in gradients if largest(value.array) > NOISE]
        equal: dict[MatrixExpr, list[Value]] = {}
        for equation in self.example.calculation.gradients:
            found = [value for value in there if value.left == equation.left]
            equal.setdefault(equation.right, []).extend(found)
        groups = [group for group in equal.values() if group]
        groups.sort(key=lambda group: -len(group[0].digits))
        if groups:
            count = len(there)
            yield Paragraph(
                self.say.others(count, not done), lead=self.say.others_lead(count, not done)
            )
            entries = [([value.left for value in group], group[0]) for group in groups]
            for equations in number_rows(self.telling, entries, self.example.objective):
                yield equations.ended(".")
        yield from self._zero([value for value in gradients if value not in there])
        if told is not None and not told.is_a_sum and there:
            yield from self._check(there[0])

    def _zero(self, gradients: Sequence[Value]) -> Iterator[Block]:
        derived = {e.left: e.right for e in self.example.calculation.gradients}
        unreached = [v for v in gradients if isinstance(derived[v.left], ZeroMatrix)]
        for say, values in (
            (self.say.unreached, unreached),
            (self.say.zero_gradients, [v for v in gradients if v not in unreached]),
        ):
            if values:
                yield Paragraph(say(self.telling.inline(value.left.by for value in values)))

    def _check(self, gradient: Value) -> Iterator[Block]:
        place = largest_place(gradient)
        yield from told_check(self.telling, self.example, gradient.parameter, place)

    def _descent(self) -> Iterator[Block]:
        found = descent(self.example, self.shown)
        if found is not None:
            tried = [f"${rate}$" for rate in found.tried]
            names = self.telling.inline(self.example.model.parameters[n] for n in self.shown)
            said = self.say.descent(
                names, tried, found.rate, LEARNING_RATE, found.before, found.after
            )
            yield Paragraph(said)


def _height_of_matrix(value: Value) -> int:
    """Less for a higher one: what varies in time comes behind, in its order."""
    return -len(value.digits) if isinstance(value.left, Parameter) else 0


def _known_functions(telling: Telling) -> Iterator[tuple[str, str]]:
    """The symbolic functions with those that stand for them, in LaTeX."""

    def name_of(function: str) -> str:
        return tex(Call(function, Terms(()))).partition("(")[0]

    for name, of in telling.model.functions.items():
        if isinstance(of, str):
            yield name_of(telling.model.notation.function(name)), name_of(of)
