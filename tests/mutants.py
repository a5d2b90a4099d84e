"""Named faults of backpropagation through time, each planted in a generated module.

``verify`` finds every one of them: tests/test_mutants.py says so, and tools/renew.py writes what it
found to docs/mutants.md. A fault is a change of the text of a generated module, told by the
statement that it is in; one that changes nothing, for the text is no longer as it was, fails.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from math import isinf, isnan

import bptt_sym as b
from bptt_sym.api import verify
from bptt_sym.emit.load import module_from_source
from bptt_sym.verification.verify import COMPLEX, DIFFERENCES, TANGENT, Check, Report

Change = Callable[[str], str]


@dataclass(frozen=True)
class Mutant:
    """A fault: its name, what it is, the module that it is in, and the blocks that it makes wrong.

    ``fails`` are all of them, as words: what the fault leaves right must not be accused.
    """

    name: str
    what: str
    change: Change
    fails: str
    model: str = "elman"
    loss: str = "sum"

    def planted(self) -> str:
        """The source of the module with the fault in it."""
        source = generated(self.model, self.loss)
        planted = self.change(source)
        assert planted != source, f"{self.name} changes nothing"
        return planted


@cache
def generated(model: str, loss: str) -> str:
    return b.generate(b.load_model(model), loss=loss)


@cache
def report_on(mutant: Mutant) -> Report:
    return verify(module_from_source(mutant.planted(), "planted"))


# The ways to change a module.


def text(before: str, after: str) -> Change:
    """``before``, which occurs once in the module, becomes ``after``."""

    def change(source: str) -> str:
        assert source.count(before) == 1, f"{before!r} in:\n{source}"
        return source.replace(before, after)

    return change


def assigned(target: str, before: str, after: str) -> Change:
    """In what ``value_and_grad`` assigns to a target, ``before`` becomes ``after``.

    ``before`` is in the form of ``ast.unparse`` and occurs once; "" stands for the whole.
    """

    def change(source: str) -> str:
        statement = _assignment(source, target)
        value = ast.unparse(statement.value)
        if before:
            assert value.count(before) == 1, f"{before!r} in {target} = {value}"
        return _with_value(source, statement, value.replace(before, after) if before else after)

    return change


def times(target: str, factor: str) -> Change:
    """What is assigned to a target is multiplied by a factor."""

    def change(source: str) -> str:
        statement = _assignment(source, target)
        return _with_value(source, statement, f"({ast.unparse(statement.value)}) * {factor}")

    return change


def after(target: str, line: str) -> Change:
    """Behind the assignment to a target a line is put in."""

    def change(source: str) -> str:
        statement = _assignment(source, target)
        lines = source.splitlines()
        assert statement.end_lineno
        lines.insert(statement.end_lineno, " " * statement.col_offset + line)
        return "\n".join(lines) + "\n"

    return change


def each(*changes: Change) -> Change:
    """One change after the other."""

    def change(source: str) -> str:
        for one in changes:
            source = one(source)
        return source

    return change


def _assignment(source: str, target: str) -> ast.Assign:
    """The last assignment to a target in ``value_and_grad``."""
    function = next(
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef) and node.name == "value_and_grad"
    )
    found = [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == target
    ]
    assert found, f"nothing is assigned to {target} in:\n{source}"
    return max(found, key=lambda node: node.lineno)


def _with_value(source: str, statement: ast.Assign, value: str) -> str:
    lines = source.splitlines()
    indent = " " * statement.col_offset
    code = f"{indent}{ast.unparse(statement.targets[0])} = {value}"
    lines[statement.lineno - 1 : statement.end_lineno] = [code]
    return "\n".join(lines) + "\n"


# The faults.

LOOP = "    for t in reversed(range(T)):\n"
RECURRENT = "W_s W_x s0"
ALL = f"W_y {RECURRENT}"

ELMAN = (
    Mutant(
        "recurrence dropped",
        "what comes from the step after is left out",
        assigned("ds", " + ds_next", ""),
        RECURRENT,
    ),
    Mutant(
        "output dropped",
        "what comes from the output of the step is left out",
        assigned("ds", "do[t] @ W_y.T + ", ""),
        RECURRENT,
    ),
    Mutant(
        "transpose missing in the recurrence",
        "dz W_s for dz W_s^T",
        assigned("ds_next", "W_s.T", "W_s"),
        RECURRENT,
    ),
    Mutant(
        "recurrence through the wrong matrix",
        "symmetrised: the mean of W_s and its transpose",
        assigned("ds_next", "W_s.T", "(0.5 * (W_s + W_s.T))"),
        RECURRENT,
    ),
    Mutant("phi' lost", "dz is ds", assigned("dz[t]", "", "ds"), RECURRENT),
    Mutant(
        "phi' of the state and not of its square",
        "1 - s for 1 - s^2",
        assigned("dz[t]", "s[t] ** 2", "s[t]"),
        RECURRENT,
    ),
    Mutant(
        "phi' before the step",
        "at the state before the step, not after it",
        assigned("dz[t]", "s[t] ** 2", "s_previous[t] ** 2"),
        RECURRENT,
    ),
    Mutant(
        "phi' outside the product",
        "the recurrence is multiplied by phi' behind W_s^T",
        assigned("ds_next", "", "(ds @ W_s.T) * (1 - s[t] ** 2)"),
        RECURRENT,
    ),
    Mutant(
        "phi' twice",
        "once in dz and again where it goes on",
        times("ds_next", "(1 - s[t] ** 2)"),
        RECURRENT,
    ),
    Mutant("sigma' lost", "do is dy", assigned("do", "", "dy"), ALL),
    Mutant(
        "sigma' of another function",
        "1 - y^2, as of tanh",
        assigned("do", "", "dy * (1 - y ** 2)"),
        ALL,
    ),
    Mutant("factor 2 lost", "of the squared error", times("dy", "0.5"), ALL),
    Mutant("factor 2 lost in one gradient", "in dW_x alone", times("dW_x", "0.5"), "W_x"),
    Mutant("sign of the error", "y - d taken for d - y", times("dy", "-1"), ALL),
    Mutant(
        "sign of the recurrence",
        "subtracted, not added",
        assigned("ds", " + ds_next", " - ds_next"),
        RECURRENT,
    ),
    Mutant(
        "state after the step in dW_s",
        "s_t for s_{t-1}",
        assigned("dW_s", "s_previous", "s"),
        "W_s",
    ),
    Mutant(
        "state before the step in dW_y",
        "s_{t-1} for s_t",
        assigned("dW_y", "(s,", "(s_previous,"),
        "W_y",
    ),
    Mutant(
        "first step dropped from dW_s",
        "the sum begins at step 2",
        assigned("dW_s", "(s_previous, dz", "(s_previous[1:], dz[1:]"),
        "W_s",
    ),
    Mutant(
        "last step dropped from dW_x",
        "the sum ends a step early",
        assigned("dW_x", "(x, dz", "(x[:-1], dz[:-1]"),
        "W_x",
    ),
    Mutant(
        "loop not reversed",
        "the recursion runs forward",
        text(LOOP, LOOP.replace("reversed(range(T))", "range(T)")),
        RECURRENT,
    ),
    Mutant(
        "truncated",
        "backpropagation is cut off every 3 steps",
        text(LOOP, f"{LOOP}        ds_next = ds_next * ((T - 1 - t) % 3 > 0)\n"),
        RECURRENT,
    ),
    Mutant(
        "one step of the loss",
        "the loss of the last step alone goes back",
        assigned("ds", "do[t] @ W_y.T", "(do[t] @ W_y.T if t == T - 1 else 0)"),
        RECURRENT,
    ),
    Mutant(
        "accumulated twice",
        "what comes from the step after is added twice",
        assigned("ds", "ds_next", "2 * ds_next"),
        RECURRENT,
    ),
    Mutant(
        "one step counted twice",
        "the last step's outer product is added again",
        after("dW_s", "dW_s = dW_s + s_previous[-1].T @ dz[-1]"),
        "W_s",
    ),
    Mutant(
        "overwritten, not added",
        "dW_x is what the loop has last, at step 1",
        assigned("dW_x", "", "x[0].T @ dz[0]"),
        "W_x",
    ),
    Mutant(
        "clipped before summed",
        "each step's adjoint is clipped to [-0.1, 0.1]",
        after("dz[t]", "dz[t] = np.clip(dz[t], -0.1, 0.1)"),
        RECURRENT,
    ),
    Mutant(
        "clipped",
        "the gradient is clipped to norm 1",
        times("dW_s", "min(1, 1 / np.sqrt(np.sum(dz ** 2)))"),
        "W_s",
    ),
    Mutant(
        "initial state's gradient left out",
        "ds0 is zero",
        assigned("ds0", "", "np.zeros((B, n), dtype)"),
        "s0",
    ),
    Mutant(
        "initial state's gradient one step off",
        "ds_1 for ds_0",
        assigned("ds0", "", "ds"),
        "s0",
    ),
    Mutant(
        "initial state's gradient summed over the batch",
        "as if all sequences shared it",
        assigned("ds0", "", "np.sum(ds_next, axis=0) + np.zeros_like(ds_next)"),
        "s0",
    ),
    Mutant("mean over the batch", "for the sum, in dW_s", times("dW_s", "(1 / B)"), "W_s"),
    Mutant("mean over time", "for the sum, in dW_s", times("dW_s", "(1 / T)"), "W_s"),
    Mutant(
        "one sequence of the batch",
        "dW_x is the first sequence's",
        assigned("dW_x", "(x, dz", "(x[:, :1], dz[:, :1]"),
        "W_x",
    ),
    Mutant(
        "gradient transposed, and square",
        "dW_s^T for dW_s",
        after("dW_s", "dW_s = dW_s.T"),
        "W_s",
    ),
    Mutant("gradient transposed", "dW_y^T for dW_y", after("dW_y", "dW_y = dW_y.T"), "W_y"),
    Mutant(
        "gradients exchanged",
        "dW_s is returned for dW_x and the other way round",
        text("Parameters(dW_y, dW_s, dW_x)", "Parameters(dW_y, dW_x, dW_s)"),
        "W_s W_x",
    ),
    Mutant("initial state of one sequence", "ds0[0] for ds0", after("ds0", "ds0 = ds0[0]"), "s0"),
    Mutant("one entry not a number", "in dW_x", after("dW_x", "dW_x[0, 0] = np.nan"), "W_x"),
    Mutant("infinite", "in ds0", after("ds0", "ds0 = ds0 + np.inf"), "s0"),
    Mutant(
        "one entry a little off",
        "by 1e-9 of its value, in dW_s",
        after("dW_s", "dW_s[-1, -1] *= 1 + 1e-9"),
        "W_s",
    ),
    Mutant(
        "an exception",
        "in value_and_grad",
        after("ds0", "raise ZeroDivisionError"),
        "value_and_grad",
    ),
    Mutant(
        "value is not the loss",
        "but twice it",
        text("return value, ", "return 2 * value, "),
        "value",
    ),
    Mutant(
        "value not a number",
        "in value_and_grad",
        text("return value, ", "return value * np.nan, "),
        "value",
    ),
    Mutant(
        "output bias without a gradient",
        "db_y is zero",
        assigned("db_y", "", "np.zeros_like(params.b_y)"),
        "b_y",
        model="elman-bias",
    ),
    Mutant(
        "bias not summed over the batch",
        "over time alone",
        assigned("db_s", "(0, 1)", "0"),
        "b_s",
        model="elman-bias",
    ),
    Mutant(
        "bias of one sequence",
        "the first one's sum over time",
        assigned("db_s", "", "np.sum(dz, axis=0)[0]"),
        "b_s",
        model="elman-bias",
    ),
    Mutant(
        "bias without phi'",
        "summed before the factor",
        assigned("db_s", "dz", "dz / (1 - s ** 2)"),
        "b_s",
        model="elman-bias",
    ),
    Mutant(
        "bias of the last step",
        "not summed over time",
        assigned("db_s", "", "np.sum(dz[-1], axis=0)"),
        "b_s",
        model="elman-bias",
    ),
    Mutant(
        "last loss without sigma'",
        "at the start of the recursion",
        assigned("do", "", "dy"),
        ALL,
        loss="last",
    ),
    Mutant(
        "last loss by the first output",
        "s_1 for s_N in dW_y",
        assigned("dW_y", "s[-1]", "s[0]"),
        "W_y",
        loss="last",
    ),
    Mutant(
        "last loss a step early",
        "the recursion begins at step N - 1",
        text("        ds = ds_next\n", "        ds = ds_next * (t < T - 1)\n"),
        RECURRENT,
        loss="last",
    ),
)  # fmt: skip

MUTANTS: tuple[Mutant, ...] = ELMAN


# The page.

_LETTERS = {COMPLEX: "S", DIFFERENCES: "D", TANGENT: "A"}

_HEAD = """# Faults that verification finds

