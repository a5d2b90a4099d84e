"""The verification holds for what is right and finds every fault that is planted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from mutants import MUTANTS, Mutant, evidence_on, generated
from mutants.changes import text

import bptt_sym as b
from bptt_sym.api import verify
from bptt_sym.targets.load import module_from_source
from bptt_sym.verification.report import Report
from bptt_sym.verification.verify import judge

ANALYTIC = ("tanh", "sigmoid", "identity", "exp", "sin", "cos")


def failing(report: Report) -> set[str]:
    return set(report.failing)


def errors(report: Report) -> dict[str, float]:
    return {c.name: c.error for c in report.checks if c.method == "complex step"}


# What is right holds.


@pytest.mark.parametrize("name", b.model_names())
def test_shipped_models_hold(name: str) -> None:
    module = module_from_source(generated(name), name)
    report = judge(module, evidence_on(name))
    assert report.holds, report.failures
    assert max(errors(report).values()) < 1e-12
    tuples = (module.Parameters, module.InitialState, module.Inputs)
    assert tuple(errors(report)) == tuple(name for fields in tuples for name in fields._fields)


@pytest.mark.parametrize("name", ["elman", "elman-bias", "elman-character", "lstm", "gru"])
def test_the_loss_of_the_last_step_holds(name: str) -> None:
    report = verify(b.load_model(name), loss="last")
    assert report.holds, report.failures
    assert max(errors(report).values()) < 1e-12


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


# What is wrong fails; tests/test_mutants.py has many faults of gradients.


def test_a_gradient_that_is_not_there_fails() -> None:
    source = b.generate(b.load_model("elman"), style="readable")
    report = verify(module_from_source(source.replace("InitialState(ds0)", "None"), "planted"))
    assert failing(report) == {"value_and_grad"}


def test_a_module_of_another_kind_is_refused() -> None:
    with pytest.raises(b.InputError, match="not a module that bptt-sym generated"):
        verify(ModuleType("other"))


# The same on the command line.


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bptt_sym", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def said(file: Path) -> str:
    """All that is said of a module that runs: that it is run, and no warning."""
    return f"verify runs {file}, whatever it does\n"


@pytest.fixture(scope="module")
def emitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("emitted") / "m.py"
    assert run("generate", "elman", "-o", file).returncode == 0
    return file


def test_verify_accepts_what_generate_wrote(emitted: Path) -> None:
    done = run("verify", emitted)
    assert (done.returncode, done.stderr) == (0, "")
    assert "all gradients hold" in done.stdout


@pytest.mark.parametrize("mutant", MUTANTS[:3], ids=lambda mutant: mutant.name)
def test_verify_names_what_fails(tmp_path: Path, mutant: Mutant) -> None:
    file = tmp_path / "m.py"
    file.write_text(mutant.planted())
    done = run("verify", "--run", file)
    assert (done.returncode, done.stderr) == (1, said(file))
    verdict = done.stdout.splitlines()[-1]
    assert set(verdict.removeprefix("fails: ").split(", ")) == set(mutant.fails.split())


def test_what_overflows_is_told_in_the_table_alone(tmp_path: Path) -> None:
    file = tmp_path / "m.py"
    file.write_text(text("dy = -2 *", "dy = np.exp(1e3 * np.abs(d)) *")(generated("elman")))
    done = run("verify", "--run", file)
    assert (done.returncode, done.stderr) == (1, said(file))
    assert "nan" in done.stdout
