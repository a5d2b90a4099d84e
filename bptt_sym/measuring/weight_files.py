"""Weights from a mapping or a file, those of a layer of PyTorch among them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bptt_sym.errors import InputError, Place, listed
from bptt_sym.limits import MEASURED_BYTES
from bptt_sym.measuring.array_files import arrays_from
from bptt_sym.model.model import Model
from bptt_sym.pytorch import layer_parameters
from bptt_sym.quoting import shown_path

_OF_TORCH = (".pt", ".pth")
_FIRST = "weight_ih_l0"
"""What a state dict calls the weights that the first layer multiplies its input by."""


def weights_from(source: Mapping[str, Any] | str | Path | None, model: Model) -> dict[str, Any]:
    """The arrays of a mapping or of a file, by the names of parameters.

    A file is .npz, or .pt with the state dict of a torch.nn.Module, of which tensors alone are
    read. What such a dict holds of its one recurrent layer has the names of the models rnn, lstm
    and gru; of the rest those entries are taken that are called as parameters are. Raises
    InputError for what is no such file, for several layers, and where names do not fit.
    """
    if isinstance(source, str | Path) and Path(source).suffix in _OF_TORCH:
        arrays = _state_dict(Path(source))
    else:
        arrays = arrays_from(source)
    prefixes = [key.removesuffix(_FIRST) for key in arrays if key.endswith(_FIRST)]
    if not prefixes:
        return arrays
    if len(prefixes) > 1 or any(key.endswith("_l1") for key in arrays):
        raise InputError(
            "the weights are of several recurrent layers of PyTorch; give those of one: "
            + listed(key for key in arrays if "weight_ih" in key)
        )
    own = {name: arrays[name] for name in model.parameters if name in arrays}
    return own | layer_parameters(model.parameters, arrays, prefix=prefixes[0])


def _state_dict(path: Path) -> dict[str, Any]:
    place = Place(shown_path(path))
    try:
        import torch
    except ImportError:
        raise InputError(
            "a .pt file needs PyTorch: pip install 'bptt-sym[torch]'; or give an .npz", place
        ) from None
    try:
        MEASURED_BYTES.check(path.stat().st_size, place)
        # Tensors alone: a pickle could run anything.
        found = torch.load(path, map_location="cpu", weights_only=True)
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", place) from None
    except Exception:
        raise InputError("this is no .pt file of tensors alone", place) from None
    if not isinstance(found, Mapping) or not all(hasattr(a, "numpy") for a in found.values()):
        raise InputError("this is no state dict: it holds more than tensors by their names", place)
    return {str(name): tensor.detach().cpu().numpy() for name, tensor in found.items()}
