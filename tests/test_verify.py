"""The verification holds for what is right and finds every fault that is planted."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

import bptt_sym as b
from bptt_sym.api import verify
from bptt_sym.emit.load import module_from_source
from bptt_sym.verification.verify import Report

ANALYTIC = ("tanh", "sigmoid", "identity", "exp", "sin", "cos")


def failing(report: Report) -> set[str]:
    return set(report.failing)


def errors(report: Report) -> dict[str, float]:
    return {c.name: c.error for c in report.checks if c.method == "complex step"}


# What is right holds.


@pytest.mark.parametrize("loss", ["sum", "last"])
@pytest.mark.parametrize("name", b.model_names())
def test_shipped_models_hold(name: str, loss: str) -> None:
    model = b.load_model(name)
    report = verify(model, loss=loss)
    assert report.holds, failing(report)
    assert max(errors(report).values()) < 1e-12
    assert set(errors(report)) == {*model.parameters, "s0"}


@pytest.mark.parametrize("sigma", ANALYTIC)
def test_every_output_function_holds(sigma: str) -> None:
    report = verify(b.load_model("elman-bias"), activation={"sigma": sigma})
    assert report.holds, failing(report)


@pytest.mark.parametrize("phi", ["tanh", "sigmoid", "identity", "sin", "cos"])
def test_every_hidden_function_holds(phi: str) -> None:
    report = verify(b.load_model("elman-bias"), activation={"phi": phi})
    assert report.holds, failing(report)


def test_a_gradient_that_vanishes_over_time_holds() -> None:
    # sigmoid' is at most 1/4: after seven steps s0 hardly matters to the last loss, and the
    # rounding of the loss is all that a difference quotient sees.
    report = verify(b.load_model("elman-bias"), activation={"phi": "sigmoid"}, loss="last")
    assert max(errors(report).values()) < 1e-12
    assert report.holds, failing(report)


def test_verify_can_be_called_twice() -> None:
    model = b.load_model("elman")
    assert b.verify(model).holds
    assert b.verify(model).holds


@pytest.mark.parametrize("steps", [1, 2])
def test_exp_in_the_recurrence_holds(steps: int) -> None:
    # exp of a state that is itself an exp soon grows beyond what a difference quotient can
    # follow; complex step is exact all the same.
    report = verify(b.load_model("elman-bias"), activation={"phi": "exp"}, steps=steps)
    assert max(errors(report).values()) < 1e-12


def test_the_number_of_steps_can_be_chosen() -> None:
    report = verify(b.load_model("elman"), steps=1)
    assert report.holds
    assert {sizes["T"] for sizes in report.points} == {1}


# What is wrong fails. Each fault is a change of the emitted text.


@dataclass(frozen=True)
class Fault:
    """``before``, which occurs ``times``, becomes ``after``; ``fails`` are the blocks that must."""

    name: str
    before: str
    after: str
    fails: str
    model: str = "elman"
    loss: str = "sum"
    times: int = 1

    def planted(self) -> str:
        source = b.generate(b.load_model(self.model), loss=self.loss)
        # A changed emitter must not turn this into a test of nothing.
        assert source.count(self.before) == self.times, f"{self.before!r} in:\n{source}"
        return source.replace(self.before, self.after)


RECURRENT = "W_s W_x s0"
HIDDEN = "dz[t] = ds * (1 - s[t] ** 2)"
OUTPUT = "do = dy * y * (1 - y)"
ENDING = "    ds0 = ds_next"
LOOP = "    for t in reversed(range(T)):\n"
DW_S = "dW_s = np.tensordot(s_previous, dz, axes=([0, 1], [0, 1]))"

FAULTS = [
    Fault("recurrence term dropped", " + ds_next", "", RECURRENT),
    Fault("output term dropped", "do[t] @ W_y.T + ds_next", "ds_next", RECURRENT),
    Fault("transpose missing in the recurrence", "dz[t] @ W_s.T", "dz[t] @ W_s", RECURRENT),
    Fault("phi' missing", HIDDEN, "dz[t] = ds", RECURRENT),
    Fault("phi' of the state and not of tanh", "(1 - s[t] ** 2)", "(1 - s[t])", RECURRENT),
    Fault("phi' at the step before", "(1 - s[t] ** 2)", "(1 - s_previous[t] ** 2)", RECURRENT),
    Fault(
        "phi' outside the product with W_s",
        "ds_next = dz[t] @ W_s.T",
        "ds_next = (ds @ W_s.T) * (1 - s[t] ** 2)",
        RECURRENT,
    ),
    Fault("sigma' missing", OUTPUT, "do = dy", f"W_y {RECURRENT}"),
    Fault("sigma' is that of tanh", "y * (1 - y)", "(1 - y ** 2)", f"W_y {RECURRENT}"),
    Fault("factor 2 lost", "dy = -2 * (d - y)", "dy = -(d - y)", f"W_y {RECURRENT}"),
    Fault("factor 2 lost in dW_x alone", "dW_x = np", "dW_x = 0.5 * np", "W_x"),
    Fault("sign of the error", "dy = -2 * (d - y)", "dy = 2 * (d - y)", f"W_y {RECURRENT}"),
    Fault("sign of the recurrence", " + ds_next", " - ds_next", RECURRENT),
    Fault("time off by one in dW_s", DW_S, DW_S.replace("s_previous", "s"), "W_s"),
    Fault(
        "time off by one in dW_y",
        "np.tensordot(s, do,",
        "np.tensordot(s_previous, do,",
        "W_y",
    ),
    Fault(
        "first time step dropped from dW_s",
        DW_S,
        "dW_s = np.tensordot(s_previous[1:], dz[1:], axes=([0, 1], [0, 1]))",
        "W_s",
    ),
    Fault(
        "last time step dropped from dW_x",
        "np.tensordot(x, dz,",
        "np.tensordot(x[:-1], dz[:-1],",
        "W_x",
    ),
    Fault("loop not reversed", LOOP, LOOP.replace("reversed(range(T))", "range(T)"), RECURRENT),
    Fault(
        "backpropagation truncated to 3 steps",
        LOOP,
        f"{LOOP}        ds_next = ds_next * ((T - 1 - t) % 3 > 0)\n",
        RECURRENT,
    ),
    Fault(
        "only the last step's loss propagated",
        "do[t] @ W_y.T + ds_next",
        "(do[t] @ W_y.T if t == T - 1 else 0) + ds_next",
        RECURRENT,
    ),
    Fault("ds0 not computed", "ds0 = ds_next", "ds0 = np.zeros((B, n), dtype)", "s0"),
    Fault("ds0 one step late", "ds0 = ds_next", "ds0 = ds", "s0"),
    Fault("mean over the batch", DW_S, f"{DW_S} / B", "W_s"),
    Fault("mean over time", DW_S, f"{DW_S} / T", "W_s"),
    Fault(
        "one sequence of the batch",
        "np.tensordot(x, dz,",
        "np.tensordot(x[:, :1], dz[:, :1],",
        "W_x",
    ),
    Fault("gradient transposed, and square", DW_S, f"{DW_S}.T", "W_s"),
    Fault("gradient transposed", "Parameters(dW_y,", "Parameters(dW_y.T,", "W_y"),
    Fault("state gradient of another shape", "InitialState(ds0)", "InitialState(ds0[0])", "s0"),
    Fault("a NaN in one entry", ENDING, f"    dW_x[0, 0] = np.nan\n{ENDING}", "W_x"),
    Fault("an infinity", ENDING, f"{ENDING} + np.inf", "s0"),
    Fault("one entry a little off", ENDING, f"    dW_s[-1, -1] *= 1 + 1e-9\n{ENDING}", "W_s"),
    Fault("an exception", ENDING, "    raise ZeroDivisionError", "value_and_grad"),
    Fault("the value is not the loss", "return value, ", "return 2 * value, ", "value"),
    Fault("the value is a NaN", "return value, ", "return value * np.nan, ", "value"),
    Fault(
        "output bias left out of dW",
        "db_y = np.sum(do, axis=(0, 1))",
        "db_y = np.zeros_like(params.b_y)",
        "b_y",
        model="elman-bias",
    ),
    Fault(
        "bias summed over time alone",
        "db_s = np.sum(dz, axis=(0, 1))",
        "db_s = np.sum(dz, axis=0)",
        "b_s",
        model="elman-bias",
    ),
    Fault(
        "bias of one sequence",
        "db_s = np.sum(dz, axis=(0, 1))",
        "db_s = np.sum(dz, axis=0)[0]",
        "b_s",
        model="elman-bias",
    ),
    Fault(
        "bias without phi'",
        "db_s = np.sum(dz, axis=(0, 1))",
        "db_s = np.sum(dz / (1 - s ** 2), axis=(0, 1))",
        "b_s",
        model="elman-bias",
    ),
    Fault(
        "loss at the last step: the start of the recursion without sigma'",
        "do = dy * y[-1] * (1 - y[-1])",
        "do = dy",
        f"W_y {RECURRENT}",
        loss="last",
    ),
    Fault(
        "loss at the last step: the output at the first step",
        "dW_y = s[-1].T @ do",
        "dW_y = s[0].T @ do",
        "W_y",
        loss="last",
    ),
    Fault(
        "loss at the last step: the recursion begins a step late",
        "        ds = ds_next\n",
        "        ds = ds_next * (t < T - 1)\n",
        RECURRENT,
        loss="last",
    ),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_fails(fault: Fault) -> None:
    report = verify(module_from_source(fault.planted(), "planted"))
    # Exactly these: what the fault leaves right must not be accused.
    assert failing(report) == set(fault.fails.split())
    assert not report.holds


def test_the_table_plants_no_fault_twice() -> None:
    changes = [(f.model, f.loss, f.before, f.after) for f in FAULTS]
    assert len(set(changes)) == len(FAULTS) >= 20


def test_either_method_finds_a_dropped_term() -> None:
    report = verify(module_from_source(FAULTS[0].planted(), "planted"))
    found = {(check.name, check.method) for check in report.failures}
    for name in RECURRENT.split():
        assert {(name, "complex step"), (name, "central differences")} <= found


def test_a_gradient_that_is_not_there_fails() -> None:
    source = b.generate(b.load_model("elman"))
    report = verify(module_from_source(source.replace("InitialState(ds0)", "None"), "planted"))
    assert failing(report) == {"value_and_grad"}


def test_a_module_of_another_kind_is_refused() -> None:
    with pytest.raises(b.InputError, match="not a module that bptt-sym generated"):
        verify(ModuleType("other"))


# The same on the command line.


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bptt_sym", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def emitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("emitted") / "m.py"
    assert run("generate", "elman", "-o", file).returncode == 0
    return file


def test_verify_accepts_what_generate_wrote(emitted: Path) -> None:
    done = run("verify", emitted)
    assert (done.returncode, done.stderr) == (0, "")
    assert "all gradients hold" in done.stdout


@pytest.mark.parametrize("fault", [FAULTS[0], FAULTS[2], FAULTS[9]], ids=lambda fault: fault.name)
def test_verify_names_what_fails(emitted: Path, tmp_path: Path, fault: Fault) -> None:
    source = emitted.read_text()
    assert source.count(fault.before) == fault.times
    file = tmp_path / "m.py"
    file.write_text(source.replace(fault.before, fault.after))
    done = run("verify", file)
    assert (done.returncode, done.stderr) == (1, "")
    verdict = done.stdout.splitlines()[-1]
    assert set(verdict.removeprefix("fails: ").split(", ")) == set(fault.fails.split())
