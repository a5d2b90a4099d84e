"""What derivations call so themselves gives way to the names of a model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from bptt_sym.algebra.names import split_name
from bptt_sym.model.alike import alike
from bptt_sym.model.model import Model
from bptt_sym.model.plain_names import plain_name

RUNNING = {
    "i": ("i", "tau", "l", "k", "p", "q"),
    "j": ("j", "k", "l", "q", "r"),
    "N": ("N", "T", "L", "K", "M"),
}
"""What the time step of a contribution, the running index of a product and the last time step may
be called."""


def giving_way(model: Model) -> Model:
    """The model with indices, and a sign of adjoints, that none of its names reads like.

    A running index is the first of its letters that is no name, without its index, of the model;
    where a name reads as the letter of the adjoint, adjoints are written as derivatives.
    """
    letters = set(_letters(model))
    notation = model.notation
    if "delta" in letters:
        adjoint, gradient = (
            "fraction" if sign == "delta" else sign
            for sign in (notation.adjoint, notation.gradient)
        )
        model = replace(model, notation=replace(notation, adjoint=adjoint, gradient=gradient))
    if letters.isdisjoint(map(notation.index, RUNNING)) and not alike(model):
        return model
    fixed = {notation.index("t")}
    choices = (
        [notation.indices[index]]
        if index in notation.indices
        else [letter for letter in RUNNING[index] if letter not in letters | fixed]
        for index in RUNNING
    )
    for chosen in product(*choices):
        indices = {**notation.indices, **dict(zip(RUNNING, chosen, strict=True))}
        given = replace(model, notation=replace(model.notation, indices=indices))
        if len(set(chosen)) == len(chosen) and not alike(given):
            return given
    return model


def _letters(model: Model) -> Iterator[str]:
    """What names are written with, without their indices."""
    notation = model.notation
    names = (
        *(entry.name for entry in model.dimensions),
        *(entry.name for entry in model.declarations),
        *(entry.name for entry in model.definitions),
        *model.functions,
    )
    for name in names:
        own = notation.name(name)
        word = plain_name(notation.latex[name]) or "" if name in notation.latex else own
        yield split_name(word)[0]
