"""Names of files are anything: no output lets one through as more than a name."""

from __future__ import annotations

import ast
import html.parser
import json
import os
import re
import shutil
import subprocess
import urllib.parse
import xml.dom.minidom
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.draws import draws
from support.message import message_of
from support.small_model import SMALL

import bptt_sym as b
from bptt_sym import cli
from bptt_sym.documents.formats.files import files_of
from bptt_sym.errors import LONGEST_MESSAGE
from bptt_sym.quoting import command_line

MODEL = SMALL
"""A model that has its name alone for a title."""

HOSTILE = (
    r"x} \input{evil} {", "a--->b<img src=x>", "a\nb", "\x1b[31mred", "\u202etxt", "\u2066x", "50%",
    "$1$", "{", "}", "\\", "\\n", "'", '"', '"""', "`", "]]>", "-->", "--!>", "<!--", "->",
    "&amp;", "^^M", "#", "~", "_", "[[eq:x]]", "](x)", "{{ 1 }}", "{% raw %}", "$(ls)", "\udcff",
    "\x85", "\u2028", "\r", "\t", ":", "é", "数", "\u0301", "-", "--force", ".", "..", " ",
    "x" * 180,
)  # fmt: skip

LABEL = re.compile(r"[A-Za-z0-9:_.-]+")


def is_a_name(name: str) -> bool:
    return 0 < len(os.fsencode(name)) <= 200


stems = st.one_of(
    st.lists(st.sampled_from(HOSTILE), min_size=1, max_size=4).map("".join),
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1),
    st.binary(min_size=1, max_size=40)
    .map(lambda data: os.fsdecode(data.replace(b"/", b"").replace(b"\0", b""))),
).filter(is_a_name)  # fmt: skip

few = settings(
    max_examples=draws(25),
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def hostile(test: Any) -> Any:
    """The test at names that were seen to break out, and at many others."""
    for stem in (HOSTILE[0], HOSTILE[1], '"""\\', "\x1b]0;x\x07\u202e\udcff\n%"):
        test = example(stem=stem)(test)
    return few(given(stem=stems)(test))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: Any) -> Path:
    return tmp_path_factory.mktemp("models")


def loaded(folder: Path, stem: str, text: str = MODEL) -> b.Model:
    path = folder / f"{stem}.toml"
    path.write_text(text, encoding="utf-8")
    try:
        return b.load_model(path)
    finally:
        path.unlink()


def outputs(model: b.Model) -> dict[str, str]:
    """Every text that is made of a model, by its format."""
    derivation, told = b.derive(model, steps=2), b.notes(model, 2)
    figure = b.figure(model, 2, path="W:1")
    return {
        "text": derivation.text(),
        "show": cli_text(model),
        "json": json.dumps(derivation.data(), ensure_ascii=False),
        "latex": derivation.latex(),
        "fragment": told.tex(),
        "article": told.tex("article"),
        "slides": told.tex("slides"),
        "with macros": b.notes(model, 2, macros=True).tex("article"),
        "macros": str(b.notes(model, 2, macros=True).macros),
        "markdown": told.markdown(),
        "notebook": told.notebook(),
        "svg": figure.svg(),
        "tikz": figure.tikz(),
        "python": b.generate(model),
        "readable": b.generate(model, style="readable"),
    }


def cli_text(model: b.Model) -> str:
    from bptt_sym.api import model_text

    return model_text(model)


LATEX = ("latex", "fragment", "article", "slides", "with macros", "macros", "tikz")


@cache
def plain(folder: Path) -> dict[str, str]:
    return outputs(loaded(folder, "plain"))


def typeset(latex: str) -> list[str]:
    """The lines that are no comments, which may be wrapped."""
    return [line for line in latex.split("\n") if not line.startswith("%")]


def commands(latex: str) -> set[str]:
    """The control sequences of LaTeX, what stands in comments aside."""
    return set(re.findall(r"\\(?:[A-Za-z]+|.)", re.sub(r"(?<!\\)%.*", "", latex)))


ESCAPES = {
    r"\textbackslash",
    r"\textasciitilde",
    r"\textasciicircum",
    *map("\\{}".format, "{}$&#_%"),
}


