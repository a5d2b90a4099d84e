"""What the pages show is what the commands print, and what they mention is there."""

from __future__ import annotations

import itertools
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
from test_import_order import PACKAGE, STAGES

from bptt_sym.algebra.functions import WORDS
from bptt_sym.cli import cli, main

ROOT = PACKAGE.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = ("README.md", "CONTRIBUTING.md", "docs/language.md", "docs/notations/README.md")

LEFT_OUT = "..."
FIGURE = re.compile(r"\d\.\de[+-]\d\d")
"""A rounding error, which is another on another processor."""


def blocks(page: str) -> list[list[str]]:
    """The blocks of a page that stand four columns in, as lines; those in fences aside."""
    page = re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"(?:^    .*\n|^\n(?=    ))+", page, re.MULTILINE)
    return [
        re.sub(r"^    ", "", block, flags=re.MULTILINE).strip("\n").split("\n") for block in found
    ]


SHOWN = [block for block in blocks(README) if block[0].startswith("$ bptt-sym ")]
"""A command and what it prints."""


def is_shown(shown: list[str], printed: list[str]) -> bool:
    """Whether the lines are those that are printed, but for what "..." leaves out."""
    if not shown:
        return not printed
    first, *rest = shown
    if first.strip() == LEFT_OUT:
        return any(is_shown(rest, printed[k:]) for k in range(len(printed) + 1))
    return bool(printed) and first == printed[0] and is_shown(rest, printed[1:])


def lines(text: str) -> list[str]:
    return [FIGURE.sub("0.0e-00", line).rstrip() for line in text.split("\n") if line.strip()]


def test_lines_may_be_left_out_and_none_changed():
    printed = ["a", "b", "c", "d"]
    assert is_shown(["a", "...", "d"], printed) and is_shown(["...", "b", "..."], printed)
    assert is_shown(printed, printed) and is_shown(["..."], [])
    for wrong in (["a", "d"], ["a", "...", "b"], ["...", "c", "b", "..."], ["a", "b", "c"], []):
        assert not is_shown(wrong, printed)


def test_every_block_of_the_readme_is_known():
    """Six are output; the others install the package and draw its architecture."""
    assert len(SHOWN) == 6
    others = [block[0] for block in blocks(README) if block not in SHOWN]
    assert [line.split()[0] for line in others] == ["pip", "pip", "model"]


@pytest.mark.parametrize("block", SHOWN, ids=[block[0] for block in SHOWN])
def test_a_command_prints_what_is_shown(block: list[str], capsys: Any) -> None:
    command, *shown = block
    with pytest.raises(SystemExit) as end:
        main(shlex.split(command)[2:])
    assert end.value.code == 0
    assert is_shown(lines("\n".join(shown)), lines(capsys.readouterr().out))


def fenced(language: str) -> list[tuple[str, str]]:
    """The blocks of a language, each with the paragraph above it."""
    above = README.split(f"\n\n```{language}\n")
    return [
        (before.rpartition("\n\n")[2], after.partition("```")[0])
        for before, after in itertools.pairwise(above)
    ]


def linked(paragraph: str, ending: str) -> list[Path]:
    return [ROOT / path for path in re.findall(rf"\]\(([^)]*{ending})\)", paragraph)]


def test_code_of_a_generated_module_stands_in_it():
    """Line after line, in the module that the text above it links to."""
    shown = [(code, path) for above, code in fenced("python") for path in linked(above, r"\.py")]
    assert [path.name for _, path in shown] == ["elman.py", "lstm.py"]
    for code, path in shown:
        assert f"\n{code}" in path.read_text(encoding="utf-8")


def test_the_model_that_is_shown_is_the_one_that_ships():
    ((above, text),) = fenced("toml")
    (path,) = linked(above, r"\.toml")
    assert tomllib.loads(text) == tomllib.loads(path.read_text(encoding="utf-8"))


def test_the_functions_are_counted_and_told():
    told = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    (functions,) = re.findall(r"^Functions of each entry: ([^.]*)\.", told, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", functions)) == set(WORDS)
    assert len(WORDS) == 25 and "twenty-five elementwise functions" in re.sub(r"\s+", " ", README)


# What is mentioned.


def helps() -> dict[str, str]:
    """What --help prints, by its command."""
    context = click.Context(cli, info_name="bptt-sym")
    found = {"bptt-sym": cli.get_help(context)}
    for name, command in cli.commands.items():
        found[name] = command.get_help(click.Context(command, info_name=name, parent=context))
    return found


HELPS = helps()
MENTIONING = {page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES} | HELPS

_LINK = re.compile(r"(?:\]\(|src=\")([^)\"]+)")
_WORD = re.compile(r"(?<![^\s`(\[])\.?[A-Za-z_][\w.-]*(?:/[\w.-]+)*/?(?![^\s`)\],;:])")


def mentioned(text: str) -> set[str]:
    """Links within the project; and words with a slash that end in one or like a file."""
    links = {link.partition("#")[0] for link in _LINK.findall(text) if "://" not in link}
    words = _WORD.findall(re.sub(r"https?://\S+|\]\([^)]*\)", " ", text))
    folders = {word.rstrip(".") for word in words if "/" in word}
    return links | {w for w in folders if w.endswith("/") or re.search(r"\.[a-z]+$|^\.", w)}


@pytest.mark.parametrize("name", MENTIONING)
def test_what_is_mentioned_exists(name: str) -> None:
    base = ROOT / name if name in PAGES else ROOT / "README.md"
    for path in mentioned(MENTIONING[name]):
        places = [base.parent / path, ROOT / path, PACKAGE / path]
        assert any(place.exists() for place in places), path


def test_paths_are_found_where_they_are_mentioned():
    assert "docs/notations/README.md" in mentioned(HELPS["derive"].replace("\n", " "))
    assert {"bptt_sym/algebra/functions.py", "docs/lstm.svg", "algebra/"} <= mentioned(README)
    assert {".ci/run", "tests/cells/", "tools/renew.py"} <= mentioned(MENTIONING["CONTRIBUTING.md"])
    assert mentioned("`docs/none.md`, see [it](no/such)") == {"docs/none.md", "no/such"}


def test_the_folders_are_told_in_their_order():
    folders = [stage for stage in STAGES if (PACKAGE / stage).is_dir()]
    (told,) = re.findall(
        r"\*\*The folders are.*?\*\*:(.*?)\.", MENTIONING["CONTRIBUTING.md"], re.DOTALL
    )
    assert re.findall(r"`(\w+)`", told) == folders
    assert set(folders) <= set(re.findall(r"`(\w+)/`", README))
