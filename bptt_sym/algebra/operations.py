"""The table of operations: all that the program knows of an operation stands in one class.

An operation says how operands fit together (``build``), its derivative rule (``vjp``), how it is
laid out (``box``) and what it computes (``value``). To add an operation, add a class to the
module of its kind, an entry here, its name to the equation language and its kind of node to
``graph/operation_kinds.py``; nothing else knows it.

Sources: the rules are those of a vector-Jacobian product for row vectors: if v = f(u) and the
adjoint of v is c, then ``vjp`` gives the adjoint of u (Griewank and Walther, Evaluating
Derivatives, 2nd ed., table 3.3).
"""

from __future__ import annotations

from collections.abc import Mapping

from bptt_sym.algebra.arithmetic import (
    Addition,
    Broadcasting,
    Division,
    ElementwiseProduct,
    Power,
    Summation,
)
from bptt_sym.algebra.blocks import BlockMatrix
from bptt_sym.algebra.constants import CircleConstant, IdentityMatrix, Ones, SizeOfSomething, Zeros
from bptt_sym.algebra.cumulative import TriangleOfOnes
from bptt_sym.algebra.declared import Declaring
from bptt_sym.algebra.derivatives import (
    CommutationMatrix,
    Diagonal,
    InRowsOperation,
    Kronecker,
    ProductOverTime,
    SelectionMatrix,
    SumOverTime,
    Vectorisation,
)
from bptt_sym.algebra.entrywise import Choosing, Comparing, Extrema, FunctionApplication, Stopping
from bptt_sym.algebra.expressions import Expr, MatrixExpr
from bptt_sym.algebra.extremes import (
    AtLargestOperation,
    AtSmallestOperation,
    DirectionOperation,
    LargestOperation,
    NormOperation,
    SmallestOperation,
)
from bptt_sym.algebra.heads import (
    BlockDiagonalMatrix,
    HeadProductOperation,
    HeadTransposition,
)
from bptt_sym.algebra.linear_systems import (
    DeterminantOperation,
    Inversion,
    LogDetOperation,
    Solving,
)
from bptt_sym.algebra.matrix_products import MatrixProduct, Transposition
from bptt_sym.algebra.moments import (
    InverseDeviationOperation,
    InverseRmsOperation,
    LayerNormOperation,
    RmsNormOperation,
    VarianceOperation,
)
from bptt_sym.algebra.operation import Operation
from bptt_sym.algebra.parts import Joining, PaddingOperation, Slicing
from bptt_sym.algebra.remainder import Remainder
from bptt_sym.algebra.spreading import SpreadingOver, SummingOver
from bptt_sym.algebra.vectors import LogSoftmaxOperation, LogSumExpOperation, SoftmaxOperation

OPERATIONS: dict[type[Expr], Operation] = {
    operation.node: operation
    for operation in (
        Addition(),
        MatrixProduct(),
        ElementwiseProduct(),
        Division(),
        Power(),
        Transposition(),
        Broadcasting(),
        Summation(),
        FunctionApplication(),
        Remainder(),
        Extrema(),
        Choosing(),
        Comparing(),
        Stopping(),
        Declaring(),
        SoftmaxOperation(),
        LogSoftmaxOperation(),
        LogSumExpOperation(),
        VarianceOperation(),
        LayerNormOperation(),
        InverseDeviationOperation(),
        RmsNormOperation(),
        InverseRmsOperation(),
        LargestOperation(),
        SmallestOperation(),
        AtLargestOperation(),
        AtSmallestOperation(),
        NormOperation(),
        DirectionOperation(),
        Inversion(),
        Solving(),
        LogDetOperation(),
        DeterminantOperation(),
        Joining(),
        Slicing(),
        PaddingOperation(),
        IdentityMatrix(),
        Ones(),
        Zeros(),
        SizeOfSomething(),
        TriangleOfOnes(),
        CircleConstant(),
        Diagonal(),
        Kronecker(),
        Vectorisation(),
        InRowsOperation(),
        CommutationMatrix(),
        SelectionMatrix(),
        SumOverTime(),
        ProductOverTime(),
        BlockMatrix(),
        HeadProductOperation(),
        HeadTransposition(),
        SpreadingOver(),
        SummingOver(),
        BlockDiagonalMatrix(),
    )
}


def operation_of(node: Expr) -> Operation:
    """The operation of an expression; leaves (variables, parameters) have none.

    Raises KeyError for a leaf.
    """
    return OPERATIONS[type(node)]


def is_leaf(node: Expr) -> bool:
    """Whether the expression is a variable, a parameter or another named thing."""
    return type(node) not in OPERATIONS


def replaced(expression: Expr, by: Mapping[MatrixExpr, MatrixExpr]) -> Expr:
    """The expression with others in the place of some of its parts, in the normal form."""
    if expression in by:
        return by[expression]
    if is_leaf(expression):
        return expression
    arguments = [replaced(argument, by) for argument in expression.args]
    same = arguments == list(expression.args)
    return expression if same else operation_of(expression).rebuild(expression, arguments)


def transposed(expression: Expr, by: Mapping[Expr, Expr]) -> Expr:
    """The transpose of an expression, in the normal form; ``by`` holds those of its leaves."""
    if expression in by:
        return by[expression]
    if not isinstance(expression, MatrixExpr):
        return expression  # a size, a time step or an exponent
    arguments = [transposed(argument, by) for argument in expression.args]
    return operation_of(expression).transposed(expression, arguments)
