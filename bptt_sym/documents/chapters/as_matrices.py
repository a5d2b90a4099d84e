"""What the factors of the chains are: derivatives as matrices."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from bptt_sym.algebra.expressions import Expr
from bptt_sym.derivation.derivation import Derivation, DerivedEquation
from bptt_sym.documents.document import Block, Paragraph
from bptt_sym.documents.telling import Telling


def as_matrices(
    telling: Telling, chain: Derivation, matrices: Derivation, known: Collection[Expr | None] = ()
) -> Iterator[Block]:
    """What the derivatives are, except for those ``known``.

    A definition is repeated only where its matrices say more than its derivatives.
    """
    say = telling.sentences("factors")
    told = {e.left: e.right for e in _of(chain, "definitions")}
    factors = [e for e in _of(matrices, "factors") if e.left not in known]
    blocks = [e for e in _of(matrices, "definitions") if e.left not in known]
    blocks = [e for e in blocks if told.get(e.left) != e.right]
    if factors:
        yield Paragraph(say.matrices())
        yield from telling.equations(matrices, factors, ".", numbered=False)
    if blocks:
        yield Paragraph(say.blocks())
        yield from telling.equations(matrices, blocks, ".", numbered=False)


def _of(derivation: Derivation, topic: str) -> list[DerivedEquation]:
    return [e for part in derivation.sections if part.topic == topic for e in part.equations]
