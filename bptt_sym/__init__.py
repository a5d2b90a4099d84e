"""Derivation and code generation for backpropagation through time.

>>> import bptt_sym as b
>>> model = b.load_model("elman")
>>> derivation = b.derive(model, wrt="W_s", steps=3)
>>> figure = b.figure(model, steps=3)
>>> module = b.compile(model)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bptt_sym.errors import InputError
from bptt_sym.version import __version__

if TYPE_CHECKING:
    from bptt_sym.api import (
        Derivation,
        Figure,
        Model,
        cell,
        compile,  # noqa: A004
        derive,
        figure,
        generate,
        load_model,
        measure,
        model_names,
        verify,
    )
    from bptt_sym.documents.notes import notes

__all__ = [
    "Derivation",
    "Figure",
    "InputError",
    "Model",
    "__version__",
    "cell",
    "compile",
    "derive",
    "figure",
    "generate",
    "load_model",
    "measure",
    "model_names",
    "notes",
    "verify",
]


def __getattr__(name: str) -> Any:
    # SymPy takes a third of a second to import, so it waits for the first use; notes take more.
    if name == "notes":
        from bptt_sym.documents.notes import notes

        return notes
    if name in __all__:
        from bptt_sym import api

        return getattr(api, name)
    raise AttributeError(f"module 'bptt_sym' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
