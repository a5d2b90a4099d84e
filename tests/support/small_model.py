"""The file of a small cell: one state, one weight."""

from __future__ import annotations

SMALL = """\
[dimensions]
n = "units"
[inputs]
x = ["n"]
[targets]
d = ["n"]
[parameters]
W = ["n", "n"]
[states]
s = ["n"]
[equations]
s = "tanh(x[t] + s[t-1] @ W)"
[loss]
E = "sum((d[t] - s[t]) ** 2)"
"""
