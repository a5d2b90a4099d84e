"""From the tables of a model file to a Model, each name and shape checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from sympy import Expr

from bptt_sym.algebra.expressions import MatrixExpr, Variable
from bptt_sym.errors import InputError, Place, closest
from bptt_sym.limits import EQUATIONS
from bptt_sym.model.alike import alike
from bptt_sym.model.conventions import Notation, of_layers
from bptt_sym.model.declare import Declarer
from bptt_sym.model.equation_text import reads_now
from bptt_sym.model.giving_way import giving_way
from bptt_sym.model.language import parse
from bptt_sym.model.losses import Losses, losses_of, reading_parameters
from bptt_sym.model.model import Declaration, Equation, Formula, Kind, Model
from bptt_sym.model.numerals import decimals_of
from bptt_sym.model.outputs import layer_in
from bptt_sym.model.plain_names import with_plain_names
from bptt_sym.model.preactivations import named_arguments
from bptt_sym.model.recurrence import mixed_scan
from bptt_sym.model.repeated_layers import Meaning, unrolled
from bptt_sym.model.scope import Scope
from bptt_sym.model.sections import SECTIONS, TEXTS, check_sections
from bptt_sym.model.source import Source, parse_source, read_source
from bptt_sym.model.stacks import Stack, shape_of, with_heads, without_heads
from bptt_sym.model.written_out import check_extent
from bptt_sym.quoting import label_name, shortened, shown_path, title

_DEFINING = ("equations", "loss", "states", "inputs", "functions")


def read_model(path: Path) -> Model:
    """The model of a TOML file. Raises InputError with the place of what is wrong."""
    return _ModelReader(read_source(path), path.stem, str(path)).model()


def parse_model(text: str, name: str = "model", file: str | None = None) -> Model:
    """The model of a TOML text; ``file`` is what messages and commands call it, if not its name."""
    reference = file or name
    return _ModelReader(parse_source(text, shown_path(reference)), name, reference).model()


class _ModelReader(Declarer):
    def __init__(self, source: Source, name: str, reference: str) -> None:
        super().__init__(unrolled(source))
        self.name = label_name(name)
        self.title = title(name)
        self.reference = reference

    def model(self) -> Model:
        check_sections(self)
        texts = {key: self.text(key) for key in TEXTS}
        dimensions = self.dimensions()
        declarations = self.declarations(dimensions)
        self.check_states(declarations)
        functions = self.functions()
        declarations = self.with_initials(declarations, functions)
        names = losses_of(self)
        equations, losses = self.equations(declarations, functions, names)
        layer = layer_in(self, equations, self.heads)
        if layer is not None:
            names, losses = names._replace(step=layer.loss.name), {layer.loss.name: layer.loss}
            declarations = (*declarations, *layer.signals)
        values = (entry for entry in equations if entry.name not in self.states)
        layers = self.layered.with_arguments((*equations, *losses.values()))
        model = Model(
            name=self.name,
            reference=self.reference,
            title=texts["title"] or self.title,
            description=texts["description"],
            source=texts["source"],
            dimensions=dimensions,
            declarations=(
                *declarations,
                *(_computed(entry, "value", self.heads.get(entry.name)) for entry in values),
                *(_computed(e, "regularizer" if e.timeless else "loss") for e in losses.values()),
            ),
            functions=functions,
            equations=equations,
            loss=losses[names.main],
            notation=Notation(
                names=of_layers(layers),
                latex=self.latex(),
                decimals=frozenset(decimals_of(map(self.table, _DEFINING))),
            ),
            vectors=self.vectors(),
            layers=layers,
            ends=names.step is None,
            terminal=losses.get(names.terminal or "") if names.step is not None else None,
            regularizer=losses.get(names.regularizer or ""),
            outputs={} if layer is None else layer.outputs,
        )
        check_extent(model, self.place_of)
        model = giving_way(with_plain_names(model))
        self.check_meaning(model)
        return model

    def check_meaning(self, model: Model) -> None:
        if mixed := mixed_scan(model):
            raise self.error(
                f"'{mixed[0]}' is scanned onward and '{mixed[1]}' in reverse, and each depends on "
                "the other: no order computes them",
                "states",
                mixed[1],
            )
        if same := alike(model):
            raise InputError(
                f"'{same[0]}' prints like {same[1]}; give one of them another name, or another "
                "LaTeX under [latex]",
                self.place_of(same[0], "latex", *SECTIONS),
            )

    def place_of(self, name: str, *sections: str) -> Place:
        """Where a name stands first, in these sections or those that define something."""
        known = (key for key in sections or _DEFINING if name in self.table(key))
        return self.source.place(next(known, None), name)

    def equations(
        self,
        declarations: tuple[Declaration, ...],
        functions: dict[str, str | Formula],
        names: Losses,
    ) -> tuple[tuple[Equation, ...], dict[str, Equation]]:
        """The equations of a step, and the losses by their names."""
        texts = [("equations", name, text) for name, text in self.table("equations").items()]
        losses = [("loss", name, self.table("loss")[name]) for name in names if name is not None]
        EQUATIONS.check(len(texts), self.source.place("equations"))
        self.states = {entry.name for entry in declarations if entry.kind == "state"}
        self.declare_defined((*texts, *losses), names)
        preactivations = self.preactivation_names([name for _, name, _ in (*texts, *losses)])

        current = {e.name: e.symbol for e in declarations if e.kind in ("input", "target")}
        symbols = {e.name: e.symbol for e in declarations}
        parameters = {e.name: e.symbol for e in declarations if e.is_timeless}
        lagged = [e for e in declarations if e.kind in ("input", "target", "state")]
        reads = {name: _reads(self.layered.meaning(name), text) for _, name, text in texts}
        self.heads = {e.name: e.heads for e in declarations if e.heads is not None}
        done: list[Equation] = []
        found: dict[str, Equation] = {}
        for section, name, text in (*texts, *losses):
            meaning = self.layered.meaning(name)
            scope = Scope(
                parameters=meaning.seen(parameters),
                current=meaning.seen(current),
                earlier=meaning.seen({e.name: e.symbol for e in lagged if not e.reverse}),
                following=meaning.seen({e.name: e.symbol for e in lagged if e.reverse}),
                functions=frozenset(functions),
                dimensions=self.layered.sizes_in(name, self.sizes),
                later=partial(_why_not_yet, name=name, reads=reads, meaning=meaning),
                equation=name,
                of_columns=self.columns,
                heads=self.heads,
                losses=frozenset(name for _, name, _ in losses) | {names.whole},
            )
            if name == names.regularizer:
                scope = reading_parameters(scope, declarations)
            value = parse(text, scope, partial(self.source.within, (section, name)))
            self.check_shape(section, name, value, symbols, self.heads.get(name))
            if isinstance(value, Stack):
                self.heads[name] = value.heads
            equation = self.named(name, without_heads(value), preactivations.get(name, ()))
            if section == "loss":
                found[name] = replace(equation, timeless=name == names.regularizer)
            else:
                current[name] = equation.variable
                done.append(equation)
        return tuple(done), found

    def declare_defined(self, texts: Iterable[tuple[str, str, Any]], names: Losses) -> None:
        for section, name, text in texts:
            if section == "loss" or name not in self.states:
                self.declare(name, section, f"a name under [{section}]")
            if not isinstance(text, str):
                raise self.error(f"the equation of '{name}' must be text", section, name)
        if names.regularizer and names.step is None:
            self.declare(names.whole, "loss", "what the losses are called together", names.main)

    def check_shape(
        self,
        section: str,
        name: str,
        value: MatrixExpr | Stack,
        symbols: Mapping[str, Variable],
        heads: Expr | None,
    ) -> None:
        given = shape_of(value)
        if section == "loss" and (isinstance(value, Stack) or value.shape != (1, 1)):
            raise self.error(
                f"the loss '{name}' must be a scalar, not {given}; take its sum", section, name
            )
        if name not in symbols:
            return
        symbol = symbols[name]
        declared = shape_of(with_heads(symbol, heads))
        if declared != given:
            raise self.error(
                f"operator '=': the state '{name}' is declared {declared} "
                f"and its equation gives {given}",
                section,
                name,
            )

    def preactivation_names(self, equations: list[str]) -> dict[str, tuple[str, ...]]:
        names = {}
        for key, value in self.table("preactivations").items():
            if key not in equations:
                message = f"'{shortened(key)}' has no equation{closest(key, equations)}"
                raise self.error(message, "preactivations", key)
            chosen = value if isinstance(value, list) else [value]
            for entry in chosen:
                if not isinstance(entry, str):
                    raise self.error("a pre-activation's name is text", "preactivations", key)
                self.declare(entry, "preactivations", "a pre-activation", key)
            names[key] = tuple(chosen)
        return names

    def named(self, name: str, expression: MatrixExpr, names: Sequence[str]) -> Equation:
        """The equation, with a name for each function's argument that is not a name already."""
        found = named_arguments(name, expression, names, self.kinds)
        if len(found.preactivations) < len(names):
            raise self.error(
                f"'{name}' has {len(found.preactivations)} pre-activations, not {len(names)}",
                "preactivations",
                name,
            )
        return found

    def check_states(self, declarations: tuple[Declaration, ...]) -> None:
        for entry in declarations:
            if entry.kind == "state" and entry.name not in self.table("equations"):
                raise self.error(f"the state '{entry.name}' has no equation", "states", entry.name)


