"""A layer's pass forward and back, in two calls and one workspace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from bptt_sym.targets.numpy.runtime.shapes import checked
from bptt_sym.targets.numpy.runtime.workspaces import check_workspace, workspace_of

if TYPE_CHECKING:
    from bptt_sym.targets.numpy.runtime.given import (
        Array,
        Forward,
        Gradients,
        Parameters,
        State,
        Workspace,
        both_ways,
        unpadded,
    )

# From here on as it stands in an emitted module.


class Pass:
    """A forward pass that waits in a workspace for error signals, to go on backward."""

    def __init__(self, params: Parameters, arguments: dict[str, Array], work: Workspace) -> None:
        self.params, self.arguments, self.work = params, arguments, work

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.params, self.arguments, self.work)

    def forward(self) -> Forward:
        """Compute it; a pass that waited in the workspace before is over."""
        self.waiting = both_ways(self.params, self.work, unpadded(self.arguments, self.work))
        self.work.last = self
        return Forward(*next(self.waiting))._replace(kept=self)

    def backward(self, arguments: dict[str, Array], until: str) -> Gradients:
        """Go back; what was computed upon since, or has gone back, is computed again before."""
        if self.work.last is not self:
            self.forward()
        self.work.last = None
        options = None, None, 1, until
        result, _ = self.waiting.send((unpadded(arguments, self.work), *options))
        return Gradients(result.gradients, result.initial, result.inputs)


def forward_pass(
    params: Parameters | Mapping[str, npt.ArrayLike],
    arguments: Mapping[str, npt.ArrayLike],
    workspace: Workspace | None,
) -> Forward:
    """Return what the forward pass computes."""
    params, arrays, sizes, dtype = checked(params, arguments)
    if workspace is None:
        return Pass(params, arrays, workspace_of(sizes, dtype)).forward()
    check_workspace(workspace, sizes, dtype)
    with workspace:
        return Pass(params, arrays, workspace).forward()


def given_to(values: Forward) -> dict[str, Array]:
    """Return the arguments of a forward pass."""
    if values.kept is None:
        raise ValueError("backward is for what forward returns, not for a single step")
    return values.kept.arguments


def backward_pass(
    params: Parameters | Mapping[str, npt.ArrayLike],
    values: Forward,
    arguments: Mapping[str, npt.ArrayLike],
    *,
    inputs: bool,
) -> Gradients:
    """Return the gradients of a forward pass, whose arguments and error signals are given."""
    params, arrays, sizes, dtype = checked(params, arguments)
    kept = values.kept
    if kept is None or dtype != kept.work.dtype:
        kept = Pass(params, arrays, workspace_of(sizes, dtype))
    with kept.work:
        return kept.backward(arrays, "inputs" if inputs else "gradients")


def run(
    params: Parameters,
    work: Workspace,
    arguments: Mapping[str, Array],
    *,
    start: State | None = None,
    final: State | None = None,
    weight: Array | None = None,
    closing: int = 1,
    until: str = "gradients",
) -> Any:
    """Compute as far as asked: the forward pass, the loss, the gradients, or those of inputs too.

    These come as a Result, and with them the gradient with respect to the State before.

    start: the State before the first step, where it is not that of the arguments
    final: the gradient with respect to the State behind the last step, from what comes after it
    weight: (T, 1, 1) or (1, 1, 1), what the loss of each step counts, where not 1
    closing: what the terms of the loss that are added once count
    """
    work.last = None
    forward = both_ways(params, work, arguments, start)
    values = next(forward)
    if until == "forward":
        return Forward(*values)
    return forward.send((arguments, final, weight, closing, until))
