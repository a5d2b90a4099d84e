"""A model with a mask, as its loss asks for it."""

from __future__ import annotations

from bptt_sym.choices import LOSSES, Loss
from bptt_sym.derivation.derive import check_choice
from bptt_sym.derivation.reduction import reduction_of
from bptt_sym.model.mask import masked
from bptt_sym.model.model import Model


def masked_model(model: Model, loss: Loss) -> Model:
    """The model for sequences of different lengths, with a mask of 1 up to the end of each.

    Raises InputError for an unknown loss, and for a model that takes no mask.
    """
    check_choice("loss", loss, LOSSES)
    return masked(model, loss_of_every_step=not reduction_of(model, loss).at_last)
