"""The command line: what its commands print, where they write, when they use colour."""

from __future__ import annotations

import subprocess
import sys

import pytest

import bptt_sym as b
from bptt_sym import cli
from bptt_sym.commands.terminal import wants_color


def run(capsys, *arguments: object) -> str:
    """What a good command prints."""
    with pytest.raises(SystemExit) as end:
        cli.main([str(argument) for argument in arguments])
    output = capsys.readouterr()
    assert end.value.code == 0, output.err
    return output.out


def test_models_are_listed_with_a_line_each(capsys):
    lines = [line for line in run(capsys, "models").splitlines() if not line.startswith(" ")]
    assert [line.split()[0] for line in lines] == b.model_names()
    assert all(len(line.split()) > 3 for line in lines)


def test_show_prints_equations_and_shapes(capsys):
    shown = run(capsys, "show", "elman")
    assert "sₜ = φ(xₜ W_x + sₜ₋₁ W_s)" in shown
    assert "zₜ = xₜ W_x + sₜ₋₁ W_s" in shown
    assert "parameter  W_x  m x n" in shown


def test_derive_takes_a_model_file(capsys, tmp_path):
    text = (cli.Path(b.__file__).parent / "model" / "cells" / "elman.toml").read_text()
    (tmp_path / "mine.toml").write_text(text.replace("W_s", "R"))
    assert "∂s₂/∂R" in run(capsys, "derive", tmp_path / "mine.toml", "--wrt", "R")


@pytest.mark.parametrize("form", ["text", "latex", "json"])
def test_a_file_says_what_made_it_and_may_be_made_again(capsys, tmp_path, form):
    path = tmp_path / "out"
    command = ("derive", "--steps", 2, "--format", form, "-o", path)
    assert run(capsys, *command) == ""
    first = path.read_text()
    assert "Made by bptt-sym" in first and "bptt-sym derive elman --steps 2" in first
    assert run(capsys, *command) == ""
    assert path.read_text() == first


@pytest.mark.parametrize(
    ("terminal", "environment", "colored"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_color_is_for_terminals_that_want_it(monkeypatch, terminal, environment, colored):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
    assert wants_color(sys.stdout) is colored


def test_color_changes_nothing_but_color():
    derivation = b.derive(b.load_model("elman"))
    colored = derivation.text(color=True)
    assert "\x1b[" in colored
    for code in ("0", "1", "2"):
        colored = colored.replace(f"\x1b[{code}m", "")
    assert colored == derivation.text()


def test_help_is_quick_to_load():
    """Neither SymPy nor NumPy is imported for --help."""
    script = (
        "import sys; from bptt_sym.cli import cli; cli.main(['--help'], standalone_mode=False);"
        "assert not {'sympy', 'numpy', 'jinja2'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, timeout=60)


def test_a_reader_that_stops_early_is_no_fault():
    command = f"{sys.executable} -m bptt_sym derive --steps 400 | head -1"
    ended = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.stderr == ""
    assert ended.stdout.startswith("Elman network")


def test_both_commands_say_which_loss_they_are_about(capsys):
    assert "(--loss last)" in run(capsys, "derive")
    assert "(--loss sum)" in run(capsys, "generate")


def test_program_prints_what_a_pass_leaves(capsys):
    shown = run(capsys, "program", "lstm", "--after", "stack")
    assert "backward, loop over t = T, ..., 1" in shown
    assert "np.dot(" in run(capsys, "program", "lstm")


def test_program_names_the_passes_for_an_unknown_one(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["program", "lstm", "--after", "fuse"])
    assert end.value.code == 2
    assert "'stack'" in capsys.readouterr().err


# A file that is verified is read first; what is run as it is, is said before.

RUNS = "verify runs m.py, whatever it does\n"


def verified(*arguments, cwd):
    command = [sys.executable, "-m", "bptt_sym", "verify", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, cwd=cwd
    )


def test_it_is_said_that_a_file_is_run_before_it_is(tmp_path):
    (tmp_path / "m.py").write_text("import sys\nprint('run', file=sys.stderr)\nraise ValueError\n")
    ended = verified("m.py", "--run", cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"{RUNS}run\nm.py: error: cannot be imported: ValueError")


def test_of_what_is_not_run_nothing_is_said(tmp_path):
    cells = cli.Path(b.__file__).parent / "model" / "cells"
    (tmp_path / "mine.toml").write_text((cells / "linear.toml").read_text())
    for subject in ("linear", "mine.toml"):
        ended = verified(subject, cwd=tmp_path)
        assert (ended.returncode, ended.stderr) == (0, "")
    assert "runs" not in verified("absent.py", cwd=tmp_path).stderr


def test_a_module_as_it_was_written_is_verified(tmp_path, capsys):
    run(capsys, "generate", "linear", "-o", tmp_path / "m.py")
    ended = verified("m.py", cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    ended = verified("m.py", "--run", cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, RUNS)
