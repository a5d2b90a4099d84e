"""A model of one's own begins: `bptt-sym new`, `bptt-sym schema`, and what an editor finds."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sysconfig
import tomllib
from pathlib import Path

import pytest

import bptt_sym as b
from bptt_sym import cli
from bptt_sym.model.beginning import SCHEMA_FILE, begun_model
from bptt_sym.model.layer_section import SECTION
from bptt_sym.model.library import shipped_text
from bptt_sym.model.read import parse_model
from bptt_sym.model.schema import meaning_of, model_schema
from bptt_sym.model.sections import SECTIONS

TOMBI = Path(sysconfig.get_path("scripts")) / "tombi"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(capsys, *arguments: str, code: int = 0) -> str:
    """What a command prints: on standard error where it fails."""
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    output = capsys.readouterr()
    assert end.value.code == code, output.err
    return output.err if code else output.out


def files() -> set[str]:
    return {path.name for path in Path().iterdir()}


@pytest.mark.parametrize("name", b.model_names())
def test_a_new_model_is_the_one_that_it_begins_as(name):
    assert parse_model(begun_model("mine.toml", name), name) == b.load_model(name)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", b.model_names())
def test_a_new_model_holds_at_once(capsys, name):
    run(capsys, "new", "mine", "--from", name)
    run(capsys, "verify", "mine.toml")


def test_what_a_new_model_says_of_its_commands_is_so(capsys):
    run(capsys, "new", "mine")
    text = Path("mine.toml").read_text()
    commands = re.findall(r"^# - .*: bptt-sym (.+)$", text, re.MULTILINE)
    shown, derived, verified, generated = (run(capsys, *shlex.split(c)) for c in commands)
    assert "sₜ = " in shown and "n x n" in shown
    assert "Gradient with respect to W_s" in derived
    assert "gradient" in verified
    compile(generated, "module", "exec", dont_inherit=True)


@pytest.mark.parametrize("name", b.model_names())
def test_a_new_model_says_what_each_part_of_it_holds(name):
    """Above each text and section what it is; the sections that it has not, at the end."""
    lines = begun_model("mine.toml", name).splitlines()
    tables = tomllib.loads("\n".join(lines))
    for key, value in tables.items():
        start = f"[{key}]" if isinstance(value, dict) else f"{key} = "
        (number,) = [k for k, line in enumerate(lines) if line.startswith(start)]
        own = [line for line in shipped_text(name).splitlines() if line.startswith("#")]
        *_, above = [line for line in lines[:number] if line not in own]
        assert above == f"# {meaning_of(key)}"
    absent = [key for key in (*SECTIONS, SECTION) if key not in tables]
    if "outputs" in tables:
        absent.remove("loss")  # outputs are in its place
    assert lines[-len(absent) :] == [f"# [{key}]: {meaning_of(key)}" for key in absent]


@pytest.mark.parametrize("name", b.model_names())
def test_nothing_of_the_model_is_lost(name):
    """Its lines stand there in their order, between the head and what else there is."""
    of_model = shipped_text(name).splitlines()
    lines = begun_model("mine.toml", name).splitlines()
    kept = [line for line in lines if line in of_model]
    assert kept[1:-1] == of_model


def test_a_new_model_is_never_written_over_another(capsys):
    run(capsys, "new", "mine")
    before = Path("mine.toml").read_text()
    for _ in range(2):  # neither one of the user's own nor one just begun
        assert "mine.toml: error: this is there already" in run(
            capsys, "new", "mine.toml", "--from", "gru", code=2
        )
        assert Path("mine.toml").read_text() == before
        before = before.replace("begun", "changed")
        Path("mine.toml").write_text(before)
    run(capsys, "new", "mine", "--from", "gru", "--force")
    assert b.load_model("mine.toml").title == b.load_model("gru").title


def test_a_second_model_shares_the_schema(capsys):
    run(capsys, "new", "one")
    run(capsys, "new", "two")
    assert files() == {"one.toml", "two.toml", SCHEMA_FILE}


def test_a_new_model_is_written_whole_or_not_at_all(capsys):
    Path(SCHEMA_FILE).write_text("{}")
    assert SCHEMA_FILE in run(capsys, "new", "mine", code=2)
    assert files() == {SCHEMA_FILE}
    assert Path(SCHEMA_FILE).read_text() == "{}"
    run(capsys, "new", "mine", "--force")
    assert json.loads(Path(SCHEMA_FILE).read_text()) == model_schema()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mine", "--from", "lstn"], "unknown model 'lstn' (did you mean 'lstm'?)"),
        (["mine", "--from", "../elman"], "unknown model '../elman'"),
        (["mine", "--from", "other.toml"], "unknown model 'other.toml'"),
        (["no/mine"], "the folder to write into does not exist"),
        ([""], "needs a name"),
        (["."], "needs a name"),
        (["a\0b"], "cannot be written"),
    ],
)
def test_what_cannot_be_begun_is_refused(capsys, arguments, message):
    error = run(capsys, "new", *arguments, code=2)
    assert message in error and error.count("\n") == 1
    assert files() == set()


@pytest.mark.parametrize("name", ["a b", "a\nb = 1", "$(x)", "é", "[x]", '"""', "-x"])
def test_any_name_of_a_file_may_be_told_in_a_comment(capsys, name):
    run(capsys, "new", "--", name)
    assert b.load_model(Path(f"{name}.toml")).equations == b.load_model("elman").equations
    text = Path(f"{name}.toml").read_text()
    (words,) = re.findall(r": bptt-sym (show .+)$", text, re.MULTILINE)
    command = ["bash", "-c", f"printf '%s\\n' {words}; ls {words.removeprefix('show ')}"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"{name}.toml" in shown


def test_the_schema_is_printed_and_written(capsys):
    assert json.loads(run(capsys, "schema")) == model_schema()
    for _ in range(2):  # a file that it made it writes anew
        run(capsys, "schema", "-o", "s.json")
    assert json.loads(Path("s.json").read_text()) == model_schema()


# An editor: Tombi checks each file by the schema that its first line names.


def told(*names: str) -> str:
    """What Tombi finds wrong, nothing where all is well."""
    ended = subprocess.run(
        [TOMBI, "lint", "--offline", *names],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"NO_COLOR": "1", "HOME": str(Path.cwd())},
    )
    output = re.sub(r"\x1b\[[0-9;]*m", "", ended.stdout + ended.stderr)
    if ended.returncode == 0:
        assert "linted successfully" in output
        return ""
    return output


def test_an_editor_finds_nothing_in_new_models(capsys):
    for name in b.model_names():
        run(capsys, "new", name, "--from", name)
    assert told(*(f"{name}.toml" for name in b.model_names())) == ""


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("title =", "titel =", '"titel" is not allowed'),
        ("[loss]", "[los]", '"los" is not allowed'),
        ('init = "uniform"', 'init = "unform"', 'found "unform"'),
        ('init = "uniform"', "positive = 1", "Integer"),
        ('h = ["n"]', "h = {shape = 3}", "Integer"),
    ],
)
def test_an_editor_finds_what_is_wrong(capsys, before, after, message):
    run(capsys, "new", "mine", "--from", "lstm")
    text = Path("mine.toml").read_text()
    line_of = before if before != 'init = "uniform"' else "W_ii"
    Path("mine.toml").write_text(text.replace(before, after, 1))
    (number,) = [k for k, line in enumerate(text.splitlines(), 1) if line.startswith(line_of)]
    found = told("mine.toml")
    # To Tombi the comment above a section belongs to it.
    assert message in found and re.search(rf"mine.toml:({number - 1}|{number}):", found)
