"""Faults in the functions beside ``value_and_grad``, and in its options."""

from __future__ import annotations

from mutants.changes import text
from mutants.mutant import Mutant

STEPS = (
    Mutant("step hands on the state before", "the State that it was given",
           text("    np.copyto(s_past, s)\n", ""),
           "step", style="fast"),
    Mutant("step of another input", "that of the first sequence for all",
           text("np.asarray(array)[None]", "np.asarray(array)[None] * 0 + np.asarray(array)[:1]"),
           "step", style="fast"),
    Mutant("initial state of zeros", "not of the argument",
           text("return State(np.array(s0))", "return State(np.zeros_like(s0))"),
           "step", style="fast"),
    Mutant("states exchanged", "c for h and h for c in initial_state",
           text("State(np.array(h0), np.array(c0))", "State(np.array(c0), np.array(h0))"),
           "step", "lstm", style="fast"),
)  # fmt: skip

OPTIONS = (
    Mutant("workspace not cleared", "the gradient of the last call is in that of the next",
           text("return at_once(params, unpadded(arrays, workspace), workspace, start, until)\n",
                "found = at_once(params, unpadded(arrays, workspace), workspace, start, until)\n"
                "        before = getattr(workspace, 'before', found.gradients)\n"
                "        workspace.before = found.gradients\n"
                "        return found._replace(gradients=added(before, found.gradients))\n"),
           "workspace", style="fast"),
    Mutant("checkpoint a step late", "states kept behind the step that they belong to",
           text("states.append(state_at(parts.work(end - begin), end - begin))",
                "states.append(state_at(parts.work(end - begin), end - begin - 1))"),
           "checkpoint", style="fast"),
    Mutant("checkpoints not joined", "nothing goes back from one part to the part before",
           text("final=by_following, weight", "final=None, weight"), "checkpoint", style="fast"),
    Mutant("inputs of parts one over the other", "all where the first part begins",
           text("self.add_inputs(found[0], [begin])", "self.add_inputs(found[0], [0])"),
           "checkpoint", style="fast"),
    Mutant("window one short", "the window of all steps drops the last of them",
           text('spans(*((window, "window")', 'spans(*((window - 1, "window")'),
           "window", style="fast"),
    Mutant("padding in the loss", "what lies behind the end of a sequence is read",
           text("    d = without_padding(d, mask)\n    # E_t", "    # E_t"), "mask", masked=True),
    Mutant("parameters of another shape", "rows for columns in what is drawn",
           text("W_y=normal(n, k)", "W_y=normal(k, n)"),
           "init_parameters"),
)  # fmt: skip

FUNCTIONS = (*STEPS, *OPTIONS)
