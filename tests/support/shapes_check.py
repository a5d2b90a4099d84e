"""What level jacobian says last: rows in the shape of parameters, and gradients as sums of them."""

from __future__ import annotations

from typing import Any

import numpy as np

import bptt_sym as b
from bptt_sym.algebra.expressions import TIME, Adjoint, Gradient, Integer, MatrixExpr, at_step
from bptt_sym.derivation.derivation import Derivation
from support.cell_values import CellValues, instances


def assert_shapes(values: CellValues, matrices: Derivation) -> dict[MatrixExpr, Any]:
    """Both sides of each equation are equal, with the adjoints of level adjoint; the gradients.

    A line for a factor holds at each step at which there is this adjoint.
    """
    adjoints = b.derive(values.model, level="adjoint", steps=values.steps, loss=values.loss)
    values.adjoints(adjoints, general=False)
    found = {}
    for section in matrices.sections:
        if section.topic != "shapes" or values.steps < section.fewest_steps:
            continue
        for equation in section.equations:
            pairs = list(instances(equation, values.steps))
            if equation.meaning[1] == "factor":
                steps = map(Integer, range(1, values.steps + 1))
                pairs = [tuple(at_step(s, TIME, t) for s in pairs[0]) for t in steps]
            for left, right in pairs:
                if isinstance(left, Gradient):
                    found[left.by] = values.value(right)
                elif left.atoms(Adjoint) <= values.defined.keys():
                    assert left.shape == right.shape
                    one, other = np.asarray(values.value(left)), np.asarray(values.value(right))
                    assert np.allclose(one, other, rtol=1e-9, atol=1e-12), equation.meaning
    return found
