"""A figure of a model: what is asked for, the picture, and the forms in which it is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from bptt_sym.choices import ShownLoss
from bptt_sym.errors import InputError
from bptt_sym.figures.drawing import drawing, labels_of
from bptt_sym.figures.picture import Picture
from bptt_sym.figures.pieces import shown_around
from bptt_sym.figures.request import Request, in_text, parse_request
from bptt_sym.model.model import Model
from bptt_sym.model.notations import in_notation
from bptt_sym.quoting import command_line
from bptt_sym.render.command import notation_words

ENDINGS = (".svg", ".pdf", ".png", ".tex")

MOST_CENTIMETRES = 100

LOW = 6.5
"""Of a figure within a text, in centimetres: a quarter of a page."""


@dataclass(frozen=True)
class Figure:
    """A figure that can write itself; in a notebook it shows itself."""

    request: Request

    @cached_property
    def picture(self) -> Picture:
        """Where everything lies."""
        return drawing(self._plain)

    @property
    def large_step(self) -> int | None:
        """The step that alone is drawn with its inside, among others, if that is so."""
        return shown_around(self.request)[1] if self.request.kind == "chain" else None

    @property
    def has_colored_paths(self) -> bool:
        """Whether there are several paths, each in a colour of its own."""
        return self.picture.colors > 1

    @property
    def smallest_label(self) -> float:
        """The size of the smallest label in points, as wide as it is; its indices are smaller."""
        return min(label.points for label in self.picture.labels)

    @property
    def description(self) -> str:
        """What the figure shows, in words."""
        return f"{self.picture.title}. {self.picture.description}"

    def svg(self) -> str:
        """The figure as SVG, its labels as outlines; this needs Matplotlib."""
        from bptt_sym.figures.svg import svg

        return svg(self.picture, self._command(".svg"))

    def tikz(self) -> str:
        r"""The figure as TikZ, a fragment to \\input."""
        from bptt_sym.figures.tikz import tikz

        return tikz(self.picture, self._command(".tex"), self._macros())

    def png(self) -> bytes:
        """The figure as a PNG file; this needs Matplotlib."""
        from bptt_sym.figures.png import png

        return png(self.picture)

    def pdf(self) -> bytes:
        """The figure as a PDF file; this needs pdflatex."""
        from bptt_sym.figures.pdf import pdf

        return pdf(self.picture)

    def written(self, ending: str) -> str | bytes:
        """The figure in the form of a file's ending. Raises InputError for an unknown one."""
        match check_ending(ending):
            case ".svg":
                return self.svg()
            case ".tex":
                return self.tikz()
            case ".png":
                return self.png()
            case _:
                return self.pdf()

    def _repr_svg_(self) -> str:
        return self.svg()

    def __repr__(self) -> str:
        return f"<Figure: {self.picture.title}>"

    @property
    def _plain(self) -> Request:
        """What is asked for, without macros: a figure is laid out by what they stand for."""
        model = self.request.model
        plain = replace(model, notation=replace(model.notation, macros={}))
        return replace(self.request, model=plain)

    def _macros(self) -> dict[str, str]:
        """The labels by their LaTeX, with the macros that the model's notation has for them."""
        if not self.request.model.notation.macros:
            return {}
        plain, named = map(labels_of, (self._plain, self.request))
        return dict(zip(plain, named, strict=True))

    def _command(self, ending: str) -> str:
        """The command that makes this again."""
        request = self.request
        words = ["figure", request.model.reference]
        if request.kind in ("folded", "cell"):
            words.append(f"--{request.kind}")
        else:
            words += ["--steps", str(request.steps)]
        if request.kind in ("simplified", "path"):
            number = "" if request.contribution is None else f":{request.contribution}"
            words += [f"--{request.kind}", f"{request.parameter}{number}"]
        if request.width is not None:
            words += ["--width", f"{request.width:g}"]
        words += [*notation_words(request.model), "--loss", request.loss, "-o", f"FILE{ending}"]
        return command_line(words)


def figure(
    model: Model,
    steps: int = 3,
    *,
    folded: bool = False,
    cell: bool = False,
    simplified: str | None = None,
    path: str | None = None,
    loss: ShownLoss = "last",
    width: float | None = None,
    notation: str | Path | None = None,
) -> Figure:
    """The figure of a model that is unfolded over ``steps`` time steps.

    ``folded`` draws one time step instead, what is handed on as loops, and ``cell`` its inside,
    with its products, sums and functions. ``simplified`` names a parameter and leaves only what
    contributes to the gradient with respect to it; ``path`` draws on that the backward path of its
    contributions in colour, or of one: "W_s:2". ``loss`` is "last" or "sum".

    ``notation`` is the name of a notation that ships, or the path of a notation file. With a
    ``width``, in centimetres, it is for a text: as low as its labels let it be, of which none is
    smaller than 7 points, and no wider than that if there is such a drawing; where an unfolded
    model is too wide, one of its steps is drawn, with its operations, among others that are boxes.
    Raises InputError for an unknown parameter, contribution, loss or notation, and for a number of
    steps or a width that cannot be drawn.
    """
    shown = model if notation is None else in_notation(model, notation)
    request = parse_request(shown, steps, folded, simplified, path, loss, cell)
    made = Figure(request) if width is None else _fitted(request, width)
    # What cannot be drawn is told here and not where it is written.
    _ = made.picture
    return made


def _fitted(request: Request, width: float) -> Figure:
    """The first drawing for a text that is no wider and low; else the lowest, or least wide."""
    if not 1 <= width <= MOST_CENTIMETRES:
        raise InputError(f"the width of a figure is 1 to {MOST_CENTIMETRES} centimetres")
    found: list[Figure] = []
    refused = InputError("there is no such figure")
    for choice in in_text(request):
        try:
            made = Figure(replace(choice, width=width))
            _ = made.picture
        except InputError as error:
            refused = error
            continue
        if made.picture.width <= width and made.picture.height <= LOW:
            return made
        found.append(made)
    if not found:
        raise refused
    fitting = [made for made in found if made.picture.width <= width]
    if fitting:
        return min(fitting, key=lambda made: made.picture.height)
    return min(found, key=lambda made: made.picture.width)


def check_ending(ending: str) -> str:
    """The ending of a file's name in small letters. Raises InputError if nothing is written so."""
    small = ending.lower()
    if small not in ENDINGS:
        raise InputError(
            f"unknown ending {ending!a} of a figure's file; choose from {', '.join(ENDINGS)}"
        )
    return small
