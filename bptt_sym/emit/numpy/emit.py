"""A program as one self-contained NumPy module."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from bptt_sym.choices import Layout, Style
from bptt_sym.compiler.compiled import compiled
from bptt_sym.derivation.derivation import Loss
from bptt_sym.emit.fingerprint import fingerprint
from bptt_sym.emit.numpy.arrays import Arrays
from bptt_sym.emit.numpy.bodies import backward_body, forward_body, loss_body, whole_loss_body
from bptt_sym.emit.numpy.compiled import FastBody, fast_body
from bptt_sym.emit.numpy.definitions import DECREED, definitions_for
from bptt_sym.emit.numpy.fitted import fitted
from bptt_sym.emit.numpy.functions import IN_PLACE
from bptt_sym.emit.numpy.initial import DRAWN, drawn_code, inits
from bptt_sym.emit.numpy.names import Names
from bptt_sym.emit.numpy.runtime_text import runtime_text
from bptt_sym.errors import InputError
from bptt_sym.program.program import Program
from bptt_sym.quoting import command_line, docstring
from bptt_sym.render.plain import ascii_text
from bptt_sym.render.typeset import typeset
from bptt_sym.templating import environment
from bptt_sym.version import MADE_BY

_SHARES: dict[Loss, str] = {"sum": "1", "mean": "(end - begin) / T", "last": "int(end == T)"}
"""What the loss of the steps from begin to end counts in that of all T."""


def numpy_module(
    program: Program,
    style: Style = "readable",
    *,
    layout: Layout | None = None,
    without: Collection[str] = (),
    numbers: Mapping[tuple[str, ...], int] | None = None,
    script: bool = True,
) -> str:
    """The source of a module with ``forward``, ``loss`` and ``value_and_grad``.

    In the style "readable" it has one statement for each equation; "fast" is for a program with a
    seed, which the compiler rewrites, all its passes but those of ``without``. Comments of the
    readable style name the ``numbers`` of equations, which are given by their meanings. As a
    ``script`` it checks its own gradients.
    """
    names, arrays = _named(program, numbers)
    jinja = environment(
        {
            "math": lambda expression: ascii_text(typeset(expression)),
            "quoted": docstring,
            "runtime": runtime_text,
            "fitted": fitted,
        }
    )
    if style == "fast":
        fast = _fast_body(program, names, arrays, layout, without)
        bodies: dict[str, Any] = {"fast": fast, "returned": arrays.written}
        lines = [*fast.prologue, *fast.forward, *fast.loss, *fast.backward, *fast.initial_state]
    else:
        blocks = {
            "forward_body": forward_body(arrays),
            "loss_body": loss_body(arrays),
            "whole_loss_body": whole_loss_body(arrays),
            "backward_body": backward_body(arrays),
        }
        bodies = {**blocks, "returned": arrays.returned}
        lines = [line for body in blocks.values() for block in body for line in block]
    code = [line for line in lines if not line.lstrip().startswith("#")]
    definitions = definitions_for(code)
    begins = inits(program.model)
    return jinja.get_template(f"numpy/{style}.py.j2").render(
        program=program,
        model=program.model,
        arrays=arrays,
        helpers=list(definitions.values()),
        declared=[name for name in DECREED if name in definitions],
        params=["params: Parameters | Mapping[str, npt.ArrayLike]"],
        share=_SHARES[program.loss_kind],
        needs_a_step=program.loss_kind != "sum",
        made_by=MADE_BY,
        fingerprint=fingerprint(program.model),
        script=script,
        drawing=[text for name, text in DRAWN.items() if name in begins.values()],
        drawn=[
            (argument, drawn_code(init, argument, of_columns=program.model.vectors == "columns"))
            for argument, init in zip(arrays.parameters, begins.values(), strict=True)
        ],
        public=_public(program, style, arrays),
        command=generate_command(program, style, layout),
        **bodies,
    )


def _public(program: Program, style: Style, arrays: Arrays) -> list[str]:
    """The names that a module is used by."""
    names = [
        "Dimensions", "Forward", "InitialState", "Parameters", "Result", "State", "forward",
        "init_parameters", "loss", "value_and_grad",
    ]  # fmt: skip
    if style == "fast":
        names.append("Workspace")
    if style == "fast" and arrays.is_onward:
        names += ["initial_state", "step"]
    if program.model.masked:
        names.append("mask_of")
    return sorted(names, key=lambda name: (name[0].islower(), name))


def numpy_calls(program: Program, layout: Layout | None = None) -> str:
    """What a fast module computes, without the functions around it: its arrays and its calls."""
    fast = _fast_body(program, *_named(program), layout)
    parts = {
        "workspace": [f"{name}: {shape}" for name, shape, _ in fast.buffers],
        "views": fast.prologue,
        "forward": fast.forward,
        "loss": fast.loss,
        "backward": fast.backward,
    }
    return "\n".join(
        "\n".join([name, *(f"    {line}".rstrip() for line in lines), ""])
        for name, lines in parts.items()
        if lines
    )


def _named(
    program: Program, numbers: Mapping[tuple[str, ...], int] | None = None
) -> tuple[Names, Arrays]:
    names = Names([dimension.name for dimension in program.model.dimensions])
    arrays = Arrays(program, names, numbers)
    hidden = arrays.hidden_sizes
    if hidden:
        raise InputError(
            f"generated code cannot tell the size {hidden[0]} from its arrays, which have it in "
            f"no shape or in sums and products alone; give some array the size {hidden[0]} itself"
        )
    return names, arrays


def _fast_body(
    program: Program,
    names: Names,
    arrays: Arrays,
    layout: Layout | None,
    without: Collection[str] = (),
) -> FastBody:
    # First, so that nothing of the compiler's own takes a name that the model has.
    arrays.claim_names()
    return fast_body(compiled(program, IN_PLACE, layout=layout, without=without), arrays, names)


def generate_command(program: Program, style: Style, layout: Layout | None) -> str:
    """The command that generates a program's module again."""
    words = ["generate", program.model.reference, "--loss", program.loss_kind, "--style", style]
    if layout is not None:
        words += ["--layout", layout]
    if program.model.masked:
        words.append("--masked")
    for name, known in program.functions.items():
        if program.model.functions[name] != known:
            words += ["--activation", f"{name}={known}"]
    return command_line(words)
