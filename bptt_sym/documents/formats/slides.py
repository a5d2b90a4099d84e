"""The frames of a talk: of each display of the notes one, with a sentence or two of its text.

A frame has one idea and few words, so of a paragraph it takes the sentence that leads to the
display, and the first; figure and caption stand still while the contributions follow each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from bptt_sym.documents.document import (
    Block,
    DisplayedFormula,
    Document,
    Drawing,
    Equations,
    Items,
    NotesSection,
    Paragraph,
    Table,
    ToldContribution,
    ToldContributions,
    plain_words,
    written,
)
from bptt_sym.render.formulas import lines_high

MOST_FRAMES = 28
"""Of more frames than this, those that are extra are left out."""

MOST_WORDS = 25
"""The words beside a display."""

MOST_POINTS = 45
"""The words of a frame without one."""

LEAST_WORDS = 7
"""A sentence of fewer words leads to the next and says nothing by itself."""

LEAST_POINTS = 12
"""The words for which a frame is worth while."""

MOST_BEFORE_POINTS = 2
"""A section with more displays has no frame without one."""

MOST_LINES = 15.0
"""The height of the equations of a frame, in lines of text."""

FIGURE, FIGURE_ABOVE = 0.62, 0.47
"""The shares of the height of a figure that stands alone, and of one above equations."""

LOW = 4.5
"""Equations below a figure have at most the height of so many lines."""

FEW_LINES = 3.0
"""The room that some sentences need below them."""


@dataclass(eq=False)
class SlideFrame:
    """What one sees at a time; of ``steps``, one after the other below the rest.

    One ``is_extra`` that says more of a section than its displays.
    """

    heading: str
    before: list[str] = field(default_factory=list)
    shown: list[Block] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    steps: list[ToldContribution] = field(default_factory=list)
    is_extra: bool = False

    @property
    def words(self) -> int:
        """The words of its sentences."""
        return sum(map(_count, (*self.before, *self.after)))

    @property
    def share(self) -> float:
        """The share of the text's height that a figure takes, above equations or alone."""
        return FIGURE_ABOVE if self.steps else FIGURE

    @property
    def is_full(self) -> bool:
        """Whether there is no room below its displays."""
        high = sum(_height(block) for block in self.shown if isinstance(block, Equations))
        return bool(self.steps) or high > MOST_LINES - FEW_LINES


def frames(document: Document) -> list[SlideFrame]:
    """The frames of a document, without its references; few enough for an hour, if that can be."""
    found: list[SlideFrame] = []
    for section in document.sections:
        if section.name == "exercises":
            found += _exercises(section)
        elif section.name != "references":
            found += _Section(section).frames()
    found = [part for frame in found for part in _split(frame)]
    for frame in reversed([frame for frame in found if frame.is_extra]):
        if len(found) > MOST_FRAMES:
            found.remove(frame)
    return found


def _exercises(section: NotesSection) -> Iterator[SlideFrame]:
    """The exercises whole, several on a frame if they have room and at most one has a display."""
    found: list[SlideFrame] = []
    for block in section.blocks:
        last = found[-1] if found else None
        if isinstance(block, Paragraph):
            text = f"{block.lead} {block.text}".strip()
            new = block.lead and (last is None or last.shown or last.words > MOST_POINTS)
            if last is None or new:
                found.append(SlideFrame(section.heading, [text]))
            else:
                (last.after if last.shown else last.before).append(text)
        elif isinstance(block, Drawing | Equations | Items | Table) and last:
            last.shown.append(block)
    return iter(found)


