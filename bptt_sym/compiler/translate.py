"""A program's statements as a graph: what the passes rewrite."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from fractions import Fraction

from bptt_sym.algebra.expressions import (
    TIME,
    Adjoint,
    Broadcast,
    Expr,
    HadamardPower,
    HadamardProduct,
    Identity,
    Integer,
    MatAdd,
    MatMul,
    MatrixExpr,
    OneMatrix,
    Parameter,
    Quotient,
    Size,
    SumOfEntries,
    Transpose,
    Variable,
    ZeroMatrix,
    split_coefficient,
)
from bptt_sym.algebra.functions import Elementwise
from bptt_sym.algebra.operation import is_vector
from bptt_sym.algebra.vectors import LogSoftmax, LogSumExp, Softmax
from bptt_sym.compiler.graph import Definition, Graph, Key, Node, Operand
from bptt_sym.compiler.sizes import SCALAR, array_sizes
from bptt_sym.model.model import Declaration
from bptt_sym.program.batch import (
    BatchSum,
    Carry,
    Contraction,
    GrandTotal,
    InnerProduct,
    Lifted,
    Spread,
    Stack,
    Widened,
    is_batched,
)
from bptt_sym.program.lower import batched
from bptt_sym.program.program import SEED, Program, Stage, Statement, statements_of

_POWERS = (2, 3, 4)
"""Exponents that are products."""


def translate(program: Program, in_place: Collection[str]) -> Graph:
    """The graph of a program, statement by statement.

    The functions ``in_place``, which the target computes in place, are nodes that passes can put
    side by side; others are operations.
    """
    return _Translation(program, in_place).graph()


class _Translation:
    def __init__(self, program: Program, in_place: Collection[str]) -> None:
        self.program, self.in_place = program, in_place
        self.model = program.model
        self.result = Graph()
        self.make = self.result.make
        self.at_last = False
        self.in_loop = False
        states = self.model.declared("state")
        self.states = {entry.name: entry for entry in states}
        given = (*self.model.declared("input"), *self.model.declared("target"))
        self.given = {entry.name for entry in given}
        always = [s.expression for s in program.statements if s.when == "always"]
        read = {variable.name for e in always for variable in e.atoms(Variable)}
        self.only_last = {entry.name for entry in self.model.declared("target")} - read

    def graph(self) -> Graph:
        graph = self.result
        for state in self.states.values():
            depth = self.model.depth(state.name)
            initial = tuple(self.initial_value(state, lag) for lag in range(1, depth + 1))
            # The node comes when the equation is read.
            zero = graph.number(0)
            graph.definitions["value", state.name] = Definition(zero, initial, state.reverse)
        for statement in statements_of(self.program.forward):
            node = self.full(self.translated(statement), statement.target, time=True)
            self.define(("value", statement.target.name), node)
        graph.results["loss",] = self.translated(self.program.loss)
        for stage in self.program.backward:
            self.backward(stage)
        self.in_loop = False
        for statement in self.program.gradients:
            self.gradient(statement)
        written = {equation.name for equation in self.model.equations}
        graph.kept = tuple(("value", name) for name in self.model_order(written))
        return graph

    def model_order(self, names: set[str]) -> list[str]:
        return [d.name for d in self.model.definitions if d.name in names]

    def define(self, key: Key, node: Node) -> None:
        known = self.result.definitions.get(key)
        if known:
            known.node = node
        else:
            self.result.definitions[key] = Definition(node)

    # Statements.

    def translated(self, statement: Statement) -> Node:
        self.at_last = statement.when == "last step"
        node = self.node(statement.expression)
        self.at_last = False
        return node

    def backward(self, stage: Stage) -> None:
        self.in_loop = stage.loop is not None
        turned = stage.loop == "backward"
        for statement in stage.carried:
            carry = statement.target
            zero = self.result.number(0)
            initial = (self.full(self.translated(statement), carry, time=False),)
            self.result.definitions[_carry(carry)] = Definition(zero, initial, turned)
        for statement in stage.statements:
            target = statement.target
            key = _carry(target) if isinstance(target, Carry) else ("adjoint", target.variable.name)
            node = self.translated(statement)
            if isinstance(target, Adjoint) and not statement.adds:
                node = self.full(node, target, time=statement.when == "always")
            if statement.adds:
                ending = self.make("ending", [node], time=True)
                before = self.result.definitions[key].node
                node = self.result.total([(Fraction(1), before), (Fraction(1), ending)])
            if isinstance(target, Carry):
                node = self.full(node, target, time=None)
            self.define(key, node)

    def gradient(self, statement: Statement) -> None:
        variable = statement.target.variable
        of_parameter = isinstance(variable, Parameter)
        key = ("gradient" if of_parameter else "initial", variable.name)
        node = self.translated(statement)
        if statement.adds:
            before = self.result.results[key]
            node = self.result.total([(Fraction(1), before), (Fraction(1), node)])
        sizes = array_sizes(statement.target.shape)
        if of_parameter:
            sizes = () if statement.target.shape == (1, 1) else sizes
            node = self.make("result", [node], sizes=sizes)
        self.result.results[key] = node

    def initial_value(self, state: Declaration, lag: int) -> Node:
        """A state's value ``lag`` steps before its first, an argument or of parameters."""
        sizes = array_sizes(state.shape)
        if state.initial is None:
            return self.make("initial", (), (state.name, lag), sizes=sizes, batch=True)
        return self.full(self.node(batched(state.initial)), state.symbol, time=False)

    def full(self, node: Node, like: MatrixExpr, *, time: bool | None) -> Node:
        """The node with all its entries for each sequence."""
        sizes = array_sizes(like.shape)
        time = node.time if time is None else time
        if node.sizes == sizes and node.batch and node.time == time and node.kind != "number":
            return node
        return self.make("spread", [node], sizes=sizes, time=time, batch=True)

    # Expressions.

    def node(self, expression: MatrixExpr) -> Node:
        """The node of an expression in the form for batches."""
        coefficient, rest = split_coefficient(expression)
        if coefficient != 1:
            return self.result.times(_fraction(coefficient), [self.node(rest)])
        if isinstance(rest, Parameter | Variable | Adjoint | Carry):
            return self.leaf(rest)
        match rest:
            case OneMatrix():
                return self.result.number(1)
            case ZeroMatrix():
                return self.result.number(0)
            case Identity() if rest.rows == 1:
                return self.result.number(1)
            case MatAdd():
                terms = ((Fraction(1), self.node(term)) for term in rest.args)
                return self.result.total(terms)
            case HadamardProduct():
                return self.product(rest.args)
            case HadamardPower() if rest.args[1] in _POWERS and _is_of_entries(rest):
                return self.result.times(1, [self.node(rest.args[0])] * int(rest.args[1]))
            case Quotient() if _is_of_entries(rest):
                return self.make("divide", map(self.node, rest.args))
            case Broadcast() if is_vector(rest.shape) or not is_batched(rest):
                return self.node(rest.operand)
            case Elementwise() if rest.function in self.in_place:
                return self.make("apply", [self.node(rest.operand)], rest.function)
            case Elementwise(function="sigmoid"):
                return self.make("sigmoid", [self.node(rest.operand)])
            case Transpose() if isinstance(rest.arg, Parameter):
                return self.transposed(self.node(rest.arg))
            case MatMul() if is_batched(rest.args[0]) and not any(map(is_batched, rest.args[1:])):
                return self.row_times_matrices(rest)
            case InnerProduct():
                return self.entries(self.product(rest.args))
            case SumOfEntries() if is_batched(rest):
                return self.entries(self.widened(rest.operand))
            case GrandTotal() if is_batched(rest):
                return self.grand_total(rest)
            case Contraction():
                return self.contraction(rest)
            case BatchSum():
                operand = self.widened(rest.args[0])
                return self.make("batch sum", [operand])
            case Spread():
                return self.spread(rest)
            case Widened():
                return self.widened(rest)
            case Softmax() | LogSoftmax() | LogSumExp():
                return self.softmax(rest)
            case Stack():
                sizes = array_sizes(rest.shape)
                operands = [self.full(self.node(part), part, time=False) for part in rest.args]
                return self.make("stack", operands, sizes=sizes)
        return self.operation(rest)

    def leaf(self, leaf: MatrixExpr) -> Node:
        sizes = array_sizes(leaf.shape)
        match leaf:
            case Parameter():
                sizes = () if leaf.shape == (1, 1) else sizes
                return self.make("parameter", (), leaf.name, sizes=sizes)
            case Carry():
                kind = "lagged" if self.in_loop else "final"
                return self.make(
                    kind, (), (_carry(leaf), 1), sizes=sizes, batch=True, time=self.in_loop
                )
            case Adjoint():
                return self.here(self.result.definitions["adjoint", leaf.variable.name].node)
            case Variable() if leaf == SEED:
                return self.here(self.make("seed", (), sizes=SCALAR, time=True, batch=True))
            case Variable() if leaf.name in self.given:
                only_last = leaf.name in self.only_last
                when = (leaf.name, int(TIME - leaf.time))
                node = self.make("given", (), when, sizes=sizes, time=not only_last, batch=True)
                return node if only_last else self.here(node)
            case Variable() if leaf.time != TIME:
                lag = abs(int(TIME - leaf.time))
                detail = (("value", leaf.name), lag)
                return self.here(
                    self.make("lagged", (), detail, sizes=sizes, time=True, batch=True)
                )
            case Variable():
                return self.here(self.result.definitions["value", leaf.name].node)
        raise TypeError(f"no node for {type(leaf).__name__}")

    def here(self, node: Node) -> Node:
        """The node, at the last time step where the statement is about it."""
        return self.make("last", [node]) if self.at_last and node.time else node

    def product(self, factors: Iterable[MatrixExpr]) -> Node:
        nodes = [self.node(factor) for factor in factors]
        seeds = [node for node in nodes if _is_seed(node)]
        whole = self.result.times(1, [node for node in nodes if not _is_seed(node)])
        if not seeds:
            return whole
        if not whole.batch:
            return self.result.times(1, nodes)
        inner = whole
        if whole.kind == "times" and whole.detail != 1:
            inner = self.result.times(1, whole.operands)
        weighted = self.make("weighted", [inner])
        return self.result.times(whole.detail if inner is not whole else 1, [weighted])

    def array(self, expression: MatrixExpr) -> Node:
        """The node of an expression that has the expression's shape if it cancels to a number."""
        node, sizes = self.node(expression), array_sizes(expression.shape)
        if node.kind != "number" or sizes in ((), SCALAR):
            return node
        return self.make("spread", [node], sizes=sizes, time=False, batch=is_batched(expression))

    def transposed(self, node: Node) -> Node:
        return self.make("transpose", [node])

    def row_times_matrices(self, expression: MatMul) -> Node:
        node = self.array(expression.args[0])
        if len(node.sizes) != 1 or node.sizes == SCALAR != array_sizes(expression.args[0].shape):
            return self.operation(expression)
        for factor in expression.args[1:]:
            matrix = self.array(factor)
            if len(matrix.sizes) != 2:
                return self.operation(expression)
            node = self.make("dot", [node, matrix])
        return node

    def contraction(self, expression: Contraction) -> Node:
        nodes = [self.widened(factor) for factor in expression.args[:2]]
        time = any(node.time for node in nodes)
        operands = [
            self.full(node, factor, time=time)
            for node, factor in zip(nodes, expression.args[:2], strict=True)
        ]
        return self.make("contract", operands)

    def entries(self, node: Node) -> Node:
        """The sum of a vector's entries."""
        assert len(node.sizes) == 1
        return node if node.sizes == SCALAR else self.make("entries", [node])

    def widened(self, expression: MatrixExpr) -> Node:
        """The node of an expression, all its entries in the array."""
        inner = expression.args[0] if isinstance(expression, Widened) else expression
        node = self.node(inner)
        sizes = array_sizes(expression.shape)
        if node.sizes == sizes:
            return node
        return self.make("spread", [node], sizes=sizes)

    def spread(self, expression: Spread) -> Node:
        operand, axes = expression.args
        node = self.node(operand)
        time = node.time or bool(axes == 2 and not self.at_last)
        return self.full(node, expression, time=time)

    def grand_total(self, expression: GrandTotal) -> Node:
        node = self.widened(expression.args[0])
        if node.kind == "sum" and not node.detail[1]:
            coefficients, _ = node.detail
            full = [term.sizes == node.sizes and term.batch and term.time == node.time
                    for term in node.operands]  # fmt: skip
            if all(full):
                totals = map(self.total, node.operands)
                return self.result.total(zip(coefficients, totals, strict=True))
        if node.kind == "times":
            inner = self.result.times(1, node.operands)
            return self.result.times(node.detail, [self.total(inner)])
        return self.total(node)

    def total(self, node: Node) -> Node:
        if node.kind == "entries":
            return self.total(node.operands[0])
        if node.kind == "times" and node.detail != 1:
            inner = self.result.times(1, node.operands)
            return self.result.times(node.detail, [self.total(inner)])
        return self.make("total", [node])

    def softmax(self, expression: MatrixExpr) -> Node:
        """Softmax, its logarithm and logsumexp share the exponentials and their sum."""
        operand = self.widened(expression.operand)
        if not operand.batch:
            return self.operation(expression)
        one = Fraction(1)
        largest = self.make("largest", [operand])
        shifted = self.result.total([(one, operand), (-one, largest)])
        powers = self.make("apply", [shifted], "exp")
        total = self.make("entries", [powers])
        if isinstance(expression, Softmax):
            return self.make("divide", [powers, total])
        logarithm = self.make("apply", [total], "log")
        if isinstance(expression, LogSumExp):
            return self.result.total([(one, largest), (one, logarithm)])
        return self.result.total([(one, shifted), (-one, logarithm)])

    def operation(self, expression: MatrixExpr) -> Node:
        """An operation that no other kind stands for: its expression, what varies as operands."""
        operands: list[Node] = []

        def place(argument: Expr) -> Expr:
            if not isinstance(argument, MatrixExpr) or not _varies(argument):
                return argument
            node = self.array(argument)
            if node not in operands:
                operands.append(node)
            return Operand(Integer(operands.index(node)), *argument.shape)

        inner = expression.func(*map(place, expression.args))
        sizes = () if _is_number(expression) else array_sizes(expression.shape)
        if isinstance(expression, Lifted):
            sizes = ("1", "1")
        return self.make("operation", operands, inner, sizes=sizes)


def _is_seed(node: Node) -> bool:
    return node.kind == "seed" or (node.kind == "last" and node.operands[0].kind == "seed")


def _is_number(expression: MatrixExpr) -> bool:
    return isinstance(expression, Size) or (
        expression.shape == (1, 1) and not is_batched(expression)
    )


def _is_of_entries(expression: MatrixExpr) -> bool:
    return is_batched(expression) or is_vector(expression.shape)


def _varies(expression: MatrixExpr) -> bool:
    return bool(expression.has(Parameter, Variable, Adjoint, Carry))


def _carry(carry: Carry) -> Key:
    return ("carry", carry.variable.name, str(carry.lag))


def _fraction(number: Expr) -> Fraction:
    return Fraction(int(number.p), int(number.q))
