"""Reads a graph from the text that ``bptt-sym program`` prints of it.

A text that a person writes may leave out shapes that follow from the operands, headings of stages,
and the list of what is returned: all that has the name of a result.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from sympy import Expr, Integer

from bptt_sym.algebra.expressions import dimension
from bptt_sym.graph.array_shapes import SEQUENCES, STEPS, Sizes
from bptt_sym.graph.graph import Definition, Graph, Key
from bptt_sym.graph.kinds import KINDS
from bptt_sym.graph.node import Coefficients, Node
from bptt_sym.targets.text.key_names import SEED, key_names
from bptt_sym.targets.text.node_text import ALONG

HEADINGS = ("", "leaves", "before the first step", "results")
PHASES = ("forward,", "backward,", "inputs,")
LISTS = ("returned", "not kept", "kept")
RESULTS = ("loss", "gradient", "initial", "input")


def read(text: str, *, canonical: bool = False) -> Graph:
    """The graph that a text tells; ``canonical`` as graphs are after the first pass."""
    return _Reader(_Parts.of(text), canonical).graph()


@dataclass
class _Statement:
    """A right side, and the shape that is told of it."""

    tree: ast.expr
    axes: dict[str, Any]


@dataclass
class _Parts:
    """A text in parts, nothing of it understood."""

    leaves: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    begins: dict[str, list[_Statement]] = field(default_factory=dict)
    reverse: set[str] = field(default_factory=set)
    statements: dict[str, _Statement] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str) -> _Parts:
        parts = cls()
        for line in text.splitlines():
            parts.add(line.strip())
        return parts

    def add(self, line: str) -> None:
        left, equals, right = line.partition(" = ")
        word = next((word for word in LISTS if line.startswith(f"{word} ")), None)
        first, _, rest = left.strip().partition(" ")
        if line in HEADINGS or first in PHASES:
            return
        if equals:
            name, bracket, place = first.rstrip("]").partition("[")
            statement = _Statement(_tree(right), _axes(_tree(rest)) if rest.strip() else {})
            if not bracket:
                assert name not in self.statements, f"two statements of {name}"
                self.statements[name] = statement
                return
            self.begins.setdefault(name, []).append(statement)
            lag = len(self.begins[name])
            assert place in (f"{1 - lag}", f"T+{lag}"), f"{line}: out of order"
            self.reverse |= {name} if place.startswith("T") else set()
        elif word:
            self.lists[word] = line.removeprefix(word).replace(",", " ").split()
        elif first in ("given", "labels", "parameter"):
            name, _, axes = rest.partition(" ")
            self.leaves[name] = (first, _axes(_tree(axes)))
        else:
            raise AssertionError(f"no line of a graph: {line}")


class _Reader:
    def __init__(self, parts: _Parts, canonical: bool) -> None:
        self.parts, self.made = parts, Graph(canonical=canonical)
        kinds = {name: kind for name, (kind, _) in parts.leaves.items()}
        parameters = [name for name, kind in kinds.items() if kind == "parameter"]
        values = [*parts.lists.get("kept", ()), *parts.lists.get("not kept", ())]
        depths = {name: len(parts.begins.get(name, ())) for name in values}
        given = {name: len(parts.begins.get(name, ())) for name in kinds if name not in parameters}
        names = key_names(given, parameters, depths)
        self.keys = {name: key for key, name in names.items()}
        self.nodes: dict[str, Node] = {}
        self.stores: dict[Key, Node] = {}

    def graph(self) -> Graph:
        graph, parts = self.made, self.parts
        keys = {name: self.keys.get(name, ("",)) for name in parts.statements}
        for name, key in keys.items():
            node = self.named(name)
            if key[0] in RESULTS:
                graph.results[key] = node
        for name, begins in parts.begins.items():
            key, reverse = self.keys[name], name in parts.reverse
            initial = tuple(self.node(begin.tree, begin.axes) for begin in begins)
            node = self.stores.get(key) or self.named(name)
            if node.kind == "labels":  # what is kept of them for later steps is one-hot
                node = self.made.make("one hot", [node], initial[0].sizes[0])
            graph.definitions[key] = Definition(node, initial, reverse)
        for name, key in keys.items():
            if key[0] not in (*RESULTS, ""):
                graph.definitions.setdefault(key, Definition(self.named(name)))
        returned = [self.keys[name] for name in parts.lists.get("returned", ())]
        graph.results = {key: graph.results[key] for key in returned or graph.results}
        graph.kept = tuple(("value", name) for name in parts.lists.get("kept", ()))
        return graph

    def named(self, name: str) -> Node:
        """The node of a leaf or of a statement."""
        if name not in self.nodes:
            if name in self.parts.statements:
                statement = self.parts.statements[name]
                self.nodes[name] = self.node(statement.tree, statement.axes)
            elif self.keys.get(name) == SEED:
                axes = {"sizes": (Integer(1),), "time": True, "batch": True}
                self.nodes[name] = self.made.make("seed", **axes)
            else:
                kind, axes = self.parts.leaves[name]
                self.nodes[name] = self.made.make(kind, (), name, **axes)
        return self.nodes[name]

    # Expressions.

    def node(self, tree: ast.expr, axes: dict[str, Any] | None = None) -> Node:
        """The node of an expression, with axes where they are told."""
        axes = axes or {}
        if _number(tree) is not None:
            return self.made.number(_number(tree))
        match tree:
            case ast.Name(name):
                return self.named(name)
            case ast.Subscript(ast.Name(name), step):
                return self.lagged(name, step)
            case ast.Attribute(operand, "T"):
                return self.made.make("transpose", [self.node(operand)], **axes)
            case ast.BinOp(_, ast.Add() | ast.Sub()):
                return self.sum(tree, axes)
            case ast.UnaryOp(ast.Not(), ast.Compare() as order):
                return self.comparison(order, axes, negated=True)
            case ast.Compare():
                return self.comparison(tree, axes, negated=False)
            case ast.Call(ast.Name("where"), [ast.Compare() as order, *chosen]):
                (left, right), strict = _order(order)
                operands = map(self.node, [left, right, *chosen])
                return self.made.make("choice", operands, strict, **axes)
            case ast.UnaryOp(ast.USub()) | ast.BinOp(_, ast.Mult()):
                return self.product(tree, axes)
            case ast.BinOp(left, ast.Pow(), right):
                return self.made.make("power", [self.node(left)], _number(right), **axes)
            case ast.BinOp(left, ast.Div() | ast.MatMult() as operator, right):
                kind = "divide" if isinstance(operator, ast.Div) else "dot"
                return self.made.make(kind, [self.node(left), self.node(right)], **axes)
            case ast.Call(ast.Name("_"), [inner]):
                return self.node(inner, axes)
            case ast.Call(ast.Name(function), arguments, keywords):
                named = {keyword.arg: keyword.value for keyword in keywords}
                axes = _axes(named.pop("shape")) if "shape" in named else axes
                return self.call(function.replace("_", " "), arguments, named, axes)
        raise AssertionError(f"no expression of a graph: {ast.unparse(tree)}")

    def comparison(self, tree: ast.Compare, axes: dict[str, Any], *, negated: bool) -> Node:
        sides, strict = _order(tree)
        return self.made.make("comparison", map(self.node, sides), (strict, negated), **axes)

    def lagged(self, name: str, step: ast.expr) -> Node:
        assert isinstance(step, ast.BinOp) and _number(step.right) is not None
        key, lag = self.keys[name], int(_number(step.right))
        axes = self.parts.begins[name][lag - 1].axes
        return self.made.make("lagged", (), (key, lag), sizes=axes["sizes"], time=True, batch=True)

    def sum(self, tree: ast.expr, axes: dict[str, Any]) -> Node:
        operands: list[Node] = []
        coefficients: list[Fraction] = []
        constant, place = Fraction(0), 0
        for sign, term in _terms(tree):
            number = _number(term)
            if number is not None:
                constant, place = sign * number, len(operands)
                continue
            number, factors = _factors(term)
            operands.append(self.times(Fraction(1), factors))
            coefficients.append(sign * number)
        detail = Coefficients(tuple(coefficients), constant, place)
        return self.made.make("sum", operands, detail, **axes)

    def product(self, tree: ast.expr, axes: dict[str, Any]) -> Node:
        sign, tree = _signed(tree)
        number, factors = _factors(tree)
        return self.times(sign * number, factors, axes)

    def times(
        self, number: Fraction, trees: list[ast.expr], axes: dict[str, Any] | None = None
    ) -> Node:
        nodes = [self.node(tree) for tree in trees]
        if number == 1 and len(nodes) == 1:
            return nodes[0]
        return self.made.make("times", nodes, number, **(axes or {}))

    def call(
        self, name: str, arguments: list[ast.expr], named: dict[str, ast.expr], axes: dict[str, Any]
    ) -> Node:
        if name not in KINDS:
            kind = "extremum" if name in ("max", "min") else "apply"
            function = name.replace(" ", "_")
            return self.made.make(kind, map(self.node, arguments), function, **axes)
        detail = self.detail(name, arguments, named)
        if name == "final":
            axes = self.parts.begins[ast.unparse(named["of"])][0].axes
        operands = () if name in ("initial", "size") else map(self.node, arguments)
        node = self.made.make(name, operands, detail, **axes)
        if KINDS[name].stores:
            self.stores[detail] = node
        return node

    def detail(self, kind: str, arguments: list[ast.expr], named: dict[str, ast.expr]) -> Any:
        """What a kind needs beside its operands."""
        match kind:
            case "named" | "state" | "carried":
                return self.keys[ast.unparse(named["of"])]
            case "final":
                return self.keys[ast.unparse(named["of"])], 1
            case "result":
                return ast.unparse(named["of"])
            case "initial":
                (place,) = arguments
                assert isinstance(place, ast.Subscript)
                return ast.unparse(place.value), 1 - int(_number(place.slice))
            case "axis sum":
                return int(_number(named["axis"]))
            case "size":
                return _size(*arguments)
            case "part":
                axis = int(_number(named["axis"])) if "axis" in named else -1
                return int(_number(named["number"])), _sizes(named["of"]), axis
            case "reshaped":
                return _sizes(named["sizes"])
            case "cumulative sum":
                return _axis(named), "backward" in named
            case kind if kind in ALONG:
                return _axis(named)
            case "squash":
                return _number(named["factor"]), _number(named["shift"])
            case "one hot" | "scatter":
                return _size(named["size"])
            case "head dot" | "head transpose" | "head contract":
                return _size(named["heads"])
            case "slice" | "pad" | "head spread" | "head sum":
                return tuple(map(_size, named.values()))
        return None


def _axis(named: dict[str, ast.expr]) -> int | None:
    return int(_number(named["axis"])) if "axis" in named else None


# Trees, in which brackets are calls of "_", for those of Python do not tell where brackets were.


def _tree(text: str) -> ast.expr:
    return ast.parse(re.sub(r"(?<!\w)\(", "_(", text.strip()), mode="eval").body


def _is(tree: ast.expr, *operators: type[ast.operator]) -> bool:
    return isinstance(tree, ast.BinOp) and isinstance(tree.op, operators)


def _order(tree: ast.Compare) -> tuple[list[ast.expr], bool]:
    """The sides of a > b or a >= b, and whether it is the former."""
    (operator,) = tree.ops
    assert isinstance(operator, ast.Gt | ast.GtE)
    return [tree.left, *tree.comparators], isinstance(operator, ast.Gt)


def _signed(tree: ast.expr) -> tuple[int, ast.expr]:
    """The sign before a product, and the product without it."""
    match tree:
        case ast.UnaryOp(ast.USub(), operand):
            return -1, operand
        case ast.BinOp(left, operator, right) if not isinstance(operator, ast.Pow):
            sign, left = _signed(left)
            return sign, ast.BinOp(left, operator, right)
    return 1, tree


def _terms(tree: ast.expr) -> Iterator[tuple[int, ast.expr]]:
    """The terms of a sum with their signs."""
    if not _is(tree, ast.Add, ast.Sub):
        yield _signed(tree)
        return
    assert isinstance(tree, ast.BinOp)
    yield from _terms(tree.left)
    yield (-1 if isinstance(tree.op, ast.Sub) else 1), tree.right


def _factors(tree: ast.expr) -> tuple[Fraction, list[ast.expr]]:
    """The number that stands before a product, and its factors."""
    factors = [tree]
    while _is(factors[0], ast.Mult):
        factors[:1] = [factors[0].left, factors[0].right]
    number = _number(factors[0])
    return (Fraction(1), factors) if number is None else (number, factors[1:])


def _number(tree: ast.expr) -> Fraction | None:
    """A number such as 2, -1/2 or (1/2)."""
    match tree:
        case ast.Constant(int(value)):
            return Fraction(value)
        case ast.UnaryOp(ast.USub(), ast.Constant(int(value))):
            return Fraction(-value)
        case ast.BinOp(left, ast.Div(), ast.Constant(int(divisor))):
            dividend = _number(left)
            return None if dividend is None else dividend / divisor
        case ast.Call(ast.Name("_"), [inner]):
            return _number(inner)
    return None


def _axes(tree: ast.expr) -> dict[str, Any]:
    """The axes that a shape (T, B, n) tells: of time steps, of sequences, and the others."""
    sizes = _sizes(tree)
    time = sizes[:1] == (STEPS,)
    batch = sizes[time : time + 1] == (SEQUENCES,)
    return {"sizes": sizes[time + batch :], "time": time, "batch": batch}


def _sizes(tree: ast.expr) -> Sizes:
    assert isinstance(tree, ast.Call)
    return tuple(map(_size, tree.args))


OF_SIZES = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}
OF_SIZES |= {ast.Div: operator.truediv, ast.Pow: operator.pow}


def _size(tree: ast.expr) -> Expr:
    match tree:
        case ast.Constant(int(value)):
            return Integer(value)
        case ast.Name(name):
            return dimension(name)
        case ast.UnaryOp(ast.USub(), operand):
            return -_size(operand)
        case ast.BinOp(left, operation, right):
            return OF_SIZES[type(operation)](_size(left), _size(right))
        case ast.Call(ast.Name("_"), [inner]):
            return _size(inner)
    raise AssertionError(f"no size: {ast.unparse(tree)}")
