"""The function of a fast module that computes one time step, for streams."""

from __future__ import annotations

from dataclasses import replace

from bptt_sym.choices import Layout
from bptt_sym.graph.array_shapes import SEQUENCES, STEPS
from bptt_sym.graph.build import Program
from bptt_sym.graph.node import Node
from bptt_sym.memory.compiled import compiled_step
from bptt_sym.memory.storage import Storage
from bptt_sym.model.model import Declaration
from bptt_sym.targets.numpy.block import LINE as WIDTH
from bptt_sym.targets.numpy.emitter import FOREVER, Emitter
from bptt_sym.targets.numpy.first_state import state_key
from bptt_sym.targets.numpy.fitted import fitted_lines
from bptt_sym.targets.numpy.interface import Interface
from bptt_sym.targets.numpy.precedence import call
from bptt_sym.targets.numpy.python_names import PythonNames
from bptt_sym.targets.numpy.row_parts import shape_code
from bptt_sym.targets.numpy.signature import Argument, Signature, signature
from bptt_sym.targets.numpy.views import View
from bptt_sym.targets.numpy.workspace import Workspace


class StepEmitter(Emitter):
    """Writes one step straight on: what is given and what came before are arrays of one step."""

    def pseudo_storage(self, node: Node, name: str, layout: Layout = "rows") -> Storage:
        storage = super().pseudo_storage(node, name, layout)
        storage.over_time = False
        return storage

    def view(self, node: Node) -> View:
        if node.kind == "lagged":
            return View(self.pseudo_storage(node, self.before(node)))
        return super().view(node)

    def before(self, node: Node) -> str:
        """The name of a value so many steps before."""
        (_, name), lag = node.detail
        depth = self.compiled.program.model.depth(name)
        past = self.use(self.names("past", name))
        return past if depth == 1 else f"{past}[{depth - lag}]"

    def contiguous(self, node: Node) -> str:
        return self.plain(node)


class StepBody:
    """What a template lays out of one step of a program: the signature, the arrays of the
    workspace, the lines; ``used`` are the names that they read.
    """

    def __init__(self, program: Program) -> None:
        self.model = program.model
        self.names = PythonNames([dimension.name for dimension in program.model.dimensions])
        self.interface = Interface(program, self.names)
        self.interface.claim_names()
        self.emitter = emitter = StepEmitter(compiled_step(program), self.names)
        self.used = emitter.used
        self.kept: set[Storage] = set()
        self.copies: list[str] = []
        (stage,) = emitter.compiled.stages
        emitter.write_stage(stage)
        computed = [*emitter.block.before, *emitter.block.lines]
        values = self.values()
        moved_on = self.moved_on()
        for storage in self.kept:
            emitter.touched[storage].append((FOREVER, False))
        self.workspace = Workspace(emitter, reuse=True)
        self.workspace.shapes.update(
            {self.past(entry): field.sizes for field, entry in self.fields}
        )
        begin: list[str] = []
        for field, entry in self.fields:
            past = self.past(entry)
            begin += [f"{past} = work.{past}", f"np.copyto({past}, state.{field.name})"]
        pasts = [self.past(entry) for _, entry in self.fields]
        closing = [*self.copies, *moved_on, *fitted_lines(pasts, "following = State(", ")")]
        closing += call("Forward(", values).lines("return following, ", WIDTH)
        views = self.workspace.views()
        self.lines = [*self.arguments(), *views, *begin, *computed, *closing]

    @property
    def into(self) -> Signature:
        """What ``step`` takes beside a State: its arguments, those over time of one step alone."""
        before = {self.names("initial", entry.name) for entry in self.interface.state_entries}
        taken = [a for a in self.interface.forward_arguments if a.name not in before]
        arguments = [replace(a, sizes=a.sizes[1:]) if a.sizes[:1] == (STEPS,) else a for a in taken]
        found = signature(arguments, self.interface.state_fields)
        return replace(found, counts=tuple(size for size in found.counts if size != "T"))

    @property
    def passed(self) -> list[str]:
        """What ``step`` hands on, as the entries of a mapping: there is one time step."""
        arrays = [*self.interface.forward_arguments, *self.interface.initial_values]
        fields = self.interface.state_fields
        sequences = "B"
        if fields:
            sequences = f"np.shape(state.{fields[0].name})[{fields[0].sizes.index(SEQUENCES)}]"
        counts = {"T": "1", "B": sequences}
        taken = Signature(self.into.arguments, ()).mapped
        return [*taken, *(f'"{size}": {counts[size]}' for size in signature(arrays).counts)]

    @property
    def fields(self) -> list[tuple[Argument, Declaration]]:
        """The fields of the State with what they are of."""
        entries = self.interface.state_entries
        return list(zip(self.interface.state_fields, entries, strict=True))

    def past(self, entry: Declaration) -> str:
        """The array of the workspace with the values before this step."""
        return self.names("past", entry.name)

    def values(self) -> list[str]:
        """What the forward pass returns, each an array of its own."""
        found = []
        for key in self.emitter.graph.kept:
            node = self.emitter.graph.definitions[key].node
            sizes = (SEQUENCES, *self.interface.graph.definitions[key].node.sizes)
            atom, taken = (
                self.emitter.atom(node, "rows"),
                {*self.emitter.pseudo.values(), *self.kept},
            )
            code = self.emitter.shown(atom, "rows")
            if isinstance(atom, View) and atom.storage not in taken and node.sizes == sizes[1:]:
                self.kept.add(atom.storage)
                found.append(code)
            else:
                shape = shape_code(map(self.emitter.size, sizes))
                name = self.names.fresh(f"{self.names('value', key[1])}_copy")
                self.copies.append(f"{name} = np.array(np.broadcast_to({code}, {shape}))")
                found.append(name)
        return found

    def moved_on(self) -> list[str]:
        """The values that are those before the next step."""
        lines = []
        for _, entry in self.fields:
            node = self.emitter.graph.definitions[state_key(entry)].node
            code = self.emitter.shown(self.emitter.atom(node, "rows"), "rows")
            past = self.past(entry)
            if node.kind == "lagged":
                # What it is of moves on too.
                name = self.names.fresh(f"{past}_copy")
                self.copies.append(f"{name} = np.array({code})")
                code = name
            if self.model.depth(entry.name) == 1:
                lines.append(f"np.copyto({past}, {code})")
            else:
                lines += [f"{past}[:-1] = {past}[1:]", f"{past}[-1] = {code}"]
        return lines

    def arguments(self) -> list[str]:
        """The parameters, arguments and sizes that the lines read."""
        used = self.used
        parameters = [a.name for a in self.interface.parameters if a.name in used]
        lines = [f"{name} = params.{name}" for name in parameters]
        taken = {argument.name for argument in self.into.arguments}
        padded = [a.name for a in self.interface.padded if a.name in used & taken]
        mask = [self.interface.mask_name] if padded else []
        read = [a.name for a in self.into.arguments if a.name in used | set(mask)]
        lines += [f'{name} = arguments["{name}"]' for name in read]
        lines += [f"{n} = without_padding({n}[None], {mask[0]}[None])[0]" for n in padded]
        checks = self.interface.label_checks(self.emitter, taken)
        dimensions = ("B", *self.interface.dimensions)
        lines += [f'{name} = work.sizes["{name}"]' for name in dimensions if name in used]
        lines += checks
        return [*lines, *(["dtype = work.dtype"] if "dtype" in used else [])]
