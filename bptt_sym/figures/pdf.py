"""A picture as PDF, by pdflatex."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from bptt_sym.errors import InputError
from bptt_sym.figures.picture import Picture
from bptt_sym.figures.tikz import page

LONGEST_SIDE = 500.0
"""In centimetres; TeX knows no lengths above 575."""

PATIENCE = 120
"""Seconds until pdflatex is taken to hang."""


def pdf(picture: Picture) -> bytes:
    """The picture as a PDF file. Raises InputError without pdflatex, or where it fails."""
    program = shutil.which("pdflatex")
    if program is None:
        raise InputError("PDF needs pdflatex, which is not installed; SVG and .tex do not")
    if max(picture.width, picture.height) > LONGEST_SIDE:
        raise InputError("the figure is too large for TeX; an SVG has no such bound")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "figure.tex").write_text(page(picture), encoding="utf-8")
        command = (program, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape")
        try:
            done = subprocess.run(
                (*command, "figure.tex"),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise InputError(f"pdflatex did not end within {PATIENCE} seconds") from None
        if done.returncode:
            lines = done.stdout.decode("utf-8", "replace").splitlines()
            reason = next((line[2:] for line in lines if line.startswith("! ")), "no reason given")
            raise InputError(f"pdflatex failed: {ascii(reason)[1:-1]}")
        return (folder / "figure.pdf").read_bytes()
