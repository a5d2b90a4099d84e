"""The keyword ``axis`` of a call in an equation."""

from __future__ import annotations

import ast

from bptt_sym.model.equation_text import EquationText
from bptt_sym.quoting import shortened


def read_axis(text: EquationText, node: ast.Call, *, takes_one: bool) -> int | None:
    """The axis that a call tells, 0 or 1, or None; of a function that takes one.

    Raises InputError for any other keyword, and for an axis that a matrix does not have.
    """
    name = shortened(node.func.id if isinstance(node.func, ast.Name) else "")
    others = [keyword for keyword in node.keywords if not (takes_one and keyword.arg == "axis")]
    if others or any(isinstance(argument, ast.Starred) for argument in node.args):
        more = ", and 'axis' by its name" if takes_one else ""
        raise text.error(node, f"'{name}' takes its arguments by position{more}")
    if not node.keywords:
        return None
    match node.keywords[0].value:
        case ast.Constant(value=0 | 1 as axis) if type(axis) is int:
            return axis
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1 | 2 as back)) if (
            type(back) is int
        ):
            return 2 - back
    raise text.error(node, f"the axis of '{name}' is 0 or 1, or from the last -1 or -2")
