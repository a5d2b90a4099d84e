"""What the factors of the chains are: derivatives as matrices."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from bptt_sym.algebra.expressions import Expr
from bptt_sym.derivation.derivation import Derivation
from bptt_sym.documents.document import Block, Paragraph
from bptt_sym.documents.telling import Telling


def as_matrices(
    telling: Telling, chain: Derivation, matrices: Derivation, known: Collection[Expr | None] = ()
) -> Iterator[Block]:
    """What the derivatives are, except for those ``known``."""
    say = telling.sentences("factors")
    sentences = [
        (chain, "definitions", say.meanings),
        (matrices, "factors", say.matrices),
        (matrices, "definitions", say.blocks),
    ]
    for derivation, topic, said in sentences:
        for part in derivation.sections:
            equations = [e for e in part.equations if e.left not in known]
            if part.topic == topic and equations:
                yield Paragraph(said())
                yield from telling.equations(derivation, equations)
