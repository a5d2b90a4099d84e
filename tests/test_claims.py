"""What course notes claim of a model is what its numbers say: all cells, all losses, any N."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise, product

import numpy as np
import pytest
from support.cell_values import AsDeclared
from support.cells import CELLS, CORPUS, deepest, name_of
from support.unfolded import all_paths, roots

import bptt_sym as b
from bptt_sym.algebra.expressions import (
    LAST_STEP,
    TIME,
    Integer,
    Parameter,
    Variable,
    at_step,
)
from bptt_sym.derivation.reduction import REDUCTIONS, reduction_of
from bptt_sym.derivation.step import derive_step
from bptt_sym.derivation.unfolding import Vertex
from bptt_sym.documents.document import Paragraph, ToldContributions
from bptt_sym.documents.facts.copy_facts import Copies, crosses_time
from bptt_sym.documents.facts.cost import costs
from bptt_sym.model.starts import starts
from bptt_sym.render.tex import tex
from bptt_sym.render.typeset import typeset

LOSSES = ("last", "sum", "mean")
each_cell = pytest.mark.parametrize("cell", CELLS, ids=name_of)


@cache
def model_of(cell):
    return b.load_model(cell)


@cache
def step_of(cell):
    return derive_step(model_of(cell), detailed=False)


def values_of(model, steps, kind=AsDeclared):
    sizes = {entry.name: 2 + k for k, entry in enumerate(model.dimensions)}
    return kind(model, steps, "sum", sizes)


# Which copies of a parameter a loss sees.


class Untied(AsDeclared):
    """A sequence in which one copy of one parameter may differ from the others.

    No initial value is zero, since a product with zero would hide what a path leads to.
    """

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.changed = None
        rng = np.random.default_rng(1)
        for symbol, initial in starts(self.model):
            if initial is not None and not initial.atoms(Parameter):
                start = symbol.at(symbol.time.subs(LAST_STEP, self.steps))
                shape = np.shape(self.value(initial))
                self.known[start] = rng.uniform(0.3, 0.9, shape)
        self.data = dict(self.known)

    def turn(self):
        """Inputs and targets get the other sign, so that comparisons may turn out otherwise."""
        for entry in self.model.declarations:
            if entry.kind in ("input", "target") and not (entry.positive or entry.labels):
                for leaf in self.data:
                    if getattr(leaf, "name", None) == entry.name:
                        self.data[leaf] = -self.data[leaf]

    def definition(self, leaf):
        found = super().definition(leaf)
        # Copies 0 and N + 1 are those of initial values.
        place = min(max(int(leaf.time), 0), self.steps + 1)
        if self.changed is None or place != self.changed[1]:
            return found
        parameter, _ = self.changed
        return found.xreplace({parameter: Parameter("copy", *parameter.shape)})

    def function(self, name):
        # Where a unit is off, nothing shows.
        smooth = {"relu": "softplus"}
        return super().function(smooth.get(self.model.functions.get(name, name), name))

    def losses(self, parameter=None, time=0, move=0.0):
        """The losses that there are, with the copy of a parameter at a time changed."""
        self.known = dict(self.data)
        self.changed = parameter and (parameter, time)
        if parameter is not None:
            moves = move * np.random.default_rng(time).uniform(0.5, 1, self.known[parameter].shape)
            self.known[Parameter("copy", *parameter.shape)] = self.known[parameter] + moves
        variables = {loss.name: loss.variable for loss in self.model.losses}
        found = roots(self.model, self.steps, "sum")
        return np.array([self[variables[name].at(time)].item() for name, time in found])


MOVES = (0.3, -1)
"""Changes of a weight, one of which shows."""


@pytest.mark.one_in(2)
@each_cell
def test_paths_lead_to_the_copies_that_the_losses_depend_on(cell):
    """For each loss E_t and each copy: a path leads there if, and only if, a change shows."""
    model, step = model_of(cell), step_of(cell)
    steps = max(3, deepest(model) + 1)
    values = values_of(model, steps, Untied)
    times = range(0, steps + 2)
    losses = roots(model, steps, "sum")
    every = dict.fromkeys(product(model.parameters, times), np.zeros(len(losses), bool))
    for _ in range(2):
        before = values.losses()
        for name, time in every:
            for move in MOVES:
                moved = values.losses(model.parameters[name], time, move)
                every[name, time] = every[name, time] | (moved != before)
        values.turn()
    for name in model.parameters:
        seen = {time: every[name, time] for time in times}
        for k, loss in enumerate(losses):
            copies = Copies(step, steps, REDUCTIONS["last"])
            copies.paths = type(copies.paths)(step, steps, [Vertex(*loss)])
            expected = [time for time in times if seen[time][k]]
            assert [node.time for node in copies.of(name)] == expected[::-1]
        crossed = any(seen[i][k] for i in times for k, (_, t) in enumerate(losses) if i != t)
        assert crosses_time(step, name) == crossed
        other = Copies(step, steps, REDUCTIONS["last"]).of_another_step(name)
        assert (other is not None) == crossed
        if other is not None:
            node, copies_seen = other
            place = losses.index(node)
            assert [c.time for c in copies_seen] == [i for i in times if seen[i][place]][::-1]


@each_cell
def test_initial_values_are_those_that_the_equations_read_and_do_not_compute(cell):
    model, steps = model_of(cell), 4
    found = {s.at(s.time.subs(LAST_STEP, steps)) for s, _ in starts(model)}
    read = {
        leaf
        for definition in model.definitions
        for time in range(1, steps + 1)
        for leaf in at_step(definition.expression, TIME, Integer(time)).atoms(Variable)
        if not 1 <= leaf.time <= steps
    }
    assert read <= found
    # A state that nothing reads has an initial value all the same, as the module has.
    assert {leaf.name for leaf in found - read} <= {state.name for state in model.states}


# How many paths there are, and products.


def path_counts(step, steps, losses, parameter):
    """How many paths lead from the losses to each copy: from copies upward, each node once."""
    reads, copies = {}, {}
    for edge in step.edges:
        reads.setdefault(edge.by.name, []).append(edge)

    @cache
    def ways(name, time):
        """The paths from the losses down to a variable at a time."""
        count = int((name, time) in losses)
        for edge in reads.get(name, ()):
            if 1 <= time + edge.lag <= steps:
                count += ways(edge.of.name, time + edge.lag)
        return count

    for time in range(1, steps + 1):
        readers = [edge.of.name for edge in reads.get(parameter, ())]
        copies[time] = sum(ways(name, time) for name in readers)
    for edge in step.initial:
        if edge.by.name == parameter:
            depth = step.model.depth(edge.of.name)
            for time in (*range(1 - depth, 1), *range(steps + 1, steps + 1 + depth)):
                place = 0 if time < 1 else steps + 1
                copies[place] = copies.get(place, 0) + ways(edge.of.name, time)
    return {time: count for time, count in copies.items() if count}


@pytest.mark.parametrize("loss", LOSSES)
@each_cell
def test_the_paths_to_each_copy_are_counted(cell, loss):
    """For 1 to 6 steps: which copies there are, whether one path leads there, how many in all."""
    step = step_of(cell)
    for steps in range(1, 7):
        copies = Copies(step, steps, reduction_of(step.model, loss))
        for parameter in model_of(cell).parameters:
            counts = path_counts(step, steps, roots(step.model, steps, loss), parameter)
            found = copies.of(parameter)
            assert [copy.time for copy in found] == sorted(counts, reverse=True)
            for copy in found:
                assert copies.has_many_paths(copy) == (counts[copy.time] > 1)
                assert copies.is_of_step(copy) == (copy.time in range(1, steps + 1))
            assert copies.paths.totals[parameter] == sum(counts.values())


@pytest.mark.parametrize("loss", LOSSES)
@each_cell
def test_products_are_counted_alike_path_by_path_and_shared(cell, loss):
    """The first factor of a path is a row, no product: neither count has it."""
    step = step_of(cell)
    most = 4 if cell in ("elman", "stacked", "lstm") else 2
    for parameter in model_of(cell).parameters.values():
        for found in costs(step, parameter, reduction_of(step.model, loss), range(1, most + 1)):
            losses = roots(step.model, found.steps, loss)
            names = {name for name, _ in losses}
            paths = [*all_paths(step, found.steps, losses, parameter.name)]
            edges = {edge for path in paths for edge in pairwise(path)}
            assert found.paths == len(paths)
            assert found.along_paths == sum(len(path) - 2 for path in paths)
            assert found.recursion == sum(of[0] not in names for of, _ in edges)
            assert found.recursion <= found.along_paths


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 100])
def test_the_products_of_an_elman_network(steps):
    """For the last loss N (N + 3) / 2 and 2 N; for all, N (N + 1) (N + 5) / 6 and 3 N - 1."""
    elman = b.load_model("elman")
    step, parameter = derive_step(elman, detailed=False), elman.parameters["W_s"]
    (last,) = costs(step, parameter, REDUCTIONS["last"], [steps])
    assert (last.along_paths, last.recursion) == (steps * (steps + 3) // 2, 2 * steps)
    (summed,) = costs(step, parameter, REDUCTIONS["sum"], [steps])
    assert summed.along_paths == steps * (steps + 1) * (steps + 5) // 6
    assert summed.recursion == 3 * steps - 1


# The sentences.


def paragraphs(notes):
    for section in notes.document.sections:
        for block in section.blocks:
            if isinstance(block, Paragraph):
                yield section.heading, block.text
            if isinstance(block, ToldContributions):
                for entry in block.entries:
                    yield section.heading, entry.text.text


FORBIDDEN = re.compile(
    r"\b1 (paths|copies)\b|Whatever|None|life of its own|hands on|summand"
    r"|gradient by|derivative by|differentiate by|  |\s[,.:;]|,\.|\$\s*\$|\(\s*\)"
)


BEFORE_A_DISPLAY = ("is", "are", "computes", "further", "gives", "use", "where", "Then", "that",
                    "to", "exactly")  # fmt: skip


@pytest.mark.one_in(4)
@pytest.mark.parametrize("loss", LOSSES)
@each_cell
def test_sentences_are_whole_and_say_nothing_that_is_known_to_be_wrong(cell, loss):
    notes = b.notes(model_of(cell), 3 if cell in ("elman", "gru") else 2, loss=loss)
    for heading, text in paragraphs(notes):
        assert text.count("$") % 2 == 0
        assert not FORBIDDEN.search(text), (heading, text)
        assert text[-1] in ".:,?" or text.endswith(BEFORE_A_DISPLAY), (heading, text)
        # The model's own words stand first.
        whole = text[0].isupper() or text.startswith(("and ", "where")) or "The model" in heading
        assert whole, (heading, text)


SAID = ["elman", "stacked", "linear-attention", "bidirectional", "leaky",
        *(path for path in CORPUS if path.stem in ("learned-start", "lag-two"))]  # fmt: skip


@pytest.mark.one_in(5)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("steps", range(1, 7))
@pytest.mark.parametrize("cell", SAID, ids=str)
def test_the_sentences_on_copies_and_paths_are_those_of_the_unfolded_graph(cell, steps, loss):
    model, step = model_of(cell), step_of(cell)
    notes = b.notes(model, steps, loss=loss, full=True)
    sections = {section.name: section for section in notes.document.sections}
    composed = list(paragraphs(notes))
    for parameter in model.parameters:
        paths = [*all_paths(step, steps, roots(model, steps, loss), parameter)]
        counts = {}
        for path in paths:
            counts[path[-1][1]] = counts.get(path[-1][1], 0) + 1
        printed = f"${printed_name(model, parameter)}$"
        timed = sections.get(f"gradient-{parameter}")
        blocks = (timed or sections["timeless"]).blocks
        texts = [block.text for block in blocks if isinstance(block, Paragraph)]
        first = next(text for text in texts if f" {printed}" in text)
        inside = sorted((time for time in counts if 1 <= time <= steps), reverse=True)
        if not counts:
            assert re.search(
                f"(does not depend|No loss of a time step depends) on {re.escape(printed)}", first
            )
        elif len(counts) > 1:
            assert f"on the copies of {printed} in " in first
            assert steps_in(first.partition(f"{printed} in ")[2]) == inside
        elif inside:
            assert f"on the copy of {printed} in step {inside[0]} alone" in first
        told = [e.text for blk in blocks if isinstance(blk, ToldContributions) for e in blk.entries]
        if timed:
            assert bool(told) == (len(counts) > 1)
        for text in told:
            lead = re.fullmatch(r"Step (\d+)\.|Initial value\.", text.lead)
            time = int(lead[1]) if lead[1] else next(t for t in counts if t not in inside)
            many = re.search(r"(\d+) paths reach it", text.text)
            assert counts[time] == (int(many[1]) if many else 1) or "contribution is" in text.text
    every = " ".join(text for _, text in composed)
    if steps == 1:
        assert not re.search(r"recursion|vanish|explode|add up|goes? back in time", every)


def steps_in(text):
    """The steps that a sentence names: "steps 3, 2 and 1", "steps 6 to 1"."""
    through = re.match(r"steps (\d+) to (\d+)", text)
    if through:
        first, last = int(through[1]), int(through[2])
        return [*range(first, last - 1, -1)]
    listed = re.match(r"steps? ([\d, and]+\d)", text)
    return [int(number) for number in re.findall(r"\d+", listed[1])] if listed else []


def printed_name(model, parameter):
    """A parameter as the notes print it."""
    return tex(typeset(model.parameters[parameter], model.notation))


def test_a_parameter_that_needs_no_time_is_told_from_one_that_the_loss_spares():
    """V_b needs none; U_b does, but the last loss does not see it."""
    notes = b.notes(b.load_model("bidirectional"), full=True)
    texts = {s.name: " ".join(t.text for t in s.blocks if isinstance(t, Paragraph))
             for s in notes.document.sections}  # fmt: skip
    assert "Nothing here goes back in time" in texts["timeless"]
    assert "V_{b}" in texts["timeless"]
    reverse = texts["gradient-U_b"]
    assert "back in time" not in reverse
    assert (
        "due to the choice of the loss: $E_{1}$ depends on the copies in steps 3, 2 and 1"
        in reverse
    )


def test_notes_on_reverse_scans_name_the_start_of_each_scan():
    (text,) = (t for _, t in paragraphs(b.notes(b.load_model("bidirectional"))) if "Vectors" in t)
    assert r"The initial values ${\overrightarrow{h}}_{0}$ and ${\overleftarrow{h}}_{N+1}$" in text


# Exercises.


@pytest.mark.one_in(3)
@pytest.mark.parametrize("ending", ["md", "tex", "slides", "ipynb"])
@pytest.mark.parametrize("name", ["elman", "gru", "elman-column"])
def test_a_sheet_of_exercises_does_not_print_its_answers(name, ending):
    """No equation, code or number of the gradient that is asked for; the solutions have them."""
    model = b.load_model(name)
    for parameter in list(model.parameters)[:2]:
        sheet = b.notes(model, exercise=[parameter])

        def written(notes):
            return {
                "md": notes.markdown,
                "tex": notes.tex,
                "slides": lambda: notes.tex("slides"),
                "ipynb": notes.notebook,
            }[ending]().replace(r"\\", "\\")

        shown = rf"\partial {printed_name(model, parameter)}}}"
        assert shown not in written(sheet)
        assert shown in written(sheet.told())
        assert "def value_and_grad" not in written(sheet)


def test_solutions_have_what_the_sheet_lacks():
    """All of the gradients left to the reader: factors, adjoints and numbers are the solutions'."""
    sheet = b.notes(b.load_model("elman"), exercise=["W_y", "W_s", "W_x"])
    headings = [section.heading for section in sheet.document.sections]
    assert headings[0] == "Why we need it"
    assert not any("The adjoint" in heading for heading in headings)
    blocks = [block for section in sheet.document.sections for block in section.blocks]
    asked = [b.lead for b in blocks if isinstance(b, Paragraph) and b.lead.startswith("Exercise")]
    assert asked == [f"Exercise {k}." for k in range(1, 10)]
    told = sheet.told().markdown()
    for equation in (r"\delta \bar{z}_{t} &= ", r"\frac{\partial E_{2}}{\partial W_{x}} &= "):
        assert equation in told
        assert equation not in sheet.markdown()
