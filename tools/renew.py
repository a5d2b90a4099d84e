"""Makes generated/ and what is made in docs/ anew: python tools/renew.py.

Each file of generated/ is what one ``bptt-sym`` command writes with -o. In docs/ these are the
figures, the picture, the pages on notations, that on files from anyone and the table of faults that
verification finds.
Without pdflatex and pdftoppm the files are made, the picture is left as it is, and the exit code is
1.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from notations import PAGES, notation_page
from picture import MissingToolError, draw, draw_page

from bptt_sym.cli import cli

ROOT = Path(__file__).resolve().parent.parent

COMMANDS = {
    "elman.txt": "derive elman --steps 3",
    "elman.tex": "derive elman --steps 3 --format latex --number-from 36",
    "elman-jacobian.tex": "derive elman --steps 3 --level jacobian --format latex",
    "elman-adjoint.tex": "derive elman --steps 3 --level adjoint --format latex",
    "elman.json": "derive elman --steps 3 --format json",
    "elman-notes.tex": "notes elman --document",
    "elman.py": "generate elman --style readable",
    "lstm.py": "generate lstm",
}
"""What makes each file of generated/."""

FIGURES = {
    "unfolded.svg": "figure elman --steps 3",
    "path.svg": "figure elman --steps 3 --path W_s",
    "lstm.svg": "figure lstm --width 16",
}
"""What makes each figure of docs/."""

PICTURED = "derive elman --steps 3 --wrt W_y --wrt W_s --format latex --number-from 36"
"""Equations 36 to 42, as they stand in the course."""

NOTES_PAGES = {2: "notes.png", 5: "notes-numbers.png"}
"""The pages of the notes that are shown."""


def run(command: str, output: Path) -> None:
    """Runs a ``bptt-sym`` command that writes one file, in this process."""
    cli.main([*command.split(), "-o", str(output)], "bptt-sym", standalone_mode=False)


def mutants() -> str:
    """The page on the faults that verification finds: it plants and finds them."""
    sys.path.insert(0, str(ROOT / "tests"))
    from mutants import MUTANTS
    from mutants.page import page

    return page(MUTANTS)


def safety() -> str:
    """The page on files from anyone."""
    sys.path.insert(0, str(ROOT / "tests"))
    from hostile.page import page

    return page()


def renew(folder: Path, *, picture: bool = True, faults: bool = True) -> None:
    """Makes every file in ``folder``, which holds generated/ and docs/.

    Raises MissingToolError, after all the files, where the picture cannot be drawn.
    """
    for name in ("generated", "docs", "docs/notations"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, command in COMMANDS.items():
        run(command, folder / "generated" / name)
    for name in PAGES:
        page = folder / "docs" / "notations" / f"{name}.md"
        page.write_text(notation_page(name), encoding="utf-8")
    (folder / "docs" / "safety.md").write_text(safety(), encoding="utf-8")
    if faults:
        (folder / "docs" / "mutants.md").write_text(mutants(), encoding="utf-8")
    if picture:
        for name, command in FIGURES.items():
            run(command, folder / "docs" / name)
        # The fragment is kept beside its picture; a test sees by it when the picture is out of
        # date, so it is written only once the picture is drawn.
        source = folder / "docs" / "derivation.tex"
        run(PICTURED, drawn := source.with_suffix(".new.tex"))
        try:
            draw(drawn, source.with_suffix(".png"))
            drawn.replace(source)
        finally:
            drawn.unlink(missing_ok=True)
        notes = folder / "generated" / "elman-notes.tex"
        for number, name in NOTES_PAGES.items():
            draw_page(notes, number, folder / "docs" / name)


def main() -> int:
    """Reads the options and makes the files."""
    parser = argparse.ArgumentParser(description="Make generated/ and what is made in docs/ anew.")
    parser.add_argument("--into", type=Path, default=ROOT, metavar="FOLDER", help="not the project")
    parser.add_argument("--no-picture", action="store_true", help="only generated/")
    parser.add_argument("--no-mutants", action="store_true", help="not docs/mutants.md")
    options = parser.parse_args()
    faults = not (options.no_picture or options.no_mutants)
    try:
        renew(options.into, picture=not options.no_picture, faults=faults)
    except MissingToolError as missing:
        print(f"docs/derivation.png is as it was: {missing}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
