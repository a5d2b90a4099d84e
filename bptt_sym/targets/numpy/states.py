"""States at the edges of a sequence or of a part of it: before its first step, behind its last."""

from __future__ import annotations

from collections.abc import Iterable

from bptt_sym.graph.array_shapes import SEQUENCES, array_sizes
from bptt_sym.graph.graph import Key
from bptt_sym.graph.node import Node
from bptt_sym.graph.stages import Stage
from bptt_sym.targets.numpy.emitter import Emitter
from bptt_sym.targets.numpy.first_state import state_key
from bptt_sym.targets.numpy.interface import Interface
from bptt_sym.targets.numpy.precedence import Code, call
from bptt_sym.targets.numpy.python_names import PythonNames
from bptt_sym.targets.numpy.row_parts import shape_code


class States:
    """The code that goes from the arguments to the arrays of states, and back from adjoints."""

    def __init__(self, emitter: Emitter, interface: Interface, names: PythonNames) -> None:
        self.emitter, self.interface, self.names = emitter, interface, names
        self.graph, self.model = emitter.graph, interface.model

    @property
    def turned(self) -> str:
        """What turns an array of a state from the public layout into that of the loops."""
        return ".swapaxes(-1, -2)" if self.emitter.layout == "features" else ""

    def carried_lines(self, stage: Stage) -> list[str]:
        """What a backward loop begins with."""
        emitter = self.emitter
        for node in self.carries(stage):
            definition = self.graph.definitions[node.detail]
            storage, _ = emitter.places[node]
            if storage.depth:
                name = f"{emitter.use(emitter.titles.whole(storage))}[{self.row(node.detail, 1)}]"
            else:
                name = emitter.use(emitter.titles(storage))
            (initial,) = definition.initial
            start = self.first_value(initial)
            emitter.touch(storage, writes=True)
            emitter.line(f"{name} = {start}" if storage.depth else f"{name}[...] = {start}")
            if self.interface.is_onward:
                state, lag = node.detail[1], int(node.detail[2])
                field = f"final.{self.names('value', state)}{self.index(state, lag)}"
                emitter.line("if final is not None:", f"    {name} += {field}{self.turned}")
        return emitter.flushed()

    def carries(self, stage: Stage) -> list[Node]:
        """What a backward loop hands on, before what begins with something that is made of it."""
        found = [
            node
            for node in stage.nodes
            if node.kind in ("carried", "state") and node.detail[0] == "carry"
        ]

        def before(node: Node) -> int:
            initial = self.graph.definitions[node.detail].initial
            return len({*self.graph.reachable(initial)}.intersection(found))

        return sorted(found, key=before)

    def first_value(self, initial: Node) -> str:
        """What the first step reads; of a number that is spread, the number."""
        number = initial.kind == "spread" and initial.operands[0].kind == "number"
        return self.emitter.plain(initial.operands[0] if number else initial)

    def index(self, state: str, lag: int) -> str:
        """Which of the values of a State field is that of so many steps before."""
        depth = self.model.depth(state)
        return "" if depth == 1 else f"[{depth - lag}]"

    def row(self, key: Key, lag: int) -> str:
        """The row of an array with a past for the value so many steps before the first."""
        definition = self.graph.definitions[key]
        if definition.reverse:
            self.emitter.use("T")
            return "T" if lag == 1 else f"T + {lag - 1}"
        return str(definition.depth - lag)

    def initial_lines(self) -> list[str]:
        """States before their first step: as the model has them, or those of an earlier part."""
        own: list[str] = []
        given: list[str] = []
        for key, definition in self.graph.definitions.items():
            if key[0] == "carry" or not definition.initial or not self.is_stored(key):
                continue
            whole = self.emitter.use(self.whole(key))
            for lag, initial in enumerate(definition.initial, start=1):
                own.append(f"{whole}[{self.row(key, lag)}] = {self.first_value(initial)}")
                field = f"start.{self.names('value', key[1])}{self.index(key[1], lag)}"
                given.append(f"{whole}[{self.row(key, lag)}] = {field}{self.turned}")
        before = self.emitter.flushed()
        if not own or not self.interface.is_onward:
            return [*before, *own]
        ours, theirs = ([f"    {line}" for line in lines] for lines in (own, given))
        return [*before, "if start is None:", *ours, "else:", *theirs]

    def whole(self, key: Key) -> str:
        storage, _ = self.emitter.places[self.graph.definitions[key].node]
        return self.emitter.titles.whole(storage)

    def is_stored(self, key: Key) -> bool:
        """Whether a state has an array of its own with the values before the first step."""
        node = self.graph.definitions[key].node
        return node.kind == "state" and node.detail == key and node in self.emitter.places

    def before_first(self, state: str) -> Code:
        """The gradient with respect to a state before the first time step, in the public layout."""
        entry, depth = self.model.declaration(state), self.model.depth(state)
        carried = []
        for lag in range(1, depth + 1):
            definition = self.graph.definitions.get(("carry", state, str(lag)))
            if definition and definition.node in self.emitter.places:
                storage, _ = self.emitter.places[definition.node]
                carried.append(f"{self.emitter.final_code(storage)}{self.turned}")
            else:
                sizes = (SEQUENCES, *array_sizes(entry.shape))
                shape = shape_code(map(self.emitter.size, sizes))
                carried.append(f"np.zeros({shape}, {self.emitter.use('dtype')})")
        if depth == 1:
            return call("np.array(", carried, ")")
        return call("np.stack([", carried if entry.reverse else carried[::-1], "])")

    def histories(self) -> Iterable[tuple[str, str]]:
        """For each field of the State its values over time, with those before the first step."""
        for entry in self.interface.state_entries:
            key = state_key(entry)
            code = f"work.{self.whole(key)}{self.turned}" if self.is_stored(key) else "None"
            yield self.names("value", entry.name), code

    def final(self) -> Iterable[str]:
        """For each field of the State a copy of its values behind the last step."""
        for entry, (_, code) in zip(self.interface.state_entries, self.histories(), strict=True):
            depth = self.model.depth(entry.name)
            self.emitter.use("T")
            yield f"np.array({code}[{'T' if depth == 1 else f'T : T + {depth}'}])"

    def initial_fields(self) -> Iterable[tuple[str, str]]:
        """The arguments before the first step, each with its field in the State."""
        for entry in self.interface.state_entries:
            if entry.initial is None:
                yield self.names("initial", entry.name), self.names("value", entry.name)