def assert_latex_has_no_command_and_no_line_more(
    found: dict[str, str], expected: dict[str, str]
) -> None:
    for form in LATEX:
        assert commands(found[form]) <= commands(expected[form]) | ESCAPES, form
        assert len(typeset(found[form])) == len(typeset(expected[form])), form
        labels = re.findall(r"\\(?:label|ref|eqref)\{(.*?)\}", found[form])
        assert len(labels) == len(re.findall(r"\\(?:label|ref|eqref)\{", expected[form]))
        assert all(map(LABEL.fullmatch, labels)), labels
        commented = [line for line in found[form].splitlines() if line.startswith("%")]
        assert all(line.isascii() and line.isprintable() for line in commented)


class Markup(html.parser.HTMLParser):
    """The comments and the tags of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.comments: list[str] = []
        self.tags: list[str] = []
        self.feed(text)
        self.close()

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)


def assert_a_comment_of_markup_is_closed_once(
    found: dict[str, str], expected: dict[str, str]
) -> None:
    page, known = Markup(found["markdown"]), Markup(expected["markdown"])
    assert len(page.comments) == 1 and page.tags == known.tags
    assert found["markdown"].count("-->") == 1
    assert "--" not in page.comments[0]
    document = xml.dom.minidom.parseString(found["svg"])
    assert [node.nodeType for node in document.childNodes] == [
        xml.dom.Node.COMMENT_NODE,
        xml.dom.Node.ELEMENT_NODE,
    ]
    assert "--" not in document.childNodes[0].data
    names = [node.tagName for node in document.getElementsByTagName("*")]
    others = xml.dom.minidom.parseString(expected["svg"]).getElementsByTagName("*")
    assert names == [node.tagName for node in others]


def shape(source: str) -> list[str]:
    """The statements of a module with what they define, its docstring aside."""
    tree = ast.parse(source)
    assert ast.get_docstring(tree)
    return [ast.dump(statement) for statement in tree.body[1:]]


def assert_a_module_has_no_statement_more(found: dict[str, str], expected: dict[str, str]) -> None:
    for form in ("python", "readable"):
        assert shape(found[form]) == shape(expected[form])
        assert found[form].isprintable() or all(map(str.isprintable, found[form].split("\n")))
    cells = json.loads(found["notebook"])["cells"]
    known = json.loads(expected["notebook"])["cells"]
    assert [(c["cell_type"], c["id"]) for c in cells] == [(c["cell_type"], c["id"]) for c in known]
    code, other = (
        [shape("".join(c["source"])) for c in found_cells if c["id"] == "module-code"]
        for found_cells in (cells, known)
    )
    assert code == other


def assert_every_text_is_utf_8_that_a_terminal_shows(
    found: dict[str, str], expected: dict[str, str]
) -> None:
    assert found.keys() == expected.keys()
    for form, text in found.items():
        text.encode("utf-8")
        assert all(line.isprintable() for line in text.split("\n")), form
    json.loads(found["json"])


@hostile
def test_the_name_of_a_model_file_is_no_more_than_a_name(folder: Path, stem: str) -> None:
    found, expected = outputs(loaded(folder, stem)), plain(folder)
    assert_latex_has_no_command_and_no_line_more(found, expected)
    assert_a_comment_of_markup_is_closed_once(found, expected)
    assert_a_module_has_no_statement_more(found, expected)
    assert_every_text_is_utf_8_that_a_terminal_shows(found, expected)


@hostile
def test_links_lead_to_the_figures_beside_the_page(folder: Path, stem: str) -> None:
    told = b.notes(loaded(folder, "plain"), 2)
    target = folder / f"{stem}.md"
    files = files_of(told, target, "md", "fragment")
    page = files[target]
    drawn = {os.fsencode(path.name) for path in files if path.suffix == ".svg"}
    links = re.findall(r"!\[.*?\]\((.*?)\)$", str(page), re.MULTILINE)
    assert {urllib.parse.unquote_to_bytes(link) for link in links} == drawn
    assert all(re.fullmatch(r"[A-Za-z0-9%_.~-]+", link) for link in links)


@hostile
def test_latex_inputs_a_plain_name_or_none(folder: Path, stem: str) -> None:
    told = b.notes(loaded(folder, "plain"), 2, macros=True)
    target = folder / f"{stem}.tex"
    if re.fullmatch(r"[A-Za-z0-9_.-]+", stem):
        files = files_of(told, target, "tex", "article")
        assert rf"\input{{{stem}-macros}}" in str(files[target])
        return
    attempts = [
        lambda: files_of(told, target, "tex", "article"),
        lambda: told.tex("article", stem),
    ]
    for write in attempts:
        with pytest.raises(b.InputError, match=r"LaTeX cannot \\input ") as refusal:
            write()
        assert one_line(str(refusal.value))


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
@given(words=st.lists(stems, min_size=1, max_size=4))
@few
def test_a_shell_reads_a_shown_command_as_its_words(words: list[str]) -> None:
    shown = command_line(words)
    assert shown.isascii() and shown.isprintable()
    script = shown.replace("bptt-sym", r"printf '%s\0'", 1)
    read = subprocess.run(["bash", "-c", script], capture_output=True, check=True, timeout=60)
    assert read.stdout == b"".join(os.fsencode(word) + b"\0" for word in words)


# Messages.


def one_line(text: str) -> bool:
    return text.isprintable() and len(text) <= LONGEST_MESSAGE


def refused(capsys: Any, *arguments: str) -> str:
    with pytest.raises(SystemExit) as end:
        cli.main(list(arguments))
    assert end.value.code == 2
    output = capsys.readouterr()
    assert output.out == ""
    return output.err


@hostile
def test_messages_name_a_file_in_one_printable_line(folder: Path, capsys: Any, stem: str) -> None:
    absent, broken = folder / f"absent{stem}.toml", folder / f"broken{stem}.toml"
    foreign = folder / f"foreign{stem}"
    broken.write_text("= 1\n")
    foreign.write_text("mine")
    try:
        for arguments in (
            ["derive", str(absent)],
            ["derive", str(broken)],
            ["derive", "elman", "-o", str(foreign)],
            ["derive", "elman", "-o", str(folder / f"no{stem}" / "out")],
            ["derive", "elman", "--notation", str(absent)],
            ["derive", "elman", "--notation", str(broken)],
            ["figure", "elman", "-o", str(foreign)],
            ["notes", "elman", "-o", str(foreign)],
            ["verify", f"{absent}.py"],
        ):
            message_of(refused(capsys, *arguments))
        message_of(refused(capsys, f"q{stem}"))
    finally:
        broken.unlink()
        foreign.unlink()


def test_what_a_module_says_when_it_fails_is_printable(capsys, tmp_path):
    path = tmp_path / "m.py"
    path.write_text("raise ValueError('\\x1b[31m\\u202e' + chr(0xdcff))")
    said = refused(capsys, "verify", "--run", str(path)).splitlines()
    assert len(said) == 2 and all(line.isprintable() for line in said)


# Texts within a model file.


@pytest.mark.parametrize("key", ["title", "description", "source"])
@pytest.mark.parametrize(
    "text", ["a\nb", "\x1b[31m", "\u202ea", "\u2066", "\u200b", "\x85", "\ud800"]
)
def test_a_text_of_a_model_is_one_printable_line(key: str, text: str) -> None:
    from bptt_sym.model.read import parse_model

    escaped = "".join(f"\\u{ord(c):04x}" for c in text)
    for made in (f'{key} = "{escaped}"\n{MODEL}', MODEL.replace('"units"', f'"{escaped}"')):
        with pytest.raises(b.InputError) as refusal:
            parse_model(made)
        assert one_line(str(refusal.value))


@few
@given(
    stem=st.lists(st.sampled_from([h for h in HOSTILE if h.isprintable()]), min_size=1).map("".join)
)
@example(stem='"""\\')
@example(stem=HOSTILE[0])
def test_the_texts_of_a_model_are_no_more_than_words(folder: Path, stem: str) -> None:
    """Title, description, source and the meanings of names."""
    text = json.dumps(stem, ensure_ascii=False)

    def model(words: str) -> b.Model:
        head = "".join(f"{key} = {words}\n" for key in ("title", "description", "source"))
        named = MODEL.replace('"units"', words).replace(
            'W = ["n", "n"]', f'W = {{shape = ["n", "n"], meaning = {words}}}'
        )
        return loaded(folder, "plain", head + named)

    found, expected = outputs(model(text)), outputs(model('"plain"'))
    for form in LATEX:
        assert commands(found[form]) <= commands(expected[form]) | ESCAPES, form
    assert Markup(found["markdown"]).tags == Markup(expected["markdown"]).tags
    assert len(Markup(found["markdown"]).comments) == 1
    xml.dom.minidom.parseString(found["svg"])
    for form in ("python", "readable"):
        assert shape(found[form]) == shape(expected[form])
    json.loads(found["json"])
