"""How a module draws its parameters: as the model file says, or as their place in it suggests."""

from __future__ import annotations

from sympy import preorder_traversal

from bptt_sym.algebra.expressions import (
    Broadcast,
    HadamardProduct,
    MatMul,
    MatrixExpr,
    OneMatrix,
    Parameter,
    Quotient,
)
from bptt_sym.algebra.heads import HeadProduct
from bptt_sym.graph.array_shapes import array_sizes
from bptt_sym.model.model import Declaration, Model
from bptt_sym.targets.numpy.row_parts import shape_code, size_code
from bptt_sym.targets.numpy.signature import Argument

DRAWN = {
    "normal": """\
def normal(*shape: int) -> Array:
    drawn: Array = rng.standard_normal(shape) / np.sqrt(math.prod(shape[:1]))
    return drawn.astype(dtype)""",
    "uniform": """\
def uniform(units: int, shape: tuple[int, ...]) -> Array:
    drawn: Array = rng.uniform(-1, 1, shape) / np.sqrt(units)
    return drawn.astype(dtype)""",
    "glorot": """\
def glorot(*shape: int) -> Array:
    drawn: Array = rng.uniform(-1, 1, shape) * np.sqrt(6 / sum(shape))
    return drawn.astype(dtype)""",
    "orthogonal": """\
def orthogonal(rows: int, columns: int) -> Array:
    longer, shorter = max(rows, columns), min(rows, columns)
    drawn, triangle = np.linalg.qr(rng.standard_normal((longer, shorter)))
    drawn = drawn * np.where(np.diag(triangle) < 0, -1, 1)
    return (drawn if rows >= columns else drawn.T).astype(dtype)""",
}
"""The functions that draw, by what a model file calls them."""


def inits(model: Model) -> dict[str, str | float]:
    """How each parameter begins."""
    gains = _gains(model)
    return {entry.name: _init(entry, gains) for entry in model.declared("parameter")}


def _init(entry: Declaration, gains: set[str]) -> str | float:
    if entry.init is not None:
        return entry.init
    if 1 not in entry.sizes[-2:]:
        return "normal"
    return "ones" if entry.positive or entry.name in gains else "zeros"


def _gains(model: Model) -> set[str]:
    """The parameters that are a factor entry by entry: from 0 nothing would go through them."""
    nodes = (n for d in model.definitions for n in preorder_traversal(d.expression))
    factors = (f for n in nodes if isinstance(n, HadamardProduct | Quotient) for f in n.args)
    return {factor.name for factor in map(_spread, factors) if isinstance(factor, Parameter)}


def _spread(factor: MatrixExpr) -> MatrixExpr:
    """What is spread over more entries, over rows and columns of heads too."""
    match factor:
        case Broadcast():
            return _spread(factor.operand)
        case HeadProduct(left=OneMatrix()):
            return _spread(factor.right)
        case MatMul(args=(inner, OneMatrix())):
            return _spread(inner)
    return factor


def drawn_code(
    init: str | float, entry: Declaration, argument: Argument, *, of_columns: bool
) -> str:
    """The call that makes a parameter; of one with heads each is drawn by itself."""
    shape = shape_code(argument.shape)
    sizes = ", ".join(argument.shape)
    match init:
        case "zeros" | "ones":
            return f"np.{init}({sizes if len(argument.shape) == 1 else shape}, dtype)"
        case "normal" | "glorot" | "orthogonal" if entry.heads is not None:
            heads, *of_head = entry.sizes
            sizes = ", ".join(map(size_code, array_sizes((of_head[0], of_head[1]))))
            drawn = f"np.stack([{init}({sizes}) for _ in range({size_code(heads)})])"
            return f"{drawn}.reshape({shape})"
        case "normal" | "glorot" | "orthogonal":
            return f"{init}({sizes})"
        case "uniform":
            # The units that a parameter leads to.
            units = argument.shape[0 if of_columns else -1] if argument.shape else "1"
            return f"uniform({units}, {shape})"
        case _:
            return f"np.full({shape}, {init}, dtype)"
