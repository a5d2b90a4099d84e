"""What a user asks for gradients with respect to, by name."""

from __future__ import annotations

from collections.abc import Iterable

from bptt_sym.algebra.expressions import Parameter, Variable
from bptt_sym.errors import InputError, closest, listed
from bptt_sym.model.model import Model
from bptt_sym.quoting import shortened

_OTHERS = {
    "target": "a target",
    "state": "a state",
    "value": "computed by an equation",
    "loss": "a loss",
    "regularizer": "a loss",
}


def choose_parameters(model: Model, wrt: str | Iterable[str] | None) -> tuple[Parameter, ...]:
    """The parameters of these names, each once, all without names.

    What a sequence is given once is chosen like them. Raises InputError for another name.
    """
    if wrt is None:
        return tuple(model.parameters.values())
    inputs = {entry.name for entry in model.declared("input")}
    for name in _names(wrt):
        _check_numbers(model, name)
        if name in inputs:
            raise InputError(
                f"'{name}' is an input: derive --wrt {name} shows the gradient with respect to it; "
                f"{_parameters(model)}"
            )
        if name not in model.sources:
            raise _unknown(model, "parameter", name, model.sources, _parameters(model))
    return tuple(model.sources[name] for name in dict.fromkeys(_names(wrt)))


def choose_sources(
    model: Model, wrt: str | Iterable[str] | None
) -> tuple[Parameter | Variable, ...]:
    """The parameters and inputs of these names, each once, all parameters without names.

    Raises InputError for another name, and for an input that is no vector of numbers: labels and
    a mask.
    """
    if wrt is None:
        return choose_parameters(model, None)
    inputs = {entry.name: entry.symbol for entry in model.varied_inputs}
    known: dict[str, Parameter | Variable] = {**inputs, **model.sources}
    inputs_told = f", its inputs {listed(inputs)}" if inputs else ""
    for name in _names(wrt):
        _check_numbers(model, name)
        if name not in known:
            told = _parameters(model) + inputs_told
            raise _unknown(model, "parameter or input", name, known, told)
    return tuple(known[name] for name in dict.fromkeys(_names(wrt)))


def _names(wrt: str | Iterable[str]) -> list[str]:
    return [wrt] if isinstance(wrt, str) else list(wrt)


def _parameters(model: Model) -> str:
    return f"the parameters of '{model.name}' are {listed(model.parameters)}"


def _check_numbers(model: Model, name: str) -> None:
    """Raises InputError for an input that is no numbers, with respect to which there is none."""
    for entry in model.declared("input"):
        if entry.name == name and (entry.labels or entry.mask):
            what = "given by labels" if entry.labels else "a mask"
            raise InputError(
                f"the input '{name}' is {what}: there is no gradient with respect to it"
            )


def _unknown(model: Model, asked: str, name: str, known: Iterable[str], told: str) -> InputError:
    kinds = {entry.name: entry.kind for entry in model.declarations}
    kind = kinds.get(name)
    if kind == "constant":
        return InputError(
            f"the parameter '{name}' is frozen: no gradient is taken with respect to it; {told}"
        )
    if kind in _OTHERS:
        return InputError(f"'{name}' is {_OTHERS[kind]}, not a {asked}; {told}")
    return InputError(f"unknown {asked} '{shortened(name)}'{closest(name, known)}; {told}")
