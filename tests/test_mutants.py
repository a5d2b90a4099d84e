"""Verification finds every fault of a table, and docs/mutants.md is that table."""

from __future__ import annotations

from pathlib import Path

import pytest
from mutants import MUTANTS, Mutant, evidence_on, report_on
from mutants.page import rows_of
from support.draws import EXHAUSTIVE

from bptt_sym.api import verify
from bptt_sym.targets.load import module_from_source
from bptt_sym.verification.report import COMPLEX, DIFFERENCES, TANGENT
from bptt_sym.verification.verify import judge

PAGE = Path(__file__).parent.parent / "docs" / "mutants.md"


PLANTED = [
    pytest.param(mutant, id=f"{mutant.module}: {mutant.name}", marks=EXHAUSTIVE if k % 3 else ())
    for k, mutant in enumerate(MUTANTS)
]


@pytest.mark.one_in(2)
@pytest.mark.parametrize("mutant", PLANTED)
def test_a_planted_fault_fails(mutant: Mutant) -> None:
    report = report_on(mutant)
    assert not report.holds
    # Exactly these: what the fault leaves right must not be accused.
    assert set(report.failing) == set(mutant.fails.split())


@pytest.mark.one_in(2)
@pytest.mark.parametrize("mutant", MUTANTS[::20], ids=lambda mutant: mutant.name)
def test_verification_finds_the_same_without_the_evidence_of_others(mutant: Mutant) -> None:
    assert verify(module_from_source(mutant.planted(), "planted")) == report_on(mutant)


@pytest.mark.parametrize("name", sorted({mutant.module for mutant in MUTANTS}))
def test_without_a_fault_the_module_holds(name: str) -> None:
    mutant = next(mutant for mutant in MUTANTS if mutant.module == name)
    evidence = evidence_on(mutant.model, mutant.loss, mutant.masked, mutant.style)
    assert judge(module_from_source(mutant.source, name), evidence).holds


def test_the_table_plants_no_fault_twice() -> None:
    assert len({mutant.planted() for mutant in MUTANTS}) == len(MUTANTS) > 100
    assert len({(mutant.module, mutant.name) for mutant in MUTANTS}) == len(MUTANTS)


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
