"""Models of as many equations as are asked for, of which benchmarks and tests are."""

from __future__ import annotations

from itertools import pairwise

MODEL = """
title = "Growth"
[dimensions]
n = "units"
[inputs]
x = ["n"]
[targets]
d = ["n"]
[parameters]
w = ["n"]
[states]
h = ["n"]
[equations]
{equations}
[loss]
E = "sum((d[t] - h[t]) ** 2)"
"""


def in_a_row(count: int) -> str:
    """A model whose step is a chain of equations."""
    names = [*(f"a{k}" for k in range(count - 2)), "h"]
    first = f'{names[0]} = "tanh(w * x[t] + h[t-1])"'
    rest = [f'{name} = "tanh(w * {before}[t])"' for before, name in pairwise(names)]
    return MODEL.format(equations="\n".join([first, *rest]))


def all_read(count: int) -> str:
    """A model in which each equation reads the two before it: paths grow as Fibonacci's numbers."""
    names = [*(f"a{k}" for k in range(count - 2)), "h"]
    lines = [f'{names[0]} = "tanh(w * x[t] + h[t-1])"', f'{names[1]} = "tanh(w * {names[0]}[t])"']
    for first, second, name in zip(names, names[1:], names[2:], strict=False):
        lines.append(f'{name} = "tanh(w * {second}[t] + {first}[t])"')
    return MODEL.format(equations="\n".join(lines))


def nested(depth: int) -> str:
    """A model whose only equation is softmax of softmax of ..."""
    inner = "w * x[t] + h[t-1]"
    return MODEL.format(equations=f'h = "{"softmax(" * depth}{inner}{")" * depth}"')
