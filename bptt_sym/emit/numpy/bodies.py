"""The bodies of the generated functions, as blocks of lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bptt_sym.algebra.expressions import (
    LAST_STEP,
    TIME,
    Adjoint,
    Gradient,
    MatrixExpr,
    OneMatrix,
    Parameter,
    Variable,
    ZeroMatrix,
    add,
    split_coefficient,
)
from bptt_sym.algebra.pullback import leaves
from bptt_sym.compiler.sizes import array_sizes
from bptt_sym.derivation.derivation import DerivedEquation as Equation
from bptt_sym.emit.numpy.arrays import Arrays, loop_adjoints
from bptt_sym.emit.numpy.fitted import fitted_lines
from bptt_sym.emit.numpy.ownership import is_computed
from bptt_sym.emit.numpy.precedence import number_code
from bptt_sym.emit.numpy.printer import (
    Place,
    assignment,
    expression_code,
    lagged_name,
    leaf_code,
    leaf_name,
    written,
)
from bptt_sym.emit.numpy.signature import Argument, Signature
from bptt_sym.model.model import Declaration
from bptt_sym.program.batch import OPERATIONS_OF_BATCHES, Carry
from bptt_sym.program.lower import batched
from bptt_sym.program.program import Stage, Statement
from bptt_sym.render.plain import ascii_text
from bptt_sym.render.typeset import typeset

Block = list[str]


def forward_body(arrays: Arrays) -> list[Block]:
    """The forward pass: stage by stage, all steps at once or in a loop."""
    computed: list[Block] = []
    for stage in arrays.program.forward:
        if stage.loop:
            lines = _lines(arrays, stage.statements, arrays.forward_place("[t]"))
            computed.append([*_forward_allocations(arrays, stage), *_loop(stage, lines)])
        else:
            computed.append(_lines(arrays, stage.statements, arrays.forward_place("")))
    prologue = _prologue(arrays, arrays.into_forward, computed)
    shared = {arrays.names("value", name) for name in _shared_values(arrays)}
    fields = ", ".join(_own(field.name, field.name in shared) for field in arrays.returned)
    return _filled([prologue, *computed, [f"return Forward({fields})"]])


def _own(name: str, shared: bool) -> str:
    return f"{name}.copy()" if shared else name


def _shared_values(arrays: Arrays) -> set[str]:
    """The values whose code may be a view of another array: no loop writes them into their own."""
    at_once = (s for stage in arrays.program.forward if not stage.loop for s in stage.statements)
    return {s.target.name for s in at_once if not is_computed(s.expression)}


def _shared_gradients(arrays: Arrays) -> set[MatrixExpr]:
    """The targets whose code may be a view of another array."""
    program = arrays.program
    carries = {
        statement.target
        for stage in program.backward
        for statement in (*stage.carried, *stage.statements)
        if not (statement.adds or is_computed(statement.expression))
    }
    return {
        statement.target
        for statement in program.gradients
        if not (statement.adds or is_computed(statement.expression))
        and (statement.expression in carries or not isinstance(statement.expression, Carry))
    }


def loss_body(arrays: Arrays) -> list[Block]:
    """The loss of a forward pass."""
    statement = arrays.program.loss
    index = "[-1]" if statement.when == "last step" else ""
    comments = [f"# {_comment(arrays, equation)}" for equation in statement.equations]
    code = written("return", statement.expression, arrays.forward_place(index), arrays.names)
    unpacked = [
        *_unpacked("params", arrays.parameters, [code]),
        *_unpacked("values", arrays.returned, [code]),
    ]
    prepared = _prepared(arrays, arrays.loss_arguments, [code])
    places = _places_of_sizes(arrays)
    sizes = [size for size in _sizes_used(arrays, [prepared, code]) if size in places]
    steps: Block = []
    if arrays.program.loss_kind != "sum" and "T" in places:
        steps = ["if T == 0:", '    raise ValueError("the loss needs one time step or more")']
        sizes = list(dict.fromkeys(["T", *sizes]))
    unpacked += [f"{size} = {places[size]}" for size in sizes]
    if _mentions([prepared, code], "dtype"):
        unpacked.append(f"dtype = np.result_type(*{'params' if arrays.parameters else 'values'})")
    return [[*unpacked, *steps, *prepared, *comments, *code]]


def whole_loss_body(arrays: Arrays) -> list[Block]:
    """The loss of the arguments."""
    calls = [
        f"values = forward(params{arrays.into_forward.passed})",
        f"return loss_of(params, values{arrays.into_loss_of.passed})",
    ]
    told = [size for size in arrays.into_forward.counts if size not in arrays.into_all.counts]
    sizes = [f'{size} = sizes["{size}"]' for size in told]
    return [[*_checked(arrays.into_all, [sizes, calls]), *sizes, *calls]]


def _checked(signature: Signature, blocks: Sequence[Block]) -> Block:
    """Parameters and arguments as arrays of one type, and of these what the blocks read."""
    arguments, words = signature.arguments, _words(blocks)
    read = [argument.name for argument in arguments if argument.name in words]
    wanted = {"params", "arguments"} if read else {"params"}
    found = [
        name if name in words | wanted else "_"
        for name in ("params", "arguments", "sizes", "dtype")
    ]
    lines = fitted_lines(signature.mapped, f"{', '.join(found)} = checked(params, {{", "})")
    if len(read) == len(arguments) > 1:
        return [*lines, f"{', '.join(read)} = arguments.values()"]
    return [*lines, *(f'{name} = arguments["{name}"]' for name in read)]


def _places_of_sizes(arrays: Arrays) -> dict[str, str]:
    """Where the arrays that the loss has at hand tell each size."""
    at_hand = {f"params.{entry.name}": entry.shape for entry in arrays.parameters}
    at_hand |= {f"values.{entry.name}": entry.shape for entry in arrays.returned}
    at_hand |= {entry.name: entry.shape for entry in arrays.loss_arguments}
    places: dict[str, str] = {}
    for name, shape in at_hand.items():
        for axis, size in enumerate(shape):
            places.setdefault(size, f"{name}.shape[{axis}]")
    return places


def backward_body(arrays: Arrays) -> list[Block]:
    """The gradient: adjoints of all steps at once, the recurrences backward, sums over time."""
    program = arrays.program
    names = arrays.names
    computed: list[Block] = []
    for stage in program.backward:
        if stage.loop:
            carried = _backward_lines(arrays, stage.carried, "[-1]")
            lines = _lines(arrays, stage.statements, arrays.backward_place("[t]"))
            allocations = _backward_allocations(arrays, stage)
            computed.append([*carried, *allocations, *_loop(stage, lines)])
        else:
            computed.append(_backward_lines(arrays, stage.statements))
    computed.append(_backward_lines(arrays, program.gradients))
    computed.append(_final_state(arrays))

    prologue = [
        *_prologue(
            arrays,
            arrays.into_all,
            computed,
            [
                f"values = forward(params{arrays.into_forward.passed})",
                f"value = loss_of(params, values{arrays.into_loss_of.passed})",
            ],
        ),
        *_unpacked("values", arrays.returned, computed),
    ]
    shared = _shared_gradients(arrays)
    own = {
        statement.target.variable.name: _own(
            leaf_name(statement.target, names), statement.target in shared
        )
        for statement in program.gradients
    }
    by_parameters = ", ".join(own[name] for name in program.model.parameters)
    by_states = ", ".join(own[entry.name] for entry in arrays.initial_entries)
    results = ["value", f"Parameters({by_parameters})", f"InitialState({by_states})", "final"]
    return _filled([prologue, *computed, fitted_lines(results, "return Result(", ")")])


def _final_state(arrays: Arrays) -> Block:
    """The State behind the last step, in arrays of its own."""
    fields = []
    for entry in arrays.state_entries:
        value, depth = arrays.names("value", entry.name), arrays.model.depth(entry.name)
        first = initial_value(arrays, entry)
        if entry.initial is not None:
            leading = () if depth == 1 else (str(depth),)
            shape = ", ".join((*leading, "B", *array_sizes(entry.shape)))
            first = f"np.broadcast_to({first}, ({shape}))"
        if depth == 1:
            fields.append(f"np.array({value}[-1] if T else {first}, dtype)")
        else:
            joined = f"np.concatenate([{first}, {value}[-{depth}:]], dtype=dtype)"
            fields.append(f"np.array({joined}[-{depth}:])")
    return fitted_lines(fields, "final = State(", ")")


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


def _comment(arrays: Arrays, equation: Equation) -> str:
    """An equation with its number, where it has one."""
    number = arrays.numbers.get(equation.meaning)
    text = equation_text(equation)
    return text if number is None else f"({number}) {text}"


def _math(expression: MatrixExpr) -> str:
    return ascii_text(typeset(expression))


def _filled(blocks: Iterable[Block]) -> list[Block]:
    return [block for block in blocks if block]


def _loop(stage: Stage, lines: Block) -> Block:
    steps = "range(T)" if stage.loop == "onward" else "reversed(range(T))"
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


def _prologue(
    arrays: Arrays,
    signature: Signature,
    blocks: Sequence[Block],
    calls: Sequence[str] = (),
) -> Block:
    """What a function begins with: its parameters, the check of its arguments, the sizes.

    ``calls`` come before the arguments are brought into the form that the blocks read.
    """
    arguments = signature.arguments
    prepared = _prepared(arrays, arguments, blocks)
    told = {size for argument in (*arrays.parameters, *arguments) for size in argument.shape}
    told |= set(signature.counts)
    read = _sizes_used(arrays, [list(calls), prepared, *blocks])
    used = [size for size in read if size in told]
    values = ", ".join(f'sizes["{size}"]' for size in used)
    sizes = [f"{', '.join(used)} = {values}"] if used else []
    code: list[Block] = [sizes, list(calls), prepared, *blocks]
    return [
        *_checked(signature, code),
        *_unpacked("params", arrays.parameters, code),
        *sizes,
        *calls,
        *prepared,
    ]


def _prepared(arrays: Arrays, arguments: Sequence[Argument], blocks: Sequence[Block]) -> Block:
    """Arguments in the form that statements read: without padding, labels one-hot, those of
    earlier steps.
    """
    words = _words(blocks)
    earlier = [
        variable
        for variable in arrays.earlier_inputs
        if lagged_name(variable, arrays.names) in words
    ]
    read = words | {arrays.names("value", variable.name) for variable in earlier}
    read &= {argument.name for argument in arguments}
    lines = [
        f"{argument.name} = without_padding({argument.name}, {arrays.mask_name})"
        for argument in arrays.padded
        if argument.name in read
    ]
    lines += [
        f'{name} = one_hot("{name}", {name}, {size}, dtype)'
        for name, size in arrays.labels
        if name in read
    ]
    return lines + _earlier_inputs(arrays, earlier)


def _earlier_inputs(arrays: Arrays, earlier: Sequence[Variable]) -> Block:
    """Inputs of earlier steps as views of one array with the initial values in front."""
    names = arrays.names
    lines: Block = []
    for name in dict.fromkeys(variable.name for variable in earlier):
        entry = arrays.model.declaration(name)
        depth = arrays.model.depth(name)
        value, whole = names("value", name), names("all", name)
        shape = ", ".join(("B", *array_sizes(entry.shape)))
        lines += [
            f"{whole} = np.empty((T + {depth}, {shape}), dtype)",
            f"{whole}[:{depth}] = {initial_value(arrays, entry)}",
            f"{whole}[{depth}:] = {value}",
        ]
        lines += [
            f"{lagged_name(variable, names)} = {whole}[{depth - int(TIME - variable.time)}:][:T]"
            for variable in earlier
            if variable.name == name
        ]
    return lines


def initial_value(arrays: Arrays, entry: Declaration) -> str:
    """What the rows of an array before the first step hold."""
    if entry.initial is None:
        return arrays.names("initial", entry.name)
    expression = batched(entry.initial)
    if isinstance(split_coefficient(expression)[1], OneMatrix | ZeroMatrix):
        coefficient = split_coefficient(expression)[0]
        zero = isinstance(expression, ZeroMatrix)
        return "0" if zero else number_code(coefficient)
    return expression_code(expression, arrays.forward_place(""), arrays.names).text


def _sizes_used(arrays: Arrays, blocks: Sequence[Block]) -> list[str]:
    """The sizes that lines of code mention; a word of NumPy's may be among them by its name."""
    words = _words(blocks)
    dimensions = (entry.name for entry in arrays.program.model.dimensions)
    return [size for size in ("T", "B", *dimensions) if size in words]


