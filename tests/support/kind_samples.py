"""A sample of every kind of node of the graph: its text and its shape."""

from __future__ import annotations

CONTEXT = """
given x (T, B, m)
given u (T, B, n)
labels d (T, B)
parameter W (m, n)
parameter V (m, n)
parameter b (n,)
parameter M (n, n)
h[0]         (B, n) = initial(h[0])
dh_back[T+1] (B, n) = spread(0)
h = tanh(u + h[t-1])
dh_back = u * dh_back[t+1]
E = total(h)
kept h
"""
"""What samples are made of: vectors of each sequence, labels, parameters, a state."""

KIND_SAMPLES = {
    "number": ("-1/2", "()"),
    "size": ("size(T*B)", "()"),
    "pi": ("pi()", "()"),
    "closing": ("closing()", "()"),
    "parameter": ("W", "(m, n)"),
    "given": ("x", "(T, B, m)"),
    "labels": ("d", "(T, B)"),
    "initial": ("initial(h[0], shape=(B, n))", "(B, n)"),
    "identity": ("identity(shape=(n, n))", "(n, n)"),
    "seed": ("dE", "(T, B, 1)"),
    "lagged": ("h[t-1]", "(T, B, n)"),
    "final": ("final(of=dh_back)", "(B, n)"),
    "state": ("state(exp(u), of=h, shape=(T, B, n))", "(T, B, n)"),
    "carried": ("carried(exp(u), of=dh_back, shape=(T, B, n))", "(T, B, n)"),
    "last": ("last(u)", "(B, n)"),
    "ending": ("ending(last(u), shape=(T, B, n))", "(T, B, n)"),
    "named": ("named(u, of=dh)", "(T, B, n)"),
    "squash": ("squash(u, factor=1/2, shift=1/2)", "(T, B, n)"),
    "sum": ("1 - 2 * u + b", "(T, B, n)"),
    "times": ("-1/2 * u * b", "(T, B, n)"),
    "divide": ("b / size(T)", "(n,)"),
    "power": ("u ** (1/2)", "(T, B, n)"),
    "apply": ("exp(u)", "(T, B, n)"),
    "extremum": ("max(u, 0)", "(T, B, n)"),
    "modulo": ("modulo(u, b)", "(T, B, n)"),
    "choice": ("where(b >= 0, u, 1)", "(T, B, n)"),
    "comparison": ("not u > b", "(T, B, n)"),
    "stopped": ("stopped(u)", "(T, B, n)"),
    "declared": ("declared(u, u ** 2, 2 * u)", "(T, B, n)"),
    "weighted": ("weighted(u)", "(T, B, n)"),
    "spread": ("spread(b, shape=(T, B, n))", "(T, B, n)"),
    "across": ("across(u)", "(T, B, 1, n)"),
    "lift": ("lift(entries(u))", "(T, B, 1, 1)"),
    "softmax": ("softmax(u)", "(T, B, n)"),
    "log softmax": ("log_softmax(u)", "(T, B, n)"),
    "logsumexp": ("logsumexp(u)", "(T, B, 1)"),
    "layer norm": ("layer_norm(u)", "(T, B, n)"),
    "inverse deviation": ("inverse_deviation(u)", "(T, B, 1)"),
    "variance": ("variance(outer(x, u), axis=-2)", "(T, B, n)"),
    "rms norm": ("rms_norm(outer(x, u), axis=-2)", "(T, B, m, n)"),
    "inverse rms": ("inverse_rms(u)", "(T, B, 1)"),
    "greatest": ("greatest(outer(x, u), axis=-1)", "(T, B, m)"),
    "least": ("least(u)", "(T, B, 1)"),
    "greatest share": ("greatest_share(u)", "(T, B, n)"),
    "least share": ("least_share(u)", "(T, B, n)"),
    "norm": ("norm(u)", "(T, B, 1)"),
    "direction": ("direction(u)", "(T, B, n)"),
    "cumulative sum": ("cumulative_sum(u, backward=1)", "(T, B, n)"),
    "reshaped": ("reshaped(W, sizes=(m*n,))", "(m*n,)"),
    "entries": ("entries(u)", "(T, B, 1)"),
    "axis sum": ("axis_sum(W, axis=-2)", "(n,)"),
    "largest": ("largest(u)", "(T, B, 1)"),
    "join": ("join(x, u)", "(T, B, m + n)"),
    "part": ("part(join(x, u), number=1, of=(m, n))", "(T, B, n)"),
    "slice": ("slice(x, start=1, stop=m)", "(T, B, m - 1)"),
    "pad": ("pad(u, start=1, size=3*n)", "(T, B, 3*n)"),
    "dot": ("x @ W", "(T, B, n)"),
    "outer": ("outer(x, u)", "(T, B, m, n)"),
    "transpose": ("W.T", "(n, m)"),
    "inverse": ("inverse(M)", "(n, n)"),
    "solution": ("solution(M, u)", "(T, B, n)"),
    "log determinant": ("log_determinant(M, shape=(1,))", "(1,)"),
    "determinant": ("determinant(M, shape=(1,))", "(1,)"),
    "head dot": ("head_dot(W, W.T, heads=2)", "(m, m)"),
    "head transpose": ("head_transpose(W, heads=2)", "(2*n, m/2)"),
    "head contract": ("head_contract(outer(x, u), outer(x, u), heads=m)", "(m*n, n)"),
    "head spread": (
        "head_spread(b, own=1, own_rows=1, heads=2, rows=m, columns=n)",
        "(2*m, n)",
    ),
    "head sum": ("head_sum(W, heads=m, own=m, rows=1, columns=1)", "(m,)"),
    "beside": ("beside(W, V)", "(m, 2*n)"),
    "above": ("above(W, V)", "(2*m, n)"),
    "one hot": ("one_hot(d, size=m)", "(T, B, m)"),
    "gather": ("gather(d, W)", "(T, B, n)"),
    "contract": ("contract(x, u)", "(m, n)"),
    "scatter": ("scatter(d, u, size=m)", "(m, n)"),
    "batch sum": ("batch_sum(u)", "(n,)"),
    "time sum": ("time_sum(u)", "(B, n)"),
    "total": ("total(u)", "()"),
    "stack": ("stack(final(of=dh_back), last(u), shape=(B, n))", "(B, n)"),
    "result": ("result(contract(x, u), of=W, shape=(m, n))", "(m, n)"),
}
