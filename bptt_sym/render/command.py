"""The command that makes an output again, as it stands in the output's first lines."""

from __future__ import annotations

from collections.abc import Sequence

from bptt_sym.derivation.derivation import Derivation
from bptt_sym.derivation.derive import MOST_FACTORS
from bptt_sym.model.model import Model
from bptt_sym.quoting import command_line


def notation_words(model: Model) -> list[str]:
    """The option for the notation of a model, where it is not the usual one."""
    notation = model.notation
    return [] if notation.is_default else ["--notation", notation.reference]


def derive_command(
    derivation: Derivation, form: str, *, mark_immediate: bool, more: Sequence[str] = ()
) -> str:
    """The command that derives this again, in the format ``form``, with ``more`` words."""
    words = ["derive", derivation.model.reference, "--steps", str(derivation.steps)]
    if derivation.parameters != tuple(derivation.model.parameters.values()):
        for parameter in derivation.parameters:
            words += ["--wrt", parameter.name]
    words += ["--level", derivation.level, "--loss", derivation.loss, "--format", form]
    if derivation.model.masked:
        words.append("--masked")
    if derivation.paths:
        words.append("--paths")
    if derivation.number_from is not None:
        words += ["--number-from", str(derivation.number_from)]
    if derivation.most_factors != MOST_FACTORS:
        words += ["--most-factors", str(derivation.most_factors)]
    words += notation_words(derivation.model)
    if mark_immediate:
        words.append("--mark-immediate")
    return command_line([*words, *more])
