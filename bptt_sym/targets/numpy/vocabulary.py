"""What emitted modules are made of: the closed lists by which a file is told to be one.

No word of them opens a file, starts a process or reaches what is around a module; whatever is made
of them alone, and of names of its own, can do nothing but compute.
"""

from __future__ import annotations

import ast

IMPORTS = frozenset({
    "from __future__ import annotations",
    "from collections.abc import Generator, Iterable, Mapping",
    "from collections.abc import Iterable, Mapping",
    "from collections.abc import Mapping",
    "from contextlib import nullcontext",
    "from threading import Lock",
    "from typing import Any, NamedTuple",
    "import functools",
    "import math",
    "import numpy as np",
    "import numpy.typing as npt",
})  # fmt: skip

NODES: tuple[type[ast.AST], ...] = (
    ast.Module, ast.Import, ast.ImportFrom, ast.alias,
    ast.ClassDef, ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Raise,
    ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.For, ast.If, ast.With, ast.withitem,
    ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Call, ast.keyword, ast.IfExp,
    ast.Attribute, ast.Subscript, ast.Slice, ast.Name, ast.Constant, ast.Starred,
    ast.Tuple, ast.List, ast.Dict, ast.JoinedStr, ast.FormattedValue,
    ast.Yield, ast.ListComp, ast.DictComp, ast.GeneratorExp, ast.comprehension,
    ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context,
)  # fmt: skip

BUILTINS = frozenset({
    "RuntimeError", "SystemExit", "TypeError", "ValueError", "__name__", "all", "any", "bool",
    "complex", "dict", "enumerate", "float", "getattr", "int", "isinstance", "len", "list", "map",
    "max", "min", "next", "object", "print", "property", "range", "reversed", "str", "sum", "super",
    "tuple", "type", "zip",
})  # fmt: skip

MODULES: dict[str, frozenset[str]] = {
    "np": frozenset({
        "abs", "add", "any", "arange", "arctan", "argmax", "argsort", "array", "asarray",
        "ascontiguousarray", "broadcast_shapes", "broadcast_to", "can_cast", "ceil",
        "complex64", "concatenate", "copyto", "cos", "cosh", "cumsum", "diag", "divide",
        "dot", "dtype", "einsum", "empty", "empty_like", "equal", "exp", "expm1", "eye",
        "flip", "float16", "float64", "floor", "floor_divide", "full", "imag", "integer",
        "iscomplexobj", "linalg", "log", "log1p", "logical_not", "matmul", "max", "maximum",
        "mean", "min", "minimum", "mod", "moveaxis", "multiply", "ndindex", "negative",
        "ones", "outer", "random", "real", "result_type", "rint", "shape", "sign", "sin",
        "sinh", "sqrt", "stack", "subtract", "sum", "swapaxes", "take", "tanh", "tensordot",
        "unique", "unravel_index", "var", "where", "zeros", "zeros_like",
    }),
    "npt": frozenset({"ArrayLike", "DTypeLike", "NDArray"}),
    "math": frozenset({"isqrt", "pi", "prod", "sqrt"}),
    "functools": frozenset({"lru_cache"}),
}  # fmt: skip
"""Of each module that is imported, what is used."""

WITHIN_MODULES: dict[str, frozenset[str]] = {
    "linalg": frozenset({"det", "inv", "qr", "slogdet", "solve"}),
    "random": frozenset({"Generator", "default_rng"}),
}
"""What is used of the modules within NumPy."""

METHODS = frozenset({
    "T", "append", "astype", "copy", "dtype", "get", "imag", "index", "integers", "isdigit",
    "isidentifier", "items", "join", "kind", "max", "min", "ndim", "pop", "reduceat",
    "removeprefix", "reshape", "send", "setdefault", "shape", "size", "split", "standard_normal",
    "startswith", "sum", "swapaxes", "tolist", "type", "uniform", "values",
    "_asdict", "_fields", "_make", "_replace",
})  # fmt: skip
"""The methods and attributes of what Python and NumPy make."""

SPECIAL = frozenset({"__enter__", "__exit__", "__init__", "__reduce__"})
"""The methods with two underscores that a class has."""
