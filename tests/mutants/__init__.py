"""Named faults of backpropagation through time, each planted in a generated module.

``verify`` finds every one of them: tests/test_mutants.py says so, and tools/renew.py writes what it
found to docs/mutants.md. A fault is a change of the text of a generated module, told by the
statement that it is in; one that changes nothing, for the text is no longer as it was, fails.
"""

from __future__ import annotations

from mutants.elman import ELMAN
from mutants.functions import FUNCTIONS
from mutants.gated import GATED
from mutants.mutant import Mutant, evidence_on, generated, report_on
from mutants.others import OTHERS

MUTANTS: tuple[Mutant, ...] = (*ELMAN, *GATED, *OTHERS, *FUNCTIONS)

__all__ = ["MUTANTS", "Mutant", "evidence_on", "generated", "report_on"]
