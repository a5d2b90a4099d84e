r"""Draws a LaTeX fragment as a picture whose page is just as large as the text."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

RESOLUTION = 200
"""Pixels per inch; with the text width of an article, a picture about 1050 pixels wide."""

# The text is set into a box, and the page takes the size of the box; \shipout by hand keeps
# LaTeX from putting the box onto a page of the paper's size. A minipage drops the space above its
# paragraphs until the first ordinary one, so it is told that it is past that, and the space above
# the first heading is taken back by hand.
DOCUMENT = r"""\documentclass{article}
\usepackage{amsmath}
\newsavebox{\drawn}
\newlength{\margin}
\setlength{\margin}{0.22in}
\begin{document}
\makeatletter
\begin{lrbox}{\drawn}%
\begin{minipage}{\textwidth}%
\@minipagefalse
\kern-3.25ex
\input{fragment}%
\end{minipage}%
\end{lrbox}
\pdfpagewidth=\dimexpr\wd\drawn+2\margin\relax
\pdfpageheight=\dimexpr\ht\drawn+\dp\drawn+2\margin\relax
\hoffset=\dimexpr\margin-1in\relax
\voffset=\hoffset
\shipout\copy\drawn
\end{document}
"""


class MissingToolError(Exception):
    """A program that draws is not installed."""


def draw(fragment: Path, picture: Path) -> None:
    """Writes a PNG of a fragment. Raises MissingToolError without pdflatex or pdftoppm."""
    _need_tools()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(fragment, folder / "fragment.tex")
        (folder / "page.tex").write_text(DOCUMENT, encoding="utf-8")
        _run("pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex", folder=folder)
        pixels = ("-r", str(RESOLUTION))
        _run("pdftoppm", *pixels, "-png", "-singlefile", "page.pdf", "page", folder=folder)
        shutil.copy(folder / "page.png", picture)


def draw_page(document: Path, number: int, picture: Path) -> None:
    """Writes a PNG of one page of a document, without its margins. Raises as ``draw``."""
    _need_tools()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(document, folder / "page.tex")
        options = ("-interaction=nonstopmode", "-halt-on-error")
        for _ in range(2):
            _run("pdflatex", *options, "page.tex", folder=folder)
        crop = ["-r", "100", "-x", "95", "-y", "105", "-W", "660", "-H", "885"]
        pages = ["-f", str(number), "-l", str(number)]
        _run("pdftoppm", *crop, *pages, "-png", "-singlefile", "page.pdf", "page", folder=folder)
        shutil.copy(folder / "page.png", picture)


def _need_tools() -> None:
    for tool, package in (("pdflatex", "texlive-latex-recommended"), ("pdftoppm", "poppler-utils")):
        if shutil.which(tool) is None:
            raise MissingToolError(f"there is no {tool}; it is in the package {package}")


def _run(*command: str, folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
