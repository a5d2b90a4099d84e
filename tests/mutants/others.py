"""Faults in what other modules have: softmax and labels, a mask, layers, directions, a kink."""

from __future__ import annotations

from mutants.changes import assigned, scan, text, times
from mutants.mutant import Mutant

CHARACTER_ALL = "W_x W_h W_y b_h b_y h0"

CHARACTER = (
    Mutant("softmax shift wrong in the backward pass",
           "the sum is not shifted as its terms are",
           text("return powers / np.sum(powers,", "return powers / np.sum(np.exp(z),"),
           CHARACTER_ALL, "elman-character"),
    Mutant("softmax over the batch", "the sum runs over all sequences",
           text("return powers / np.sum(powers, axis=axis, keepdims=True)",
                "return powers / np.sum(powers, axis=(-2, -1), keepdims=True)"),
           CHARACTER_ALL, "elman-character"),
    Mutant("softmax's derivative once more", "p (1 - p) after p - d",
           times("dy", "softmax(y) * (1 - softmax(y))"), CHARACTER_ALL, "elman-character"),
    Mutant("one-hot off by one", "the label behind the one that is meant",
           assigned("dy", "one_hot(d,", "one_hot((d + 1) % m,"), CHARACTER_ALL, "elman-character"),
    Mutant("labels of the step before", "d_{t-1} for d_t",
           assigned("dy", "one_hot(d,", "one_hot(np.roll(d, 1, axis=0),"),
           "W_x W_h W_y b_h h0", "elman-character"),
    Mutant("one-hot input off by one", "in dW_x",
           assigned("dW_x", "(x,", "((x + 1) % m,"), "W_x", "elman-character"),
    Mutant("targets left out of a bias", "db_y sums the softmax alone",
           assigned("db_y", "dy", "softmax(y)"), "b_y", "elman-character"),
)  # fmt: skip

MASKED = (
    Mutant("mask forgotten in the loss", "steps behind the end count",
           assigned("dy", "-2 * mask", "-2"), "W_y W_s W_x s0 x", masked=True),
    Mutant("mask forgotten in the step", "states behind the end move",
           assigned("dz[t]", "ds * mask[t]", "ds"), "W_s W_x s0 x",
           loss="last", masked=True),
    Mutant("state not kept", "behind the end nothing goes back",
           assigned("ds_next", " + ds * (1 - mask[t])", ""), "W_s W_x s0 x",
           loss="last", masked=True),
    Mutant("mask of the step after", "in the step",
           assigned("dz[t]", "mask[t]", "mask[min(t + 1, T - 1)]"), "W_s W_x s0 x", masked=True),
    Mutant("mask for its complement", "states are kept where there is a step",
           assigned("ds_next", "1 - mask[t]", "mask[t]"), "W_s W_x s0 x", masked=True),
    Mutant("last loss masked", "as if a sequence that has ended had no output",
           assigned("dW_y", "s[-1]", "(s[-1] * mask[-1])"), "W_y", loss="last", masked=True),
)  # fmt: skip

STACKED = (
    Mutant("upper layer not passed down", "the lower layer gets nothing",
           assigned("ds", "db[t] @ V_1.T + ", ""), "U W_1 s0 x", "stacked"),
    Mutant("upper layer a step late", "dz_{t+1} for dz_t in the lower layer",
           assigned("ds", "db[t]", "db[min(t + 1, T - 1)]"), "U W_1 s0 x", "stacked"),
    Mutant("state before the step between layers", "s_{t-1} for s_t in dV_1",
           assigned("dV_1", "(s,", "(s_previous,"), "V_1", "stacked"),
    Mutant("state after the step in the upper layer", "z_t for z_{t-1} in dW_2",
           assigned("dW_2", "z_previous", "z"), "W_2", "stacked"),
)  # fmt: skip

BIDIRECTIONAL = (
    Mutant("reverse scan backward in time", "both loops run from the last step",
           scan("db", "reversed(range(T))"),
           "W_b U_b b0 x", "bidirectional"),
    Mutant("reverse scan's neighbour on the wrong side", "b_{t-1} for b_{t+1} in dU_b",
           assigned("dU_b", "b_following", "np.roll(b, 1, axis=0)"), "U_b", "bidirectional"),
    Mutant("direction left out", "the output does not reach the reverse scan",
           assigned("db", "dy[t] @ V_b.T + ", ""), "W_b U_b b0 x", "bidirectional"),
    Mutant("initial states exchanged", "of the two directions",
           text("InitialState(df0, db0)", "InitialState(db0, df0)"), "f0 b0", "bidirectional"),
)  # fmt: skip

INDRNN = (
    Mutant("relu' lost", "dz is dh", assigned("dz[t]", "", "dh"), "W u b h0 x", "indrnn"),
    Mutant("relu' before the step", "at the state before the step",
           assigned("dz[t]", "z[t]", "h_previous[t]"), "W u b h0 x", "indrnn"),
    Mutant("diagonal not summed over the batch", "du over time alone",
           assigned("du", "(0, 1)", "0"), "u", "indrnn"),
    Mutant("diagonal by the state after", "h_t for h_{t-1} in du",
           assigned("du", "h_previous", "h"), "u", "indrnn"),
)  # fmt: skip

ATTENTION = (
    Mutant("matrix state not carried", "dS of each step alone",
           times("dS_next", "0"), "W_k W_v x", "linear-attention"),
    Mutant("normaliser not carried", "du of each step alone",
           times("du_next", "0"), "W_k x", "linear-attention"),
    Mutant("query for the key", "in the outer product",
           assigned("dv", ", a,", ", q,"), "W_v x", "linear-attention"),
)  # fmt: skip

OTHERS = (*CHARACTER, *MASKED, *STACKED, *BIDIRECTIONAL, *INDRNN, *ATTENTION)