def _forward_allocations(arrays: Arrays, stage: Stage) -> Block:
    names = arrays.names
    states = {state.name for state in arrays.model.states}
    lines = []
    for statement in stage.statements:
        name = statement.target.name
        shape = ", ".join(("B", *array_sizes(statement.target.shape)))
        if name in states:
            lines += _state_allocations(arrays, name, shape)
        elif name in arrays.stored:
            lines.append(f"{names('value', name)} = np.empty((T, {shape}), dtype)")
    return lines


def _state_allocations(arrays: Arrays, name: str, shape: str) -> Block:
    """The array of a state and its initial values, and views of it shifted in time."""
    names = arrays.names
    entry = arrays.model.declaration(name)
    depth = arrays.model.depth(name)
    value, whole = names("value", name), names("all", name)
    lines = [f"{whole} = np.empty((T + {depth}, {shape}), dtype)"]
    initial = initial_value(arrays, entry)
    first = entry.symbol
    if entry.reverse:
        lines.append(f"{whole}[{'T' if depth == 1 else 'T:'}] = {initial}")
        views = {lagged_name(first.at(TIME + k), names): f"[{k}:][:T]" for k in range(2, depth + 1)}
        views = {value: "[:T]", lagged_name(first.at(TIME + 1), names): "[1:][:T]"} | views
    else:
        lines.append(f"{whole}[{'0' if depth == 1 else f':{depth}'}] = {initial}")
        views = {
            lagged_name(first.at(TIME - lag), names): f"[{depth - lag}:-{lag}]"
            for lag in range(1, depth + 1)
        }
        views = {n: view.replace("[0:", "[:") for n, view in views.items()}
        views |= {value: f"[{depth}:]"}
    read = {
        leaf
        for statement in arrays.program.statements
        for leaf in leaves(statement.expression, OPERATIONS_OF_BATCHES)
        if isinstance(leaf, Variable) and leaf.name == name
    }
    wanted = {value} | {lagged_name(leaf, names) for leaf in read if leaf.time != TIME}
    chosen = {n: view for n, view in views.items() if n in wanted}
    targets, sources = ", ".join(chosen), ", ".join(whole + view for view in chosen.values())
    return [*lines, f"{targets} = {sources}"]