def _reads(meaning: Meaning, text: str) -> frozenset[str]:
    """The names that an equation reads at step t, those of layers with their numbers."""
    return frozenset(meaning.names.get(other, other) for other in reads_now(text))


def _computed(equation: Equation, kind: Kind, heads: Expr | None = None) -> Declaration:
    """The declaration of what an equation alone declares."""
    return Declaration(equation.name, kind, equation.variable.shape, heads=heads)


def _why_not_yet(
    other: str, name: str, reads: Mapping[str, frozenset[str]], meaning: Meaning
) -> str | None:
    """Why ``name`` cannot read other[t], where the step defines ``other`` here or further down."""
    other = meaning.names.get(other, other)
    if other not in reads:
        return None
    path = _path(other, name, reads)
    if path:
        circle = " -> ".join(f"{step}[t]" for step in (name, *path))
        return f"a cycle within the time step: {circle}; one of them must read [t-1]"
    return f"{other}[t] is read before its equation; move the equation of '{other}' up"


def _path(start: str, goal: str, reads: Mapping[str, frozenset[str]]) -> list[str] | None:
    waiting = [[start]]
    seen = {start}
    while waiting:
        path = waiting.pop(0)
        if path[-1] == goal:
            return path
        for following in sorted(reads.get(path[-1], frozenset()) - seen):
            seen.add(following)
            waiting.append([*path, following])
    return None
