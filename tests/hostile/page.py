"""What is promised of hostile inputs and how it is tested, as a page of the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from bptt_sym.commands import budget
from bptt_sym.errors import LONGEST_MESSAGE
from bptt_sym.limits import LIMITS
from hostile.faults import CASES, COMMANDS, FAULTS, PRINTING
from hostile.special import SPECIAL
from hostile.table import KINDS, OBEYED, Case
from hostile.test_fuzz import DEFAULT
from hostile.watched import MEMORY, SECONDS


def page() -> str:
    """The page as Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    refused = sum(map(len, KINDS.values())) + len(SPECIAL)
    obeyed = sum(map(len, OBEYED.values()))
    yield f"""\
# Files from anyone

Model files come from students and from the web, and commands run in autograders and on servers.
`python tools/renew.py` writes this page from the tables by which the promises are tested.

## What is promised

- **A file is data.** The text of a model, a notation or a name never reaches `eval`, `exec` or
  SymPy's string parsing; an equation is parsed to a syntax tree, of which a closed list is taken.
- **A command ends.** With a model file of at most 4 kB it takes at most {SECONDS} s of processor time and
  {MEMORY // 10**9} GB of memory: the limits below are checked before the work.
- **A name is a name.** What a file and its entries are called goes through one gate for each format:
  no command of LaTeX, no markup, no statement of Python and no escape of a terminal gets out of it.
- **`verify FILE.py` reads first.** It runs a file only where its code has the digest in its head and
  is made of what `generate` writes and nothing else: no import, name or attribute by which a file, a
  process or an address could be reached. Even then it has {budget.FEWEST_SECONDS} s of processor time and one more for
  each {budget.BYTES_A_SECOND:,} bytes, and {budget.MEMORY // 10**6} MB of memory (on Unix). `--run` runs any file, and says so.
  The digest tells a change, not an author.
- **A message is one line** of at most {LONGEST_MESSAGE} printable characters, with the file, line and column;
  below it stand that line of the file, cut around the place and with escapes for what a terminal
  would obey, and a caret.
- **Nothing half-written stays.** A file is written beside its place and then renamed; several files are
  all written before the first is renamed. A fault or a signal leaves what was there, or what is
  new, and no temporary file. After `kill -9` the next run of the command writes all files anew,
  removes what was left over and says so. What bptt-sym did not make is not written over without
  `--force`.
- **The exit code is the truth**: 0 good, also where the reader of a pipe has seen enough; 1 a check
  failed; 2 bad input, a full or closed output, too little memory; 4 a fault of bptt-sym itself;
  130 and 143 after Ctrl-C and `kill`.

## How it is tested

With every change: {refused} hostile inputs that are refused and {obeyed} that are read as the data that they are,
each in a process of its own with these limits, watched for every file it writes and every process,
address and code it reaches for; {len(CASES)} faults while files are written ({len(FAULTS)} kinds, {len(COMMANDS)} commands) and
{len(PRINTING)} commands with a full output; every limit at its last good number and one above; and {DEFAULT:,} random
texts of models, equations, notations and modules (`BPTT_SYM_FUZZ=1000000` for a million; the run
prints how many).

## The limits

| limit | rule |
|---|---|"""
    for name, limit in LIMITS.items():
        yield f"| {name} | {_cell(str(limit).partition(';')[0])} |"
    yield "\n## What is refused"
    yield from _tables(KINDS, "says")
    yield "\n### Files that are none\n\n| what | command | says |\n|---|---|---|"
    for special in SPECIAL:
        yield f"| {_cell(special.what)} | {_code(special.command)} | {_code(special.says)} |"
    yield "\n## What is read as data"
    yield from _tables(OBEYED, "writes")


def _tables(kinds: Mapping[str, Iterable[Case]], last: str) -> Iterator[str]:
    for kind, cases in kinds.items():
        yield f"\n### {kind.capitalize()}\n\n| what | command | {last} |\n|---|---|---|"
        for case in cases:
            yield f"| {_cell(case.what)} | {_code(_shown(case))} | {_code(case.says)} |"


def _shown(case: Case) -> str:
    words = [word if len(word) <= 40 else f"{word[:20]}..." for word in case.command.split(" ")]
    return " ".join(words).replace("F", ascii(case.name)[1:-1], 1)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _code(text: str) -> str:
    return f"<code>{_html(ascii(text)[1:-1])}</code>"


def _html(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"&#{ord(c)};" if c in "|*_`[]\\{}" else c for c in escaped)
