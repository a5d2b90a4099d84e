"""What writes a fast module's lines: names of arrays, views of them, and when each is used."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bptt_sym.choices import Layout
from bptt_sym.compiler.compiled import Compiled
from bptt_sym.compiler.graph import Key, Node
from bptt_sym.compiler.storage import Storage
from bptt_sym.emit.numpy.names import Names
from bptt_sym.emit.numpy.views import View, code_of

LINE = 92
"""The most characters of the head of a loop."""

INDENT = "    "

Atom = View | str
"""An operand as it stands in a call: a view of an array, or code."""


@dataclass
class Block:
    """Lines of code at once, or in a loop over the views that it zips.

    ``before`` are the lines before the loop, ``zipped`` the names of the views by their code.
    """

    lines: list[str] = field(default_factory=list)
    way: str | None = None
    before: list[str] = field(default_factory=list)
    zipped: dict[str, str] = field(default_factory=dict)

    def code(self) -> list[str]:
        """The lines, with the head of the loop."""
        if self.way is None:
            return self.lines
        if not self.lines:
            return self.before
        turn = "[::-1]" if self.way == "backward" else ""
        names = ", ".join(self.zipped.values()) or "_"
        sources = [f"{source}{turn}" for source in self.zipped] or ["range(T)"]
        zipped = f"zip({', '.join(sources)})" if len(sources) > 1 else sources[0]
        head = [f"for {names} in {zipped}:"]
        if len(head[0]) > LINE:
            lines = textwrap.wrap(
                f"{names},", LINE, initial_indent=INDENT, subsequent_indent=INDENT
            )
            broken = [f"{INDENT}{source}," for source in sources]
            head = ["for (", *lines, ") in zip(", *broken, "):"]
        return [*self.before, *head, *(f"{INDENT}{line}" for line in self.lines)]


class Writer:
    """Knows the names of all arrays, and writes into the current block.

    ``touched`` tells when each array is written and read, by a clock that goes on with the lines;
    ``in_place`` tells which array a call could write over another one; ``has_temporaries`` whether
    something over all time steps is computed that no call writes into an array; ``unnamed`` are
    the names of arrays of no quantity of the model.
    """

    def __init__(self, compiled: Compiled, names: Names) -> None:
        self.compiled, self.names = compiled, names
        self.graph, self.storages = compiled.graph, compiled.storages
        self.packing, self.sites = compiled.packing, compiled.sites
        self.places = self.storages.places
        self.layout = compiled.layout
        self.block = Block()
        self.storage_names: dict[Storage, str] = {}
        self.pseudo: dict[Node, Storage] = {}
        self.touched: dict[Storage, list[tuple[int, bool]]] = {}
        self.in_place: list[tuple[int, Storage, Storage]] = []
        self.clock = 0
        self.has_temporaries = False
        self.unnamed: set[str] = set()
        self.users = self.graph.users()
        self.loss_name = compiled.program.model.loss.name
        self.results: dict[Node, tuple[str, str]] = {}
        for key, node in self.graph.results.items():
            of = ("value", self.loss_name) if key == ("loss",) else ("adjoint", key[1])
            self.results[node] = of
            if node.kind == "result":
                self.results.setdefault(node.operands[0], of)
        self.keys: dict[Node, list[Key]] = {}
        for key, definition in self.graph.definitions.items():
            self.keys.setdefault(definition.node, []).append(key)

    def name(self, storage: Storage) -> str:
        """The name of a storage: of what it holds, where that has a name."""
        if storage not in self.storage_names:
            known = [self.known_name(node) for node in storage.lanes]
            if len(known) == 1 and known[0]:
                role, of = known[0]
                chosen = self.names(role, of)
            elif all(known) and len(known) > 1:
                chosen = self.names.fresh(joint_name([k for k in known if k]))
            else:
                purposes = list(dict.fromkeys(map(self.purpose, storage.lanes)))
                alone = len(purposes) == 1
                purpose = label(*purposes[0]) if alone else joint_name(purposes)
                chosen = self.names.fresh(f"{purpose}_in")
                self.unnamed.add(chosen)
            self.storage_names[storage] = chosen
        return self.storage_names[storage]

    def known_name(self, node: Node) -> tuple[str, str] | None:
        """The role and the name of what a node stands for."""
        for key in sorted(self.keys.get(node, ()), key=lambda key: key[0] != "value"):
            role = {"value": "value", "adjoint": "adjoint", "carry": "carry"}[key[0]]
            return (role if key[2:] in ((), ("1",)) else f"{role} {key[2]}", key[1])
        return None

    def purpose(self, node: Node) -> tuple[str, str]:
        """The role and the name of the nearest quantity that a node goes into."""
        waiting = [node]
        for other in waiting:
            known = self.known_name(other) or self.results.get(other)
            if known:
                return known
            waiting += [user for user in self.users.get(other, ()) if user not in waiting]
        return "value", self.loss_name

    def view_name(self, view: View) -> str:
        """The name of the array that a view is of, at its time."""
        storage = view.storage
        return self.past_name(storage, view.lag) if storage.depth else self.name(storage)

    def past_name(self, storage: Storage, lag: int) -> str:
        """The name of what a storage holds ``lag`` steps back."""
        if not lag:
            return self.name(storage)
        key = storage.lanes[0].detail
        if key[0] == "carry":
            return self.names("carry before", f"{key[1]}{'' if key[2] == '1' else key[2]}")
        role = "following" if storage.reverse else "previous"
        return self.names(role if lag == 1 else f"{role} {lag}", key[1])

    def whole_name(self, storage: Storage) -> str:
        """The name of an array with the values before the first step in it."""
        key = storage.lanes[0].detail
        if key[0] == "carry":
            return self.names("carry all", f"{key[1]}{'' if key[2] == '1' else key[2]}")
        return self.names("all", key[1])

    def touch(self, storage: Storage, *, writes: bool = False) -> None:
        self.touched.setdefault(storage, []).append((self.clock, writes))

    def shown(self, atom: Atom, layout: Layout, *, writes: bool = False) -> str:
        """The code of an atom where the current block stands."""
        if isinstance(atom, str):
            return atom
        self.touch(atom.storage, writes=writes)
        name = self.view_name(atom)
        code = code_of(atom, name, leading=atom.storage.over_time, layout=layout)
        if self.block.way is None:
            return code
        if atom.storage.over_time:
            source = code
            if source not in self.block.zipped:
                self.block.zipped[source] = self.names.fresh(f"{self.short_name(atom)}_t")
            return self.block.zipped[source]
        if code == name:
            return code
        line = next((known for known in self.block.before if known.endswith(f" = {code}")), None)
        if line is None:
            line = f"{self.names.fresh(self.short_name(atom) + '_v')} = {code}"
            self.block.before.append(line)
        return line.partition(" = ")[0]

    def short_name(self, view: View) -> str:
        if view.count == 1 and len(view.storage.lanes) > 1:
            known = self.known_name(view.storage.lanes[view.start])
            if known:
                return label(*known)
        return self.view_name(view)

    def view(self, node: Node) -> View | None:
        """Where a node that varies over time lies."""
        if node in self.places:
            storage, lane = self.places[node]
            whole = len(storage.lanes) if node.kind == "dot" and node not in storage.lanes else 1
            return View(storage, lane, whole)
        match node.kind:
            case "join":
                if self.packing.is_run(node.operands) or len(node.operands) == 1:
                    storage, lane = self.places[node.operands[0]]
                    return View(storage, lane, len(node.operands))
            case "lagged":
                key, lag = node.detail
                storage, _ = self.places[self.graph.definitions[key].node]
                return View(storage, lag=lag if storage.depth else 0)
            case "given" if node.time:
                return View(self.pseudo_storage(node, self.given_name(node)))
            case "seed":
                return View(self.pseudo_storage(node, "seed"))
            case "weighted":
                if node in self.pseudo:
                    return View(self.pseudo[node])
        return None

    def over_time(self, node: Node) -> View:
        """Where a node that varies over time lies; it must be computed before."""
        found = self.view(node)
        if found is None:
            raise AssertionError(f"no place for a node of the kind {node.kind}: {node}")
        return found

    def given_name(self, node: Node) -> str:
        name, lag = node.detail
        if not lag:
            return self.names("value", name)
        return self.names("previous" if lag == 1 else f"previous {lag}", name)

    def pseudo_storage(self, node: Node, name: str, layout: Layout = "rows") -> Storage:
        """A storage for an array that is no buffer."""
        if node not in self.pseudo:
            self.pseudo[node] = Storage((node,), (node.width,), True, layout)
            self.storage_names[self.pseudo[node]] = name
        return self.pseudo[node]

    def flushed(self) -> list[str]:
        """The lines of the current block, after which a new one begins."""
        lines = self.block.code()
        self.block = Block()
        return lines

    def line(self, text: str) -> None:
        self.block.lines.append(text)
        self.clock += 1

    def rows(self, node: Node) -> View:
        """A node's array in rows; where it has the features first, of a copy."""
        view = self.over_time(node)
        storage = view.storage
        if storage.layout == "rows":
            return view
        if storage.twin is None:
            twin = Storage(
                storage.lanes, storage.widths, True, "rows", storage.depth, storage.reverse
            )
            storage.twin = twin
            source = self.name(storage)
            self.storage_names[twin] = self.names.fresh(f"{source}_rows")
            whole, copy = source, self.storage_names[twin]
            if storage.depth:
                whole = self.whole_name(storage)
            self.touch(storage)
            self.touch(twin, writes=True)
            self.block.lines.append(f"np.copyto({copy}, {whole}.swapaxes(1, 2))")
            self.clock += 1
        return View(storage.twin, view.start, view.count, view.form, view.lag)

    def matrix(self, node: Node) -> str:
        """All time steps and sequences of a node as the rows of a matrix."""
        view = self.rows(node)
        self.touch(view.storage)
        name = (
            self.storage_names[view.storage]
            if view.storage in self.storage_names
            else self.name(view.storage)
        )
        if view.storage.depth:
            name = self.twin_name(view)
        code = code_of(view, name, leading=True)
        return f"{code}.reshape(T * B, {node.width})"

    def twin_name(self, view: View) -> str:
        """The rows of a state at another time step."""
        storage = view.storage
        if storage not in self.storage_names or not self.storage_names[storage].endswith("_rows"):
            return self.view_name(view)
        name, depth = self.storage_names[storage], storage.depth
        return name + time_span(depth, view.lag, storage.reverse)


