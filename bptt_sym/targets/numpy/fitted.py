"""Lines of code that are broken where they are too long."""

from __future__ import annotations

from collections.abc import Iterable

WIDTH = 100


def fitted_lines(items: Iterable[str], opening: str, closing: str, indent: int = 4) -> list[str]:
    """Items in brackets on one line where they fit, else on one of their own, else one a line."""
    items = list(items)
    inside = ", ".join(items)
    if indent + len(opening + inside + closing) <= WIDTH:
        return [f"{opening}{inside}{closing}"]
    if indent + 4 + len(inside) <= WIDTH:
        return [opening, f"    {inside}", closing]
    return [opening, *(f"    {item}," for item in items), closing]


def fitted(items: Iterable[str], opening: str, closing: str, indent: int = 0) -> str:
    """The same as one text, whose first line stands behind an indent that is there."""
    return f"\n{' ' * indent}".join(fitted_lines(items, opening, closing, indent))
