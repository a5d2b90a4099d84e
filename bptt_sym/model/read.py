"""From the tables of a model file to a Model, each name and shape checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from sympy import Expr

from bptt_sym.algebra.expressions import MatrixExpr, Variable
from bptt_sym.errors import InputError, Place, closest, listed
from bptt_sym.limits import EQUATIONS
from bptt_sym.model.alike import alike
from bptt_sym.model.conventions import Notation, of_layers
from bptt_sym.model.declare import DECLARING, Declarer
from bptt_sym.model.equation_text import reads_now
from bptt_sym.model.language import parse
from bptt_sym.model.layer_section import SECTION as LAYERS
from bptt_sym.model.model import Declaration, Equation, Formula, Model
from bptt_sym.model.numerals import decimals_of
from bptt_sym.model.preactivations import named_arguments
from bptt_sym.model.recurrence import mixed_scan
from bptt_sym.model.repeated_layers import Meaning, unrolled
from bptt_sym.model.scope import Scope
from bptt_sym.model.source import Source, parse_source, read_source
from bptt_sym.model.stacks import Stack, shape_of, with_heads, without_heads
from bptt_sym.model.written_out import check_extent
from bptt_sym.quoting import label_name, shortened, shown_path, title

_DEFINING = ("equations", "loss", "states", "inputs", "functions")
REQUIRED = ("parameters", "equations", "loss")
SECTIONS = ("dimensions", *DECLARING, "functions", "equations", "preactivations", "loss", "latex")
TEXTS = ("title", "description", "source", "vectors")


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
        self.check_sections()
        texts = {key: self.text(key) for key in TEXTS}
        dimensions = self.dimensions()
        declarations = self.declarations(dimensions)
        self.check_states(declarations)
        functions = self.functions()
        declarations = self.with_initials(declarations, functions)
        equations, loss = self.equations(declarations, functions)
        values = tuple(
            Declaration(
                equation.name,
                "value",
                equation.variable.shape,
                heads=self.heads.get(equation.name),
            )
            for equation in equations
            if equation.name not in {entry.name for entry in declarations}
        )
        layers = self.layered.with_arguments((*equations, loss))
        model = Model(
            name=self.name,
            reference=self.reference,
            title=texts["title"] or self.title,
            description=texts["description"],
            source=texts["source"],
            dimensions=dimensions,
            declarations=(
                *declarations,
                *values,
                Declaration(loss.name, "loss", loss.variable.shape),
            ),
            functions=functions,
            equations=equations,
            loss=loss,
            notation=Notation(
                names=of_layers(layers),
                latex=self.latex(),
                decimals=frozenset(decimals_of(map(self.table, _DEFINING))),
            ),
            vectors=self.vectors(),
            layers=layers,
        )
        check_extent(model, self.place_of)
        self.check_meaning(model)
        return model

    def check_meaning(self, model: Model) -> None:
        mixed = mixed_scan(model)
        if mixed:
            raise self.error(
                f"'{mixed[0]}' is scanned onward and '{mixed[1]}' in reverse, and each depends on "
                "the other: no order computes them",
                "states",
                mixed[1],
            )
        same = alike(model)
        if same:
            raise InputError(
                f"'{same[0]}' prints like {same[1]}; give one of them another name, or another "
                "LaTeX under [latex]",
                self.place_of(same[0], "latex", *SECTIONS),
            )

    def place_of(self, name: str, *sections: str) -> Place:
        """Where a name stands first, in these sections or those that define something."""
        known = (key for key in sections or _DEFINING if name in self.table(key))
        return self.source.place(next(known, None), name)

    def check_sections(self) -> None:
        for key, value in self.source.tables.items():
            if key in TEXTS:
                continue
            if key not in SECTIONS:
                entries = (*TEXTS, *SECTIONS, LAYERS)
                shown = f"'{shortened(key)}'{closest(key, entries)}"
                message = f"unknown entry {shown}; known are {listed(entries)}"
                place_of = (key, None) if isinstance(value, dict) else (None, key)
                raise self.error(message, *place_of)
            if not isinstance(value, dict):
                raise self.error(f"'{key}' must be a section: [{key}]", None, key)
        for section in REQUIRED:
            if not self.source.tables.get(section):
                raise self.error(f"the section [{section}] is missing or empty", section)

    def equations(
        self, declarations: tuple[Declaration, ...], functions: dict[str, str | Formula]
    ) -> tuple[tuple[Equation, ...], Equation]:
        texts = [("equations", name, text) for name, text in self.table("equations").items()]
        losses = [("loss", name, text) for name, text in self.table("loss").items()]
        if len(losses) != 1:
            raise self.error("the section [loss] has one equation", "loss")
        EQUATIONS.check(len(texts), self.source.place("equations"))
        states = {entry.name for entry in declarations if entry.kind == "state"}
        for section, name, text in (*texts, *losses):
            if section == "loss" or name not in states:
                self.declare(name, section, f"a name under [{section}]")
            if not isinstance(text, str):
                raise self.error(f"the equation of '{name}' must be text", section, name)
        preactivations = self.preactivation_names([name for _, name, _ in (*texts, *losses)])

        current = {e.name: e.symbol for e in declarations if e.kind in ("input", "target")}
        symbols = {e.name: e.symbol for e in declarations}
        parameters = {e.name: e.symbol for e in declarations if e.is_timeless}
        lagged = [e for e in declarations if e.kind in ("input", "target", "state")]
        reads = {name: self.reads(name, text) for _, name, text in texts}
        self.heads = {e.name: e.heads for e in declarations if e.heads is not None}
        done = []
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
            )
            value = parse(text, scope, partial(self.source.within, (section, name)))
            self.check_shape(section, name, value, symbols, self.heads.get(name))
            if isinstance(value, Stack):
                self.heads[name] = value.heads
            equation = self.named(name, without_heads(value), preactivations.get(name, ()))
            current[name] = equation.variable
            done.append(equation)
        return tuple(done[:-1]), done[-1]

    def reads(self, name: str, text: str) -> frozenset[str]:
        """The names that an equation reads at step t, those of layers with their numbers."""
        names = self.layered.meaning(name).names
        return frozenset(names.get(other, other) for other in reads_now(text))

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
