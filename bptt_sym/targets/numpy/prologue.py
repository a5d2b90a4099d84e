"""What a readable function begins with: its parameters, its arguments, the sizes that it reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter

from bptt_sym.targets.numpy.fitted import fitted_lines, wrapped_lines
from bptt_sym.targets.numpy.interface import Interface
from bptt_sym.targets.numpy.signature import Argument, Signature
from bptt_sym.targets.numpy.statements import WIDTH, Block, Statements


class Prologue:
    """Writes it when the statements are written, for it gives what they read."""

    def __init__(self, write: Statements, interface: Interface) -> None:
        self.write, self.interface = write, interface

    def lines(
        self, into: Signature, calls: Block | None = None, *, as_mapping: bool = False
    ) -> Block:
        """What a function begins with: its parameters, the check of its arguments, the sizes.

        ``calls`` come before the arguments are brought into the form that the blocks read. Where
        the function takes them ``as_mapping``, this is called arguments.
        """
        prepared = self.prepared(into.arguments)
        told = {s for a in (*self.interface.parameters, *into.arguments) for s in a.shape}
        used = self.sizes_used(told | set(into.counts))
        values = ", ".join(f'sizes["{size}"]' for size in used)
        sizes = [f"{', '.join(used)} = {values}"] if used else []
        if len("".join(sizes)) > WIDTH:
            sizes = [f'{size} = sizes["{size}"]' for size in used]
        self.write.used |= {"sizes"} if used else set()
        return [
            *self.checked(into, as_mapping=as_mapping),
            *self.unpacked("params", self.interface.parameters),
            *sizes,
            *(calls or []),
            *prepared,
        ]

    def sizes_used(self, known: Iterable[str]) -> list[str]:
        """The sizes that the code reads, of those that are known."""
        sizes = ("T", "B", *self.interface.dimensions)
        return [size for size in sizes if size in self.write.used and size in set(known)]

    def unpacked(
        self, source: str, fields: Sequence[Argument], beside: Sequence[Argument] = ()
    ) -> Block:
        """The fields of a tuple that the code reads, as local names; it has others ``beside``."""
        used = [field.name for field in fields if field.name in self.write.used]
        self.write.used |= {source} if used else set()
        if len(used) == len(fields) > 1 and not beside:
            line = f"{', '.join(used)} = {source}"
            if len(line) <= WIDTH:
                return [line]
            return ["(", *wrapped_lines(f"{', '.join(used)},", WIDTH), f") = {source}"]
        return [f"{name} = {source}.{name}" for name in used]

    def checked(self, into: Signature, *, as_mapping: bool = False) -> Block:
        """Parameters and arguments as arrays of one type, and of these what the code reads."""
        read = [argument.name for argument in into.arguments if argument.name in self.write.used]
        wanted = self.write.used | ({"arguments"} if read else set()) | {"params"}
        found = [
            name if name in wanted else "_" for name in ("params", "arguments", "sizes", "dtype")
        ]
        targets = ", ".join(found)
        if as_mapping:
            lines = [f"{targets} = checked(params, arguments)"]
        else:
            lines = fitted_lines(into.mapped, f"{targets} = checked(params, {{", "})")
        if len(read) == len(into.arguments) > 1 and not as_mapping:
            return [*lines, f"{', '.join(read)} = arguments.values()"]
        return [*lines, *(f'{name} = arguments["{name}"]' for name in read)]

    def prepared(self, arguments: Sequence[Argument]) -> Block:
        """Arguments in the form that statements read: without padding, labels checked, those of
        earlier steps.
        """
        earlier = sorted(read for read in self.write.lagged if read[0][0] == "given")
        pasts: Block = []
        for key, lags in groupby(earlier, key=itemgetter(0)):
            value = self.write.use(self.write.names("value", key[1]))
            past = self.write.past(key, [lag for _, lag in lags])
            pasts += [*past, f"{self.write.current(key)} = {self.dense(value)}"]
        taken = {argument.name for argument in arguments}
        lines = []
        for argument in self.interface.padded:
            if argument.name in self.write.used & taken:
                mask = self.write.use(self.interface.mask_name)
                lines.append(f"{argument.name} = without_padding({argument.name}, {mask})")
        return [*lines, *self.interface.label_checks(self.write, taken), *pasts]

    def dense(self, name: str, part: str = "") -> str:
        """An input or target, or a part of it, as vectors."""
        sizes = dict(self.interface.labels)
        if name not in sizes:
            return f"{name}{part}"
        size, dtype = self.write.size(sizes[name]), self.write.use("dtype")
        return f"{self.write.use('one_hot')}({name}{part}, {size}, {dtype})"
