"""Faults in the modules of cells with gates."""

from __future__ import annotations

from dataclasses import replace

from mutants.changes import after, assigned, each, text, times
from mutants.mutant import Mutant

LSTM_ALL = " ".join(f"W_i{g} W_h{g} b_i{g} b_h{g}" for g in "ifgo") + " h0 c0 x"

LSTM = (
    Mutant("d(c) not carried", "c_t does not hand its adjoint to c_{t-1}",
           assigned("dc", " + dc_next", ""), LSTM_ALL),
    Mutant("d(h) not carried", "h_t does not hand its adjoint to h_{t-1}",
           assigned("dh", " + dh_next", ""), LSTM_ALL),
    Mutant("d(c) not through h", "c_t is reached from c_{t+1} alone",
           assigned("dc", "dh * o[t] * (1 - np.tanh(c[t]) ** 2) + ", ""), LSTM_ALL),
    Mutant("tanh' of the cell lost", "in the way from h to c",
           assigned("dc", " * (1 - np.tanh(c[t]) ** 2)", ""), LSTM_ALL),
    Mutant("tanh' by the wrong value", "1 - h^2 for 1 - tanh(c)^2",
           assigned("dc", "np.tanh(c[t]) ** 2", "h[t] ** 2"), LSTM_ALL),
    Mutant("output gate lost in d(c)", "dh tanh'(c) for dh o tanh'(c)",
           assigned("dc", "dh * o[t] * ", "dh * "), LSTM_ALL),
    Mutant("forget gate lost", "d(c) is carried unchanged",
           assigned("dc_next", " * f[t]", ""), LSTM_ALL),
    Mutant("forget gate of the step after", "f_{t+1} where f_t carries d(c)",
           assigned("dc_next", "f[t]", "f[min(t + 1, T - 1)]"), LSTM_ALL),
    Mutant("input gate for the forget gate", "d(c) is carried by i",
           assigned("dc_next", "f[t]", "i[t]"), LSTM_ALL),
    Mutant("cell after the step in df", "c_t for c_{t-1}",
           assigned("df", "c_previous[t]", "c[t]"), LSTM_ALL),
    Mutant("tanh lost in do", "dh c for dh tanh(c)",
           assigned("do", "np.tanh(c[t])", "c[t]"), LSTM_ALL),
    Mutant("cell before the step in do", "tanh(c_{t-1}) for tanh(c_t)",
           assigned("do", "c[t]", "c_previous[t]"), LSTM_ALL),
    Mutant("sigmoid' lost", "in the input gate", assigned("dz_i[t]", "", "di"), LSTM_ALL),
    Mutant("sigmoid' for tanh'", "g (1 - g) for 1 - g^2",
           assigned("dz_g[t]", "(1 - g[t] ** 2)", "g[t] * (1 - g[t])"), LSTM_ALL),
    Mutant("factors of the cell exchanged", "di by i, dg by g",
           each(assigned("dg", "i[t]", "g[t]"), assigned("di", "g[t]", "i[t]")), LSTM_ALL),
    Mutant("gate order swapped in the recurrence", "W_hi with dz_f, W_hf with dz_i",
           each(assigned("dh_next", "dz_i[t]", "dz_[t]"), assigned("dh_next", "dz_f[t]", "dz_i[t]"),
                assigned("dh_next", "dz_[t]", "dz_f[t]")), LSTM_ALL),
    Mutant("gate order swapped in the result", "i and f exchanged",
           text("dW_ii, dW_hi, db_ii, db_hi, dW_if, dW_hf, db_if, db_hf,",
                "dW_if, dW_hf, db_if, db_hf, dW_ii, dW_hi, db_ii, db_hi,"),
           "W_ii W_hi b_ii b_hi W_if W_hf b_if b_hf"),
    Mutant("gate left out of the recurrence", "dz_o W_ho^T is missing",
           assigned("dh_next", " + dz_o[t] @ W_ho.T", ""), LSTM_ALL),
    Mutant("transpose missing in one gate", "dz_g W_hg",
           assigned("dh_next", "W_hg.T", "W_hg"), LSTM_ALL),
    Mutant("two biases tied", "each has half of the gradient",
           each(times("db_ii", "0.5"), times("db_hi", "0.5")), "b_ii b_hi"),
    Mutant("second bias of another gate", "db_hf is that of the input gate",
           assigned("db_hf", "dz_f", "dz_i"), "b_hf"),
    Mutant("h after the step in dW_hi", "h_t for h_{t-1}",
           assigned("dW_hi", "h_previous", "h"), "W_hi"),
    Mutant("c for h in dW_ho", "c_{t-1} for h_{t-1}",
           assigned("dW_ho", "h_previous", "c_previous"), "W_ho"),
    Mutant("c0's gradient one step off", "d(c_1) for d(c_0)", assigned("dc0", "", "dc"), "c0"),
    Mutant("initial states exchanged", "dh0 is returned for dc0 and the other way round",
           text("InitialState(dh0, dc0)", "InitialState(dc0, dh0)"), "h0 c0"),
    Mutant("d(c) clipped before carried", "to [-0.1, 0.1], at each step",
           after("dc", "dc = np.clip(dc, -0.1, 0.1)"), LSTM_ALL),
)  # fmt: skip

PEEPHOLE_ALL = " ".join(f"{a}_{g}" for a in "WRb" for g in "zifo") + " p_i p_f p_o y0 c0 x"

