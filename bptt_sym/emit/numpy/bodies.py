"""The bodies of the generated functions, as blocks of lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bptt_sym.algebra.expressions import (
    LAST_STEP,
    Adjoint,
    Gradient,
    MatrixExpr,
    Parameter,
    ZeroMatrix,
    add,
)
from bptt_sym.derivation.derivation import Equation
from bptt_sym.emit.numpy.arrays import Argument, Arrays, sizes
from bptt_sym.emit.numpy.printer import Place, assignment, leaf_code, leaf_name
from bptt_sym.program.batch import Carry
from bptt_sym.program.program import Statement
from bptt_sym.render.plain import ascii_text
from bptt_sym.render.typeset import typeset

Block = list[str]


def forward_body(arrays: Arrays) -> list[Block]:
    """The forward pass: all steps at once, the recurrence, all steps at once."""
    forward = arrays.program.forward
    everywhere = arrays.forward_place("")
    before = _lines(arrays, forward.before, everywhere)
    loop = _loop("range(T)", _lines(arrays, forward.loop, arrays.forward_place("[t]")))
    after = _lines(arrays, forward.after, everywhere)
    allocations = _forward_allocations(arrays)
    computed = [before, [*allocations, *loop], after]
    prologue = _prologue(arrays, arrays.forward_arguments, computed)
    fields = ", ".join(field.name for field in arrays.returned)
    return _filled([prologue, *computed, [f"return Forward({fields})"]])


def loss_body(arrays: Arrays) -> list[Block]:
    """The loss of a forward pass."""
    statement = arrays.program.loss
    index = "[-1]" if statement.when == "last step" else ""
    comments = [f"# {equation_text(equation)}" for equation in statement.equations]
    code = assignment("value", statement.expression, arrays.forward_place(index), arrays.names)
    unpacked = [
        *_unpacked("params", arrays.parameters, [code]),
        *_unpacked("values", arrays.returned, [code]),
    ]
    unpacked += _measured(arrays, [code])
    return [[*unpacked, *comments, *code, "return value"]]


def backward_body(arrays: Arrays) -> list[Block]:
    """The gradient: adjoints of all steps at once, the recurrence backward, sums over time."""
    program = arrays.program
    names = arrays.names
    before = _backward_lines(arrays, program.backward.before)
    carried = _backward_lines(arrays, program.carried, "[-1]")
    loop = _loop(
        "reversed(range(T))",
        _lines(arrays, program.backward.loop, arrays.backward_place("[t]")),
    )
    after = _backward_lines(arrays, program.backward.after)
    gradients = _backward_lines(arrays, program.gradients)
    computed = [before, [*carried, *_backward_allocations(arrays), *loop], after, gradients]

    into_forward = ", ".join(argument.name for argument in arrays.forward_arguments)
    into_loss = "".join(f", {argument.name}" for argument in arrays.loss_arguments)
    prologue = [
        *_prologue(arrays, arrays.arguments, computed),
        f"values = forward(params, {into_forward})",
        f"value = loss_of(params, values{into_loss})",
        *_unpacked("values", arrays.returned, computed),
    ]
    by_parameters = ", ".join(names("adjoint", name) for name in program.model.parameters)
    by_states = ", ".join(names("initial adjoint", state.name) for state in program.model.states)
    returned = f"return value, Parameters({by_parameters}), InitialState({by_states})"
    return _filled([prologue, *computed, [returned]])


def equation_text(equation: Equation) -> str:
    """An equation as a comment: ds_t = do_t W_y^T + dz_{t+1} W_s^T for t < N."""
    left = equation.left
    assert left is not None
    if isinstance(left, Carry):
        return f"in d{_math(left.variable)} from step t: {_math(equation.right)}"
    shown = f"d{_math(left.by)}" if isinstance(left, Gradient) else _math(left)
    text = f"{shown} = {_math(equation.right)}"
    span = equation.span
    if span and span.first != LAST_STEP:
        text += f" for {span.index} <= {_math(span.first)}"
    return text


def _math(expression: MatrixExpr) -> str:
    return ascii_text(typeset(expression))


def _filled(blocks: Iterable[Block]) -> list[Block]:
    return [block for block in blocks if block]


def _loop(steps: str, lines: Block) -> Block:
    return [f"for t in {steps}:", *(f"    {line}" for line in lines)] if lines else []


def _mentions(blocks: Iterable[Block], word: str) -> bool:
    return word in _words(blocks)


def _words(blocks: Iterable[Block]) -> set[str]:
    """The names that lines of code mention, comments aside."""
    lines = (line for block in blocks for line in block if not line.lstrip().startswith("#"))
    return set(re.findall(r"[A-Za-z_]\w*", "\n".join(lines)))


def _unpacked(source: str, fields: Sequence[Argument], blocks: Sequence[Block]) -> Block:
    """The fields of a tuple that the blocks use, as local names."""
    words = _words(blocks)
    used = [field.name for field in fields if field.name in words]
    if len(used) == len(fields) > 1:
        return [f"{', '.join(used)} = {source}"]
    return [f"{name} = {source}.{name}" for name in used]


def _prologue(arrays: Arrays, arguments: Sequence[Argument], blocks: Sequence[Block]) -> Block:
    """What a function begins with: its parameters, the check of its arguments, the sizes."""
    names = [argument.name for argument in arguments]
    checked = ", ".join(f"{name}={name}" for name in names)
    check = f"check_shapes(**params._asdict(), {checked})"
    used = _sizes_used(arrays, blocks)
    values = ", ".join(f'sizes["{size}"]' for size in used)
    lines = [f"sizes = {check}", f"{', '.join(used)} = {values}"] if used else [check]
    if _mentions(blocks, "dtype"):
        lines.append(f"dtype = np.result_type(*params, {', '.join(names)})")
    return [*_unpacked("params", arrays.parameters, blocks), *lines]


def _measured(arrays: Arrays, blocks: Sequence[Block]) -> Block:
    """The sizes and the type that blocks use, from the arrays that the loss has at hand."""
    known = {f"params.{entry.name}": entry.shape for entry in arrays.parameters}
    known |= {f"values.{entry.name}": entry.shape for entry in arrays.returned}
    known |= {entry.name: entry.shape for entry in arrays.loss_arguments}
    lines = []
    for size in _sizes_used(arrays, blocks):
        name = next(name for name, shape in known.items() if size in shape)
        lines.append(f"{size} = {name}.shape[{known[name].index(size)}]")
    return [*lines, *(["dtype = np.result_type(*params)"] if _mentions(blocks, "dtype") else [])]


def _sizes_used(arrays: Arrays, blocks: Sequence[Block]) -> list[str]:
    words = _words(blocks)
    dimensions = (entry.name for entry in arrays.program.model.dimensions)
    return [size for size in ("T", "B", *dimensions) if size in words]


def _forward_allocations(arrays: Arrays) -> Block:
    names = arrays.names
    states = {state.name for state in arrays.program.model.states}
    lines = []
    for statement in arrays.program.forward.loop:
        name = statement.target.name
        value = names("value", name)
        shape = ", ".join(("B", *sizes(statement.target.shape)))
        if name in states:
            whole, previous = names("all", name), names("previous", name)
            lines += [
                f"{whole} = np.empty((T + 1, {shape}), dtype)",
                f"{whole}[0] = {names('initial', name)}",
                f"{previous}, {value} = {whole}[:-1], {whole}[1:]",
            ]
        elif name in arrays.stored:
            lines.append(f"{value} = np.empty((T, {shape}), dtype)")
    return lines


def _backward_allocations(arrays: Arrays) -> Block:
    return [
        f"{arrays.names('adjoint', variable.name)} = "
        f"np.empty(({', '.join(('T', 'B', *sizes(variable.shape)))}), dtype)"
        for variable in arrays.loop_adjoints
        if variable.name in arrays.stored_adjoints
    ]


def _backward_lines(
    arrays: Arrays, statements: Iterable[Statement], index: str | None = None
) -> Block:
    lines: Block = []
    for statement in statements:
        at = index or ("[-1]" if statement.when == "last step" and not statement.adds else "")
        lines += _lines(arrays, [statement], arrays.backward_place(at))
    return lines


def _lines(arrays: Arrays, statements: Iterable[Statement], place: Place) -> Block:
    lines: Block = []
    for statement in statements:
        lines += [f"# {equation_text(equation)}" for equation in statement.equations]
        lines += _statement(arrays, statement, place)
    return lines


def _statement(arrays: Arrays, statement: Statement, place: Place) -> Block:
    names = arrays.names
    target, expression = statement.target, statement.expression
    if statement.adds:
        return _addition(arrays, statement, place)
    # All time steps at once are assigned to the name, one step to the place in the array.
    name = leaf_code(target, place, names) if place.index == "[t]" else leaf_name(target, names)
    if isinstance(expression, ZeroMatrix):
        return [f"{name} = np.zeros({_array_shape(target, place)}, dtype)"]
    return assignment(name, expression, place, names)


def _addition(arrays: Arrays, statement: Statement, place: Place) -> Block:
    """What the last time step adds to an adjoint, or to the gradient by a parameter."""
    names = arrays.names
    target, expression = statement.target, statement.expression
    if place.index == "[t]":
        lines = assignment(leaf_code(target, place, names), add(target, expression), place, names)
        return ["if t == T - 1:", *(f"    {line}" for line in lines)]
    name, last = leaf_name(target, names), arrays.backward_place("[-1]")
    if isinstance(target, Adjoint) and isinstance(target.variable, Parameter):
        return assignment(name, add(target, expression), last, names)
    first, *more = assignment(f"{name}[-1]", expression, last, names)
    return [f"{name} = {name}.copy()", first.replace(" = ", " += ", 1), *more]


def _array_shape(target: MatrixExpr, place: Place) -> str:
    of_parameter = isinstance(target, Adjoint) and isinstance(target.variable, Parameter)
    leading: tuple[str, ...] = () if of_parameter else ("B",)
    if place.index == "" and not of_parameter and not isinstance(target, Carry):
        leading = ("T", "B")
    shape = (*leading, *sizes(target.shape))
    return f"({', '.join(shape)}{',' if len(shape) == 1 else ''})"
