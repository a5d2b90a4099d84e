"""How keys are written: h, dh, dW, dh0 and, for what is handed back, dh_back."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping

from bptt_sym.graph.graph import Key

SEED: Key = ("seed",)
"""No definition, but written as one: dE, the adjoint of the loss of a time step."""


def key_names(
    given: Mapping[str, int], parameters: Iterable[str], values: Mapping[str, int]
) -> dict[Key, str]:
    """The names of all keys that there can be; mappings tell how many steps back each is read.

    The names of the model are as they are, others have an underscore at the end where one is taken.
    """
    parameters = list(parameters)
    names: dict[Key, str] = {("given", name): name for name in given}
    names |= {("value", name): name for name in values}
    taken = {*names.values(), *parameters}
    for key, name in _derived(given, parameters, values):
        names[key] = free_name(name, taken)
        taken.add(names[key])
    return names


def free_name(name: str, taken: Container[str]) -> str:
    """The name, with underscores at its end until it is none of those that are taken."""
    return free_name(f"{name}_", taken) if name in taken else name


def _derived(
    given: Mapping[str, int], parameters: Iterable[str], values: Mapping[str, int]
) -> Iterator[tuple[Key, str]]:
    yield ("loss",), "E"
    yield SEED, "dE"
    for name in parameters:
        yield ("gradient", name), f"d{name}"
    for name, depth in values.items():
        yield ("adjoint", name), f"d{name}"
        yield ("initial", name), f"d{name}0"
        yield from _carries(name, depth)
    for name, depth in given.items():
        yield ("input", name), f"d{name}"
        yield ("input", name, "initial"), f"d{name}0"
        yield from _carries(name, depth)


def _carries(name: str, depth: int) -> Iterator[tuple[Key, str]]:
    for lag in range(1, depth + 1):
        yield ("carry", name, str(lag)), f"d{name}_back{lag if lag > 1 else ''}"
