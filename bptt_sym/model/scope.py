"""What an equation may read, and what the names in it stand for."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sympy import Expr

from bptt_sym.algebra.constants import Pi
from bptt_sym.algebra.expressions import TIME, MatrixExpr, Parameter, Size, Variable
from bptt_sym.algebra.functions import WORDS
from bptt_sym.algebra.names import TIME_STEP
from bptt_sym.errors import InputError, closest, listed
from bptt_sym.limits import LAG
from bptt_sym.model.equation_text import EquationText
from bptt_sym.quoting import shortened


@dataclass(frozen=True)
class Scope:
    """What an equation may read.

    ``current`` are the variables known at step t, ``earlier`` those that may be read at [t-1] and
    before, ``following`` those that are read at [t+1], and ``later`` explains the names that the
    step defines further down. ``argument`` is the variable of a formula, where it is one, and
    ``equation`` the name of what the expression defines. In a model ``of_columns`` a vector that
    scalars make up is a column. ``heads`` are the numbers of heads of the names that have some.
    What is ``timeless`` reads no variable, which ``later`` then explains. ``losses`` are names that
    no equation reads.
    """

    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    current: Mapping[str, Variable] = field(default_factory=dict)
    earlier: Mapping[str, Variable] = field(default_factory=dict)
    following: Mapping[str, Variable] = field(default_factory=dict)
    functions: frozenset[str] = frozenset()
    dimensions: Mapping[str, Expr] = field(default_factory=dict)
    later: Callable[[str], str | None] = lambda name: None
    argument: Variable | None = None
    equation: str = ""
    of_columns: bool = False
    heads: Mapping[str, Expr] = field(default_factory=dict)
    timeless: bool = False
    losses: frozenset[str] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        argument = (self.argument.name,) if self.argument else ()
        variables = (*self.current, *self.earlier, *self.following)
        return tuple(dict.fromkeys((*argument, *self.parameters, *variables)))


class Lookup:
    """Finds the names of an equation's text in its scope."""

    def __init__(self, text: EquationText, scope: Scope) -> None:
        self.text = text
        self.scope = scope

    @property
    def functions(self) -> frozenset[str]:
        """The functions of each entry that may be called."""
        return self.scope.functions | set(WORDS)

    def name(self, node: ast.Name) -> MatrixExpr:
        """What a bare name is."""
        name = node.id
        if name in self.scope.parameters:
            return self.scope.parameters[name]
        if self.scope.argument and name == self.scope.argument.name:
            return self.scope.argument
        if name in self.scope.dimensions:
            return Size(self.scope.dimensions[name])
        if name == "pi" and not self.scope.later(name) and name not in self.scope.names:
            return Pi()
        if name in self.functions:
            raise self.text.error(node, f"the function '{name}' needs an argument: {name}(...)")
        if self.scope.timeless and self.scope.later(name):
            raise self.text.error(node, self.scope.later(name) or "")
        if name in self.scope.names or self.scope.later(name):
            raise self.text.error(node, f"'{name}' needs a time step: {name}[t] or {name}[t-1]")
        raise self.undeclared(node, name)

    def variable(self, node: ast.Subscript, base: ast.Name) -> Variable:
        """What a name with a time step is."""
        name = base.id
        if self.scope.argument and name == self.scope.argument.name:
            raise self.text.error(node, f"a formula has no time step; write {name}")
        if name in self.scope.parameters:
            raise self.text.error(node, f"'{name}' has no time step; write {name}")
        lag = self.lag(node)
        scope = self.scope
        known = scope.current if lag == 0 else scope.earlier if lag > 0 else scope.following
        if name in known:
            return known[name].at(TIME - lag)
        reason = scope.later(name)
        if scope.timeless and reason:
            raise self.text.error(node, reason)
        if lag < 0 and (reason or name in scope.names):
            reason = (
                f"{shortened(self.text.source(node))} is a later time step, which a state is read "
                "at only where it is declared with reverse = true"
            )
        elif name in scope.following:
            reason = f"'{name}' is scanned in reverse and read at [t] and [t+1]"
        elif lag and (reason or name in scope.current):
            reason = f"{name}[t-{lag}] needs an initial value: declare '{name}' under [states]"
        if reason:
            raise self.text.error(node, reason)
        raise self.undeclared(node, name)

    def lag(self, node: ast.Subscript) -> int:
        """How many steps back a time step in brackets is."""
        match node.slice:
            case ast.Name(id="t"):
                return 0
            case ast.BinOp(
                left=ast.Name(id="t"),
                op=ast.Sub() | ast.Add(),
                right=ast.Constant(value=int(steps)),
            ) if not isinstance(steps, bool) and 1 <= steps <= LAG.most:
                return steps if isinstance(node.slice.op, ast.Sub) else -steps
            case _:
                shown = shortened(self.text.source(node))
                raise self.text.error(
                    node,
                    f"the time step of {shown} must be [t], or [t-1] and so on "
                    f"up to [t-{LAG.most}]",
                )

    def undeclared(self, node: ast.expr, name: str) -> InputError:
        """The error for a name that the scope has not."""
        if name == TIME_STEP:
            why = "'t' is the time step, which stands in brackets alone: s[t-1]"
        elif name in self.scope.losses:
            why = (
                f"'{name}' is a loss, which no equation reads: what both need gets a name of its "
                "own under [equations]"
            )
        else:
            why = f"'{shortened(name)}' is not declared{closest(name, self.scope.names)}"
        return self.text.error(node, f"{why}; declared are {listed(self.scope.names)}")
