"""What an emitted module has of its own, which the files beside this one read."""

from collections.abc import Generator, Mapping
from typing import Any, NamedTuple

import numpy.typing as npt

from bptt_sym.targets.numpy.runtime.passes import Pass
from bptt_sym.targets.numpy.runtime.workspaces import Sized

Array = npt.NDArray[Any]

SHAPES: dict[str, tuple[str, ...]]
KINDS: dict[str, str]
COUNTS: tuple[str, ...]
DEPTHS: tuple[int, ...]
INITIAL: dict[str, str]
STATES: dict[str, tuple[str, ...]]
CLOSES: bool
OUTPUTS: dict[str, str]
FINAL: dict[str, tuple[str, int | None]]

class Dimensions(NamedTuple): ...
class Parameters(NamedTuple): ...
class InitialState(NamedTuple): ...
class State(NamedTuple): ...
class Inputs(NamedTuple): ...
class Outputs(NamedTuple): ...

class Forward(NamedTuple):
    kept: Pass | None = None

class Gradients(NamedTuple):
    parameters: Parameters
    initial: InitialState
    inputs: Inputs | None = None

class Result(NamedTuple):
    value: Any
    gradients: Parameters
    initial: InitialState
    final: State
    inputs: Inputs | None = None

class Workspace(Sized):
    last: Pass | None
    def __init__(
        self, T: int, B: int, dimensions: Dimensions, dtype: npt.DTypeLike = ...
    ) -> None: ...

class StepWorkspace(Sized):
    marks: list[tuple[object, object]] | None
    def __init__(self, B: int, dimensions: Dimensions, dtype: npt.DTypeLike = ...) -> None: ...

def advance(
    params: Parameters, state: State, arguments: Mapping[str, Array], work: StepWorkspace
) -> tuple[State, Forward]: ...
def loss(params: Parameters, **arguments: Any) -> Any: ...
def value_and_grad(params: Parameters, **arguments: Any) -> Result: ...
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
) -> Any: ...
def both_ways(
    params: Parameters,
    work: Workspace,
    arguments: Mapping[str, Array],
    start: State | None = None,
) -> Generator[Any, Any]: ...
def histories_of(work: Workspace) -> State: ...
def ends_of(arguments: Mapping[str, Array]) -> Array | None: ...
def share_of(begin: int, end: int, T: int) -> float: ...
def unpadded(arguments: dict[str, Array], work: Workspace | None = None) -> dict[str, Array]: ...
