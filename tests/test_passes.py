"""What each pass does: a text before it and a text after it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.graph_text import read
from support.same_graph import is_same

from bptt_sym.graph.check import check
from bptt_sym.graph.graph import Graph
from bptt_sym.passes.distribute import distribute
from bptt_sym.passes.expand import expand
from bptt_sym.passes.remember import with_stores
from bptt_sym.passes.share import share
from bptt_sym.passes.stack import stack
from bptt_sym.passes.unweighted import unweighted
from bptt_sym.targets.text.listing import listing

LEAVES = """
given x (T, B, m)
given u (T, B, n)
given c (T, B, n)
labels d (T, B)
parameter W (m, n)
parameter V (m, n)
parameter U (n, n)
parameter R (n, n)
parameter Q (n, n)
parameter a (n,)
parameter b (n,)
"""

RECURRENT = """
h[0]          (B, n) = initial(h[0])
dh_back[T+1]  (B, n) = spread(0)
kept h
not kept z
"""


def assert_becomes(rewrite: Callable[[Graph], Graph], before: str, after: str) -> None:
    """A pass makes the one of the other, and nothing of what it has made."""
    graph = read(LEAVES + before, canonical=rewrite is not expand)
    check(graph)
    found = rewrite(graph)
    check(found)
    assert is_same(found, read(LEAVES + after)), listing(found)


def assert_stays(rewrite: Callable[[Graph], Graph], text: str) -> None:
    assert_becomes(rewrite, text, text)


# Expansion.


@pytest.mark.parametrize(
    ("power", "expanded"), [("x ** 2", "x * x"), ("x ** 3", "x * x * x"), ("x ** -1", "x ** -1")]
)
def test_small_powers_are_products(power, expanded):
    assert_becomes(expand, f"E = total({power})", f"E = total({expanded})")


def test_a_softmax_and_its_logarithm_share_exponentials():
    assert_becomes(
        expand,
        """
        p = softmax(x)
        E = total(p * log_softmax(x)) + total(logsumexp(x))
        """,
        """
        largest = largest(x)
        shifted = x - largest
        powers  = exp(shifted)
        sum     = entries(powers)
        log     = log(sum)
        E = (total(largest) + total(log)) + total((shifted - log) * (powers / sum))
        """,
    )


def test_the_total_of_a_sum_is_a_sum_of_totals():
    assert_becomes(expand, "E = total(u * c - 2 * c)", "E = -2 * total(c) + total(u * c)")


@pytest.mark.parametrize("term", ["b", "1", "entries(c)"])
def test_the_total_of_a_sum_counts_a_term_that_is_spread_as_often_as_before(term):
    assert_stays(expand, f"E = total({term} + u)")


def test_a_name_for_what_has_one_is_left_out():
    assert_becomes(
        expand,
        """
        h = tanh(u)
        y = named(h, of=y)
        E = total(y)
        kept h, y
        """,
        """
        h = tanh(u)
        y = h
        E = total(h)
        kept h, y
        """,
    )


@pytest.mark.parametrize(
    ("signs", "simple"),
    [("-(-a)", "a"), ("u - (-a)", "u + a"), ("-(-2 * a)", "2 * a")],
)
def test_two_signs_cancel(signs, simple):
    assert_becomes(expand, f"E = total(exp({signs}))", f"E = total(exp({simple}))")


def test_zeros_are_left_out_of_sums():
    zero = "spread(0, shape=(T, B, n))"
    assert_becomes(expand, f"E = total((u + {zero}) * c)", "E = total(u * c)")
    assert_stays(expand, f"E = total((b + {zero}) * c)")


# Sharing.


def test_tanh_is_a_squash():
    assert_becomes(share, "E = total(tanh(u))", "E = total(squash(u, factor=1, shift=0))")


def test_a_sigmoid_is_a_hyperbolic_tangent_with_the_half_in_the_weights():
    assert_becomes(
        share,
        "E = total(sigmoid(1 + u + x @ W + b))",
        """
        z = 1/2 + 1/2 * u + x @ (1/2 * W) + (1/2 * b)
        E = total(squash(z, factor=1/2, shift=1/2))
        """,
    )


def test_the_half_stays_before_a_sum_that_something_else_reads():
    assert_becomes(
        share,
        """
        z = u + x @ W
        E = total(z * sigmoid(z))
        """,
        """
        z = u + x @ W
        E = total(z * squash(1/2 * z, factor=1/2, shift=1/2))
        """,
    )


def test_the_half_stays_before_a_product_that_something_else_reads():
    assert_becomes(
        share,
        """
        v = x @ W
        E = total(v * sigmoid(u + v))
        """,
        """
        v = x @ W
        E = total(v * squash(1/2 * u + 1/2 * v, factor=1/2, shift=1/2))
        """,
    )


def test_the_half_of_what_is_computed_once_stays_before_it():
    assert_becomes(
        share,
        "E = total(u * sigmoid(a + b))",
        "E = total(u * squash(1/2 * (a + b), factor=1/2, shift=1/2))",
    )


@pytest.mark.parametrize("wanted", ["u / {}", "log({})", "sqrt({})", "({}) ** -1"])
def test_a_sigmoid_is_accurate_where_its_digits_are_wanted(wanted):
    accurate = "(exp(min(u, 0)) / (1 + exp(min(u, -u))))"
    assert_becomes(
        share,
        f"E = total({wanted.format('sigmoid(u)')})",
        f"E = total({wanted.format(accurate)})",
    )


# Time distribution.


def test_what_does_not_depend_on_the_loop_is_taken_out_of_its_sums():
    assert_becomes(
        distribute,
        """
        h[0] (B, n) = initial(h[0])
        h = tanh(x @ W + h[t-1] @ U + b)
        E = total(h)
        kept h
        """,
        """
        h[0] (B, n) = initial(h[0])
        at_once = b + x @ W
        h = tanh(h[t-1] @ U + at_once)
        E = total(h)
        kept h
        """,
    )


def test_a_number_is_taken_out_of_the_loop_with_what_it_multiplies():
    assert_becomes(
        distribute,
        """
        h[0] (B, n) = initial(h[0])
        h = h[t-1] @ U + 2 * u
        E = total(h)
        kept h
        """,
        """
        h[0] (B, n) = initial(h[0])
        at_once = 2 * u
        h = h[t-1] @ U + at_once
        E = total(h)
        kept h
        """,
    )


def test_what_does_not_depend_on_the_loop_is_taken_out_of_its_products():
    assert_becomes(
        distribute,
        """
        h[0] (B, n) = initial(h[0])
        h = (h[t-1] * u) * (1 - c)
        E = total(h)
        kept h
        """,
        """
        h[0] (B, n) = initial(h[0])
        at_once = (1 - c) * u
        h = h[t-1] * at_once
        E = total(h)
        kept h
        """,
    )


def test_a_product_that_something_else_reads_stays():
    assert_stays(
        distribute,
        """
        h[0] (B, n) = initial(h[0])
        v = h[t-1] * u
        h = v * b
        E = total(h) + total(tanh(v))
        kept h
        """,
    )


def test_a_product_that_is_kept_stays():
    assert_stays(
        distribute,
        """
        y = u * b
        E = total(y * c)
        kept y
        """,
    )


def test_a_number_for_each_sequence_is_not_spread_before_it_must_be():
    assert_stays(distribute, "E = total((entries(u) * entries(c)) * u)")


def test_a_product_keeps_its_number():
    assert_stays(distribute, "E = total(-1/2 * u * c)")


# Stacking.


def test_gates_of_one_vector_are_one_product():
    assert_becomes(
        stack,
        "E = total(tanh(x @ W) * exp(x @ V))",
        """
        gates = x @ beside(V, W)
        E = total(tanh(part(gates, number=1, of=(n, n))) * exp(part(gates, number=0, of=(n, n))))
        """,
    )


def test_the_same_is_done_to_parts_that_are_neighbours():
    assert_becomes(
        stack,
        "E = total(tanh(u @ U) * exp(u @ R) * tanh(u @ Q))",
        """
        gates = u @ beside(R, U, Q)
        p = part(gates, number=0, of=(n, n, n))
        q = part(gates, number=1, of=(n, n, n))
        r = part(gates, number=2, of=(n, n, n))
        E = total(tanh(r) * exp(p) * tanh(q))
        """,
    )


def test_rows_of_one_label_are_one():
    assert_becomes(
        stack,
        "E = total(tanh(gather(d, W)) * exp(gather(d, V)))",
        """
        gates = gather(d, beside(V, W))
        E = total(tanh(part(gates, number=1, of=(n, n))) * exp(part(gates, number=0, of=(n, n))))
        """,
    )


def test_products_that_are_added_are_one_of_vectors_side_by_side():
    assert_becomes(
        stack,
        "E = total((u * u) @ U + (1 + u) @ R + c)",
        "E = total(join(1 + u, u * u) @ above(R, U) + c)",
    )


def test_weight_gradients_with_one_side_in_common_are_one_product():
    assert_becomes(
        stack,
        """
        E = total(u)
        dW (m, n) = result(contract(x, u * u), of=W)
        dV (m, n) = result(contract(x, 1 + u), of=V)
        """,
        """
        E = total(u)
        both = contract(x, join(1 + u, u * u))
        dW (m, n) = result(part(both, number=1, of=(n, n), axis=1), of=W)
        dV (m, n) = result(part(both, number=0, of=(n, n), axis=1), of=V)
        """,
    )


def test_vectors_that_are_side_by_side_for_one_product_are_so_for_all():
    assert_becomes(
        stack,
        """
        a = 1 + u
        b = u * u
        E = total(a @ U + b @ R)
        dW (m, n) = result(contract(x, a), of=W)
        dV (m, n) = result(contract(x, b), of=V)
        dQ   (n,) = result(batch_sum(a), of=Q)
        db   (n,) = result(batch_sum(b), of=b)
        """,
        """
        ab = join(1 + u, u * u)
        E = total(ab @ above(U, R))
        both = contract(x, ab)
        sums = batch_sum(ab)
        dW (m, n) = result(part(both, number=0, of=(n, n), axis=1), of=W)
        dV (m, n) = result(part(both, number=1, of=(n, n), axis=1), of=V)
        dQ   (n,) = result(part(sums, number=0, of=(n, n)), of=Q)
        db   (n,) = result(part(sums, number=1, of=(n, n)), of=b)
        """,
    )


@pytest.mark.parametrize(
    "text",
    [
        "E = total(tanh(x @ W) * tanh(u @ U))",
        "E = total(tanh(x @ W) * tanh(x @ outer(x, u)))",
        "E = total((1 + u) @ U - (u * u) @ R)",
        "E = total(c @ U + u @ R)",
        """
        v = (1 + u) @ U
        E = total(v + (u * u) @ R) + total(exp(v))
        """,
        """
        h[0] (B, n) = initial(h[0])
        p = 1 + h[t-1]
        q = u * h[t-1]
        h = tanh(p * q)
        E = total(p @ U + q @ R)
        kept h
        """,
    ],
    ids=["vectors", "matrices", "signs", "leaves", "read twice", "out of the loop"],
)
def test_other_products_stay_apart(text):
    assert_stays(stack, text)


# What is read at other time steps.


def test_a_state_is_stored_and_what_is_handed_back_is_carried():
    assert_becomes(
        with_stores,
        RECURRENT
        + """
        z = x @ W + h[t-1]
        h = tanh(z)
        E = total(h)
        dh = dE + dh_back[t+1]
        dz = dh * (1 - h * h)
        dh_back = dz
        dh0 = final(of=dh_back)
        """,
        RECURRENT
        + """
        z = x @ W + h[t-1]
        h (T, B, n) = state(tanh(z), of=h)
        E = total(h)
        dh = dE + dh_back[t+1]
        dz = dh * (1 - h * h)
        dh_back (T, B, n) = carried(dz, of=dh_back)
        dh0 = final(of=dh_back)
        """,
    )


def test_what_is_handed_back_is_stored_where_something_outside_the_loop_reads_it():
    before = (
        RECURRENT
        + """
        h       (T, B, n) = tanh(h[t-1] + u)
        E                 = total(h)
        dh_back (T, B, n) = {}
        db           (n,) = result(batch_sum(dh_back), of=b)
        """
    )
    value = "dh_back[t+1] * (1 - h * h)"
    stored = before.replace("tanh(h[t-1] + u)", "state(tanh(h[t-1] + u), of=h)")
    assert_becomes(with_stores, before.format(value), stored.format(f"state({value}, of=dh_back)"))


def test_what_nothing_reads_of_what_is_handed_back_is_not_stored():
    text = (
        RECURRENT
        + """
        h       (T, B, n) = {}
        E                 = total(h)
        dh_back           = dE * c
        db           (n,) = result(batch_sum(dh_back), of=b)
        """
    )
    value = "tanh(h[t-1] + u)"
    assert_becomes(with_stores, text.format(value), text.format(f"state({value}, of=h)"))


def test_what_no_later_iteration_reads_is_no_part_of_a_loop_and_is_stored():
    text = """
        h[0]          (B, n) = initial(h[0])
        g[0]          (B, n) = initial(g[0])
        dh_back[T+1]  (B, n) = spread(0)
        dg_back[T+1]  (B, n) = spread(0)
        kept h, g
        h        (T, B, n) = {}
        g        (T, B, n) = {}
        E                  = total(h)
        back               = u * dh_back[t+1]
        dh_back  (T, B, n) = {}
        dg_back  (T, B, n) = {}
        dh0                = final(of=dh_back)
        dg0                = final(of=dg_back)
        """
    assert_becomes(
        with_stores,
        text.format("u * h[t-1]", "exp(u)", "back", "back"),
        text.format(
            "state(u * h[t-1], of=h)",
            "state(exp(u), of=g)",
            "carried(back, of=dh_back)",
            "state(back, of=dg_back)",
        ),
    )


def test_what_is_handed_from_one_step_to_the_next_but_one_is_copied():
    text = """
        h[0]           (B, n) = initial(h[0])
        h[-1]          (B, n) = initial(h[-1])
        dh_back[T+1]   (B, n) = spread(0)
        dh_back2[T+1]  (B, n) = spread(0)
        kept h
        h         (T, B, n) = {}
        E                   = total(h)
        dh_back   (T, B, n) = {}
        dh_back2  (T, B, n) = {}
        dh0                 = final(of=dh_back)
        """
    value, handed_on, handed_back = "u * h[t-2]", "dh_back2[t+1]", "u * dh_back[t+1]"
    copy = f"spread({handed_on}, shape=(T, B, n))"
    assert_becomes(
        with_stores,
        text.format(value, f"named({handed_on}, of=dh_back)", handed_back),
        text.format(
            f"state({value}, of=h)",
            f"carried(named({handed_on}, of=dh_back), of=dh_back)",
            f"carried({handed_back}, of=dh_back2)",
        ),
    )
    assert_becomes(
        with_stores,
        text.format(value, handed_on, handed_back),
        text.format(
            f"state({value}, of=h)",
            f"carried({copy}, of=dh_back)",
            f"carried({handed_back}, of=dh_back2)",
        ),
    )


def test_an_input_that_is_read_later_is_stored():
    begin = "x[0] (B, m) = initial(x[0])\n"
    assert_becomes(
        with_stores,
        begin + "E = total(x * x[t-1])",
        begin + "stored (T, B, m) = state(x, of=x)\nE = total(stored * x[t-1])",
    )


# The losses of all time steps count alike.


def test_the_seed_becomes_one():
    assert_becomes(
        unweighted,
        """
        y = x @ W
        E = total(y * y)
        dy = 2 * weighted(y)
        dW (m, n) = result(contract(x, dy), of=W)
        kept y
        """,
        """
        y = x @ W
        E = total(y * y)
        dy = 2 * y
        dW (m, n) = result(contract(x, dy), of=W)
        kept y
        """,
    )


def test_one_is_spread_where_all_its_entries_are_needed():
    assert_becomes(
        unweighted,
        """
        E = total(u)
        db (n,) = result(batch_sum(spread(dE, shape=(T, B, n))), of=b)
        """,
        """
        E = total(u)
        db (n,) = result(batch_sum(spread(1, shape=(T, B, n))), of=b)
        """,
    )


def test_what_is_the_same_for_all_is_counted():
    """Once for each sequence at each of the T steps."""
    assert_becomes(
        unweighted,
        """
        E = total(u)
        db (n,) = result(batch_sum(dE * b), of=b)
        da (n,) = result(batch_sum(last(dE) * a), of=a)
        """,
        """
        E = total(u)
        db (n,) = result(size(T*B) * b, of=b)
        da (n,) = result(size(B) * a, of=a)
        """,
    )


def test_what_has_a_name_keeps_its_axes_and_a_node_of_its_own():
    text = """
        y = u + b
        p = exp(y)
        E = total(p)
        dp (T, B, n) = {}
        dy (T, B, n) = {}
        db (n,) = result(batch_sum(dp * dy), of=b)
        kept y, p
        """
    assert_becomes(
        unweighted,
        text.format("dE * b", "weighted(p)"),
        text.format("spread(b, shape=(T, B, n))", "named(p, of=dy)"),
    )