class _Section:
    """A section as frames, and what of it found no place beside a display."""

    def __init__(self, section: NotesSection) -> None:
        self.section = section
        self.made: list[SlideFrame] = []
        self.points: list[str] = []
        self.place = 0
        self.between: list[Paragraph] = []

    def frames(self) -> list[SlideFrame]:
        """The frames; one is of what else is to say."""
        for block in self.section.blocks:
            match block:
                case Paragraph():
                    self.between.append(block)
                case ToldContributions(entries=entries):
                    self._uncover(entries)
                case Drawing() | Equations() | Items() | Table():
                    self._show(block)
        self._follow(self.between)
        few = len(self.made) <= MOST_BEFORE_POINTS
        if few and sum(map(_count, self.points)) >= LEAST_POINTS:
            shown: list[Block] = [Items(tuple(self.points))]
            points = SlideFrame(self.section.heading, shown=shown, is_extra=bool(self.made))
            self.made.insert(self.place, points)
        return self.made

    def _uncover(self, entries: Iterable[ToldContribution]) -> None:
        """Contributions below the figure of their paths, if this is just before them."""
        last = self.made[-1] if self.made else None
        if last is None or not (last.steps or isinstance(last.shown[-1], Drawing)):
            self._show(None)
        self.between = []
        self.made[-1].before = []
        self.made[-1].steps += entries

    def _show(self, block: Block | None) -> None:
        """A display on a frame of its own, or below the one that its sentence began with."""
        texts, self.between = self.between, []
        if block and self.made and len(texts) == 1 and _goes_on(texts[0]):
            last = self.made[-1].shown[-1:]
            if sum(map(_height, (*last, block))) < MOST_LINES - FEW_LINES:
                self.made[-1].shown += [texts[0], block]
                return
        *before, lead = texts or [Paragraph("")]
        self._follow(before)
        frame = SlideFrame(self.section.heading, shown=[] if block is None else [block])
        first, *more = _sentences(lead.text) or [""]
        if more and isinstance(block, Equations):
            frame.before.append(more[-1])
        if first and (frame.words + _count(first) <= MOST_WORDS or not frame.before):
            frame.before.insert(0, first)
        self.made.append(frame)

    def _follow(self, paragraphs: Sequence[Paragraph]) -> None:
        """What is said of the display before, beside it as far as there is room."""
        for paragraph in paragraphs:
            last = self.made[-1] if self.made else None
            beside = _brief(paragraph.text, MOST_WORDS - last.words) if last else ""
            if last and beside and not last.is_full:
                last.after.append(beside)
            elif not paragraph.aside and not _goes_on(paragraph):
                self.place = self.place if self.points else len(self.made)
                room = MOST_POINTS - sum(map(_count, self.points))
                if brief := _brief(paragraph.text, room):
                    self.points.append(brief)


def _brief(text: str, room: int) -> str:
    """The first sentences of a paragraph that have no more words, if they say something."""
    told: list[str] = []
    for sentence in _sentences(text):
        if sum(map(_count, told)) + _count(sentence) > room:
            break
        told.append(sentence)
    said = " ".join(told)
    return said if _count(said) >= LEAST_WORDS else ""


def _goes_on(paragraph: Paragraph) -> bool:
    """Whether a paragraph goes on with a sentence that a display is in."""
    return paragraph.text[:1].islower()


def _height(block: Block) -> float:
    """About how high a display is, in lines of text."""
    if not isinstance(block, Equations):
        return MOST_LINES
    return sum(lines_high(line) for formula in block.formulas for line in formula.lines)


def _split(frame: SlideFrame) -> Iterator[SlideFrame]:
    """A frame, or several where its equations have no room on one, or below its figure."""
    if frame.shown and any(_height(step.equations) > LOW for step in frame.steps):
        yield replace(frame, steps=[])
        yield replace(frame, shown=[])
        return
    if len(frame.shown) != 1 or not isinstance(frame.shown[0], Equations):
        yield frame
        return
    parts: list[list[DisplayedFormula]] = [[]]
    height = 0.0
    for formula in frame.shown[0].formulas:
        high = _height(Equations((formula,)))
        if parts[-1] and height + high > MOST_LINES:
            parts.append([])
            height = 0.0
        parts[-1].append(formula)
        height += high
    for k, part in enumerate(parts):
        shown: list[Block] = [Equations(tuple(part))]
        before = frame.before if k == 0 else []
        after = frame.after if k == len(parts) - 1 else []
        yield replace(frame, before=before, shown=shown, after=after)


def _sentences(text: str) -> list[str]:
    """The sentences of a paragraph that refer to no figure: it has a caption beside it."""
    parts: list[str] = [""]

    def words(piece: str) -> str:
        first, *more = re.split(r"(?<=[.?!])\s+", piece)
        parts[-1] += plain_words(first)
        parts.extend(map(plain_words, more))
        return ""

    def whole(piece: str) -> str:
        parts[-1] += piece
        return ""

    written(text, words, lambda f: whole(f"${f}$"), lambda label: whole(f"[[{label}]]"))
    return [part.strip() for part in parts if part.strip() and "[[fig:" not in part]


def _count(sentence: str) -> int:
    """The words of a sentence, formulas apart."""
    found: list[str] = []

    def words(piece: str) -> str:
        found.extend(re.findall(r"\w+", piece))
        return ""

    written(sentence, words, lambda _: "", lambda _: "")
    return len(found)
