"""LaTeX of names that is no more than another name.

So it reads in a terminal, too, and a vector has its bar.
"""

from __future__ import annotations

import re
from dataclasses import replace

from bptt_sym.algebra.names import GREEK
from bptt_sym.model.alike import alike
from bptt_sym.model.model import Model

_GREEK = "|".join(GREEK)
_LETTER = rf"[A-Za-z]|\\(?:{_GREEK})(?![A-Za-z])|\\mathrm\{{[A-Za-z0-9]{{2,}}\}}"
_INDEX = rf"[0-9]+|{_LETTER}"
_NAME = re.compile(
    rf"({_LETTER}) ?(?:_ ?(?:([0-9]|{_LETTER})|\{{ ?((?:{_INDEX})(?: ?, ?(?:{_INDEX}))*) ?\}}))?"
)


def plain_name(latex: str) -> str | None:
    r"""The name that is typeset as a LaTeX text: lambda for \lambda, z_i for z_i; None if none is.

    >>> [plain_name(text) for text in (r"\lambda", "W_{s,2}", r"\tilde{h}", "W_{hi}")]
    ['lambda', 'W_s,2', None, None]
    """
    found = _NAME.fullmatch(latex.strip())
    if not found:
        return None
    base, one, several = found.groups()
    index = (one or several or "").replace(" ", "")
    return "_".join(re.sub(r"\\mathrm\{(\w+)\}|\\", r"\1", part) for part in (base, index) if part)


def with_plain_names(model: Model) -> Model:
    """The model with such LaTeX as other names, but for what then would print alike.

    A name that is its own LaTeX keeps it: so it has no bar.
    """
    latex = model.notation.latex
    words = {
        name: word
        for name, text in latex.items()
        if (word := plain_name(text)) is not None and word != name
    }
    others = {name: text for name, text in latex.items() if name not in words}
    names = {**model.notation.names, **words}
    given = replace(model, notation=replace(model.notation, names=names, latex=others))
    return model if alike(given) and not alike(model) else given
