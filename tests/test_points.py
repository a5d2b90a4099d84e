"""The points of a verification: what a module's SHAPES and KINDS ask for, at sizes that tell."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import bptt_sym as b
from bptt_sym.api import verify
from bptt_sym.targets.load import module_from_source
from bptt_sym.verification.points import draw_points
from bptt_sym.verification.report import Report
from bptt_sym.verification.sizes import names_in, number
from bptt_sym.verification.table import report_table

LABELLED = '''
from typing import NamedTuple

import numpy as np


class Parameters(NamedTuple):
    W: np.ndarray
    g: np.ndarray
    p: np.ndarray


class InitialState(NamedTuple):
    """No state."""


class Inputs(NamedTuple):
    """None with a gradient."""


class Result(NamedTuple):
    value: float
    gradients: Parameters
    initial: InitialState
    inputs: Inputs


SHAPES = {
    "W": ("4*n", "k"), "g": (), "p": ("k",),
    "R": ("m + n", "4*n"),
    "x": ("T", "B", "m + n"), "d": ("T", "B"), "q": ("T", "B", "1"), "r": ("2", "3"),
}
KINDS = {"d": "labels of k", "q": "mask", "p": "positive"}


def forward(params, x, R):
    a = x @ R
    return a, a @ params.W * params.g + np.log(params.p)


def loss(params, x, R, d, q, r):
    a, o = forward(params, x, R)
    chosen = np.take_along_axis(o, d[..., np.newaxis], -1)
    return np.sum(q * (np.log(np.sum(np.exp(o), -1, keepdims=True)) - chosen))


def value_and_grad(params, x, R, d, q, r, *, inputs=False):
    a, o = forward(params, x, R)
    y = np.exp(o) / np.sum(np.exp(o), -1, keepdims=True)
    do = q * (y - np.eye(o.shape[-1])[d])
    dW = np.tensordot(a, do, axes=([0, 1], [0, 1])) * params.g
    dg = np.sum(do * (a @ params.W))
    dp = np.sum(do, axis=(0, 1)) / params.p
    return Result(loss(params, x, R, d, q, r), Parameters(dW, dg, dp), InitialState(), Inputs())
'''
"""Every kind of argument, by hand: no state, a frozen R, and an r that nothing reads."""


def labelled(*changes: tuple[str, str]) -> ModuleType:
    source = LABELLED
    for before, after in changes:
        assert before in source
        source = source.replace(before, after)
    return module_from_source(source, "labelled")


@pytest.mark.parametrize("seed", range(20))
def test_points_are_such_that_faults_show(seed: int) -> None:
    module = b.compile(b.load_model("elman-bias"))
    for point in draw_points(module, 3, seed, None):
        sizes = point.sizes.values()
        assert point.sizes["T"] >= 5
        assert min(sizes) > 1
        assert len(set(sizes)) == len(sizes)
        assert set(point.sizes) == {"T", "B", "m", "n", "k"}
        assert abs(point.all["s0"]).min() > 0
        # A loss at every step, a bias that is not zero.
        assert point.all["d"].shape[0] == point.sizes["T"]
        assert abs(point.all["b_s"]).min() > 0


def test_points_differ_from_each_other_and_follow_from_the_seed() -> None:
    module = b.compile(b.load_model("elman"))
    first, again = (verify(module, seed=5).points for _ in range(2))
    other = verify(module, seed=6).points
    assert first == again != other
    assert len({tuple(sizes.items()) for sizes in first}) == len(first)


@pytest.mark.parametrize("seed", range(20))
def test_points_have_what_kinds_and_sizes_ask_for(seed: int) -> None:
    points = draw_points(labelled(), 3, seed, None)
    for point in points:
        T, B, m, n, k = (point.sizes[name] for name in ("T", "B", "m", "n", "k"))
        assert {name: array.shape for name, array in point.all.items()} == {
            "W": (4 * n, k), "g": (), "p": (k,), "R": (m + n, 4 * n),
            "x": (T, B, m + n), "d": (T, B), "q": (T, B, 1), "r": (2, 3),
        }  # fmt: skip
        assert len({T, B, m, n, k, 4 * n, m + n}) == 7

        assert point.all["d"].dtype.kind == "i"
        assert point.all["d"].min() >= 0
        assert point.all["d"].max() < k
        assert point.all["p"].min() > 0
        mask = point.all["q"]
        assert set(mask.ravel()) == {0.0, 1.0}
        assert (mask[0] == 1).all()
        assert (np.diff(mask, axis=0) <= 0).all()
        lengths = mask.sum(axis=0)
        assert lengths.max() == T > lengths.min()
    assert any(point.all["d"].max() == point.sizes["k"] - 1 for point in points)


def test_a_module_with_labels_a_mask_and_computed_sizes_holds() -> None:
    report = verify(labelled())
    assert report.holds, report.failures
    assert {check.name for check in report.checks} == {"value", "W", "g", "p", "all"}
    assert verify(labelled(), steps=1).holds


@pytest.mark.parametrize(
    ("before", "after", "fails"),
    [
        ("do = q * (y", "do = (y", "W g p"),
        ("np.eye(o.shape[-1])[d]", "np.eye(o.shape[-1])[d - 1]", "W g p"),
        ("(a @ params.W))", "(a @ params.W)) / params.g", "g"),
        ("axis=(0, 1)) / params.p", "axis=(0, 1))", "p"),
    ],
)
def test_a_fault_in_it_is_found(before: str, after: str, fails: str) -> None:
    assert set(verify(labelled((before, after))).failing) == set(fails.split())


UNSEEN = ("np.log(params.p)", "np.log(np.sum(params.p))")
"""The same is added to all logits: the loss does not see it, but for its rounding."""


def by_unseen(gradient: str) -> Report:
    return verify(labelled(UNSEEN, ("np.sum(do, axis=(0, 1)) / params.p", gradient)))


def test_a_gradient_that_is_zero_but_for_rounding_holds() -> None:
    report = by_unseen("np.sum(do) / np.sum(params.p) * np.ones_like(params.p)")
    assert report.holds, report.failures


@pytest.mark.parametrize(
    "fault", ["np.sum(y) * np.ones_like(params.p)", "1e-10 + 0 * params.p", "do[0, 0]"]
)
def test_a_gradient_that_should_be_zero_fails(fault: str) -> None:
    assert by_unseen(fault).failing == ("p",)


@pytest.mark.parametrize(
    ("size", "names", "expected"),
    [
        ("n", ["n"], 3),
        ("4*n", ["n"], 12),
        ("m + n", ["m", "n"], 5),
        ("2 * m * n + 1", ["m", "n"], 13),
        ("3", [], 3),
        ("n - 1", ["n"], 2),
    ],
)
def test_a_size_is_computed(size: str, names: list[str], expected: int) -> None:
    assert names_in(size) == names
    assert number(size, {"m": 2, "n": 3}) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('"4*n"', '"4**n"'), "the size '4\\*\\*n'"),
        (('"4*n"', '"f(n)"'), "the size 'f\\(n\\)'"),
        (('"4*n"', '"n +"'), "the size 'n \\+'"),
        (('"4*n"', "4"), "the size 4"),
        (('"mask"', '"sieve"'), "KINDS says 'sieve' of 'q'"),
        (('"labels of k"', '"labels of "'), "the size ''"),
        (('"p": ("k",),', ""), "SHAPES lacks 'p'"),
    ],
)
def test_a_module_that_asks_for_something_else_is_refused(
    change: tuple[str, str], message: str
) -> None:
    with pytest.raises(b.InputError, match=message):
        verify(labelled(change))


def test_a_point_that_overflows_is_drawn_smaller() -> None:
    module = labelled(("np.log(params.p)", "np.exp(np.exp(4 * a[..., :1]))"))
    points = draw_points(module, 3, 0, None)
    assert not any(point.problem for point in points)
    for point in points:
        assert np.isfinite(loss_of(module, point.all))


def test_a_point_that_is_not_a_number_is_drawn_again() -> None:
    # A square root of something that is negative at half of the points, whatever the scale.
    module = labelled(("np.log(params.p)", "np.sqrt(x[0, 0, 0])"))
    points = draw_points(module, 20, 0, None)
    assert all(point.problem == "" for point in points)
    assert all(point.all["x"][0, 0, 0] > 0 for point in points)


def test_a_point_where_rounding_hides_the_derivatives_is_drawn_again() -> None:
    # A wave so short that the last digit of W moves its slope, at half of the points.
    module = labelled(("np.log(params.p)", "np.sin(1e8 * params.W[0] * (x[0, 0, 0] > 0))"))
    points = draw_points(module, 12, 0, None)
    assert all(point.all["x"][0, 0, 0] <= 0 for point in points)


def test_a_module_that_is_never_finite_is_reported() -> None:
    report = verify(labelled(("np.log(params.p)", "np.log(-params.p)")))
    assert not report.holds
    assert report.failing == ("value",)
    assert "not finite at any of 24 points" in report_table(report)


def loss_of(module: ModuleType, arrays: dict[str, Any]) -> float:
    parameters = module.Parameters(*(arrays[name] for name in module.Parameters._fields))
    others = {n: array for n, array in arrays.items() if n not in module.Parameters._fields}
    with np.errstate(all="ignore"):
        return float(module.loss(parameters, **others))
