"""A derivation told from the model to a worked example: what is said, in which order."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from bptt_sym.algebra.expressions import (
    LAST_STEP,
    TIME,
    Expr,
    Integer,
    MatrixExpr,
    Parameter,
    PartialDerivative,
    TimeProduct,
    dimension,
)
from bptt_sym.algebra.layout import Call, Terms
from bptt_sym.derivation.derivation import Derivation, Loss, loss_label
from bptt_sym.derivation.derivation import Equation as Derived
from bptt_sym.derivation.derive import derive
from bptt_sym.derivation.paths import Paths
from bptt_sym.derivation.step import derive_step
from bptt_sym.derivation.unfolding import Node
from bptt_sym.documents.cost import costs
from bptt_sym.documents.document import (
    Block,
    Contribution,
    Contributions,
    Drawing,
    Equations,
    Formula,
    Paragraph,
    Section,
    Space,
    Table,
    plain_words,
)
from bptt_sym.documents.example import Example, Value
from bptt_sym.figures.figure import figure
from bptt_sym.model.model import Model
from bptt_sym.render.latex import label, left_width, lines
from bptt_sym.render.show import is_marked, typesetter, words_of
from bptt_sym.render.tex import tex, tex_in_line
from bptt_sym.render.typeset import typeset
from bptt_sym.templating import environment

ROOM = 42.0
"""The room for an equation, in letters."""

MOST_DRAWN = 8
"""Of more parameters than this, the paths of the first alone are drawn in the text."""

NUMBERS_A_LINE = 3

MOST_WHOLE = 10**7
"""Numbers from this on are rounded."""

KINDS = {"input": "inputs", "target": "targets", "parameter": "parameters", "state": "states"}


class Composer:
    """Makes the parts of a document about one model."""

    def __init__(
        self, model: Model, steps: int, loss: Loss, parameters: Sequence[Parameter]
    ) -> None:
        self.model, self.steps, self.loss = model, steps, loss
        self.parameters = parameters
        names = [parameter.name for parameter in parameters]
        self.chain = derive(model, wrt=names, steps=steps, loss=loss)
        self.matrices = derive(model, wrt=names, steps=steps, level="jacobian", loss=loss)
        self.adjoints = derive(model, wrt=names, steps=steps, level="adjoint", loss=loss)
        self.step = derive_step(model, detailed=False)
        jinja = environment({"words": plain_words})
        shown = {
            key: value if isinstance(value, str) else self.math(value)
            for key, value in words_of(self.adjoints, tex_in_line).items()
        }
        self.say: Any = jinja.get_template("notes/sentences.j2").make_module(shown)

    def math(self, expression: Expr) -> str:
        return tex(typeset(expression, self.model.notation))

    def inline(self, expressions: Iterable[Expr]) -> list[str]:
        return [f"${self.math(expression)}$" for expression in expressions]

    def sections(self, exercises: Sequence[Parameter] = ()) -> Iterator[Section]:
        """The whole derivation; the gradients by ``exercises`` are left to the reader."""
        yield Section("The model", tuple(self.the_model()))
        yield Section("Unfolding in time", tuple(self.unfolding()))
        for parameter in self.parameters:
            heading = f"The gradient by ${self.math(parameter)}$"
            if parameter in exercises:
                yield Section(heading, tuple(self.exercise(parameter)))
            else:
                yield Section(heading, tuple(self.gradient(parameter)))
        yield Section("The factors as matrices", tuple(self.factors()))
        yield Section("The adjoint recursion", tuple(self.recursion()))
        yield Section("Why the recursion is cheaper", tuple(self.cost()))
        vanishing = tuple(self.vanishing())
        if vanishing:
            yield Section("Vanishing and exploding gradients", vanishing)
        if self.model.declared("input"):
            yield Section("A worked example", tuple(self.example()))

    def exercise(self, parameter: Parameter) -> Iterator[Block]:
        """The steps of a gradient as questions, with room for the answers."""
        name, found = self.math(parameter), self.copies(parameter)
        for question in self.say.questions(name, len(found), self.told_loss()).strip().splitlines():
            yield Paragraph(question)
            yield Space()

    # The parts.

    def the_model(self) -> Iterator[Block]:
        model = self.model
        yield Paragraph(self.say.model(model))
        inner = [e for e in model.definitions if e not in model.all_equations]
        yield Equations(tuple(map(self.of_model, (*model.all_equations, *inner))))
        entries = [
            (
                words if len(found) > 1 else words.removesuffix("s"),
                [f"${self.math(entry.symbol)}$ ({self.shape(entry.symbol)})" for entry in found],
            )
            for kind, words in KINDS.items()
            for found in [model.declared(kind)]  # type: ignore[arg-type]
        ]
        before = [
            f"${self.math(entry.symbol.at(Integer(0)))}$"
            for entry in model.declared("state")
            if entry.initial is None and not entry.reverse
        ]
        yield Paragraph(self.say.symbols({"vectors": model.vectors, "entries": entries}, before))

    def shape(self, symbol: MatrixExpr) -> str:
        rows, columns = (self.math(size) for size in symbol.shape)
        return rf"${rows} \times {columns}$" if (rows, columns) != ("1", "1") else "a number"

    def of_model(self, equation: Any) -> Formula:
        right = equation.written if equation in self.model.all_equations else equation.expression
        derived = Derived(("model", equation.name), equation.variable, right)
        show = typesetter(self.chain)
        written = lines(derived, show, ROOM - left_width(derived, show))
        return Formula(tuple(written), f"eq:{self.model.name}:model:{equation.name}")

    def unfolding(self) -> Iterator[Block]:
        loss = self.math(self.model.loss.variable.at(Integer(self.steps)))
        yield Paragraph(
            self.say.unfolding(self.steps, loss, self.loss, self.figure_label("unfolded"))
        )
        drawn = figure(self.model, self.steps, loss=self.loss)
        caption = f"The model, unfolded over {self.steps} time steps."
        yield Drawing("unfolded", drawn, caption, self.figure_label("unfolded"))
        told = self.chain.state_tuple
        marked = is_marked(self.chain)
        if marked or told is not None:
            handed_on = "" if told is None else self.math(told)
            yield Paragraph(self.say.conventions(marked, handed_on))

    def gradient(self, parameter: Parameter) -> Iterator[Block]:
        """Contribution by contribution, their sum, and the general form."""
        (part,) = (s for s in self.chain.sections if s.parameter == parameter)
        single = [e for e in part.equations if e.contribution]
        found = self.copies(parameter)
        name, loss = self.math(parameter), self.told_loss()
        if len(found) == 1:
            (only,) = found
            reading = [edge.of for edge in self.step.edges if edge.by.name == parameter.name]
            readers = self.inline(dict.fromkeys(reading))
            last = only.time == self.steps
            yield Paragraph(self.say.one_copy(name, readers, loss, only.time, last))
        elif found:
            capital = "The loss" if self.loss != "last" else f"${loss}$"
            first = f"path-{parameter.name}-{found[-1].time}"
            shown = self.figure_label(first) if single and parameter in self.drawn() else ""
            yield Paragraph(self.say.many_copies(name, len(found), capital, shown))
        if single:
            entries = tuple(self.contribution(parameter, equation) for equation in single)
            drawn = entries[-1].drawing if parameter in self.drawn() else None
            yield Contributions(entries, drawn)
            yield Paragraph(self.say.accumulation(name))
        general = loss_label(self.model.loss.name, self.loss, "N")
        rest = [e for e in part.equations if not e.contribution]
        yield from self.equations(self.chain, [e for e in rest if e.meaning[0] != general])
        whole = [e for e in rest if e.meaning[0] == general]
        if whole:
            yield Paragraph(self.say.general())
            yield from self.equations(self.chain, whole)

    def copies(self, parameter: Parameter) -> list[Node]:
        """The copies of a parameter that the loss depends on, the latest first."""
        losses = range(1 if self.loss == "sum" else self.steps, self.steps + 1)
        return Paths(self.step, self.steps, losses).copies(parameter.name)

    def drawn(self) -> Sequence[Parameter]:
        """The parameters whose paths are drawn in the text."""
        many = [p for p in self.parameters if len(self.copies(p)) > 1]
        return many if len(self.parameters) <= MOST_DRAWN else many[:1]

    def told_loss(self) -> str:
        if self.loss == "last":
            return self.math(self.model.loss.variable.at(Integer(self.steps)))
        return self.math(self.chain.objective())

    def contribution(self, parameter: Parameter, equation: Derived) -> Contribution:
        found = equation.contribution
        assert found is not None
        readers = self.inline(found.readers)
        through: list[str] = []
        if len(found.paths) == 1:
            through = [f"${self.at(node)}$" for node in found.paths[0][1:-1]]
        said = self.say.contribution(found.step, readers, through, found.path_count)
        (written,) = self.equations(self.chain, [equation])
        assert isinstance(written, Equations)
        options: dict[str, Any] = {"loss": "sum" if self.loss != "last" else "last"}
        drawn = figure(self.model, self.steps, path=f"{parameter.name}:{found.step}", **options)
        caption = (
            f"The path of contribution {found.step} to the gradient by ${self.math(parameter)}$, "
            f"equation [[{label(self.chain, equation)}]]."
        )
        name = f"path-{parameter.name}-{found.step}"
        drawing = Drawing(name, drawn, caption, self.figure_label(name))
        return Contribution(Paragraph(said), written, drawing)

    def figure_label(self, name: str) -> str:
        """The label of a figure."""
        return f"fig:{self.model.name}:{name}"

    def at(self, node: Node) -> str:
        """A node of the unfolding."""
        for equation in self.model.all_equations:
            if equation.name == node.name:
                return self.math(equation.variable.at(Integer(node.time)))
        return self.math(self.model.declaration(node.name).symbol.at(Integer(node.time)))

    def factors(self) -> Iterator[Block]:
        for part in self.chain.sections:
            if part.topic == "definitions":
                yield Paragraph(self.say.meanings())
                yield from self.equations(self.chain, part.equations)
        for part in self.matrices.sections:
            if part.topic == "factors":
                yield Paragraph(self.say.matrices())
                yield from self.equations(self.matrices, part.equations)
            elif part.topic == "definitions":
                yield Paragraph(self.say.blocks())
                yield from self.equations(self.matrices, part.equations)

    def recursion(self) -> Iterator[Block]:
        general = [s for s in self.adjoints.sections if s.general] or self.adjoints.sections
        for part in general:
            said = self.say.adjoints if part.topic == "adjoints" else self.say.gradients
            yield Paragraph(said())
            yield from self.equations(self.adjoints, part.equations)

    def cost(self) -> Iterator[Block]:
        parameter = max(self.parameters, key=lambda p: len(self.copies(p)))
        name = self.math(parameter)
        yield Paragraph(self.say.cost(name))
        rows = [
            tuple(map(_count, (c.steps, c.paths, c.along_paths, c.recursion)))
            for c in costs(self.step, parameter, self.loss)
        ]
        head = (
            f"${self.math(LAST_STEP)}$",
            f"paths to ${name}$",
            "products path by path",
            "products of the recursion",
        )
        yield Table(head, tuple(rows))

    def vanishing(self) -> Iterator[Block]:
        """What bounds the product of the Jacobians from step to step, where there is one."""
        products = [
            found
            for equation in self.chain.equations
            for found in equation.right.atoms(TimeProduct)
        ]
        if not products:
            return
        product = products[0]
        factor = product.args[0]
        matrix = next(
            (e for e in self.matrices.equations if e.left is not None and self.is_step(e, factor)),
            None,
        )
        if matrix is None:
            return
        norm = rf"\lVert {self.math(factor)} \rVert"
        product_text = self.math(product)
        bound = product_text.replace(self.math(factor), norm)
        known = None if matrix.number is None else label(self.matrices, matrix)
        yield Paragraph(self.say.vanishing(product_text, bound, known))
        written = replace(matrix, number=None)
        yield from self.equations(self.matrices, [written])

    def is_step(self, equation: Derived, factor: Expr) -> bool:
        """Whether an equation says what a factor from step to step is."""
        left = equation.left
        if not isinstance(left, PartialDerivative) or not isinstance(factor, PartialDerivative):
            return False
        moved = factor.xreplace(dict.fromkeys(factor.of.time.free_symbols, TIME))
        return bool((left.of, left.by) == (moved.of, moved.by))

    def example(self) -> Iterator[Block]:
        example = Example(self.model, self.loss)
        sizes = [f"${self.math(dimension(name))} = {size}$" for name, size in example.sizes.items()]
        functions = [rf"${name} = {known}$" for name, known in self.known_functions()]
        yield Paragraph(self.say.example(sizes, functions))
        yield Equations(tuple(self.values(example.given)))
        yield Paragraph(self.say.forward())
        yield Equations(tuple(self.values(example.forward)))
        yield Paragraph(self.say.backward())
        yield Equations(tuple(self.values(example.adjoints)))
        yield Paragraph(self.say.results())
        wanted = {parameter.name for parameter in self.parameters}
        results = [r for r in example.gradients if r.parameter in wanted]
        yield Equations(tuple(self.values(results)))

    def known_functions(self) -> list[tuple[str, str]]:
        """The symbolic functions with those that stand for them, in LaTeX."""

        def name_of(function: str) -> str:
            return tex(Call(function, Terms(()))).partition("(")[0]

        known = self.model.functions.items()
        notation = self.model.notation
        return [
            (name_of(notation.function(name)), name_of(of))
            for name, of in known
            if isinstance(of, str)
        ]

    def solutions(self, exercises: Sequence[Parameter]) -> Iterator[Section]:
        """The gradients that were left to the reader."""
        for parameter in exercises:
            heading = f"The gradient by ${self.math(parameter)}$"
            yield Section(heading, tuple(self.gradient(parameter)))

    def values(self, entries: Sequence[Value]) -> Iterator[Formula]:
        """What symbols are: a line for each matrix, numbers a few on a line."""
        texts = [(self.math(e.left), e.number, e.array.size == 1) for e in entries]
        for single, group in itertools.groupby(texts, key=lambda text: text[2]):
            found, count = list(group), NUMBERS_A_LINE if single else 1
            for start in range(0, len(found), count):
                (left, number, _), *more = found[start : start + count]
                rest = "".join(rf", \quad {other} = {of}" for other, of, _ in more)
                yield Formula((f"{left} &= {number}{rest}",))

    # Equations.

    def equations(self, derivation: Derivation, equations: Sequence[Derived]) -> Iterator[Block]:
        if not equations:
            return
        section = next((s for s in derivation.sections if equations[0] in s.equations), None)
        show = typesetter(derivation, section)
        room = ROOM - max(left_width(equation, show) for equation in equations)
        yield Equations(
            tuple(
                Formula(
                    tuple(lines(equation, show, room)),
                    None if equation.number is None else label(derivation, equation),
                )
                for equation in equations
            )
        )


def _count(number: int) -> str:
    """A number as one reads it: whole, or about so large."""
    if number < MOST_WHOLE:
        return f"${number}$"
    power = len(str(number)) - 1
    return rf"$\approx {number / 10**power:.1f} \cdot 10^{{{power}}}$"
