"""The weights of torch.nn.RNN, LSTM and GRU as the parameters of an emitted module.

PyTorch stacks the matrices of all gates and multiplies from the left; the cells of PyTorch's form
that ship with this package have one matrix for each gate and multiply rows from the right. This
module does not import torch.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import ModuleType
from typing import Any

from bptt_sym.errors import InputError, listed

GATES: dict[int, tuple[str, ...]] = {1: ("",), 3: ("r", "z", "n"), 4: ("i", "f", "g", "o")}
"""The gates in the order in which torch.nn.RNN, GRU and LSTM stack them, by their number."""


def from_torch_state_dict(
    module: ModuleType, state_dict: Mapping[str, Any], layer: int = 0, **others: Any
) -> Any:
    """The ``Parameters`` of an emitted module from the weights of a layer of PyTorch.

    ``state_dict`` is that of a torch.nn.RNN, LSTM or GRU: weight_ih_l0 of shape (gates n, m),
    weight_hh_l0 of shape (gates n, n), bias_ih_l0 and bias_hh_l0 of shape (gates n,). The module is
    that of a model whose parameters are named as in the models rnn, lstm and gru: W_i and W_h
    (m x n and n x n), b_i and b_h, each followed by the letter of the gate. ``others`` are the
    parameters that are not the layer's, by name. Raises InputError where names or shapes do not
    fit. Source: PyTorch documentation, torch.nn.RNN, LSTM and GRU.
    """
    found = layer_parameters(module.Parameters._fields, state_dict, layer)
    for name in others:
        if name not in module.Parameters._fields:
            raise InputError(
                f"the module has no parameter {name!a}; it has {listed(module.Parameters._fields)}"
            )
    found |= {name: _array(value) for name, value in others.items()}
    missing = [name for name in module.Parameters._fields if name not in found]
    if missing:
        raise InputError(f"give {listed(missing)} too: no layer of PyTorch has them")
    try:
        module.check_shapes(**found)
    except ValueError as error:
        raise InputError(f"the weights do not fit the module: {error}") from None
    return module.Parameters(**{name: found[name] for name in module.Parameters._fields})


def layer_parameters(
    names: Collection[str], state_dict: Mapping[str, Any], layer: int = 0, prefix: str = ""
) -> dict[str, Any]:
    """The parameters of a layer of PyTorch, each by its own name among the ``names`` of all.

    ``prefix`` is what the keys of the state dict begin with. Raises InputError as
    ``from_torch_state_dict`` does.
    """
    import numpy as np

    found: dict[str, Any] = {}
    for torch_name, ours in (
        ("weight_ih", "W_i"),
        ("weight_hh", "W_h"),
        ("bias_ih", "b_i"),
        ("bias_hh", "b_h"),
    ):
        key = f"{prefix}{torch_name}_l{layer}"
        if key not in state_dict:
            raise InputError(f"the state dict has no {key}; it has {listed(state_dict)}")
        stacked = _array(state_dict[key])
        gates = _gates(names, ours)
        if not stacked.ndim:
            raise InputError(f"{key} is no array")
        if stacked.shape[0] % len(gates):
            raise InputError(
                f"{key} has {stacked.shape[0]} rows, which {len(gates)} gates cannot share"
            )
        for gate, part in zip(gates, np.split(stacked, len(gates)), strict=True):
            found[ours + gate] = part.T.copy()
    return found


def _gates(names: Collection[str], prefix: str) -> tuple[str, ...]:
    for gates in GATES.values():
        if all(f"{prefix}{gate}" in names for gate in gates):
            return gates
    raise InputError(
        f"this is none of PyTorch's form: the parameters are "
        f"{listed(names)}, not {prefix}, or {prefix} with the gates' letters"
    )


def _array(tensor: Any) -> Any:
    import numpy as np

    return np.asarray(tensor.detach().cpu() if hasattr(tensor, "detach") else tensor)