def _backward_allocations(arrays: Arrays, stage: Stage) -> Block:
    return [
        f"{arrays.names('adjoint', variable.name)} = "
        f"np.empty(({', '.join(('T', 'B', *array_sizes(variable.shape)))}), dtype)"
        for variable in loop_adjoints(stage)
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
        lines += [f"# {_comment(arrays, equation)}" for equation in statement.equations]
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
    if isinstance(target, Adjoint) and not set(leaves(expression, OPERATIONS_OF_BATCHES)):
        # Numbers and sizes alone would make an int, or a float of another type.
        code = expression_code(expression, place, names).text
        return [f"{name} = np.array({code}, dtype)"]
    return assignment(name, expression, place, names)


def _addition(arrays: Arrays, statement: Statement, place: Place) -> Block:
    """What the last time step adds to an adjoint, or to the gradient by a parameter."""
    names = arrays.names
    target, expression = statement.target, statement.expression
    total = add(batched(target), expression)
    if place.index == "[t]":
        lines = assignment(leaf_code(target, place, names), total, place, names)
        return ["if t == T - 1:", *(f"    {line}" for line in lines)]
    name, last = leaf_name(target, names), arrays.backward_place("[-1]")
    if isinstance(target, Adjoint) and isinstance(target.variable, Parameter):
        return assignment(name, total, last, names)
    first, *more = assignment(f"{name}[-1]", expression, last, names)
    return [f"{name} = {name}.copy()", first.replace(" = ", " += ", 1), *more]


def _sizes(target: MatrixExpr) -> tuple[str, ...]:
    scalar = isinstance(target, Adjoint) and isinstance(target.variable, Parameter)
    return () if scalar and target.shape == (1, 1) else array_sizes(target.shape)


def _array_shape(target: MatrixExpr, place: Place) -> str:
    of_parameter = isinstance(target, Adjoint) and isinstance(target.variable, Parameter)
    leading: tuple[str, ...] = () if of_parameter else ("B",)
    if place.index == "" and not of_parameter and not isinstance(target, Carry):
        leading = ("T", "B")
    shape = (*leading, *_sizes(target))
    return f"({', '.join(shape)}{',' if len(shape) == 1 else ''})"