def words(code: Iterable[str]) -> set[str]:
    """The names in lines of code."""
    return {word for line in code for word in _WORD.findall(line)}


def renamed(line: str, names: Mapping[str, str]) -> str:
    """A line with other names."""
    return _WORD.sub(lambda found: names.get(found[0], found[0]), line)


_WORD = re.compile(r"[A-Za-z_]\w*")


def label(role: str, name: str) -> str:
    """How names begin that have to do with a quantity: dz for what is an adjoint of z."""
    return name if role == "value" else f"d{name}"


def joint_name(known: Sequence[tuple[str, str]]) -> str:
    """A name for several quantities side by side: z_i, z_f as z_if, i and f as if_."""
    prefix = label(known[0][0], "")
    split = [name.rpartition("_") for _, name in known]
    shared = {head for head, _, _ in split}
    head = f"{shared.pop()}_" if len(shared) == 1 and "" not in shared else ""
    rest = [tail for _, _, tail in split] if head else [name for _, name in known]
    return prefix + head + ("" if all(len(part) == 1 for part in rest) else "_").join(rest)


def time_span(depth: int, lag: int, reverse: bool) -> str:
    """The steps of an array with a past that are the values, or those ``lag`` steps back."""
    if reverse:
        return f"[{lag}:][:T]" if lag else "[:T]"
    if not lag:
        return f"[{depth}:]"
    return f"[{depth - lag or ''}:-{lag}]"
