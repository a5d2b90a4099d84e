"""Workspaces, and what is computed of all time steps at once in one."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bptt_sym.targets.numpy.runtime.shapes import checked

if TYPE_CHECKING:
    from bptt_sym.targets.numpy.runtime.given import (
        DEPTHS,
        Array,
        Dimensions,
        Parameters,
        Result,
        State,
        Workspace,
        histories_of,
        run,
        unpadded,
    )

# From here on as it stands in an emitted module.


class Sized:
    """What a workspace has beside its arrays; pickled, it is made anew with the same sizes."""

    def __init__(self, T: int, B: int, dimensions: Dimensions, dtype: npt.DTypeLike) -> None:
        self.sizes: dict[str, int] = {"T": T, "B": B, **dimensions._asdict()}
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self.lock = Lock()
        self.parts: dict[tuple[int, int], Workspace] = {}

    def __enter__(self) -> None:
        if not self.lock.acquire(blocking=False):
            raise RuntimeError("another call is at work in the workspace")

    def __exit__(self, *error: object) -> None:
        self.lock.release()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.sizes["T"], self.sizes["B"], self.dimensions, self.dtype)

    @property
    def dimensions(self) -> Dimensions:
        """The sizes of the model."""
        fields: tuple[str, ...] = Dimensions._fields
        return Dimensions._make([self.sizes[name] for name in fields])


def workspace_of(sizes: Mapping[str, int], dtype: npt.DTypeLike, **others: int) -> Workspace:
    """Return a new workspace; ``others`` are sizes in the place of those."""
    sizes = {**sizes, **others}
    fields: tuple[str, ...] = Dimensions._fields
    dimensions = Dimensions._make([sizes.get(name, 0) for name in fields])
    return Workspace(sizes["T"], sizes["B"], dimensions, dtype)


def check_workspace(workspace: object, sizes: Mapping[str, int], dtype: np.dtype[Any]) -> None:
    """Raise TypeError or ValueError for what is no workspace of these sizes and this type."""
    if not isinstance(workspace, Workspace):
        raise TypeError(f"workspace must be a Workspace, not {workspace!r}")
    other_sizes = any(workspace.sizes[name] != size for name, size in sizes.items())
    if other_sizes or workspace.dtype != dtype:
        raise ValueError(
            f"the workspace is for {workspace.sizes} and {workspace.dtype}, "
            f"the arrays are for {dict(sizes)} and {dtype}"
        )


def computed(
    params: Parameters | Mapping[str, npt.ArrayLike],
    arguments: Mapping[str, npt.ArrayLike],
    until: str,
) -> Any:
    """Return what the forward pass returns, or the loss."""
    params, arrays, sizes, dtype = checked(params, arguments)
    work = workspace_of(sizes, dtype)
    return run(params, work, unpadded(arrays, work), until=until)


def gradients_of(
    params: Parameters | Mapping[str, npt.ArrayLike],
    arguments: Mapping[str, npt.ArrayLike],
    workspace: Workspace | None,
    *,
    inputs: bool,
    start: State | None = None,
) -> Result:
    """Return the loss and the gradients of all time steps."""
    until = "inputs" if inputs else "gradients"
    params, arrays, sizes, dtype = checked(params, arguments)
    if workspace is None:
        work = workspace_of(sizes, dtype)
        return at_once(params, unpadded(arrays, work), work, start, until)
    check_workspace(workspace, sizes, dtype)
    with workspace:
        return at_once(params, unpadded(arrays, workspace), workspace, start, until)


def at_once(
    params: Parameters,
    arguments: dict[str, Array],
    work: Workspace,
    start: State | None,
    until: str,
) -> Result:
    """Return the loss and the gradients of all time steps, computed in a workspace."""
    result: Result = run(params, work, arguments, start=start, until=until)[0]
    return result


def state_at(work: Workspace, step: int) -> State:
    """Return the State after a number of time steps of what was computed last."""
    histories: tuple[Array, ...] = histories_of(work)
    return State._make(
        [
            np.array(history[step : step + depth] if depth > 1 else history[step])
            for history, depth in zip(histories, DEPTHS, strict=True)
        ]
    )
