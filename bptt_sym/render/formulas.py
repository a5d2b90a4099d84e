"""Formulas of course notes in LaTeX: numbers, shapes, and lines of equations with their labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bptt_sym.algebra.boxes import Glyph

GAP = Glyph("?", latex=r"\boxed{\;?\;}")
"""What stands in the place of something that is asked for."""

NEXT_LINE = " \\\\\n"


def shape(sizes: Iterable[str]) -> str:
    """The sizes of a matrix, with those of its heads in front where it has some."""
    return r" \times ".join(sizes)


def array(digits: Sequence[Sequence[str]]) -> str:
    """A matrix of numbers as they are written."""
    rows = r" \\ ".join(" & ".join(row) for row in digits)
    return rf"\begin{{bmatrix}} {rows} \end{{bmatrix}}"


def about(number: int) -> str:
    """A large whole number, rounded."""
    power = len(str(number)) - 1
    return rf"\approx {number / 10**power:.1f} \cdot 10^{{{power}}}"


def side_by_side(first: tuple[str, str], *more: tuple[str, str]) -> str:
    """Equations, each as its two sides, on one line that is aligned at the first sign."""
    rest = (rf", \quad {left} = {right}" for left, right in more)
    return stated(*first) + "".join(rest)


def beside(*equations: str, numbers: bool = False) -> str:
    """Equations on one line, those of numbers closer together."""
    return (r", \quad " if numbers else r", \qquad ").join(equations)


def stated_as(left: str) -> str:
    """A left side before another one that it is equal to."""
    return f"{left} = "


def reference(label: str) -> str:
    """A reference that LaTeX resolves: to a figure, or to an equation."""
    return rf"\ref{{{label}}}" if label.startswith("fig:") else rf"\eqref{{{label}}}"


def in_bookmark(formula: str, words: str) -> str:
    """A formula of a heading, and the words that stand for it where none can stand."""
    return rf"\texorpdfstring{{{formula}}}{{{words}}}"


def is_number(cell: str) -> bool:
    """Whether the cell of a table is a number, which may be rounded."""
    written = cell.strip("$").removeprefix(r"\approx").strip().lstrip("-<")
    return written[:1].isdigit()


def lines_high(line: str) -> float:
    """About how high a line of an equation is, in lines of text."""
    rows = 1 + max(part.count(r"\\") for part in line.split(r"\begin"))
    # The entries of a matrix of derivatives are fractions as large as elsewhere.
    high = (2.2 if r"\displaystyle" in line else 1.05) * rows + 0.3
    if r"\frac" in line or r"\sum" in line or r"\prod" in line:
        high = max(high, 2.2)
    return high + 2 * (r"\underbrace" in line)


def labelled_row(lines: Sequence[str], label: str | None) -> str:
    """An equation as a row of an ``align`` environment, which LaTeX numbers if it has a label."""
    *before, last = lines
    last += rf" \label{{{label}}}" if label else r" \notag"
    return rf" \notag{NEXT_LINE}".join([*before, last])


def numbered_row(lines: Sequence[str], number: int | None) -> str:
    """An equation as rows of an ``aligned`` environment, with a number of ours."""
    return NEXT_LINE.join(lines) + (rf" \qquad ({number})" if number else "")


def display(lines: Iterable[str], number: int | None = None) -> str:
    """Lines as a display for MathJax and KaTeX."""
    tag = "" if number is None else rf" \tag{{{number}}}"
    return f"\\begin{{aligned}}\n{NEXT_LINE.join(lines)}\n\\end{{aligned}}{tag}"


def stated(left: str, right: str) -> str:
    """An equation as a line that is aligned at its sign."""
    return f"{left} &= {right}"


def as_product(numbers: Iterable[str]) -> str:
    """Numbers as a product, the negative ones in brackets."""
    return r" \cdot ".join(f"({number})" if number[0] == "-" else number for number in numbers)


def descent(parameter: str, rate: str, gradient: str) -> str:
    """A step of gradient descent, as a line that is aligned at its sign."""
    return rf"{parameter} &\leftarrow {parameter} - {rate} \, {gradient}"


def lettered(lines: Sequence[str], letter: str) -> list[str]:
    """An equation as aligned lines with a letter before it, where the lines begin."""
    first, *more = lines
    return [rf"& \text{{({letter})}} \quad {first.replace('&', '', 1).strip()}", *more]