PEEPHOLE = (
    Mutant("peephole of the output gate off by one", "c_{t-1} for c_t in dp_o",
           assigned("dp_o", "* c,", "* c_previous,"), "p_o"),
    Mutant("peephole of the input gate off by one", "c_t for c_{t-1} in dp_i",
           assigned("dp_i", "c_previous", "c"), "p_i"),
    Mutant("peephole of the output gate lost", "c_t is not reached through o_t",
           assigned("dc", "do_bar[t] * p_o + ", ""), PEEPHOLE_ALL),
    Mutant("peephole of the output gate carried", "as if it read c_{t-1}",
           each(assigned("dc", "do_bar[t] * p_o + ", ""),
                assigned("dc_next", "dc * f[t]", "dc * f[t] + do_bar[t] * p_o")), PEEPHOLE_ALL),
    Mutant("peepholes not carried", "c_{t-1} is not reached through i_t and f_t",
           assigned("dc_next", "di_bar[t] * p_i + df_bar[t] * p_f + ", ""), PEEPHOLE_ALL),
    Mutant("peepholes exchanged", "p_f with the input gate, p_i with the forget gate",
           assigned("dc_next", "di_bar[t] * p_i + df_bar[t] * p_f",
                    "di_bar[t] * p_f + df_bar[t] * p_i"), PEEPHOLE_ALL),
    Mutant("gate for its adjoint", "in dp_i",
           assigned("dp_i", "di_bar", "i"), "p_i"),
    Mutant("peephole not summed over the batch", "over time alone",
           assigned("dp_f", "(0, 1)", "0"), "p_f"),
    Mutant("columns taken for rows", "R_i^T for R_i",
           assigned("dy_next", "R_i", "R_i.T"), PEEPHOLE_ALL),
    Mutant("outer product the wrong way round", "x dz for dz x: dW_z is transposed",
           assigned("dW_z", "dz_bar, x", "x, dz_bar"), "W_z"),
)  # fmt: skip

GRU_ALL = " ".join(f"W_i{g} W_h{g} b_i{g} b_h{g}" for g in "rzn") + " h0 x"

GRU = (
    Mutant("sign of 1 - z lost", "dz = dh c + dh h_{t-1}",
           assigned("dz", "-dh * c[t]", "dh * c[t]"), GRU_ALL),
    Mutant("z and 1 - z exchanged", "dh z goes to the candidate",
           assigned("dc", "1 - z[t]", "z[t]"), GRU_ALL),
    Mutant("direct way lost", "h_{t-1} is not reached past the gates",
           assigned("dh_next", " + dh * z[t]", ""), GRU_ALL),
    Mutant("direct way by 1 - z", "dh (1 - z) for dh z",
           assigned("dh_next", "dh * z[t]", "dh * (1 - z[t])"), GRU_ALL),
    Mutant("state after the step in dz", "h_t for h_{t-1}",
           assigned("dz", "h_previous[t]", "h[t]"), GRU_ALL),
    Mutant("reset gate lost", "dq is that of the candidate",
           assigned("dq[t]", " * r[t]", ""), GRU_ALL),
    Mutant("reset gate before the product", "dW_hn by r h_{t-1}, as in the form of 2014",
           assigned("dW_hn", "(h_previous, dq", "(r * h_previous, da_n"), "W_hn"
           ),
    Mutant("reset gate twice", "in dq, and again in dW_hn",
           assigned("dW_hn", "(h_previous,", "(r * h_previous,"), "W_hn"),
    Mutant("two biases tied wrongly", "b_hn outside the reset: its gradient is that of b_in",
           assigned("db_hn", "dq", "da_n"), "b_hn"),
    Mutant("reset gate by h", "dr by h_{t-1} for its product with W_hn",
           assigned("dr", "q[t]", "h_previous[t]"), GRU_ALL),
    Mutant("way through the reset gate lost", "dr is zero", times("dr", "0"), GRU_ALL),
    Mutant("tanh' of the candidate lost", "da_n is dc", assigned("da_n[t]", "", "dc"), GRU_ALL),
    Mutant("transpose missing in the candidate", "dq W_hn for dq W_hn^T",
           assigned("dh_next", "W_hn.T", "W_hn"), GRU_ALL),
    Mutant("gate order of another library", "z before r in the result",
           text("dW_ir, dW_hr, db_ir, db_hr, dW_iz, dW_hz, db_iz, db_hz,",
                "dW_iz, dW_hz, db_iz, db_hz, dW_ir, dW_hr, db_ir, db_hr,"),
           "W_ir W_hr b_ir b_hr W_iz W_hz b_iz b_hz"),
)  # fmt: skip

CHO_ALL = "W_r U_r W_z U_z W U h0 x"

CHO = (
    Mutant("reset gate after the product", "(dz r) U^T for (dz U^T) r",
           assigned("dh_next", "dz_htilde[t] @ U.T * r[t]", "(dz_htilde[t] * r[t]) @ U.T"),
           CHO_ALL),
    Mutant("reset gate lost in dU", "h_{t-1} for r h_{t-1}",
           assigned("dU", "r * h_previous", "h_previous"), "U"),
    Mutant("reset gate of the step before", "r_{t-1} in dU",
           assigned("dU", "r * h_previous", "np.roll(r, 1, axis=0) * h_previous"), "U"),
    Mutant("state after the step in dr", "h_t for h_{t-1}",
           assigned("dr", "h_previous[t]", "h[t]"), CHO_ALL),
)  # fmt: skip


def _of(model: str, mutants: tuple[Mutant, ...]) -> tuple[Mutant, ...]:
    return tuple(replace(mutant, model=model) for mutant in mutants)


GATED = (
    *_of("lstm", LSTM),
    *_of("lstm-peephole", PEEPHOLE),
    *_of("gru", GRU),
    *_of("gru-cho", CHO),
)
