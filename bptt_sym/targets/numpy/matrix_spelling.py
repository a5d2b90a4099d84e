"""How NumPy writes products of matrices, labels in the place of vectors, and sums over a batch."""

from __future__ import annotations

from bptt_sym.graph.node import Node
from bptt_sym.targets.numpy.precedence import CALL, MULTIPLICATIVE, Code, call, chain
from bptt_sym.targets.numpy.row_parts import Row, Writing, binary, text


def _dot(write: Writing, node: Node) -> Code:
    left, right = node.operands
    if right.batch and len(left.sizes) == 1:
        both = map(write.operand, node.operands)
        return call("np.einsum(", ['"...i,...ij->...j"', *both])
    return binary("@")(write, node)


def _outer(write: Writing, node: Node) -> Code:
    if not node.batch:
        return call("np.outer(", map(write.operand, node.operands))
    left, right = (write.operand(side, CALL) for side in node.operands)
    terms = [("", left.then("[..., :, None]")), ("* ", right.then("[..., None, :]"))]
    return chain(terms, MULTIPLICATIVE)


def _transpose(write: Writing, node: Node) -> Code:
    (matrix,) = node.operands
    if node.batch:
        return call("np.swapaxes(", [write.operand(matrix), "-1", "-2"])
    return write.operand(matrix, CALL).then(".T")


def _solution(write: Writing, node: Node) -> Code:
    vector = len(node.sizes) == 1
    return call(
        f"{write.use('solve_vector')}(" if vector else "np.linalg.solve(",
        map(write.operand, node.operands),
    )


def _determinant(write: Writing, node: Node) -> Code:
    logarithm = node.kind == "log determinant"
    function = write.use("log_determinant") if logarithm else "np.linalg.det"
    tail = ")[..., None]" if node.sizes else ")"
    return call(f"{function}(", map(write.operand, node.operands), tail)


def _matrix(write: Writing, node: Node, *, across: bool = False) -> Code:
    """An array with axes of rows and columns; that of a row has entries ``across``."""
    if len(node.sizes) == 2:
        return write.operand(node)
    return write.operand(node, CALL).then("[..., None, :]" if across else "[..., None]")


def _from_matrix(node: Node, code: Code, *, across: bool = False) -> Code:
    """The array of a node of a matrix with axes of rows and columns."""
    return code if len(node.sizes) == 2 else code.then("[..., 0, :]" if across else "[..., 0]")


def _head_dot(write: Writing, node: Node) -> Code:
    sides = (_matrix(write, side) for side in node.operands)
    product = call(f"{write.use('head_dot')}(", [*sides, write.size(node.detail)])
    return _from_matrix(node, product)


def _head_contract(write: Writing, node: Node) -> Code:
    sides = (_matrix(write, side) for side in node.operands)
    total = call(f"{write.use('head_contract')}(", [*sides, write.size(node.detail)])
    return _from_matrix(node, total)


def _head_transpose(write: Writing, node: Node) -> Code:
    given: list[Code | str] = [_matrix(write, node.operands[0]), write.size(node.detail)]
    return _from_matrix(node, call(f"{write.use('head_transpose')}(", given))


def _head_spread(write: Writing, node: Node) -> Code:
    own, rows, *sizes = node.detail
    operand = _matrix(write, node.operands[0], across=own * rows == 1)
    given: list[Code | str] = [operand, *map(write.size, (own, *sizes))]
    return _from_matrix(node, call(f"{write.use('head_spread')}(", given))


def _head_sum(write: Writing, node: Node) -> Code:
    _, own, rows, columns = node.detail
    matrix = _matrix(write, node.operands[0])
    given: list[Code | str] = [matrix, *map(write.size, node.detail)]
    total = call(f"{write.use('head_sum')}(", given)
    return _from_matrix(node, total, across=own * rows == 1 and columns != 1)


def _side_by_side(axis: int) -> Row:
    def row(write: Writing, node: Node) -> Code:
        return call("np.concatenate([", map(write.operand, node.operands), f"], axis={axis})")

    return row


def _contract(write: Writing, node: Node) -> Code:
    left, right = node.operands
    if not left.time:
        terms = [
            ("", write.operand(left, CALL).then(".T")),
            ("@ ", write.operand(right, MULTIPLICATIVE + 1)),
        ]
        return chain(terms, MULTIPLICATIVE)
    axes = list(range(len(write.leading(left))))
    both = map(write.operand, node.operands)
    return call("np.tensordot(", [*both, f"axes=({axes}, {axes})"])


def _batch_sum(write: Writing, node: Node) -> Code:
    (operand,) = node.operands
    axes = tuple(range(len(write.leading(operand))))
    return call("np.sum(", [write.operand(operand), f"axis={axes if len(axes) > 1 else 0}"])


def _time_sum(write: Writing, node: Node) -> Code:
    return call("np.sum(", [write.operand(node.operands[0]), "axis=0"])


def _one_hot(write: Writing, node: Node) -> Code:
    (labels,) = node.operands
    size = write.size(node.sizes[0])
    return call(f"{write.use('one_hot')}(", [write.operand(labels), size, write.use("dtype")])


def _scatter(write: Writing, node: Node) -> Code:
    labels, rows = map(write.operand, node.operands)
    return call(f"{write.use('scatter')}(", [labels, rows, write.size(node.detail)])


MATRICES: dict[str, Row] = {
    "dot": _dot,
    "outer": _outer,
    "transpose": _transpose,
    "inverse": lambda write, node: call("np.linalg.inv(", map(write.operand, node.operands)),
    "solution": _solution,
    "log determinant": _determinant,
    "determinant": _determinant,
    "head dot": _head_dot,
    "head transpose": _head_transpose,
    "head contract": _head_contract,
    "head spread": _head_spread,
    "head sum": _head_sum,
    "beside": _side_by_side(1),
    "above": _side_by_side(0),
    "gather": text("{1:call}[{0}]"),
    "one hot": _one_hot,
    "contract": _contract,
    "scatter": _scatter,
    "batch sum": _batch_sum,
    "time sum": _time_sum,
    "total": lambda write, node: call("np.sum(", map(write.operand, node.operands)),
    "stack": lambda write, node: call("np.stack([", map(write.operand, node.operands), "])"),
}
"""Their rows, by the names of the kinds."""
