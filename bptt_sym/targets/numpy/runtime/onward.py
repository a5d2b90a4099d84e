"""What states that go onward make possible: truncated backpropagation and checkpoints in parts of a
sequence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bptt_sym.targets.numpy.runtime.shapes import checked, size_of
from bptt_sym.targets.numpy.runtime.workspaces import (
    at_once,
    check_workspace,
    gradients_of,
    state_at,
    workspace_of,
)

if TYPE_CHECKING:
    from bptt_sym.targets.numpy.runtime.given import (
        CLOSES,
        DEPTHS,
        INITIAL,
        SHAPES,
        STATES,
        Array,
        InitialState,
        Inputs,
        Parameters,
        Result,
        State,
        Workspace,
        ends_of,
        histories_of,
        run,
        share_of,
        unpadded,
    )

# From here on as it stands in an emitted module.


class Parts:
    """A sequence to be computed in parts, in workspaces that parts of one length share."""

    def __init__(
        self,
        params: Parameters | Mapping[str, npt.ArrayLike],
        arguments: Mapping[str, npt.ArrayLike],
        workspace: Workspace | None,
        inputs: bool,
    ) -> None:
        self.params, self.arguments, self.sizes, self.dtype = checked(params, arguments)
        names: tuple[str, ...] = Inputs._fields
        begun = [np.zeros_like(self.arguments[name]) for name in names] if inputs else []
        self.by_inputs = Inputs._make(begun) if inputs else None
        self.T = self.sizes["T"]
        self.ends = ends_of(self.arguments)
        if workspace is not None:
            check_workspace(workspace, self.sizes, self.dtype)
        self.workspace = workspace
        self.works = {} if workspace is None else workspace.parts

    def spans(self, count: object, name: str) -> list[tuple[int, int]]:
        """Return where the parts of so many time steps begin and end."""
        if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 1:
            raise ValueError(f"{name} must be a whole number from 1, not {count!r}")
        every = int(count)
        return [(begin, min(begin + every, self.T)) for begin in range(0, self.T, every)]

    def whole(self) -> Workspace:
        """Return the workspace for all time steps."""
        return self.workspace or workspace_of(self.sizes, self.dtype)

    def work(self, T: int, sequences: int = 1) -> Workspace:
        """Return the workspace for some time steps, and for so many times the sequences."""
        key = T, sequences * self.sizes["B"]
        if key not in self.works:
            self.works[key] = workspace_of(self.sizes, self.dtype, T=key[0], B=key[1])
        return self.works[key]

    @property
    def until(self) -> str:
        """Return how far parts are run."""
        return "gradients" if self.by_inputs is None else "inputs"

    def run(self, begin: int, end: int, **options: Any) -> Any:
        """Run the time steps from begin to end, there and back."""
        found = self.run_until(self.until, begin, end, **self.closing(end), **options)
        self.add_inputs(found[0], [begin])
        return found

    def run_until(self, until: str, begin: int, end: int, **options: Any) -> Any:
        """Run the time steps from begin to end as far as asked."""
        part = {
            name: array[begin:end] if SHAPES[name][:1] == ("T",) else array
            for name, array in self.arguments.items()
        }
        return run(self.params, self.work(end - begin), part, until=until, **options)

    def closing(self, end: int) -> dict[str, Any]:
        """Return what is added once counts in a part with this end, where anything is."""
        return {"closing": int(end == self.T)} if CLOSES else {}

    def ending(self, begin: int, end: int) -> Array | None:
        """Return 1 for sequences that end in a part before the last step, where any does."""
        if self.ends is None or end == self.T:
            return None
        found: Array = (begin < self.ends) & (self.ends <= end)
        return found.astype(self.dtype) if found.any() else None

    def owed(self, before: State) -> State:
        """Return what the losses of the last step owe to the states that sequences end with.

        These are as they were before the last step, of a sequence that has ended.
        """
        weight = self.weight(share_of(self.T - 1, self.T, self.T))
        options = {"start": before, "weight": weight, **self.closing(self.T)}
        found = self.run_until("gradients", self.T - 1, self.T, **options)[1]
        arrays: tuple[Array, ...] = before
        # An input of the step before is none of what a sequence ends with.
        pairs = zip(arrays, found, strict=True)
        return State._make([np.zeros_like(a) if b is None else b for a, b in pairs])

    def run_windows(self, starts: Array, window: int, **options: Any) -> Any:
        """Run several windows side by side, as sequences."""
        steps = starts + np.arange(window)[:, None]
        part = dict(self.arguments)
        for name, array in self.arguments.items():
            if SHAPES[name][:1] == ("T",):
                part[name] = array[steps].reshape(window, -1, *array.shape[2:])
            elif SHAPES[name][:1] == ("B",):
                part[name] = np.concatenate([array] * len(starts))
        closing = self.closing(int(starts[-1]) + window)
        work = self.work(window, len(starts))
        found = run(self.params, work, part, until=self.until, **closing, **options)
        self.add_inputs(found[0], starts.tolist())
        return found

    def add_inputs(self, found: Result, begins: list[int]) -> None:
        """Add the gradients with respect to inputs of parts side by side, by where they begin."""
        if self.by_inputs is None or found.inputs is None:
            return
        whole: dict[str, Array] = self.by_inputs._asdict()
        part: dict[str, Array] = found.inputs._asdict()
        for name, array in whole.items():
            if SHAPES[name][:1] == ("T",):
                rows = part[name].reshape(-1, len(begins), *array.shape[1:])
                for k, begin in enumerate(begins):
                    span = array[begin : begin + len(rows)]
                    np.add(span, rows[:, k], out=span)
            elif name not in INITIAL:
                np.add(array, part[name].reshape(-1, *array.shape).sum(axis=0), out=array)
            elif begins[0] == 0:
                np.add(array, part[name], out=array)

    def weight(self, share: float, T: int = 1) -> Array:
        """Return what the loss of each step counts."""
        return np.full((T, 1, 1), share, self.dtype)

    def no_gradients(self) -> tuple[Parameters, InitialState]:
        """Return gradients of nothing."""
        params: tuple[Array, ...] = self.params
        names: tuple[str, ...] = InitialState._fields
        return (
            Parameters._make([np.zeros_like(array) for array in params]),
            InitialState._make([np.zeros_like(self.arguments[name]) for name in names]),
        )


def added(total: tuple[Array, ...], gradients: tuple[Array, ...]) -> Parameters:
    """Return the sum of gradients."""
    return Parameters._make([a + b for a, b in zip(total, gradients, strict=True)])


def gradients_in_parts(
    params: Parameters | Mapping[str, npt.ArrayLike],
    arguments: Mapping[str, npt.ArrayLike],
    window: int | None,
    exact: bool,
    checkpoint: int | str | None,
    workspace: Workspace | None,
    start: State | None,
    inputs: bool = False,
) -> Result:
    """Return the loss and the gradients, truncated or by checkpoints where that is asked for."""
    if exact and window is None:
        raise ValueError("exact is for a window")
    if start is not None:
        check_state(start, checked(params, arguments)[2])
    if window is None and checkpoint is None:
        return gradients_of(params, arguments, workspace, inputs=inputs, start=start)
    if checkpoint is not None and (workspace is not None or window is not None):
        raise ValueError("checkpoint and window or workspace do not go together")
    parts = Parts(params, arguments, workspace, inputs)
    if checkpoint == "sqrt":
        checkpoint = math.isqrt(max(parts.T - 1, 0)) + 1
    spans = parts.spans(*((window, "window") if checkpoint is None else (checkpoint, "checkpoint")))
    with workspace or nullcontext():
        parts.arguments = unpadded(parts.arguments, workspace)
        if len(spans) < 2:
            return at_once(parts.params, parts.arguments, parts.whole(), start, parts.until)
        if checkpoint is not None:
            return checkpointed(parts, spans, start)
        if exact:
            return windowed(parts, spans[0][1], start)
        return chunked(parts, spans, start)


def chunked(parts: Parts, spans: list[tuple[int, int]], start: State | None) -> Result:
    """Truncated backpropagation in chunks through which the states go on."""
    total = 0
    by_params, by_states = parts.no_gradients()
    for begin, end in spans:
        share = share_of(begin, end, parts.T)
        ending, behind = parts.ending(begin, end), None
        if ending is not None:
            parts.run_until("forward", begin, end, start=start)
            before = state_at(parts.work(end - begin), end - begin)
            behind = side_by_side(parts.owed(before), [ending])
        if share or behind is not None:
            weight = parts.weight(share)
            found, _ = parts.run(begin, end, start=start, final=behind, weight=weight)
            total = total + found.value if share else total
            by_params = added(by_params, found.gradients)
            by_states = by_states if begin else found.initial
        else:
            parts.run_until("forward", begin, end, start=start)
        start = final = state_at(parts.work(end - begin), end - begin)
    return Result(total, by_params, by_states, final, parts.by_inputs)


def windowed(parts: Parts, window: int, start: State | None) -> Result:
    """Truncated backpropagation in which the loss of each step goes back as many steps."""
    whole = parts.whole()
    total = run(parts.params, whole, parts.arguments, start=start, until="loss")
    final = state_at(whole, parts.T)
    early = None if parts.ends is None else parts.ending(0, parts.T - 1)
    owed = None if early is None else parts.owed(state_at(whole, parts.T - 1))
    by_params, by_states = parts.no_gradients()
    # Nothing is dropped of the first losses; each other has its own window, as one sequence more.
    share, ending = share_of(0, window, parts.T), parts.ending(0, window)
    if share or ending is not None:
        behind = None if ending is None else side_by_side(owed, [ending])
        weight = parts.weight(share)
        found, _ = parts.run(0, window, start=start, final=behind, weight=weight)
        by_params, by_states = found.gradients, found.initial
    endings = {b: parts.ending(b + window - 1, b + window) for b in range(1, parts.T - window + 1)}
    if early is not None:
        # The last window takes back what it owes to sequences that have their own.
        endings[parts.T - window] = -early
    every = np.array(
        [b for b, e in endings.items() if share_of(b, b + window, parts.T) or e is not None]
    )
    most = max(1, parts.T // window)
    # What counts at the last step alone does in the last window, which then is by itself.
    alone = CLOSES or early is not None
    begins = [*range(0, len(every) - alone, most), *([len(every) - 1] if alone else [])]
    for begin, end in zip(begins, [*begins[1:], len(every)], strict=True):
        starts = every[begin:end]
        weight = parts.weight(0, window)
        weight[-1] = share_of(int(starts[-1]), int(starts[-1]) + window, parts.T)
        behind = side_by_side(owed, [endings[b] for b in starts])
        before = states_at(whole, starts)
        found, _ = parts.run_windows(starts, window, start=before, final=behind, weight=weight)
        by_params = added(by_params, found.gradients)
    return Result(total, by_params, by_states, final, parts.by_inputs)


def side_by_side(owed: State | None, endings: list[Array | None]) -> State | None:
    """Return what sequences owe behind several parts, as sequences side by side."""
    if owed is None:
        return None
    arrays: tuple[Array, ...] = owed
    found = []
    for shape, array in zip(STATES.values(), arrays, strict=True):
        axis = shape.index("B")
        later = [1] * (array.ndim - axis - 1)
        each = [array * (0 if e is None else e.reshape(-1, *later)) for e in endings]
        found.append(np.concatenate(each, axis))
    return State._make(found)


def checkpointed(parts: Parts, spans: list[tuple[int, int]], start: State | None) -> Result:
    """The gradients of all time steps, the states between spans alone kept."""
    states = [start]
    for begin, end in spans[:-1]:
        parts.run_until("forward", begin, end, start=states[-1])
        states.append(state_at(parts.work(end - begin), end - begin))
    total, by_following = 0, None
    by_params, _ = parts.no_gradients()
    for begin, end in spans[::-1]:
        share = share_of(begin, end, parts.T)
        found, by_following = parts.run(
            begin, end, start=states.pop(), final=by_following, weight=parts.weight(share)
        )
        total = total + found.value if share else total
        by_params = added(by_params, found.gradients)
        if end == parts.T:
            final = found.final
    return Result(total, by_params, found.initial, final, parts.by_inputs)


def states_at(work: Workspace, steps: Array) -> State:
    """Return the States after several numbers of time steps, side by side as sequences."""
    histories: tuple[Array, ...] = histories_of(work)
    found = []
    for history, depth in zip(histories, DEPTHS, strict=True):
        rows = np.moveaxis(history[steps[:, None] + np.arange(depth)], 1, 0)
        rows = rows.reshape(depth, -1, *history.shape[2:])
        found.append(rows if depth > 1 else rows[0])
    return State._make(found)


def parameters_of(params: Parameters | Mapping[str, npt.ArrayLike]) -> Parameters:
    """Return parameters that may be given as a mapping."""
    if isinstance(params, Parameters):
        return params
    return Parameters(**{name: np.asarray(array) for name, array in params.items()})


def check_state(state: State, sizes: Mapping[str, int]) -> None:
    """Raise ValueError for a State of other shapes; an entry may stand for all of a vector."""
    fields: tuple[npt.ArrayLike, ...] = state
    for (name, shape), array in zip(STATES.items(), fields, strict=True):
        wanted = tuple(size_of(size, sizes) for size in shape)
        got, leading = np.shape(array), shape.index("B") + 1
        entries = zip(got[leading:], wanted[leading:], strict=False)
        fits = got[:leading] == wanted[:leading] and all(a in (b, 1) for a, b in entries)
        if len(got) != len(wanted) or not fits:
            raise ValueError(f"the state {name} has the shape {got}, not {wanted}")
