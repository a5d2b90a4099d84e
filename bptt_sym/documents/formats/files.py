"""The files that notes are written into."""

from __future__ import annotations

from pathlib import Path

from bptt_sym.documents.notes import Kind, Notes
from bptt_sym.errors import InputError

FORMATS = ("tex", "md", "qmd", "ipynb", "pdf")


def kind_of(*, document: bool, slides: bool) -> Kind:
    """What LaTeX is to be. Raises InputError where two kinds are asked for."""
    if document and slides:
        raise InputError("--document is an article and --slides are slides: choose one")
    return "article" if document else "slides" if slides else "fragment"


def files_of(notes: Notes, target: Path, form: str | None, kind: Kind) -> dict[Path, str | bytes]:
    """Every file with its content, the notes themselves last.

    The solutions of exercises are in a file NAME-solutions, macros in NAME-macros; the figures of
    Markdown lie beside it as NAME-FIGURE.svg. Raises InputError for an ending that is no format.
    """
    chosen = form or target.suffix.lower().removeprefix(".")
    if chosen not in FORMATS:
        raise InputError(
            f"unknown ending {target.suffix!a} of notes; "
            f"choose from {', '.join('.' + known for known in FORMATS)}, or say --format"
        )
    if kind == "slides" and chosen not in ("tex", "pdf"):
        raise InputError("slides are LaTeX: .tex or .pdf")
    if notes.macros and chosen != "tex":
        raise InputError("macros are for LaTeX: .tex")
    macros = target.with_stem(f"{target.stem}-macros")
    found: dict[Path, str | bytes] = {macros: notes.macros} if notes.macros else {}
    if notes.solutions is not None:
        solutions = target.with_stem(f"{target.stem}-solutions")
        found |= _of(notes.told(), solutions, chosen, kind, macros.stem)
    return found | _of(notes, target, chosen, kind, macros.stem)


def _of(
    notes: Notes, target: Path, form: str, kind: Kind, macros_file: str
) -> dict[Path, str | bytes]:
    match form:
        case "tex":
            return {target: notes.tex(kind, macros_file)}
        case "pdf":
            return {target: notes.pdf(kind)}
        case "ipynb":
            return {target: notes.notebook()}
        case _:
            figures: dict[Path, str | bytes] = {
                target.with_name(f"{target.stem}-{name}.svg"): svg
                for name, svg in notes.figures().items()
            }
            write = notes.quarto if form == "qmd" else notes.markdown
            return figures | {target: write(f"{target.stem}-")}
