"""The derivatives that a gradient is measured by: at kinks, at jumps, and where they are none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import bptt_sym as b
from bptt_sym.api import verify
from bptt_sym.model.read import parse_model
from bptt_sym.targets.load import module_from_source
from bptt_sym.verification import witnesses
from bptt_sym.verification.report import COMPLEX, DIFFERENCES, TANGENT, Check, Report
from bptt_sym.verification.table import report_table

STEP = 2.0**-12


def checks(report: Report, method: str) -> list[Check]:
    return [check for check in report.checks if check.method == method]


def failing(report: Report, method: str) -> set[str]:
    return {check.name for check in report.failures if check.method == method}


# One function of one variable.


def by_differences(function: Callable[[Any], Any]) -> witnesses.Differences:
    def loss(arrays: Any) -> Any:
        return function(arrays["w"][0])

    arrays = {"w": np.array([0.25])}
    rounding = witnesses.rounding_of(loss, arrays, ["w"])
    return witnesses.central_differences(loss, arrays, "w", rounding)


def smooth(w: Any) -> Any:
    return np.sin(3 * w) + w**2


SLOPE = 3 * np.cos(0.75) + 0.5


@pytest.mark.parametrize("change", [1.0, -2.0, 0.01])
def test_no_kink_between_the_points_goes_unseen(
    monkeypatch: pytest.MonkeyPatch, change: float
) -> None:
    monkeypatch.setattr(witnesses, "DIFFERENCE_STEPS", (STEP,))
    found = 0
    for a in np.linspace(-5, 5, 801):
        kink = 0.25 + a * STEP
        result = by_differences(
            lambda w, kink=kink: smooth(w) + change * np.where(w > kink, w - kink, 0)
        )
        expected = SLOPE + change * (a < 0)
        if result.conclusive[0]:
            assert abs(result.values[0] - expected) < 1e-6
            assert abs(a) > 3.9
        else:
            found += 1
    assert found > 600


@pytest.mark.parametrize("height", [1.0, -1e-3])
def test_no_jump_between_the_points_goes_unseen(
    monkeypatch: pytest.MonkeyPatch, height: float
) -> None:
    monkeypatch.setattr(witnesses, "DIFFERENCE_STEPS", (STEP,))
    for a in np.linspace(-5, 5, 500):
        jump = 0.25 + a * STEP
        result = by_differences(lambda w, jump=jump: smooth(w) + height * (w > jump))
        assert result.conclusive[0] == (abs(a) > 4)
        if result.conclusive[0]:
            assert abs(result.values[0] - SLOPE) < 1e-6


@pytest.mark.parametrize("distance", [1e-2, 1e-3, 1e-4, 2e-5])
def test_smaller_steps_come_closer_to_a_kink(distance: float) -> None:
    kink = 0.25 + distance
    result = by_differences(lambda w: smooth(w) + np.where(w > kink, w - kink, 0))
    assert result.conclusive[0]
    assert abs(result.values[0] - SLOPE) < 1e-6


@pytest.mark.parametrize("distance", [0, 1e-9, -1e-9, 1e-7])
def test_at_a_kink_an_entry_is_left_out(distance: float) -> None:
    kink = 0.25 + distance
    result = by_differences(lambda w: smooth(w) + abs(w - kink))
    assert not result.conclusive[0]
    assert np.isnan(result.values[0])


def test_a_huge_jump_does_not_hide_the_other_entries() -> None:
    def loss(arrays: Any) -> Any:
        w = arrays["w"]
        return np.sum(w**2) + 1e6 * (w[0] > 0.25) + 1e-3 * abs(w[1] - 0.25)

    arrays = {"w": np.array([0.25, 0.25, 0.75])}
    rounding = witnesses.rounding_of(loss, arrays, ["w"])
    assert rounding < 1e-14
    result = witnesses.central_differences(loss, arrays, "w", rounding)
    assert list(result.conclusive) == [False, False, True]
    assert abs(result.values[2] - 1.5) < 1e-6


def test_the_rounding_of_terms_that_cancel_is_seen() -> None:
    def loss(arrays: Any) -> Any:
        return (1e8 + np.sum(arrays["w"])) - 1e8

    arrays = {"w": np.array([0.1, 0.2, -0.3])}
    rounding = witnesses.rounding_of(loss, arrays, ["w"])
    result = witnesses.central_differences(loss, arrays, "w", rounding)
    assert abs(float(loss(arrays))) < 1e-7
    assert (abs(result.values - 1) <= result.noise).all()


# Modules with kinks. The code is what one writes by hand: a branch by the real part.

ELMAN = b.generate(b.load_model("elman"), style="readable")
FORWARD, DERIVATIVE = "np.tanh(z)", "(1 - s[t] ** 2)"
PREACTIVATION = "(x[t] @ params.W_x + s_previous[t] @ W_s)"

KINKED = {
    "relu": ("np.where(z.real > 0, z, 0)", "(s[t] > 0)"),
    "abs": ("np.where(z.real > 0, z, -z)", f"np.sign({PREACTIVATION})"),
    "clip": (
        "np.where(z.real > 0.3, 0.3, np.where(z.real < -0.3, -0.3, z))",
        "(np.abs(s[t]) < 0.3)",
    ),
    "jump": ("np.where(z.real > 0, z + 0.5, np.tanh(z))", "np.where(s[t] > 0, 1, 1 - s[t] ** 2)"),
}


def edited(*changes: tuple[str, str]) -> str:
    source = ELMAN
    for before, after in changes:
        assert source.count(before) == 1, f"{before!r} in:\n{source}"
        source = source.replace(before, after)
    return source


def checked(*changes: tuple[str, str], seed: int = 0) -> Report:
    return verify(module_from_source(edited(*changes), "edited"), seed=seed)


@pytest.mark.parametrize("name", KINKED)
def test_a_function_with_kinks_holds(name: str) -> None:
    forward, derivative = KINKED[name]
    left_out = entries = 0
    for seed in range(3):
        report = checked((FORWARD, forward), (DERIVATIVE, derivative), seed=seed)
        assert report.holds, report.failures
        left_out += sum(check.left_out for check in checks(report, DIFFERENCES))
        entries += sum(check.entries for check in checks(report, DIFFERENCES))
    # Measured: none to four in a thousand. At the first step size alone it would be one in twenty.
    assert left_out < 0.01 * entries


def test_at_the_first_step_size_kinks_are_straddled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witnesses, "DIFFERENCE_STEPS", (2.0**-8,))
    forward, derivative = KINKED["relu"]
    report = checked((FORWARD, forward), (DERIVATIVE, derivative))
    assert sum(check.left_out for check in report.checks) > 10
    assert "entries at kinks left out" in report_table(report)
    # What is left out is what a difference has wrong: no block is accused by what remains.
    assert all(check.holds or "inconclusive" in check.problem for check in report.checks)


@pytest.mark.parametrize("name", KINKED)
@pytest.mark.parametrize(
    ("before", "after", "fails"),
    [
        ("dz[t] @ W_s.T", "dz[t] @ W_s", {"W_s", "W_x", "s0", "x"}),
        ("np.tensordot(x, dz,", "np.tensordot(x[1:], dz[1:],", {"W_x"}),
    ],
)
def test_a_planted_fault_beside_kinks_fails_by_each_method(
    name: str, before: str, after: str, fails: set[str]
) -> None:
    forward, derivative = KINKED[name]
    report = checked((FORWARD, forward), (DERIVATIVE, derivative), (before, after))
    assert failing(report, COMPLEX) == failing(report, DIFFERENCES) == fails
    assert failing(report, TANGENT) == {"all"}


@pytest.mark.parametrize("wrong", ["(s[t] >= 0)", "(s[t] > 0.1)", "1"])
def test_a_wrong_derivative_of_relu_fails_by_each_method(wrong: str) -> None:
    report = checked((FORWARD, KINKED["relu"][0]), (DERIVATIVE, wrong))
    assert failing(report, COMPLEX) == failing(report, DIFFERENCES) == {"W_s", "W_x", "s0", "x"}


def test_a_loss_of_jumps_alone_is_inconclusive() -> None:
    saw = "np.where(np.floor(z.real * 2**22) % 2 > 0, z, -z)"
    report = checked((FORWARD, saw))
    found = {check.name: check.problem for check in checks(report, DIFFERENCES)}
    assert found["W_s"].startswith("inconclusive: ")
    assert "entries are at kinks" in report_table(report)
    assert not report.holds


# Losses that are something else for complex numbers.

REAL_ONLY = {
    # A right gradient, and a function that complex step gets wrong without a word.
    "np.abs": ("np.abs(z)", KINKED["abs"][1]),
    "np.sign": ("np.sign(z) + z", "1"),
    "np.real": ("np.tanh(np.real(z))", DERIVATIVE),
}
REFUSED = {
    "np.heaviside": ("np.heaviside(z, 0) * z", "(s[t] > 0)"),
    "a cast": ("np.tanh(z).astype(float)", DERIVATIVE),
}


@pytest.mark.parametrize("name", REAL_ONLY)
def test_a_function_that_is_wrong_for_complex_numbers_fails(name: str) -> None:
    forward, derivative = REAL_ONLY[name]
    report = checked((FORWARD, forward), (DERIVATIVE, derivative))
    assert failing(report, COMPLEX) == {"W_s", "W_x", "s0", "x"}
    assert failing(report, DIFFERENCES) == set()
    assert report.disagreeing == ("W_s", "W_x", "s0", "x")
    lines = report_table(report).splitlines()
    assert lines[-2].startswith("W_s, W_x, s0, x: complex step contradicts central differences")
    assert lines[-1] == "fails: W_s, W_x, s0, x"


@pytest.mark.parametrize("name", REAL_ONLY)
def test_a_gradient_that_is_wrong_as_complex_step_is_fails_too(name: str) -> None:
    """What complex step sees of np.abs is a slope of 0: it agrees with a gradient of 0."""
    gradient = {"np.abs": "0", "np.sign": f"(1 + 1 / {PREACTIVATION})", "np.real": "0"}[name]
    report = checked((FORWARD, REAL_ONLY[name][0]), (DERIVATIVE, gradient))
    assert "W_s" not in failing(report, COMPLEX) or name == "np.sign"
    assert failing(report, DIFFERENCES) >= {"W_x", "s0"}
    assert not report.holds


@pytest.mark.parametrize("name", REFUSED)
def test_a_function_that_takes_no_complex_numbers_fails_with_its_reason(name: str) -> None:
    forward, derivative = REFUSED[name]
    report = checked((FORWARD, forward), (DERIVATIVE, derivative))
    assert failing(report, COMPLEX) >= {"W_s", "W_x", "s0", "x"}
    reason = {"np.heaviside": "TypeError", "a cast": "ComplexWarning"}[name]
    assert {check.problem.split(":")[0] for check in checks(report, COMPLEX)} >= {reason}
    assert failing(report, DIFFERENCES) == set()


@pytest.mark.parametrize(
    ("forward", "derivative"),
    [
        ("np.maximum(z, 0)", "(s[t] > 0)"),
        ("np.clip(z, -0.3, 0.3)", "(np.abs(s[t]) < 0.3)"),
    ],
)
def test_numpy_orders_complex_numbers_by_their_real_part(forward: str, derivative: str) -> None:
    assert checked((FORWARD, forward), (DERIVATIVE, derivative)).holds


# What a model declares: a constant, or a derivative of the user's.

STOPPED = (
    (
        "def init_parameters",
        "def stop_gradient(z):\n    return np.real(z)\n\n\ndef init_parameters",
    ),
    ("s_previous[t] @ W_s\n", "stop_gradient(s_previous[t]) @ W_s\n"),
    ("ds_next = dz[t] @ W_s.T", "ds_next = np.zeros_like(ds)"),
)
TABLE = "SHAPES: dict[str, tuple[str, ...]] = {"
DECLARED = (TABLE, f'DECLARED = ("stop_gradient", "r")\n{TABLE}')


def test_central_differences_are_not_applied_to_what_is_declared() -> None:
    report = checked(*STOPPED, DECLARED)
    assert report.holds, report.failures
    rows = checks(report, DIFFERENCES)
    assert {check.name for check in rows} == {"W_y", "W_s", "W_x", "s0", "x"}
    assert {check.not_applied for check in rows} == {"stop_gradient, r"}
    assert "not applied: stop_gradient, r" in report_table(report)
    assert report_table(report).endswith("\nall gradients hold\n")


def test_they_see_nothing_of_it() -> None:
    assert failing(checked(*STOPPED), DIFFERENCES) == {"W_s", "W_x", "s0", "x"}
    assert failing(checked(*STOPPED, (TABLE, f"DECLARED = ()\n{TABLE}")), COMPLEX) == set()


def test_a_fault_beside_what_is_declared_fails() -> None:
    report = checked(*STOPPED, DECLARED, ("dy = -2 * (d - y)", "dy = -(d - y)"))
    assert failing(report, COMPLEX) == {"W_y", "W_s", "W_x", "x"}
    assert failing(report, DIFFERENCES) == set()
    assert failing(report, TANGENT) == {"all"}


def test_a_declared_derivative_is_checked_by_complex_step() -> None:
    declared = (
        "def init_parameters",
        "def r(z):\n"
        "    value, slope = np.sqrt(np.maximum(z.real, 0)), 0.5 / np.sqrt(z.real**2 + 0.01)\n"
        "    return value + 1j * z.imag * slope if np.iscomplexobj(z) else value\n\n\n"
        "def init_parameters",
    )
    slope = f"(0.5 / np.sqrt({PREACTIVATION} ** 2 + 0.01))"
    right = (declared, (FORWARD, "r(z)"), (DERIVATIVE, slope), DECLARED)
    assert checked(*right).holds
    wrong = (declared, (FORWARD, "r(z)"), (DERIVATIVE, f"2 * {slope}"), DECLARED)
    assert failing(checked(*wrong), COMPLEX) == {"W_s", "W_x", "s0", "x"}


TIED = """
[dimensions]
n = ""
[inputs]
x = ["n"]
[parameters]
b = ["n"]
w = ["n"]
[states]
s = {shape = ["n"], initial = "f(b)"}
[functions]
f = {formula = "sign(z)", derivative = "1 - tanh(z) ** 2"}
[equations]
s = "clip(s[t-1], -1, 1) * w + tanh(x[t])"
[loss]
E = "sum(s[t] ** 2)"
"""
"""The state begins at 1 or -1, and so on the bounds of its clip."""


def test_where_two_sides_of_a_choice_are_equal_a_complex_step_accuses_nobody() -> None:
    report = verify(parse_model(TIED), seed=1)
    (check,) = (check for check in checks(report, COMPLEX) if check.name == "b")
    assert check.problem == f"inconclusive: {check.entries} of {check.entries} entries are at kinks"
    assert report.failures == (check,)
    (along,) = checks(report, TANGENT)
    assert along.not_applied == "two sides of a choice are equal"


# All blocks at once.


def test_the_tangent_adjoint_check_is_a_row_of_its_own() -> None:
    report = verify(b.load_model("elman"))
    (row,) = checks(report, TANGENT)
    assert (row.name, row.tolerance) == ("all", 1e-12)
    assert 0 <= row.error < 1e-14
    assert row.shape in {
        (s["n"] * (s["k"] + s["n"] + s["m"] + s["B"]) + s["T"] * s["B"] * s["m"],)
        for s in report.points
    }


# Where there is nothing but rounding.


def test_a_gradient_below_the_rounding_of_the_loss_has_one_witness() -> None:
    model = b.load_model("elman-bias")
    report = verify(model, activation={"phi": "sigmoid"}, loss="last", steps=40)
    assert report.holds, report.failures
    (row,) = (check for check in checks(report, DIFFERENCES) if check.name == "s0")
    assert row.not_applied == "less than the loss is rounded"