Each of these faults is planted in a generated module, alone, and `bptt-sym verify` is run on the
result. It finds every one, and accuses nothing that the fault leaves right. A test does the same
with every change of the project; `python tools/renew.py` writes this page.

Found by **S**: complex step; **D**: central differences; **A**: the tangent-adjoint dot product, of
all gradients at once. The error is the largest of all methods, relative to the largest entry of the
gradient that is expected (for A, to the sum of all products); what is right has less than 1e-12. A
dash: `value_and_grad` does not run, or its value is not the loss.

| | fault | what it is | module | fails | by | largest relative error |
|---|---|---|---|---|---|---|
"""


def page(mutants: Iterable[Mutant] = MUTANTS) -> str:
    """The table as Markdown."""
    rows = ("| " + " | ".join(row) + " |\n" for row in rows_of(mutants))
    return _HEAD + "".join(rows)


def rows_of(mutants: Iterable[Mutant]) -> list[tuple[str, ...]]:
    """Number, name, phrase, module, blocks, methods and error of each."""
    rows = []
    for number, mutant in enumerate(mutants, 1):
        report = report_on(mutant)
        rows.append(
            (
                str(number),
                mutant.name,
                mutant.what.replace("|", "\\|"),
                mutant.model + ("" if mutant.loss == "sum" else f", loss {mutant.loss}"),
                " ".join(f"`{name}`" for name in report.failing),
                _methods(report),
                _error(report),
            )
        )
    return rows


def _methods(report: Report) -> str:
    found = {check.method for check in report.failures}
    return " ".join(letter for method, letter in _LETTERS.items() if method in found) or "-"


def _error(report: Report) -> str:
    def shown(check: Check) -> tuple[float, str]:
        if check.problem:
            return 3, "wrong shape" if "shape" in check.problem else check.problem.partition(":")[0]
        if isnan(check.error):
            return 2, "not a number"
        return (1, "infinite") if isinf(check.error) else (0, "")

    rank, words = max(map(shown, report.failures))
    return words if rank else f"{max(check.error for check in report.failures):.1e}"
