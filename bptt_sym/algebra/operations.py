"""The table of operations: all that the program knows of an operation stands in one class.

An operation says how operands fit together (``build``), its derivative rule (``vjp``), how it is
laid out (``layout``), what it computes (``value``) and its code for a batch (``numpy``). To add an
operation, add a class here and its name to the equation language; nothing else knows it.

Sources: the rules are those of a vector-Jacobian product for row vectors: if v = f(u) and the
adjoint of v is c, then ``vjp`` gives the adjoint of u (Griewank and Walther, Evaluating
Derivatives, 2nd ed., table 3.3).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from sympy import Rational

from bptt_sym.algebra import layout as box
from bptt_sym.algebra.expressions import (
    DiagMatrix,
    Expr,
    HadamardPower,
    HadamardProduct,
    Identity,
    KroneckerProduct,
    MatAdd,
    MatMul,
    MatrixExpr,
    OneMatrix,
    RowByRow,
    Shape,
    SumOfEntries,
    TimeProduct,
    TimeSum,
    Transpose,
    ZeroMatrix,
    add,
    hadamard,
    power,
    product,
    scale,
    split_coefficient,
    transpose,
)
from bptt_sym.algebra.functions import FUNCTIONS, Elementwise, derivative
from bptt_sym.algebra.python import ADDITIVE, CALL, MULTIPLICATIVE, UNARY, Code, number_code
from bptt_sym.algebra.python import POWER as POWER_CODE

Show = Callable[[Expr, int], box.Layout]
"""Lays an operand out, in brackets if it binds less tightly than asked."""

Print = Callable[[Expr, int], str]
"""The code of an operand, in brackets if it binds less tightly than asked."""

LARGEST_EXPONENT = 16


class ShapeError(ValueError):
    """Operands whose shapes do not fit; the message states what the operation asks for."""


class Operation:
    """What the program knows of one kind of expression."""

    node: ClassVar[type[Expr]]
    syntax: ClassVar[str] = ""

    def vjp(self, node: Any, cotangent: MatrixExpr) -> list[tuple[MatrixExpr, MatrixExpr]]:
        """Each operand with its adjoint, given the adjoint of the value."""
        raise NotImplementedError(type(node).__name__)

    def layout(self, node: Any, show: Show) -> box.Layout:
        """How the expression is laid out."""
        raise NotImplementedError(type(node).__name__)

    def value(self, node: Any, np: Any, operands: Sequence[Any]) -> Any:
        """The value for NumPy matrices, one for each of ``node.args``."""
        raise NotImplementedError(type(node).__name__)

    def numpy(self, node: Any, code: Print) -> Code:
        """NumPy code in which a row vector is an array whose last axis holds its entries."""
        raise NotImplementedError(type(node).__name__)


def shape_text(shape: Shape) -> str:
    """A shape as messages print it: m x n."""
    return f"{shape[0]} x {shape[1]}"


def _spread(operand: MatrixExpr | Rational, shape: Shape) -> MatrixExpr:
    """A number as a matrix with this number in each entry."""
    return operand if isinstance(operand, MatrixExpr) else scale(operand, OneMatrix(*shape))


def _same_shape(operands: Sequence[MatrixExpr | Rational]) -> list[MatrixExpr]:
    shapes = [operand.shape for operand in operands if isinstance(operand, MatrixExpr)]
    if any(shape != shapes[0] for shape in shapes):
        raise ShapeError("both sides must have the same shape")
    return [_spread(operand, shapes[0]) for operand in operands]


class Addition(Operation):
    """The sum of matrices of one shape; a number counts as a matrix of this number."""

    node = MatAdd
    syntax = "+"

    def build(self, left: MatrixExpr | Rational, right: MatrixExpr | Rational) -> MatrixExpr:
        return add(*_same_shape((left, right)))

    def vjp(self, node: MatAdd, cotangent: MatrixExpr) -> list[tuple[MatrixExpr, MatrixExpr]]:
        return [(term, cotangent) for term in node.args]

    def layout(self, node: MatAdd, show: Show) -> box.Layout:
        signs, terms = [], []
        for term in node.args:
            coefficient, rest = split_coefficient(term)
            signs.append(-1 if coefficient < 0 else 1)
            if isinstance(rest, OneMatrix):
                terms.append(number_layout(abs(coefficient)))
            else:
                terms.append(show(scale(abs(coefficient), rest), box.PRODUCT))
        return box.Terms(tuple(zip(signs, terms, strict=True)))

    def value(self, node: MatAdd, np: Any, operands: Sequence[Any]) -> Any:
        return sum(operands[1:], operands[0])

    def numpy(self, node: MatAdd, code: Print) -> Code:
        text = ""
        for term in node.args:
            coefficient, rest = split_coefficient(term)
            if isinstance(rest, OneMatrix):
                shown = number_code(abs(coefficient))
            else:
                shown = code(scale(abs(coefficient), rest), MULTIPLICATIVE)
            negative = coefficient < 0
            if text:
                text += f" - {shown}" if negative else f" + {shown}"
            else:
                text = f"-{shown}" if negative else shown
        return Code(text, ADDITIVE)


class MatrixProduct(Operation):
    """The product of matrices, with a number in front or without."""

    node = MatMul
    syntax = "@"

    def build(self, left: MatrixExpr, right: MatrixExpr) -> MatrixExpr:
        if left.shape[1] != right.shape[0]:
            raise ShapeError("the columns of the left must equal the rows of the right")
        return product(left, right)

    def vjp(self, node: MatMul, cotangent: MatrixExpr) -> list[tuple[MatrixExpr, MatrixExpr]]:
        coefficient, rest = split_coefficient(node)
        cotangent = scale(coefficient, cotangent)
        if not isinstance(rest, MatMul):
            return [(rest, cotangent)]
        factors = rest.args
        pairs = []
        for position, factor in enumerate(factors):
            before = [transpose(other) for other in reversed(factors[:position])]
            after = [transpose(other) for other in reversed(factors[position + 1 :])]
            pairs.append((factor, product(*before, cotangent, *after)))
        return pairs

    def layout(self, node: MatMul, show: Show) -> box.Layout:
        coefficient, rest = split_coefficient(node)
        if coefficient < 0:
            return box.Negative(show(scale(-coefficient, rest), box.PRODUCT))
        factors = rest.args if isinstance(rest, MatMul) else (rest,)
        number = () if coefficient == 1 else (number_layout(coefficient),)
        if number and isinstance(rest, HadamardProduct):
            return box.Factors((*number, show(rest, box.PRODUCT)))
        shown = [_matrix_factor(factor, show) for factor in factors]
        return box.Factors((*number, *box.enclosed(shown)))

    def value(self, node: MatMul, np: Any, operands: Sequence[Any]) -> Any:
        result = operands[0]
        for operand in operands[1:]:
            scalar = np.ndim(result) == 0
            result = result * operand if scalar else result @ operand
        return result

    def numpy(self, node: MatMul, code: Print) -> Code:
        coefficient, rest = split_coefficient(node)
        factors = rest.args if isinstance(rest, MatMul) else (rest,)
        if coefficient == 1:
            first, *others = factors
            # Python's @ binds to the left, so only the later factors need brackets.
            shown = [code(first, MULTIPLICATIVE), *(code(f, MULTIPLICATIVE + 1) for f in others)]
            return Code(" @ ".join(shown), MULTIPLICATIVE)
        if coefficient == -1:
            return Code(f"-{code(rest, UNARY)}", UNARY)
        binding = MULTIPLICATIVE + 1 if isinstance(rest, MatMul) else MULTIPLICATIVE
        return Code(f"{number_code(coefficient)} * {code(rest, binding)}", MULTIPLICATIVE)


def _matrix_factor(factor: MatrixExpr, show: Show) -> box.Layout:
    shown = show(factor, box.PRODUCT)
    elementwise = isinstance(shown, box.Factors) and shown.kind != "matrix"
    return box.Brackets(shown) if elementwise else shown


class ElementwiseProduct(Operation):
    """The product entry by entry, or of a number and a matrix."""

    node = HadamardProduct
    syntax = "*"

    def build(self, left: MatrixExpr | Rational, right: MatrixExpr | Rational) -> MatrixExpr:
        for number, matrix in ((left, right), (right, left)):
            if not isinstance(number, MatrixExpr):
                return scale(number, matrix)
        return hadamard(*_same_shape((left, right)))

    def vjp(
        self, node: HadamardProduct, cotangent: MatrixExpr
    ) -> list[tuple[MatrixExpr, MatrixExpr]]:
        factors = node.args
        return [
            (factor, hadamard(cotangent, *factors[:position], *factors[position + 1 :]))
            for position, factor in enumerate(factors)
        ]

    def layout(self, node: HadamardProduct, show: Show) -> box.Layout:
        shown = tuple(show(factor, box.POWER) for factor in node.args)
        return box.Factors(shown, "elementwise")

    def value(self, node: HadamardProduct, np: Any, operands: Sequence[Any]) -> Any:
        result = operands[0]
        for operand in operands[1:]:
            result = result * operand
        return result

    def numpy(self, node: HadamardProduct, code: Print) -> Code:
        first, *others = node.args
        shown = [code(first, MULTIPLICATIVE)]
        shown += [code(factor, MULTIPLICATIVE + 1) for factor in others]
        return Code(" * ".join(shown), MULTIPLICATIVE)


class Power(Operation):
    """The elementwise power by a small whole number."""

    node = HadamardPower
    syntax = "**"

    def build(self, base: MatrixExpr, exponent: Rational) -> MatrixExpr:
        if not exponent.is_Integer or not 1 <= exponent <= LARGEST_EXPONENT:
            raise ShapeError(f"the exponent must be a whole number from 1 to {LARGEST_EXPONENT}")
        return power(base, exponent)

    def vjp(
        self, node: HadamardPower, cotangent: MatrixExpr
    ) -> list[tuple[MatrixExpr, MatrixExpr]]:
        base, exponent = node.args
        return [(base, hadamard(cotangent, scale(exponent, power(base, exponent - 1))))]

    def layout(self, node: HadamardPower, show: Show) -> box.Layout:
        base, exponent = node.args
        return box.Superscript(show(base, box.ATOM), number_layout(exponent))

    def value(self, node: HadamardPower, np: Any, operands: Sequence[Any]) -> Any:
        return operands[0] ** operands[1]

    def numpy(self, node: HadamardPower, code: Print) -> Code:
        base, exponent = node.args
        return Code(f"{code(base, CALL)} ** {exponent}", POWER_CODE)


class Transposition(Operation):
    """The transpose."""

    node = Transpose
    syntax = ".T"

    def build(self, operand: MatrixExpr) -> MatrixExpr:
        return transpose(operand)

    def vjp(self, node: Transpose, cotangent: MatrixExpr) -> list[tuple[MatrixExpr, MatrixExpr]]:
        # The transpose of a product is written as one, so that it stays a column times a row.
        coefficient, rest = split_coefficient(cotangent)
        factors = rest.args if isinstance(rest, MatMul) else (rest,)
        turned = product(*map(transpose, reversed(factors)))
        return [(node.arg, scale(coefficient, turned))]

    def layout(self, node: Transpose, show: Show) -> box.Layout:
        return box.Superscript(show(node.arg, box.ATOM), None)

    def value(self, node: Transpose, np: Any, operands: Sequence[Any]) -> Any:
        return operands[0].T

    def numpy(self, node: Transpose, code: Print) -> Code:
        return Code(f"{code(node.arg, CALL)}.T", CALL)


class EntrySum(Operation):
    """The sum of the entries of a row vector, a scalar."""

    node = SumOfEntries
    syntax = "sum"

    def build(self, operand: MatrixExpr) -> MatrixExpr:
        if isinstance(operand, ZeroMatrix):
            return ZeroMatrix(1, 1)
        return SumOfEntries(operand)

    def vjp(self, node: SumOfEntries, cotangent: MatrixExpr) -> list[tuple[MatrixExpr, MatrixExpr]]:
        rows, columns = node.operand.shape
        spread = product(OneMatrix(rows, 1), cotangent, OneMatrix(1, columns))
        return [(node.operand, spread)]

    def layout(self, node: SumOfEntries, show: Show) -> box.Layout:
        return box.EntrySum(show(node.operand, box.PRODUCT))

    def value(self, node: SumOfEntries, np: Any, operands: Sequence[Any]) -> Any:
        return operands[0].sum(keepdims=True)

    def numpy(self, node: SumOfEntries, code: Print) -> Code:
        return Code(f"np.sum({code(node.operand, ADDITIVE)}, axis=-1, keepdims=True)", CALL)


class FunctionApplication(Operation):
    """A function applied to each entry: phi(z)."""

    node = Elementwise
    syntax = "function"

    def build(self, function: str, operand: MatrixExpr) -> MatrixExpr:
        return Elementwise(function, operand)

    def vjp(self, node: Elementwise, cotangent: MatrixExpr) -> list[tuple[MatrixExpr, MatrixExpr]]:
        return [(node.operand, hadamard(cotangent, derivative(node)))]

    def layout(self, node: Elementwise, show: Show) -> box.Layout:
        return box.Call(node.function, show(node.operand, box.SUM), node.order)

    def value(self, node: Elementwise, np: Any, operands: Sequence[Any]) -> Any:
        raise ValueError(f"the function {node.function} is left symbolic and has no value")

    def numpy(self, node: Elementwise, code: Print) -> Code:
        template = FUNCTIONS[node.function].numpy
        bare = template == "{}"
        text = template.format(code(node.operand, CALL if bare else ADDITIVE))
        return Code(text, CALL)


class Diagonal(Operation):
    """The diagonal matrix of a vector: the Jacobian of an elementwise function."""

    node = DiagMatrix

    def layout(self, node: DiagMatrix, show: Show) -> box.Layout:
        return box.Call("diag", show(node.args[0], box.SUM))

    def value(self, node: DiagMatrix, np: Any, operands: Sequence[Any]) -> Any:
        return np.diag(operands[0].ravel())


class Kronecker(Operation):
    """The Kronecker product, in the Jacobian by a matrix."""

    node = KroneckerProduct

    def layout(self, node: KroneckerProduct, show: Show) -> box.Layout:
        return box.Factors(tuple(show(arg, box.POWER) for arg in node.args), "kronecker")

    def value(self, node: KroneckerProduct, np: Any, operands: Sequence[Any]) -> Any:
        return np.kron(*operands)


class Vectorisation(Operation):
    """The entries of a matrix as one row, in the Jacobian by a matrix."""

    node = RowByRow

    def layout(self, node: RowByRow, show: Show) -> box.Layout:
        return box.Call("vec", show(node.operand, box.SUM))

    def value(self, node: RowByRow, np: Any, operands: Sequence[Any]) -> Any:
        return operands[0].reshape(1, -1)


class Constant(Operation):
    """A matrix that depends on nothing."""

    def vjp(self, node: Any, cotangent: MatrixExpr) -> list[tuple[MatrixExpr, MatrixExpr]]:
        return []


class IdentityMatrix(Constant):
    """The identity: the adjoint of the loss, the Jacobian of a sum."""

    node = Identity

    def layout(self, node: Identity, show: Show) -> box.Layout:
        return box.Constant("identity", show(node.args[0], box.SUM))

    def value(self, node: Identity, np: Any, operands: Sequence[Any]) -> Any:
        return np.eye(int(operands[0]), dtype=int)


class Ones(Constant):
    """A matrix of ones: a number spread over a vector."""

    node = OneMatrix

    def layout(self, node: OneMatrix, show: Show) -> box.Layout:
        return box.Constant("ones")

    def value(self, node: OneMatrix, np: Any, operands: Sequence[Any]) -> Any:
        return np.ones([int(operand) for operand in operands], dtype=int)

    def numpy(self, node: OneMatrix, code: Print) -> Code:
        if node.shape == (1, 1):
            return Code("1", CALL)
        sizes = [str(size) for size in node.shape if size != 1]
        shape = f"({', '.join(sizes)})" if len(sizes) == 2 else sizes[0]
        return Code(f"np.ones({shape}, dtype)", CALL)


class Zeros(Constant):
    """A matrix of zeros: the gradient by what the loss does not depend on."""

    node = ZeroMatrix

    def layout(self, node: ZeroMatrix, show: Show) -> box.Layout:
        return box.Constant("zeros")

    def value(self, node: ZeroMatrix, np: Any, operands: Sequence[Any]) -> Any:
        return np.zeros([int(operand) for operand in operands], dtype=int)

    def numpy(self, node: ZeroMatrix, code: Print) -> Code:
        return Code("0.0", CALL)


class SumOverTime(Operation):
    """A sum over time steps."""

    node = TimeSum

    def layout(self, node: TimeSum, show: Show) -> box.Layout:
        body, *limits = node.args
        index, lower, upper = (show(limit, box.SUM) for limit in limits)
        return box.Big("sum", show(body, box.PRODUCT), index, lower, upper)


class ProductOverTime(Operation):
    """A product of Jacobians over time steps."""

    node = TimeProduct

    def layout(self, node: TimeProduct, show: Show) -> box.Layout:
        body, *limits = node.args
        index, lower, upper = (show(limit, box.SUM) for limit in limits)
        return box.Big("product", show(body, box.PRODUCT), index, lower, upper)


def number_layout(number: Rational) -> box.Layout:
    """The box of a number."""
    shown = box.Number(abs(int(number.p)), int(number.q))
    return box.Negative(shown) if number < 0 else shown


OPERATIONS: dict[type[Expr], Operation] = {
    operation.node: operation
    for operation in (
        Addition(),
        MatrixProduct(),
        ElementwiseProduct(),
        Power(),
        Transposition(),
        EntrySum(),
        FunctionApplication(),
        Diagonal(),
        Kronecker(),
        Vectorisation(),
        IdentityMatrix(),
        Ones(),
        Zeros(),
        SumOverTime(),
        ProductOverTime(),
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
