"""Lines of code at once, or in a loop over the views that it zips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bptt_sym.targets.numpy.fitted import wrapped_lines

LINE = 92
"""The most characters of a line behind the indent of a function."""

INDENT = "    "


@dataclass
class Block:
    """Lines, and those ``before`` the loop where they are in one.

    ``named`` are the names of what is written before, by its code; ``zipped`` those of the steps
    of arrays that the loop goes through, by the arrays; ``comments`` wait for lines below them.
    """

    way: str | None = None
    lines: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    named: dict[str, str] = field(default_factory=dict)
    zipped: dict[str, str] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)

    def write(self, lines: Sequence[str]) -> None:
        """Writes lines under the comments that wait for them."""
        self.lines += [*self.comments, *lines]
        self.comments = []

    def write_before(self, lines: Sequence[str]) -> None:
        """Writes lines where they are written once: in a loop, before it."""
        if self.way is None:
            self.write(lines)
        else:
            self.before += lines

    def code(self) -> list[str]:
        """The lines, with the head of the loop."""
        if self.way is None:
            return self.lines
        if not self.lines:
            return self.before
        return [*self.before, *self.head(), *(f"{INDENT}{line}" for line in self.lines)]

    def head(self) -> list[str]:
        """The head of the loop."""
        turn = "[::-1]" if self.way == "backward" else ""
        names = ", ".join(self.zipped.values()) or "_"
        sources = [f"{source}{turn}" for source in self.zipped] or ["range(T)"]
        zipped = sources[0]
        if len(sources) > 1:
            zipped = f"zip({', '.join(sources)}, strict=True)"
        head = f"for {names} in {zipped}:"
        if len(head) <= LINE:
            return [head]
        broken = [f"{INDENT}{source}," for source in (*sources, "strict=True")]
        return ["for (", *wrapped_lines(f"{names},", LINE), ") in zip(", *broken, "):"]
