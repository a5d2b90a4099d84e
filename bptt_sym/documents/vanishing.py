"""How derivatives over many time steps behave."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_sym.derivation.derivation import DerivedEquation
from bptt_sym.documents.document import Block, Paragraph
from bptt_sym.documents.facts import step_product
from bptt_sym.documents.telling import Telling
from bptt_sym.render.latex import label
from bptt_sym.render.show import typesetter


def vanishing(telling: Telling) -> Iterator[Block]:
    """How the product of the derivatives from step to step behaves, where there is one."""
    chain, matrices = telling.chain, telling.matrices
    found = step_product(chain, matrices)
    if found is None:
        return
    say = telling.sentences("vanishing")
    factors = (e for e in matrices.equations if e.left == found.factor)
    known = next((label(matrices, e) for e in factors if e.number is not None), "")
    product, first, distance = map(telling.math, (found.product, found.first, found.distance))
    said = say.step_product(product, first, known, found.has_blocks)
    yield Paragraph(said, telling.glossary.signs([typesetter(chain)(found.product)]))
    written = DerivedEquation(("step",), found.factor, found.matrix)
    yield from telling.equations(matrices, [written])
    if found.is_identity:
        yield Paragraph(say.unchanged(distance))
    else:
        yield Paragraph(say.vanishing(distance, found.has_identity_block))
