"""docs/safety.md is made of the tables that the tests read."""

from __future__ import annotations

from pathlib import Path

from hostile.faults import CASES
from hostile.page import page
from hostile.table import KINDS, OBEYED

PAGE = Path(__file__).parents[2] / "docs" / "safety.md"


def test_the_page_is_that_of_the_tables() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_tables_hold_as_many_as_were_asked_for() -> None:
    assert sum(map(len, (*KINDS.values(), *OBEYED.values()))) >= 150
    assert len(CASES) >= 60
    whats = [(kind, case.what) for kind, cases in (KINDS | OBEYED).items() for case in cases]
    assert len(whats) == len(set(whats))
