"""A LaTeX document as PDF, by an installed pdflatex."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from bptt_sym.errors import InputError
from bptt_sym.version import MADE_BY

# The first object of the file says who made it; it is not compressed, so that one can see it.
_MARK = rf"\pdfobjcompresslevel=0 \immediate\pdfobj{{({MADE_BY})}}"

PATIENCE = 300
"""Seconds until pdflatex is taken to hang."""


def pdf(source: str, *, runs: int = 1) -> bytes:
    """The document as a PDF file; references take two runs.

    Raises InputError without pdflatex, or where it fails.
    """
    program = shutil.which("pdflatex")
    if program is None:
        raise InputError("PDF needs pdflatex, which is not installed; other formats do not")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "document.tex").write_text(_MARK + source, encoding="utf-8")
        for _ in range(runs):
            _run(program, folder)
        return (folder / "document.pdf").read_bytes()


def _run(program: str, folder: Path) -> None:
    command = (program, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape")
    try:
        done = subprocess.run(
            (*command, "document.tex"),
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
