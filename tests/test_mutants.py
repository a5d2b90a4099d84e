"""Verification finds every fault of a table, and docs/mutants.md is that table."""

from __future__ import annotations

from pathlib import Path

import pytest
from mutants import MUTANTS, Mutant, generated, report_on, rows_of

from bptt_sym.api import verify
from bptt_sym.emit.load import module_from_source
from bptt_sym.verification.verify import COMPLEX, DIFFERENCES, TANGENT

PAGE = Path(__file__).parent.parent / "docs" / "mutants.md"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.model}: {mutant.name}")
def test_a_planted_fault_fails(mutant: Mutant) -> None:
    report = report_on(mutant)
    assert not report.holds
    # Exactly these: what the fault leaves right must not be accused.
    assert set(report.failing) == set(mutant.fails.split())


def test_without_a_fault_all_of_the_modules_hold() -> None:
    for model, loss in {(mutant.model, mutant.loss) for mutant in MUTANTS}:
        assert verify(module_from_source(generated(model, loss), model)).holds


def test_the_table_plants_no_fault_twice() -> None:
    assert len({mutant.planted() for mutant in MUTANTS}) == len(MUTANTS) >= 40
    assert len({(mutant.model, mutant.name) for mutant in MUTANTS}) == len(MUTANTS)


def test_each_method_finds_a_dropped_term() -> None:
    found = {(check.name, check.method) for check in report_on(MUTANTS[0]).failures}
    blocks = MUTANTS[0].fails.split()
    assert found == {(name, method) for name in blocks for method in (COMPLEX, DIFFERENCES)} | {
        ("all", TANGENT)
    }


def test_the_page_is_the_table() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    cells = [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines]
    kept = [row[:-1] for row in cells if row[0].isdigit()]
    # The figures may differ in their last digits from one machine to another.
    assert kept == [row[:-1] for row in rows_of(MUTANTS)], "python tools/renew.py writes it anew"
